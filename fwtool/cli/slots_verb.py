"""`fwtool slots`: show, confirm, revert."""

from typing import Any

import click

from formats.errors import ToolError
from fwtool.cli.app import App, Outcome, VerbGroup, open_port, pass_app, port_options
from fwtool.cli.device import slot_json
from fwtool.cli.recording import recorded
from transports.tsp.messages import Slot, SlotState


@click.group(cls=VerbGroup)
def command() -> None:
    """Show the firmware slots; confirm or revert what runs on trial."""


@command.command()
@port_options
@pass_app
def show(app: App, /, **port: Any) -> Outcome:
    """Show both slots."""
    with open_port(app, **port) as device:
        slots = device.slots()
    return Outcome({"slots": [slot_json(slot) for slot in slots]}, [_line(slot) for slot in slots])


@command.command()
@port_options
@pass_app
def confirm(app: App, /, **port: Any) -> Outcome:
    """Keep the firmware that runs on trial; the security counter follows it."""
    with open_port(app, **port) as device, recorded(app, "confirm", device) as record:
        running = next((slot for slot in device.slots() if slot.running), None)
        if running is None:
            raise ToolError("no firmware is running", name="install_failed", hint="Flash one.")
        changed = running.state is SlotState.TRIAL
        device.confirm(running.digest)
        record["version"] = str(running.version)
    done = "confirmed" if changed else "was confirmed already"
    return Outcome({"version": str(running.version)}, [f"{running.version} {done}"], changed)


@command.command()
@port_options
@pass_app
def revert(app: App, /, **port: Any) -> Outcome:
    """Go back to the firmware in the other slot, if the security counter allows it."""
    with open_port(app, **port) as device, recorded(app, "revert", device) as record:
        device.revert()
        version = device.facts().version
        record["version"] = version
    return Outcome({"version": version}, [f"the terminal runs {version}"], True)


def _line(slot: Slot) -> str:
    if slot.state is SlotState.EMPTY:
        return f"slot {slot.index}  empty"
    state, digest = slot.state.name.lower(), slot.digest.hex()[:16]
    if slot.running:
        return f"slot {slot.index}  {state}, running  {slot.version}  counter {slot.security_counter}  {digest}"
    return f"slot {slot.index}  {state}  {slot.version}  counter {slot.security_counter}  {digest}"
