"""`fwtool info`: identity, versions, slots, battery, batch."""

from collections.abc import Mapping
from typing import Any

import click

from fwtool.cli.app import App, Outcome, Verb, open_port, pass_app, port_options
from fwtool.cli.device import batch_json, batch_lines, slot_json
from transports.terminal_records import Capability, Facts


@click.command(cls=Verb)
@port_options
@pass_app
def command(app: App, /, **port: Any) -> Outcome:
    """Show identity, versions, slots and battery of a terminal."""
    with open_port(app, **port) as device:
        facts = device.facts()
        slots = [slot_json(slot) for slot in device.slots()] if device.can(Capability.SLOTS) else []
        batch = batch_json(device.batch()) if device.can(Capability.BATCH) else None
        can = sorted(device.capabilities)
        protocol = device.protocol
    data = {
        "protocol": protocol,
        "vendor": facts.vendor,
        "model": facts.model,
        "hardware_revision": facts.revision,
        "serial_number": facts.serial_number,
        "version": facts.version,
        "bootloader": facts.bootloader,
        "security_counter": facts.security_counter,
        "mode": facts.mode,
        "display": facts.display,
        "slots": slots,
        "batch": batch,
        "battery": _battery(facts),
        "printer": facts.printer,
        "tampered": facts.tampered,
        "capabilities": can,
    }
    lines = [
        _identity(facts),
        _firmware(facts),
        *map(_slot, slots),
        *([f"battery    {_power(facts)}"] if _battery(facts) else []),
        *(batch_lines(batch)[:1] if batch else []),
        *([f"display    {facts.display}"] if facts.display else []),
        f"speaks     {protocol}: {', '.join(can)}",
    ]
    return Outcome(data, lines)


def _slot(slot: Mapping[str, Any]) -> str:
    if slot["state"] == "empty":
        return f"slot {slot['index']}     empty"
    return f"slot {slot['index']}     {slot['state']:<10} {slot['version']}  {slot['digest'][:16]}"


def _identity(facts: Facts) -> str:
    name = f"{facts.vendor} {facts.model}".lstrip()
    if facts.revision is None:
        return f"{name}, serial number {facts.serial_number}"
    return f"{name} revision {facts.revision}, serial number {facts.serial_number}"


def _firmware(facts: Facts) -> str:
    version = facts.version or "not told"
    if facts.security_counter is None:
        return f"firmware   {version} ({facts.mode})"
    return f"firmware   {version} ({facts.mode}), security counter {facts.security_counter}"


def _battery(facts: Facts) -> dict[str, Any] | None:
    if facts.battery_percent is None and facts.battery_v is None:
        return None
    return {"percent": facts.battery_percent, "voltage": facts.battery_v, "mains": facts.mains}


def _power(facts: Facts) -> str:
    parts = [f"{facts.battery_percent} %"] if facts.battery_percent is not None else []
    parts += [f"{facts.battery_v:.2f} V"] if facts.battery_v is not None else []
    mains = {True: ", mains", False: ", no mains", None: ""}[facts.mains]
    return " ".join(parts) + mains
