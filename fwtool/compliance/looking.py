"""Gather what the items look at: the terminal, the records and the keys of this computer."""

import datetime
import pathlib
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from fwtool.compliance.evidence import History, Sight
from fwtool.compliance.firmware_list import FirmwareList
from fwtool.compliance.registry import Registry
from fwtool.compliance.registry_check import Seen, check
from fwtool.diagnosis import take_snapshot
from fwtool.records import Records
from fwtool.records.entry import ENDS, Row
from fwtool.records.export import day_of
from fwtool.records.retention import retention
from fwtool.records.station import known_key, station_key
from fwtool.records.verify import verify
from fwtool.trust_store import pinned_trust
from transports.device import Device
from transports.terminal_records import Capability
from transports.tsp.messages import Level

JOURNAL_ENTRIES: Final = 4096
TRAINING: Final = "training"
"""Kind of the entry that `fwtool train` writes."""


class Given(NamedTuple):
    """What the user adds."""

    state_dir: pathlib.Path
    technician: str = ""
    registry: Registry | None = None
    location: str = ""
    firmware: FirmwareList | None = None
    dev: bool = False


def look(device: Device, given: Given, now: datetime.datetime) -> Sight:
    """Ask the terminal once, and read the records once.

    Args:
        now: UTC.
    """
    snapshot = take_snapshot(device, Level.EXTERNAL, {})
    facts = snapshot.facts
    seen = Seen(device.port, facts.vendor, facts.model, facts.serial_number)
    station_key(_made(given.state_dir))
    key = known_key(given.state_dir)
    return Sight(
        snapshot=snapshot,
        protocol=device.protocol,
        verified_by=device.verified_by,
        capabilities=device.capabilities,
        slots=device.slots() if device.can(Capability.SLOTS) else (),
        journal=device.journal(JOURNAL_ENTRIES)[1] if device.can(Capability.JOURNAL) else None,
        history=history(given.state_dir, facts.serial_number, given.technician, now.date()),
        station_algorithm=key.algorithm if key else "",
        trust=pinned_trust(given.state_dir, dev=given.dev),
        technician=given.technician,
        now=now,
        registry=given.registry,
        flags=tuple(check(given.registry, [seen], given.location)) if given.registry else (),
        firmware=given.firmware,
    )


def _made(folder: pathlib.Path) -> pathlib.Path:
    Records(folder)
    return folder


def history(state_dir: pathlib.Path, serial_number: str, technician: str, today: datetime.date) -> History:
    """What the records say of a terminal and a technician."""
    key = known_key(state_dir)
    with Records(state_dir).contents() as contents:
        verdict = verify(contents, [key] if key else [])
        kept = retention(contents.rows(), today)
        tally = _Tally(serial_number, technician, kept.since)
        tally.read(contents.rows())
    return History(
        verdict, kept, tally.jobs, tuple(tally.nameless), tuple(tally.incomplete), tally.last_update, tally.training
    )  # fmt: skip


class _Tally:
    """What is noted as the entries pass by."""

    def __init__(self, serial_number: str, technician: str, since: str) -> None:
        self._serial, self._technician, self._since = serial_number, technician, since
        self.jobs = 0
        self.nameless: list[int] = []
        self.incomplete: list[int] = []
        self.last_update: dict[str, Any] | None = None
        self.training: dict[str, Any] | None = None

    def read(self, rows: Iterable[Row]) -> None:
        for row in rows:
            fields = row.fields or {}
            kind = fields.get("kind")
            if kind == TRAINING and fields.get("technician") == self._technician:
                self.training = fields
            elif kind in ENDS:
                self._job(row, fields)

    def _job(self, row: Row, fields: dict[str, Any]) -> None:
        if fields.get("act") == "flash" and fields.get("verdict") == "updated" and fields.get("serial_number") == self._serial:
            self.last_update = fields
        if day_of(row) < self._since or fields.get("act") == TRAINING:
            return
        self.jobs += 1
        if not fields.get("technician"):
            self.nameless.append(row.number)
        if not all(fields.get(name) for name in ("act", "time")) or not (fields.get("verdict") or fields.get("error")):
            self.incomplete.append(row.number)
