"""`fwtool permit`: create, sign, show."""

import pathlib
import secrets
import time
from typing import Any

import click

from formats import permit as permit_format
from formats.permit import DAY_S, ID_SIZE, MAX_DAYS, Permit, PermitRecord
from formats.versions import Version
from fwtool.cli.app import App, Outcome, VerbGroup, pass_app
from fwtool.cli.signed_documents import minute, sign_verb
from fwtool.files import read_small, write_file

FILE = click.Path(path_type=pathlib.Path)
COUNTER = click.IntRange(0, 2**32 - 1)


@click.group(cls=VerbGroup)
def command() -> None:
    """Let some terminals go back to an older release. The package carries it: image build app=... permit=PERMIT"""


@command.command()
@click.option("--model", required=True, help="Model of the terminals.")
@click.option("--device", "devices", multiple=True, metavar="SERIAL", help="Serial number; repeatable. None: all of the model.")
@click.option("--from-counter", required=True, type=COUNTER, help="Security counter of the terminals, exactly.")
@click.option("--to-counter", required=True, type=COUNTER, help="Security counter of the package.")
@click.option("--to-version", required=True, help="Version of the package.")
@click.option("--reason", required=True, help="For journals and records.")
@click.option("--work-order", default="", help="Number of the work order.")
@click.option("--days", default=1, show_default=True, type=click.IntRange(1, MAX_DAYS), help="From now on.")
@click.option("--out", required=True, type=FILE)
@pass_app
def create(app: App, /, devices: tuple[str, ...], days: int, out: pathlib.Path, **options: Any) -> Outcome:
    """Make a permit; it counts when the bank has signed it (`permit sign`)."""
    del app
    now = int(time.time())
    permit = permit_format.build(
        PermitRecord(
            id=secrets.token_bytes(ID_SIZE),
            not_before=now,
            not_after=now + days * DAY_S,
            model=options["model"],
            devices=tuple(sorted(set(devices))),
            from_counter=options["from_counter"],
            to_counter=options["to_counter"],
            to_version=Version.parse(options["to_version"]),
            work_order=options["work_order"],
            reason=options["reason"],
        )
    )
    write_file(out, permit.file.build())
    return Outcome({"path": str(out), **_facts(permit)}, [f"{out}: made, not signed yet", *_lines(permit)], True)


@command.command()
@click.argument("file", type=FILE)
@pass_app
def show(app: App, file: pathlib.Path) -> Outcome:
    """Show what a permit allows; its signatures are not checked."""
    del app
    permit = permit_format.parse(read_small(file))
    return Outcome(_facts(permit), _lines(permit))


command.add_command(sign_verb(permit_format.parse, lambda app, permit: (_facts(permit), _lines(permit))))


def _facts(permit: Permit) -> dict[str, Any]:
    record = permit.record
    return {
        "digest": permit.digest.hex(),
        "id": record.id.hex(),
        "model": record.model,
        "devices": list(record.devices),
        "from_counter": record.from_counter,
        "to_counter": record.to_counter,
        "to_version": str(record.to_version),
        "work_order": record.work_order,
        "reason": record.reason,
        "not_before": record.not_before,
        "not_after": record.not_after,
        "signatures": [signature.key_id.hex() for signature in permit.file.signatures.signatures],
    }


def _lines(permit: Permit) -> list[str]:
    facts = _facts(permit)
    who = ", ".join(facts["devices"]) or "all terminals"
    return [
        f"{facts['model']}, {who}",
        f"from counter {facts['from_counter']} back to {facts['to_version']} with counter {facts['to_counter']}",
        f"{facts['reason']}" + (f", work order {facts['work_order']}" if facts["work_order"] else ""),
        f"sent from {minute(facts['not_before'])} to {minute(facts['not_after'])}",
        f"signed by {', '.join(key_id[:16] for key_id in facts['signatures']) or 'nobody'}",
    ]
