"""Everything around the processor that can be good or bad: battery, printer paper, readers, keypad, clock, tamper switch.

Plain values. Faults change them; the health check and the statistics report them; mending a fault changes them back.
"""

import dataclasses
from collections.abc import Callable
from typing import Final, NamedTuple

from hwsim.key_cells import KeyCells
from transports.tsp.messages import BatchState, PrinterState, Reading

EPOCH = 1_790_000_000
"""Terminal time at power-on of a fresh simulation: deterministic, some day in September 2026."""


@dataclasses.dataclass
class Peripherals:
    """The world as the terminal's sensors see it; defaults are a healthy terminal."""

    mains: bool = True
    charge_fault: bool = False
    """Mains is there, and yet the battery is not charged."""
    battery_percent: int = 92
    battery_mv: int = 4050
    battery_temperature_c: int = 27
    battery_cycles: int = 140
    battery_age_days: int = 320
    backup_cell_mv: int = 3050
    paper: str = "ok"
    """ok, low or out."""
    paper_lines_left: int | None = None
    """The roll ends after so many lines; None: it does not."""
    cover_open: bool = False
    jammed: bool = False
    head_temperature_c: int = 34
    head_metres: int = 4200
    metres_since_cleaning: int = 18
    dead_dots: tuple[int, ...] = ()
    card_slot: str = "clear"
    """clear, blocked or overlay."""
    card_left: bool = False
    """A card is in the slot, and answers as one."""
    slot_light_percent: int = 96
    """What the slot's light barriers get, of what they got when they were new."""
    slot_mechanism_ok: bool = True
    msr_failed_percents: tuple[int, int, int] = (1, 2, 1)
    """Share of the last 200 swipes of which track 1, 2, 3 could not be read."""
    chip_ok: bool = True
    """The contacts close."""
    chip_answers: bool = True
    """The reader itself does."""
    chip_torn_percent: int = 1
    """Share of the last 200 chip dialogues that broke off."""
    contactless_ok: bool = True
    contactless_started: bool = True
    keypad_stuck: str = ""
    keypad_answers: bool = True
    display_ok: bool = True
    tampered: bool = False
    module_changed: bool = False
    """The secure module is not the one that was there before."""
    keys_present: bool = True
    initialised: bool = True
    activated: bool = True
    maintenance: bool = False
    """The bank's remote maintenance goes on."""
    clock_offset_s: int = 0
    host_reachable: bool = True
    network_module_ok: bool = True
    sim_card: bool = True
    network_link: bool = True
    network_signal_percent: int = 71
    dns_ok: bool = True
    tls_ok: bool = True
    certificate_days_left: int = 420
    approval_days_left: int = 560
    """Until the approval of this firmware ends."""
    storage_bad_sectors: int = 0
    storage_used_percent: int = 21
    """Of the room for transactions and journals."""
    turnover_ok: bool = True
    """The stored transactions are what was stored."""
    journal_errors: int = 1
    """Errors of the last 24 hours."""
    hours_since_self_test: int = 9
    self_test_ok: bool = True
    """The last one found nothing."""
    self_test_runs: bool = True
    secure: KeyCells = dataclasses.field(default_factory=KeyCells, repr=False, compare=False)
    """Keys and tamper latch."""

    def started(self) -> None:
        """What a start of the terminal does: the self-test runs, and each reader is started."""
        self.hours_since_self_test, self.self_test_runs = 0, True
        self.contactless_started = True

    def printer_state(self) -> PrinterState:
        if self.cover_open:
            return PrinterState.COVER_OPEN
        if self.paper == "out":
            return PrinterState.PAPER_OUT
        if self.jammed:
            return PrinterState.FAULT
        if self.head_temperature_c > 70:
            return PrinterState.HEAD_HOT
        return PrinterState.PAPER_LOW if self.paper == "low" else PrinterState.OK

    def readings(self, level: int) -> tuple[Reading, ...]:
        """What a self-test of this level measures (docs/protocol/tsp.md section 5.3 lists the names)."""
        return tuple(
            Reading(name=row.name, value=int(row.value(self)), exponent=row.exponent, unit=row.unit)
            for row in (INTERNAL if level < 2 else INTERNAL + EXTERNAL)
        )


class Row(NamedTuple):
    """One reading: its name, where it comes from, its unit and the power of ten of its value."""

    name: str
    value: Callable[[Peripherals], int]
    unit: str = ""
    exponent: int = 0


INTERNAL: Final = (
    Row("power.mains", lambda world: world.mains),
    Row("power.charge_fault", lambda world: world.charge_fault),
    Row("battery.charge", lambda world: world.battery_percent, "%"),
    Row("battery.voltage", lambda world: world.battery_mv, "V", -3),
    Row("battery.temperature", lambda world: world.battery_temperature_c, "degC"),
    Row("battery.cycles", lambda world: world.battery_cycles),
    Row("battery.age", lambda world: world.battery_age_days, "d"),
    Row("backup_cell.voltage", lambda world: world.backup_cell_mv, "V", -3),
    Row("tamper.open", lambda world: world.tampered),
    Row("secure_module.changed", lambda world: world.module_changed),
    Row("keys.present", lambda world: world.keys_present),
    Row("setup.initialised", lambda world: world.initialised),
    Row("setup.activated", lambda world: world.activated),
    Row("maintenance.running", lambda world: world.maintenance),
    Row("certificate.days_left", lambda world: world.certificate_days_left, "d"),
    Row("firmware_approval.days_left", lambda world: world.approval_days_left, "d"),
    Row("storage.bad_sectors", lambda world: world.storage_bad_sectors),
    Row("storage.used", lambda world: world.storage_used_percent, "%"),
    Row("batch.store_ok", lambda world: world.turnover_ok),
    Row("journal.errors", lambda world: world.journal_errors),
    Row("self_test.hours_ago", lambda world: world.hours_since_self_test, "h"),
    Row("self_test.passed", lambda world: world.self_test_ok),
)
"""What every self-test measures."""
EXTERNAL: Final = (
    Row("printer.state", lambda world: world.printer_state()),
    Row("printer.cover_open", lambda world: world.cover_open),
    Row("printer.paper_left", lambda world: {"out": 0, "low": 1}.get(world.paper, 2)),
    Row("printer.jammed", lambda world: world.jammed),
    Row("printer.head_temperature", lambda world: world.head_temperature_c, "degC"),
    Row("printer.head_distance", lambda world: world.head_metres, "m"),
    Row("printer.since_cleaning", lambda world: world.metres_since_cleaning, "m"),
    Row("printer.dead_dots", lambda world: len(world.dead_dots)),
    Row("card_slot.obstructed", lambda world: world.card_slot == "blocked"),
    Row("card_slot.overlay", lambda world: world.card_slot == "overlay"),
    Row("card_slot.card_left", lambda world: world.card_left),
    Row("card_slot.light", lambda world: world.slot_light_percent, "%"),
    Row("card_slot.mechanism_ok", lambda world: world.slot_mechanism_ok),
    Row("msr.failed", lambda world: max(world.msr_failed_percents), "%"),
    Row("msr.failed_1", lambda world: world.msr_failed_percents[0], "%"),
    Row("msr.failed_2", lambda world: world.msr_failed_percents[1], "%"),
    Row("msr.failed_3", lambda world: world.msr_failed_percents[2], "%"),
    Row("chip.contacts_ok", lambda world: world.chip_ok),
    Row("chip.answers", lambda world: world.chip_answers),
    Row("chip.torn", lambda world: world.chip_torn_percent, "%"),
    Row("contactless.ok", lambda world: world.contactless_ok),
    Row("contactless.started", lambda world: world.contactless_started),
    Row("keypad.stuck", lambda world: bool(world.keypad_stuck)),
    Row("keypad.answers", lambda world: world.keypad_answers),
    Row("display.ok", lambda world: world.display_ok),
    Row("network.module_ok", lambda world: world.network_module_ok),
    Row("network.sim_card", lambda world: world.sim_card),
    Row("network.link", lambda world: world.network_link),
    Row("network.signal", lambda world: world.network_signal_percent, "%"),
    Row("network.dns_ok", lambda world: world.dns_ok),
    Row("network.tls_ok", lambda world: world.tls_ok),
    Row("host.reachable", lambda world: world.host_reachable),
)
"""What levels 2 and 3 measure besides."""


@dataclasses.dataclass
class Account:
    """The batch of transactions that the bank has not settled yet."""

    state: BatchState = BatchState.CLOSED
    count: int = 0
    minor_units: int = 0
    currency: str = "CNY"
    offline_unsent: int = 0
    last_close: int = 0

    def open_with(self, count: int) -> None:
        self.state = BatchState.OPEN if count else BatchState.CLOSED
        self.count, self.minor_units = count, count * 12_850

    def settle(self, now: int) -> None:
        self.state, self.count, self.minor_units, self.offline_unsent = BatchState.CLOSED, 0, 0, 0
        self.last_close = now
