"""What an item of the compliance table looks at, and what it answers."""

import dataclasses
import datetime
import enum
from collections.abc import Sequence
from typing import Any, NamedTuple

from formats.trust import Trust
from fwtool.compliance.firmware_list import FirmwareList
from fwtool.compliance.registry import Registry
from fwtool.compliance.registry_check import Flag
from fwtool.findings import Snapshot, Words
from fwtool.quantities import QUANTITIES
from fwtool.records.retention import Retention
from fwtool.records.verify import Verdict
from transports.terminal_records import Capability
from transports.tsp.messages import JournalEntry, Slot


class Outcome(enum.StrEnum):
    """How an item ends."""

    PASS = "pass"  # noqa: S105 - a word, not a password
    FAIL = "fail"
    NOT_CHECKABLE = "not_checkable"
    """Not from here: the terminal does not tell, or it is not a matter that a tool can see."""


class Answer(NamedTuple):
    """The outcome of an item and what it rests on."""

    outcome: Outcome
    evidence: Words


def passed(en: str, zh: str) -> Answer:
    return Answer(Outcome.PASS, Words(en, zh))


def failed(en: str, zh: str) -> Answer:
    return Answer(Outcome.FAIL, Words(en, zh))


def unseen(en: str, zh: str) -> Answer:
    return Answer(Outcome.NOT_CHECKABLE, Words(en, zh))


def judged(holds: bool, en: str, zh: str) -> Answer:
    """Pass or fail with the same evidence."""
    return Answer(Outcome.PASS if holds else Outcome.FAIL, Words(en, zh))


class History(NamedTuple):
    """What the maintenance records say, read in one pass."""

    verdict: Verdict
    retention: Retention
    jobs: int
    """Jobs that ended within the last twelve months."""
    nameless: tuple[int, ...]
    """Of those, the numbers of entries that name no technician."""
    incomplete: tuple[int, ...]
    """Of those, the numbers of entries that do not say what, when, with what result or on which device."""
    last_update: dict[str, Any] | None
    """The newest update of this terminal."""
    training: dict[str, Any] | None
    """The newest training of this technician."""


@dataclasses.dataclass(frozen=True)
class Sight:
    """Everything at one moment; items are functions of it."""

    snapshot: Snapshot
    protocol: str
    verified_by: str
    capabilities: frozenset[Capability]
    slots: Sequence[Slot]
    journal: Sequence[JournalEntry] | None
    """Of the terminal; None: it does not tell."""
    history: History
    station_algorithm: str
    """Of the key that signs the log."""
    trust: Trust | None
    """What is pinned on this computer."""
    technician: str
    now: datetime.datetime
    """UTC."""
    registry: Registry | None
    flags: Sequence[Flag]
    """What the registry says of this terminal."""
    firmware: FirmwareList | None

    def number(self, quantity: str) -> float | None:
        """A quantity of `fwtool.quantities`."""
        return QUANTITIES[quantity].value(self.snapshot)

    @property
    def serial_number(self) -> str:
        return self.snapshot.facts.serial_number

    @property
    def running(self) -> str:
        """Digest of what runs, lower-case hex; empty: not told."""
        return next((slot.digest.hex() for slot in self.slots if slot.running), "")
