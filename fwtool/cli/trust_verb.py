"""`fwtool trust`: create, show, rotate, install."""

import datetime
import pathlib
import time
from typing import Any

import click

from formats import keys, rotation
from formats import trust as trust_format
from formats.errors import ToolError
from formats.keys import PublicKey
from formats.sample_keys import refuse_samples
from formats.trust_record import MAX_KEYS, Role
from fwtool.building import source_date_epoch
from fwtool.cli.app import App, Outcome, VerbGroup, pass_app
from fwtool.cli.signer_options import open_signers, signer_options
from fwtool.files import read_small, write_file
from fwtool.text import number
from fwtool.trust_store import install as pin
from fwtool.trust_store import load_trust

FILE = click.Path(path_type=pathlib.Path)
Named = list[tuple[str, PublicKey]]


@click.group(cls=VerbGroup)
def command() -> None:
    """Say who may sign, and how many must; pin it on this computer."""


@command.command()
@click.argument("public", nargs=-1, type=FILE, metavar="PUB.pem...")
@click.option("--threshold", default=1, show_default=True, type=click.IntRange(0, 255), help="How many of the keys must sign.")
@click.option(
    "--role",
    "roles",
    multiple=True,
    metavar="ROLE=M:PUB,...",
    help="M of these keys must sign as maker, bank or signer; or as root, which signs trust files. Repeatable.",
)
@click.option("--version", default=1, show_default=True, type=click.IntRange(1, 2**32 - 1), help="Rises with every rotation.")
@click.option("--expires", default="", metavar="YYYY-MM-DD", help="First day on which it does not count any more.")
@click.option("--revoke", multiple=True, metavar="PUB|ID", help="A key whose signatures never count again. Repeatable.")
@click.option("--minimum-counter", multiple=True, metavar="MODEL=N", help="Lowest security counter for a model. Repeatable.")
@click.option("--out", required=True, type=FILE)
@pass_app
def create(app: App, /, public: tuple[pathlib.Path, ...], threshold: int, roles: tuple[str, ...], out: pathlib.Path,
           **options: Any) -> Outcome:  # fmt: skip
    """Make a trust file from public keys.

    PUB.pem... are the keys of the role `signer`; every other role that is named must hold as well. Two roles serve a move
    to new keys: those that know only the old one are content, the others ask for both.
    """
    wanted = {} if not public else {Role.SIGNER: (threshold, [_named(path) for path in public])}
    for text in roles:
        role, entry = _role(text)
        if role in wanted:
            raise ToolError(f"the role {role.name.lower()} is given twice", name="usage")
        wanted[role] = entry
    refuse_samples([key for _, named in wanted.values() for _, key in named], dev=app.dev)
    raw = trust_format.compose(
        wanted,
        version=options["version"],
        created=source_date_epoch() or int(time.time()),
        expires=_day(options["expires"]) if options["expires"] else 0,
        revoked=[_key_id(text) for text in options["revoke"]],
        counters=dict(_counter(text) for text in options["minimum_counter"]),
    )
    write_file(out, raw)
    facts = facts_of(trust_format.parse(raw))
    return Outcome({"path": str(out), **facts}, [f"{out}: made", *lines_of(facts)], True)


def _named(path: pathlib.Path) -> tuple[str, PublicKey]:
    return path.name.removesuffix(".pem").removesuffix(".pub"), keys.read_public(read_small(path))


def _role(text: str) -> tuple[Role, tuple[int, Named]]:
    name, equals, rest = text.partition("=")
    digits, colon, files = rest.partition(":")
    threshold = number(digits, MAX_KEYS)
    if not (equals and colon and threshold is not None and files) or name.upper() not in Role.__members__:
        known = ", ".join(role.name.lower() for role in Role)
        raise ToolError(f"--role {text!r}: write ROLE=M:PUB,PUB", name="usage", hint=f"ROLE is one of {known}.")
    return Role[name.upper()], (threshold, [_named(pathlib.Path(file)) for file in files.split(",")])


def _day(text: str) -> int:
    try:
        day = datetime.datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=datetime.UTC)
    except ValueError as error:
        raise ToolError(f"--expires {text!r} is not a day", name="usage", hint="Write YYYY-MM-DD.") from error
    if day.year <= 1970:
        raise ToolError(f"--expires {text}: nobody knew of it then", name="usage", hint="Name a day to come.")
    return int(day.timestamp())


def _key_id(text: str) -> bytes:
    if len(text) == 64 and not set(text) - set("0123456789abcdef"):
        return bytes.fromhex(text)
    return keys.read_public(read_small(pathlib.Path(text))).key_id


def _counter(text: str) -> tuple[str, int]:
    model, _, digits = text.rpartition("=")
    counter = number(digits, 2**32 - 1)
    if not model or counter is None:
        raise ToolError(f"--minimum-counter {text!r}: write MODEL=N", name="usage")
    return model, counter


@command.command()
@click.argument("file", type=FILE)
@pass_app
def show(app: App, file: pathlib.Path) -> Outcome:
    """Show keys, roles and thresholds of a trust file."""
    facts = facts_of(load_trust(file, dev=app.dev))
    return Outcome(facts, lines_of(facts))


@command.command()
@click.option("--old", required=True, type=FILE, help="The trust file that is installed now.")
@click.option("--new", required=True, type=FILE, help="Its successor, of a higher version.")
@click.option("--out", required=True, type=FILE, help="The successor with the signatures added.")
@signer_options(required=False)
@pass_app
def rotate(app: App, /, old: pathlib.Path, new: pathlib.Path, out: pathlib.Path, **signing: Any) -> Outcome:
    """Sign a new trust file as the successor of an old one.

    It takes the threshold of the old root and of the new one. Those whose keys are in different places run this one after
    the other, each on what the one before wrote; `trust install` and terminals refuse it until all are there.
    """
    before, after = load_trust(old, dev=app.dev), load_trust(new, dev=app.dev)
    with open_signers(app, **signing) as signers:
        refuse_samples([signer.public for signer in signers], dev=app.dev)
        signed = rotation.sign(after, signers)
    write_file(out, signed.raw)
    missing = rotation.missing(before, signed)
    facts = {"path": str(out), "complete": not missing, "missing": missing, **facts_of(signed)}
    state = f"{out}: not complete yet: {missing}" if missing else f"{out}: complete, follows version {before.record.version}"
    return Outcome(facts, [state, *lines_of(facts)], True)


@command.command()
@click.argument("files", nargs=-1, required=True, type=FILE, metavar="TRUST...")
@pass_app
def install(app: App, files: tuple[pathlib.Path, ...]) -> Outcome:
    """Pin a trust file on this computer; `flash` then needs no --trust.

    What is pinned is only replaced by what it vouches for itself (`trust rotate`); several files are taken as a chain.
    """
    trust, changed = pin(files, app.state_dir, now=time.time(), dev=app.dev)
    facts = facts_of(trust)
    done = "pinned" if changed else "was pinned already"
    return Outcome(facts, [f"{files[-1]} {done}", *lines_of(facts)], changed)


def facts_of(trust: trust_format.Trust) -> dict[str, Any]:
    ids = [key.key_id.hex() for key in trust.keys]
    record = trust.record
    return {
        "digest": trust.digest.hex(),
        "version": record.version,
        "created": record.created,
        "expires": record.expires or None,
        "keys": [
            {"name": entry.name, "key_id": key.key_id.hex(), "algorithm": key.algorithm, "expires": entry.expires or None}
            for entry, key in zip(record.keys, trust.keys, strict=True)
        ],
        "roles": [
            {"role": role.role.name.lower(), "threshold": role.threshold, "keys": [ids[index] for index in role.keys]}
            for role in record.roles
        ],
        "revoked": [key_id.hex() for key_id in record.revoked],
        "minimum_counters": {entry.model: entry.counter for entry in record.models},
        "signatures": [signature.key_id.hex() for signature in trust.signatures.signatures],
    }


def lines_of(facts: dict[str, Any]) -> list[str]:
    until = f", until {_date(facts['expires'])}" if facts["expires"] else ""
    lines = [f"trust file, version {facts['version']}{until}, digest {facts['digest'][:16]}"]
    lines += [f"  {role['role']}: {role['threshold']} of {len(role['keys'])}" for role in facts["roles"]]
    for key in facts["keys"]:
        until = f"  until {_date(key['expires'])}" if key["expires"] else ""
        lines.append(f"  key {key['key_id'][:16]}  {key['algorithm']}  {key['name']}{until}")
    lines += [f"  revoked {key_id[:16]}" for key_id in facts["revoked"]]
    lines += [f"  {model}: security counter {counter} or more" for model, counter in facts["minimum_counters"].items()]
    if facts["signatures"]:
        lines.append(f"  signed by {', '.join(key_id[:16] for key_id in facts['signatures'])}")
    return lines


def _date(seconds: int) -> str:
    try:
        return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%d")
    except (ValueError, OverflowError, OSError):
        return f"second {seconds}"
