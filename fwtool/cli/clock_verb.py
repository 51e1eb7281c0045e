"""`fwtool clock`: show, set."""

from typing import Any

import click

from fwtool.cli.app import App, Outcome, VerbGroup, open_port, pass_app, port_options
from fwtool.cli.device import utc
from fwtool.cli.recording import recorded


@click.group(cls=VerbGroup)
def command() -> None:
    """Show or set the terminal's clock."""


@command.command()
@port_options
@pass_app
def show(app: App, /, **port: Any) -> Outcome:
    """Show the clock and how far it is off."""
    with open_port(app, **port) as device:
        time = device.clock()
        skew = time - device.wall_clock()
    return Outcome({"time": utc(time), "skew_s": skew}, [f"{utc(time)}, {skew:+d} s against this computer"])


@command.command("set")
@port_options
@pass_app
def set_clock(app: App, /, **port: Any) -> Outcome:
    """Set the clock to this computer's time."""
    with open_port(app, **port) as device, recorded(app, "clock_set", device) as record:
        before = device.clock() - device.wall_clock()
        device.set_clock(device.wall_clock())
        after = device.clock()
        record["skew_before_s"] = before
    return Outcome({"time": utc(after), "skew_before_s": before}, [f"set to {utc(after)}; it was {before:+d} s off"], True)
