"""`fwtool journal show`: the terminal's own journal."""

from typing import Any

import click

from fwtool.cli.app import App, Outcome, VerbGroup, open_port, pass_app, port_options
from fwtool.cli.device import utc
from transports.tsp import messages
from transports.tsp.messages import Opcode

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
    entries: list[messages.JournalEntry] = []
    with open_port(app, **port) as connection:
        total = connection.ask(Opcode.JOURNAL, messages.Journal, messages.JournalRequest(first=2**32 - 1)).total
        first = max(1, total - last + 1)
        while first <= total and len(entries) < MAX_ENTRIES:
            page = connection.ask(Opcode.JOURNAL, messages.Journal, messages.JournalRequest(first=first)).entries
            if not page or page[-1].number < first:
                break
            entries += page
            first = page[-1].number + 1
    rows = [{"number": entry.number, "time": utc(entry.time), "event": entry.event, "detail": entry.detail} for entry in entries]
    return Outcome(
        {"total": total, "entries": rows},
        [f"{r['number']:>5}  {r['time']}  {r['event']:<18} {r['detail']}" for r in rows],
    )
