"""`fwtool reset`: restart, reinitialise, factory."""

from collections.abc import Callable
from typing import Any

import click

from fwtool.cli.app import App, Outcome, VerbGroup, open_port, pass_app, port_options
from fwtool.cli.recording import recorded
from transports.device import Device
from transports.errors import DeviceRefused


@click.group(cls=VerbGroup)
def command() -> None:
    """Restart or re-initialise a terminal. A reset is no routine step: it mends little and can lose open work."""


_settle = click.option("--settle", is_flag=True, help="Settle open transactions with the bank first.")


def _reset(app: App, kind: str, act: Callable[[Device], None], port: dict[str, Any]) -> Outcome:
    settle = port.pop("settle")
    with open_port(app, **port) as device:
        with recorded(app, f"reset_{kind}", device) as record:
            if settle and device.batch().counts_as_open:
                record["settled"] = device.settle().batch.count
            act(device)
        version = device.facts().version
    return Outcome({"version": version}, [f"the terminal is back, firmware {version or 'not told'}"], True)


@command.command()
@_settle
@port_options
@pass_app
def restart(app: App, /, **port: Any) -> Outcome:
    """Switch off and on again."""
    return _reset(app, "restart", lambda device: device.restart(), port)


@command.command()
@_settle
@port_options
@pass_app
def reinitialise(app: App, /, **port: Any) -> Outcome:
    """Set the application up again; refused while transactions are unsettled."""
    return _reset(app, "reinitialise", lambda device: device.reinitialise(), port)


@command.command()
@_settle
@port_options
@pass_app
def factory(app: App, /, **port: Any) -> Outcome:
    """Back to factory state; terminals refuse it without a grant, because the keys would be lost."""
    try:
        return _reset(app, "factory", lambda device: device.factory_reset(), port)
    except DeviceRefused as refused:
        refused.hint = (
            "Ask the bank: after a factory reset the keys have to be injected again. A restart often helps: fwtool reset restart"
        )
        raise
