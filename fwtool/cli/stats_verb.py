"""`fwtool stats`: show, reset."""

from typing import Any

import click

from fwtool.cli.app import App, Outcome, VerbGroup, open_port, pass_app, port_options
from fwtool.cli.recording import recorded
from transports.tsp import messages
from transports.tsp.messages import Opcode


@click.group(cls=VerbGroup)
def command() -> None:
    """Show or reset the terminal's statistics."""


@command.command()
@port_options
@pass_app
def show(app: App, /, **port: Any) -> Outcome:
    """Show the counters (UnifiedPOS names)."""
    with open_port(app, **port) as connection:
        counters = connection.ask(Opcode.STATISTICS, messages.Statistics).counters
    values = {counter.name: counter.value for counter in counters}
    return Outcome({"statistics": values}, [f"{name:<36} {value}" for name, value in values.items()])


@command.command()
@port_options
@pass_app
def reset(app: App, /, **port: Any) -> Outcome:
    """Set the resettable counters to zero; the old values go into the record."""
    with open_port(app, **port) as connection, recorded(app, "statistics_reset", connection) as record:
        counters = connection.ask(Opcode.STATISTICS, messages.Statistics).counters
        record["before"] = {counter.name: counter.value for counter in counters}
        connection.ask(Opcode.STATISTICS_RESET, messages.Empty)
    return Outcome({"before": record["before"]}, ["statistics reset"], True)
