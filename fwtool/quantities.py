"""What can be known of a terminal as numbers, with units and the range of values that mean something.

Readings are those of docs/protocol/tsp.md section 5.3, statistics have their UnifiedPOS names behind `statistics.`. A terminal
or a protocol that cannot tell one leaves it out; its value is then None.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from fwtool.findings import Measured, Snapshot

MOST: Final = 10**9
TRACKS: Final = ("msr.failed_1", "msr.failed_2", "msr.failed_3")
HOURS: Final = 100
"""Errors on a line are told per so many hours of power."""


class Quantity(NamedTuple):
    """One number. `whole`: only whole numbers occur. `named`: they stand for words, so there is nothing to print."""

    value: Callable[[Snapshot], float | None]
    unit: str = ""
    low: float = 0
    high: float = MOST
    whole: bool = True
    named: bool = False

    def measured(self, name: str, snapshot: Snapshot) -> Measured | None:
        """Its value now, or None if it was not told."""
        value = self.value(snapshot)
        return None if value is None else Measured(name, value, self.unit)


RANGES: Final[dict[str, tuple[float, float, bool]]] = {
    "0/1": (0, 1, True),
    "state": (0, 5, True),
    "paper": (0, 2, True),
    "": (0, MOST, True),
    "%": (0, 100, False),
    "V": (0, 60, False),
    "degC": (-60, 200, False),
    "d": (-36_500, 36_500, True),
    "h": (0, 1_000_000, False),
    "m": (0, 10_000_000, False),
    "s": (0, 10**11, True),
}
"""Lowest and highest value by unit, and whether only whole numbers occur."""
WORDS: Final = ("0/1", "state", "paper")
"""Numbers that stand for words; they have no unit."""
READINGS: Final[dict[str, tuple[str, ...]]] = {
    "0/1": (
        "power.mains", "power.charge_fault", "tamper.open", "secure_module.changed", "keys.present", "setup.initialised",
        "setup.activated", "maintenance.running", "batch.store_ok", "printer.jammed", "printer.cover_open",
        "card_slot.obstructed", "card_slot.overlay", "card_slot.card_left", "card_slot.mechanism_ok",
        "chip.contacts_ok", "chip.answers", "contactless.ok", "contactless.started", "keypad.stuck", "keypad.answers",
        "display.ok", "network.module_ok",
        "network.sim_card", "network.link", "network.dns_ok", "network.tls_ok", "host.reachable",
    ),
    "state": ("printer.state",),
    "paper": ("printer.paper_left",),
    "": ("battery.cycles", "storage.bad_sectors", "journal.errors", "printer.dead_dots"),
    "%": ("battery.charge", "storage.used", "card_slot.light", "msr.failed", *TRACKS, "chip.torn", "network.signal"),
    "V": ("battery.voltage", "backup_cell.voltage"),
    "degC": ("battery.temperature", "printer.head_temperature"),
    "d": ("battery.age", "certificate.days_left", "firmware_approval.days_left"),
    "h": ("self_test.hours_ago",),
    "m": ("printer.head_distance", "printer.since_cleaning"),
}  # fmt: skip
"""Readings by unit."""
STATISTICS: Final = (
    "HoursPoweredCount", "CommunicationErrorCount", "ReceiptLinePrintedCount", "ReceiptCharacterPrintedCount",
    "ReceiptCoverOpenCount", "PaperCutCount", "FailedPaperCutCount", "PrinterFaultCount", "MaximumTempReachedCount",
    "NVRAMWriteCount", "GoodReadCount", "FailedReadCount", "UnreadableCardCount", "MissingStartSentinelTrack1Count",
    "MissingStartSentinelTrack2Count", "MissingStartSentinelTrack3Count", "ParityLRCErrorTrack1Count",
    "ParityLRCErrorTrack2Count", "ParityLRCErrorTrack3Count", "ValidPINEntryCount", "InvalidPINEntryCount",
    "KeyPressedCount",
)  # fmt: skip
"""Counters (UnifiedPOS 1.14, appendix on device statistics)."""
ANSWERS: Final = ("display", "keypad", "density", "white_lines", "battery_flat")
"""What a person is asked at the interactive level; 1: yes, all is well."""


def _reading(name: str) -> Callable[[Snapshot], float | None]:
    return lambda snapshot: snapshot.readings.get(name)


def _statistic(name: str) -> Callable[[Snapshot], float | None]:
    return lambda snapshot: snapshot.statistics.get(name)


def _answer(name: str) -> Callable[[Snapshot], float | None]:
    return lambda snapshot: float(snapshot.answers[name]) if name in snapshot.answers else None


def _tracks(snapshot: Snapshot) -> list[float] | None:
    """Failed reads of track 1, 2, 3 in percent."""
    told = [snapshot.readings[name] for name in TRACKS if name in snapshot.readings]
    return told if len(told) == len(TRACKS) else None


def _worst_track(snapshot: Snapshot) -> float | None:
    tracks = _tracks(snapshot)
    return None if tracks is None else 1.0 + tracks.index(max(tracks))


def _worst_share(snapshot: Snapshot) -> float | None:
    tracks = _tracks(snapshot)
    return None if tracks is None else max(tracks)


def _second_share(snapshot: Snapshot) -> float | None:
    tracks = _tracks(snapshot)
    return None if tracks is None else sorted(tracks)[-2]


def _best_share(snapshot: Snapshot) -> float | None:
    tracks = _tracks(snapshot)
    return None if tracks is None else min(tracks)


def _line_errors(snapshot: Snapshot) -> float | None:
    errors, hours = snapshot.statistics.get("CommunicationErrorCount"), snapshot.statistics.get("HoursPoweredCount")
    return None if errors is None or not hours else errors * HOURS / hours


def _head_km(snapshot: Snapshot) -> float | None:
    metres = snapshot.readings.get("printer.head_distance")
    return None if metres is None else metres / 1000


def _skew(snapshot: Snapshot) -> float | None:
    return None if snapshot.clock_skew_s is None else abs(snapshot.clock_skew_s)


def _batch_open(snapshot: Snapshot) -> float | None:
    """1 unless the batch is closed: unknown counts as open."""
    return None if snapshot.batch is None else float(snapshot.batch.counts_as_open)


def _batch_count(snapshot: Snapshot) -> float | None:
    return None if snapshot.batch is None else snapshot.batch.count


def _offline(snapshot: Snapshot) -> float | None:
    return None if snapshot.batch is None else snapshot.batch.offline_unsent


DERIVED: Final[dict[str, Quantity]] = {
    "clock.skew": Quantity(_skew, "s", 0, 10**11),
    "batch.open": Quantity(_batch_open, "", 0, 1, named=True),
    "batch.count": Quantity(_batch_count),
    "batch.offline_unsent": Quantity(_offline),
    "printer.head_km": Quantity(_head_km, "km", 0, 10_000, whole=False),
    "msr.worst_track": Quantity(_worst_track, "", 1, 3),
    "msr.worst_failed": Quantity(_worst_share, "%", 0, 100, whole=False),
    "msr.other_failed": Quantity(_second_share, "%", 0, 100, whole=False),
    "msr.least_failed": Quantity(_best_share, "%", 0, 100, whole=False),
    "line.errors": Quantity(_line_errors, "/100 h", 0, MOST, whole=False),
}
"""Made of other numbers. `msr.worst_failed` is that of the track which fails most, `msr.other_failed` that of the next."""
QUANTITIES: Final[dict[str, Quantity]] = {
    **{
        name: Quantity(_reading(name), "" if unit in WORDS else unit, *RANGES[unit], named=unit in WORDS)
        for unit, names in READINGS.items()
        for name in names
    },
    **{f"statistics.{name}": Quantity(_statistic(name)) for name in STATISTICS},
    **{f"answers.{name}": Quantity(_answer(name), "", 0, 1, named=True) for name in ANSWERS},
    **DERIVED,
}
"""All of them by name."""
