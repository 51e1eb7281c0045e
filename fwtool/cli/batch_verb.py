"""`fwtool batch`: show, settle."""

from typing import Any

import click

from fwtool.cli.app import App, Outcome, VerbGroup, open_port, pass_app, port_options
from fwtool.cli.device import batch_json, batch_lines
from fwtool.cli.recording import recorded


@click.group(cls=VerbGroup)
def command() -> None:
    """Show or settle the transactions the bank has not got yet."""


@command.command()
@port_options
@pass_app
def show(app: App, /, **port: Any) -> Outcome:
    """Show what is not settled."""
    with open_port(app, **port) as device:
        data = batch_json(device.batch())
    return Outcome(data, batch_lines(data))


@command.command()
@port_options
@pass_app
def settle(app: App, /, **port: Any) -> Outcome:
    """Settle the batch with the bank now."""
    with open_port(app, **port) as device, recorded(app, "settle", device) as record:
        settled = device.settle()
        before = batch_json(settled.batch)
        record.update(before)
    after = {**before, "count": 0, "totals": [], "offline_unsent": 0 if before["offline_unsent"] is not None else None}
    sums = ", ".join(f"{total['amount']} {total['currency']}" for total in before["totals"])
    lines = [f"settled {before['count'] or 0} transactions{', ' + sums if sums else ''}", *batch_lines(after)]
    return Outcome(after, [*lines, *settled.report.lines], bool(before["count"]))
