"""`fwtool stats`: show, reset."""

from typing import Any

import click

from fwtool.cli.app import App, Outcome, VerbGroup, open_port, pass_app, port_options
from fwtool.cli.recording import recorded


@click.group(cls=VerbGroup)
def command() -> None:
    """Show or reset the terminal's statistics."""


@command.command()
@port_options
@pass_app
def show(app: App, /, **port: Any) -> Outcome:
    """Show the counters (UnifiedPOS names)."""
    with open_port(app, **port) as device:
        values = dict(device.statistics())
    return Outcome({"statistics": values}, [f"{name:<36} {value}" for name, value in values.items()])


@command.command()
@port_options
@pass_app
def reset(app: App, /, **port: Any) -> Outcome:
    """Set the resettable counters to zero; the old values go into the record."""
    with open_port(app, **port) as device, recorded(app, "statistics_reset", device) as record:
        record["before"] = dict(device.statistics())
        device.reset_statistics()
    return Outcome({"before": record["before"]}, ["statistics reset"], True)
