"""The list of devices against what answers: unknown, exchanged, moved and missing ones. Pure."""

import enum
from collections.abc import Sequence
from typing import NamedTuple

from fwtool.compliance.registry import FIVE, Entry, Registry
from fwtool.findings import Words


class Kind(enum.StrEnum):
    """What is wrong."""

    UNKNOWN = "unknown"
    """Its serial number is not in the list."""
    EXCHANGED = "exchanged"
    """Its serial number is, with another make or model: one of the two is not what it says."""
    MOVED = "moved"
    """It belongs somewhere else."""
    REBOUND = "rebound"
    """It works for another terminal number than it is bound to."""
    MISSING = "missing"
    """It belongs here, and does not answer."""
    TWICE = "twice"
    """Two devices answer with one serial number: one of them is a copy."""


class Seen(NamedTuple):
    """A device that has answered. Empty: not told."""

    port: str
    make: str
    model: str
    serial: str
    terminal_id: str = ""


class Flag(NamedTuple):
    """One thing that is wrong."""

    kind: Kind
    serial: str
    port: str
    reason: Words

    def as_json(self, language: str) -> dict[str, str]:
        return {"kind": str(self.kind), "serial_number": self.serial, "port": self.port, "reason": self.reason.get(language)}


def check(registry: Registry, seen: Sequence[Seen], location: str = "") -> list[Flag]:
    """Compare.

    Args:
        location: Where these devices stand, as the list spells it; empty: not said, then neither moved nor missing ones can
            be told.
    """
    flags = [flag for device in seen for flag in _one(registry, device, location)]
    twice = {device.serial for device in seen if sum(other.serial == device.serial for other in seen) > 1}
    flags += [_flag(Kind.TWICE, device, f"{device.serial} answers more than once", f"序列号 {device.serial} 有多台设备应答")
              for device in seen if device.serial in twice]  # fmt: skip
    there = {device.serial for device in seen}
    flags += [
        _missing(entry) for entry in registry.devices if location and entry.location == location and entry.serial not in there
    ]
    return flags


def _one(registry: Registry, device: Seen, location: str) -> list[Flag]:
    entry = registry.find(device.serial)
    if entry is None:
        return [_flag(Kind.UNKNOWN, device, f"{device.serial or 'a device without a serial number'} is not in the registry",
                      f"台账中没有序列号 {device.serial or '(未告知)'}")]  # fmt: skip
    return [*_exchanged(entry, device), *_moved(entry, device, location), *_rebound(entry, device)]


def _exchanged(entry: Entry, device: Seen) -> list[Flag]:
    pairs = ((entry.make, device.make), (entry.model, device.model))
    if all(not told or told == listed for listed, told in pairs):
        return []
    says, listed = f"{device.make} {device.model}".strip(), f"{entry.make} {entry.model}"
    return [_flag(Kind.EXCHANGED, device, f"{device.serial} says it is {says}; the registry has {listed}",
                  f"{device.serial} 自称 {says},登记为 {listed}")]  # fmt: skip


def _moved(entry: Entry, device: Seen, location: str) -> list[Flag]:
    if not location or entry.location == location:
        return []
    return [_flag(Kind.MOVED, device, f"{device.serial} is at {location!r}; it belongs to {entry.location!r}",
                  f"{device.serial} 现在位于“{location}”,登记位置为“{entry.location}”")]  # fmt: skip


def _rebound(entry: Entry, device: Seen) -> list[Flag]:
    works, bound = device.terminal_id, entry.terminal_id
    if not works or not bound or works == bound:
        return []
    return [_flag(Kind.REBOUND, device, f"{device.serial} works as terminal {works}; it is bound to {bound}",
                  f"{device.serial} 的终端号为 {works},登记为 {bound}")]  # fmt: skip


def _missing(entry: Entry) -> Flag:
    return Flag(Kind.MISSING, entry.serial, "", Words(f"{entry.serial} belongs to {entry.location!r} and does not answer",
                                                      f"{entry.serial} 应在“{entry.location}”,没有应答"))  # fmt: skip


def _flag(kind: Kind, device: Seen, en: str, zh: str) -> Flag:
    return Flag(kind, device.serial, device.port, Words(en, zh))


def unbound(entry: Entry) -> list[str]:
    """Which of the five things that its serial number is bound to are not in the list (银发〔2021〕259号)."""
    return [field for field in FIVE if not getattr(entry, field)]
