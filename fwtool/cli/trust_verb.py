"""`fwtool trust`: create, show, install."""

import pathlib
from typing import Any

import click

from formats import keys
from formats import trust as trust_format
from formats.sample_keys import refuse_samples
from fwtool.cli.app import App, Outcome, VerbGroup, pass_app
from fwtool.files import read_small, write_file
from fwtool.trust_store import install as pin
from fwtool.trust_store import load_trust


@click.group(cls=VerbGroup)
def command() -> None:
    """Say who may sign, and how many must; pin it on this computer."""


@command.command()
@click.argument("public", nargs=-1, required=True, type=click.Path(path_type=pathlib.Path))
@click.option("--threshold", default=1, show_default=True, type=int, help="How many of the keys must sign.")
@click.option("--out", required=True, type=click.Path(path_type=pathlib.Path))
@pass_app
def create(app: App, public: tuple[pathlib.Path, ...], threshold: int, out: pathlib.Path) -> Outcome:
    """Make a trust file from public keys."""
    named = [(path.name.removesuffix(".pem").removesuffix(".pub"), keys.read_public(read_small(path))) for path in public]
    refuse_samples([key for _, key in named], dev=app.dev)
    write_file(out, trust_format.create(named, threshold))
    facts = facts_of(trust_format.parse(read_small(out)))
    return Outcome({"path": str(out), **facts}, [f"{out}: {threshold} of {len(named)} keys must sign", *lines_of(facts)], True)


@command.command()
@click.argument("file", type=click.Path(path_type=pathlib.Path))
@pass_app
def show(app: App, file: pathlib.Path) -> Outcome:
    """Show keys, roles and thresholds of a trust file."""
    facts = facts_of(load_trust(file, dev=app.dev))
    return Outcome(facts, lines_of(facts))


@command.command()
@click.argument("file", type=click.Path(path_type=pathlib.Path))
@pass_app
def install(app: App, file: pathlib.Path) -> Outcome:
    """Pin a trust file on this computer, once; `flash` then needs no --trust."""
    trust, changed = pin(file, app.state_dir, dev=app.dev)
    facts = facts_of(trust)
    done = "pinned" if changed else "was pinned already"
    return Outcome(facts, [f"{file} {done}", *lines_of(facts)], changed)


def facts_of(trust: trust_format.Trust) -> dict[str, Any]:
    ids = [key.key_id.hex() for key in trust.keys]
    return {
        "digest": trust.digest.hex(),
        "version": trust.record.version,
        "keys": [
            {"name": entry.name, "key_id": key.key_id.hex(), "algorithm": key.algorithm}
            for entry, key in zip(trust.record.keys, trust.keys, strict=True)
        ],
        "roles": [
            {"role": role.role.name.lower(), "threshold": role.threshold, "keys": [ids[index] for index in role.keys]}
            for role in trust.record.roles
        ],
    }


def lines_of(facts: dict[str, Any]) -> list[str]:
    lines = [f"trust file, version {facts['version']}, digest {facts['digest'][:16]}"]
    lines += [f"  {role['role']}: {role['threshold']} of {len(role['keys'])}" for role in facts["roles"]]
    return lines + [f"  key {key['key_id'][:16]}  {key['algorithm']}  {key['name']}" for key in facts["keys"]]
