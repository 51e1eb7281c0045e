"""`fwtool clock`: show, set."""

from typing import Any

import click

from fwtool.cli.app import App, Outcome, VerbGroup, open_port, pass_app, port_options
from fwtool.cli.device import utc
from fwtool.cli.recording import recorded
from transports.tsp import messages
from transports.tsp.messages import Opcode


@click.group(cls=VerbGroup)
def command() -> None:
    """Show or set the terminal's clock."""


@command.command()
@port_options
@pass_app
def show(app: App, /, **port: Any) -> Outcome:
    """Show the clock and how far it is off."""
    with open_port(app, **port) as connection:
        time = connection.ask(Opcode.CLOCK, messages.Clock).time
        skew = time - connection.wall_clock()
    return Outcome({"time": utc(time), "skew_s": skew}, [f"{utc(time)}, {skew:+d} s against this computer"])


@command.command("set")
@port_options
@pass_app
def set_clock(app: App, /, **port: Any) -> Outcome:
    """Set the clock to this computer's time."""
    with open_port(app, **port) as connection, recorded(app, "clock_set", connection) as record:
        before = connection.ask(Opcode.CLOCK, messages.Clock).time - connection.wall_clock()
        connection.ask(Opcode.CLOCK_SET, messages.Empty, messages.Clock(time=connection.wall_clock()))
        after = connection.ask(Opcode.CLOCK, messages.Clock).time
        record["skew_before_s"] = before
    return Outcome({"time": utc(after), "skew_before_s": before}, [f"set to {utc(after)}; it was {before:+d} s off"], True)
