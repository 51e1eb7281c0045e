"""`fwtool grant`: create, sign, show."""

import pathlib
import secrets
import time
from typing import Any

import click

from formats import grant as grant_format
from formats import keys
from formats.grant import DAY_S, ID_SIZE, MAX_DAYS, MAX_USES, Grant, GrantRecord, Right
from formats.sample_keys import refuse_samples
from fwtool.cli.app import App, Outcome, VerbGroup, pass_app
from fwtool.cli.signed_documents import minute, sign_verb
from fwtool.files import read_small, write_file

FILE = click.Path(path_type=pathlib.Path)
RIGHTS = [str(right.name).lower() for right in Right]


@click.group(cls=VerbGroup)
def command() -> None:
    """Let a technician do what a terminal does not do for everybody."""


@command.command()
@click.option("--model", required=True, help="Model of the terminals.")
@click.option("--device", "devices", required=True, multiple=True, metavar="SERIAL", help="Serial number; repeatable.")
@click.option("--right", "rights", required=True, multiple=True, type=click.Choice(RIGHTS), help="Repeatable.")
@click.option("--holder", required=True, type=FILE, metavar="PUB", help="Public key of the technician.")
@click.option("--name", required=True, help="Name of the technician.")
@click.option("--work-order", default="", help="Number of the work order.")
@click.option("--days", default=1, show_default=True, type=click.IntRange(1, MAX_DAYS), help="From now on.")
@click.option("--uses", default=2, show_default=True, type=click.IntRange(1, MAX_USES), help="Sessions on each terminal.")
@click.option("--out", required=True, type=FILE)
@pass_app
def create(app: App, /, devices: tuple[str, ...], rights: tuple[str, ...], holder: pathlib.Path, days: int, out: pathlib.Path,
           **options: Any) -> Outcome:  # fmt: skip
    """Make a grant; it counts when the bank has signed it (`grant sign`)."""
    key = keys.read_public(read_small(holder))
    refuse_samples([key], dev=app.dev)
    now = int(time.time())
    grant = grant_format.build(
        GrantRecord(
            id=secrets.token_bytes(ID_SIZE),
            not_before=now,
            not_after=now + days * DAY_S,
            rights=sum(Right[right.upper()] for right in set(rights)),
            uses=options["uses"],
            model=options["model"],
            devices=tuple(sorted(set(devices))),
            work_order=options["work_order"],
            holder=options["name"],
            holder_key=key.der,
        )
    )
    write_file(out, grant.file.build())
    return Outcome({"path": str(out), **_facts(grant)}, [f"{out}: made, not signed yet", *_lines(grant)], True)


@command.command()
@click.argument("file", type=FILE)
@pass_app
def show(app: App, file: pathlib.Path) -> Outcome:
    """Show what a grant allows; its signatures are not checked."""
    del app
    grant = grant_format.parse(read_small(file))
    return Outcome(_facts(grant), _lines(grant))


command.add_command(sign_verb(grant_format.parse, lambda app, grant: (_facts(grant), _lines(grant))))


def _facts(grant: Grant) -> dict[str, Any]:
    record = grant.record
    return {
        "digest": grant.digest.hex(),
        "rights": [str(right.name).lower() for right in grant.rights],
        "model": record.model,
        "devices": list(record.devices),
        "holder": record.holder,
        "holder_key": grant.key.key_id.hex(),
        "work_order": record.work_order,
        "not_before": record.not_before,
        "not_after": record.not_after,
        "uses": record.uses,
        "signatures": [signature.key_id.hex() for signature in grant.file.signatures.signatures],
    }


def _lines(grant: Grant) -> list[str]:
    facts = _facts(grant)
    return [
        f"{facts['holder']} may {', '.join(facts['rights'])} on {facts['model']} {', '.join(facts['devices'])}",
        f"from {minute(facts['not_before'])} to {minute(facts['not_after'])}, {facts['uses']} sessions on each"
        + (f", work order {facts['work_order']}" if facts["work_order"] else ""),
        f"signed by {', '.join(key_id[:16] for key_id in facts['signatures']) or 'nobody'}",
    ]
