"""`fwtool journal show`: the terminal's own journal."""

from typing import Any

import click

from fwtool.cli.app import App, Outcome, VerbGroup, open_port, pass_app, port_options
from fwtool.cli.device import utc

MAX_ENTRIES = 4096


@click.group(cls=VerbGroup)
def command() -> None:
    """Read the terminal's own journal."""


@command.command()
@click.option("--last", default=40, show_default=True, type=click.IntRange(1, MAX_ENTRIES), help="How many entries.")
@port_options
@pass_app
def show(app: App, /, last: int, **port: Any) -> Outcome:
    """Show the newest entries."""
    with open_port(app, **port) as device:
        total, entries = device.journal(last)
    rows = [{"number": entry.number, "time": utc(entry.time), "event": entry.event, "detail": entry.detail} for entry in entries]
    return Outcome(
        {"total": total, "entries": rows},
        [f"{r['number']:>5}  {r['time']}  {r['event']:<18} {r['detail']}" for r in rows],
    )
