"""`fwtool info`: identity, versions, slots, battery, batch."""

from typing import Any

import click

from fwtool.cli.app import App, Outcome, Verb, open_port, pass_app, port_options
from fwtool.cli.device import batch_json, slot_json
from transports.tsp import messages
from transports.tsp.messages import Opcode


@click.command(cls=Verb)
@port_options
@pass_app
def command(app: App, /, **port: Any) -> Outcome:
    """Show identity, versions, slots and battery of a terminal."""
    with open_port(app, **port) as connection:
        info = connection.info()
        status = connection.ask(Opcode.STATUS, messages.TerminalStatus)
        slots = [slot_json(slot) for slot in connection.slots()]
        batch = batch_json(connection.ask(Opcode.BATCH, messages.Batch))
    data = {
        "vendor": info.vendor,
        "model": info.model,
        "hardware_revision": info.revision,
        "serial_number": info.serial_number,
        "version": str(info.version),
        "bootloader": str(info.bootloader),
        "security_counter": info.security_counter,
        "mode": status.mode.name.lower(),
        "display": status.display,
        "slots": slots,
        "batch": batch,
        "battery": {"percent": status.battery_percent, "voltage": status.battery_mv / 1000, "mains": status.mains},
        "printer": status.printer.name.lower(),
        "tampered": status.tampered,
    }
    lines = [
        f"{info.vendor} {info.model} revision {info.revision}, serial number {info.serial_number}",
        f"firmware   {info.version} ({data['mode']}), security counter {info.security_counter}",
        *(f"slot {slot['index']}     {slot['state']:<10} {slot['version']}  {slot['digest'][:16]}" for slot in slots),
        f"battery    {status.battery_percent} % {status.battery_mv / 1000:.2f} V, {'mains' if status.mains else 'no mains'}",
        f"batch      {batch['state']}, {batch['count']} transactions not settled",
        f"display    {status.display}",
    ]
    return Outcome(data, lines)
