"""`fwtool batch`: show, settle."""

from typing import Any

import click

from fwtool.cli.app import App, Outcome, VerbGroup, open_port, pass_app, port_options
from fwtool.cli.device import batch_json
from fwtool.cli.recording import recorded
from transports.tsp import messages
from transports.tsp.messages import Opcode

SETTLE_S = 60.0


@click.group(cls=VerbGroup)
def command() -> None:
    """Show or settle the transactions the bank has not got yet."""


@command.command()
@port_options
@pass_app
def show(app: App, /, **port: Any) -> Outcome:
    """Show what is not settled."""
    with open_port(app, **port) as connection:
        data = batch_json(connection.ask(Opcode.BATCH, messages.Batch))
    return Outcome(data, _lines(data))


@command.command()
@port_options
@pass_app
def settle(app: App, /, **port: Any) -> Outcome:
    """Settle the batch with the bank now."""
    with open_port(app, **port) as connection, recorded(app, "settle", connection) as record:
        before = connection.ask(Opcode.BATCH, messages.Batch)
        data = batch_json(connection.ask(Opcode.SETTLE, messages.Batch, timeout_s=SETTLE_S))
        record.update(batch_json(before))
    return Outcome(data, [f"settled {before.count} transactions", *_lines(data)], bool(before.count))


def _lines(data: dict[str, Any]) -> list[str]:
    sums = ", ".join(f"{total['amount']} {total['currency']}" for total in data["totals"])
    return [
        f"batch {data['state']}: {data['count']} transactions not settled{', ' + sums if sums else ''}",
        f"business date {data['business_date']}, last closed {data['last_close'] or 'never'}",
    ]
