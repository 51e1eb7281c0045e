"""Everything around the processor that can be good or bad: battery, printer paper, readers, keypad, clock, tamper switch.

Plain values. Faults change them; the health check and the statistics report them; mending a fault changes them back.
"""

import dataclasses

from transports.tsp.messages import BatchState, PrinterState, Reading

EPOCH = 1_790_000_000
"""Terminal time at power-on of a fresh simulation: deterministic, some day in September 2026."""


@dataclasses.dataclass
class Peripherals:
    """The world as the terminal's sensors see it; defaults are a healthy terminal."""

    mains: bool = True
    battery_percent: int = 92
    battery_mv: int = 4050
    battery_temperature_c: int = 27
    battery_cycles: int = 140
    backup_cell_mv: int = 3050
    paper: str = "ok"
    """ok, low or out."""
    paper_lines_left: int | None = None
    """The roll ends after so many lines; None: it does not."""
    cover_open: bool = False
    head_temperature_c: int = 34
    head_metres: int = 4200
    dead_dots: tuple[int, ...] = ()
    card_slot: str = "clear"
    """clear, blocked or overlay."""
    msr_failed_percent: int = 2
    chip_ok: bool = True
    contactless_ok: bool = True
    keypad_stuck: str = ""
    display_ok: bool = True
    tampered: bool = False
    keys_present: bool = True
    clock_offset_s: int = 0
    host_reachable: bool = True
    certificate_days_left: int = 420
    storage_bad_sectors: int = 0
    hours_since_self_test: int = 9

    def printer_state(self) -> PrinterState:
        if self.cover_open:
            return PrinterState.COVER_OPEN
        if self.paper == "out":
            return PrinterState.PAPER_OUT
        if self.head_temperature_c > 70:
            return PrinterState.HEAD_HOT
        return PrinterState.PAPER_LOW if self.paper == "low" else PrinterState.OK

    def readings(self, level: int) -> tuple[Reading, ...]:
        """What a self-test of this level measures (docs/protocol/tsp.md section 5.3 lists the names)."""

        def number(name: str, value: int, unit: str = "", exponent: int = 0) -> Reading:
            return Reading(name=name, value=value, exponent=exponent, unit=unit)

        internal = (
            number("power.mains", int(self.mains)),
            number("battery.charge", self.battery_percent, "%"),
            number("battery.voltage", self.battery_mv, "V", -3),
            number("battery.temperature", self.battery_temperature_c, "degC"),
            number("battery.cycles", self.battery_cycles),
            number("backup_cell.voltage", self.backup_cell_mv, "V", -3),
            number("tamper.open", int(self.tampered)),
            number("keys.present", int(self.keys_present)),
            number("certificate.days_left", self.certificate_days_left, "d"),
            number("storage.bad_sectors", self.storage_bad_sectors),
            number("self_test.hours_ago", self.hours_since_self_test, "h"),
        )
        if level < 2:
            return internal
        return (
            *internal,
            number("printer.state", int(self.printer_state())),
            number("printer.head_temperature", self.head_temperature_c, "degC"),
            number("printer.head_distance", self.head_metres, "m"),
            number("printer.dead_dots", len(self.dead_dots)),
            number("card_slot.obstructed", int(self.card_slot == "blocked")),
            number("card_slot.overlay", int(self.card_slot == "overlay")),
            number("msr.failed", self.msr_failed_percent, "%"),
            number("chip.contacts_ok", int(self.chip_ok)),
            number("contactless.ok", int(self.contactless_ok)),
            number("keypad.stuck", int(bool(self.keypad_stuck))),
            number("display.ok", int(self.display_ok)),
            number("host.reachable", int(self.host_reachable)),
        )


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
