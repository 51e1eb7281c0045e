"""`fwtool reset`: restart, reinitialise, factory."""

from typing import Any

import click

from fwtool.cli.app import App, Outcome, VerbGroup, open_port, pass_app, port_options
from fwtool.cli.recording import recorded
from transports.errors import DeviceRefused
from transports.tsp import messages
from transports.tsp.messages import Opcode, ResetKind


@click.group(cls=VerbGroup)
def command() -> None:
    """Restart or re-initialise a terminal. A reset is no routine step: it mends little and can lose open work."""


def _reset(app: App, kind: ResetKind, port: dict[str, Any]) -> Outcome:
    with open_port(app, **port) as connection:
        with recorded(app, f"reset_{kind.name.lower()}", connection):
            connection.ask(Opcode.RESET, messages.Empty, messages.ResetRequest(reset=kind))
            connection.return_after_restart()
        info = connection.info()
    return Outcome({"version": str(info.version)}, [f"the terminal is back, firmware {info.version}"], True)


@command.command()
@port_options
@pass_app
def restart(app: App, /, **port: Any) -> Outcome:
    """Switch off and on again."""
    return _reset(app, ResetKind.RESTART, port)


@command.command()
@port_options
@pass_app
def reinitialise(app: App, /, **port: Any) -> Outcome:
    """Set the application up again; refused while transactions are unsettled."""
    return _reset(app, ResetKind.REINITIALISE, port)


@command.command()
@port_options
@pass_app
def factory(app: App, /, **port: Any) -> Outcome:
    """Back to factory state; terminals refuse it without a grant, because the keys would be lost."""
    try:
        return _reset(app, ResetKind.FACTORY, port)
    except DeviceRefused as refused:
        refused.hint = (
            "Ask the bank: after a factory reset the keys have to be injected again. A restart often helps: fwtool reset restart"
        )
        raise
