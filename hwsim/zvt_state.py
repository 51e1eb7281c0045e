"""How a simulated ZVT terminal is, as 05 01 tells it: state, locks, clock; and its totals."""

import time
from typing import TYPE_CHECKING, Final

from hwsim.zvt_print import serial_digits
from transports.tsp.messages import PrinterState
from transports.zvt import codes
from transports.zvt.outcome import CARD_GROUPS, StatusInformation, Totals, Turnover
from transports.zvt.session import EURO, OMIT_VERSION, WITH_CONTAINER, Device, Moment, StatusCompletion, StatusEnquiry

if TYPE_CHECKING:
    from hwsim.zvt_terminal import ZvtTerminal

READY: Final = 0x00
CLOCK_WRONG: Final = 0x62
OUT_OF_ORDER: Final = 0xDF
MAINTENANCE: Final = 0xE0
END_OF_DAY_OPEN: Final = 0xF0
CLOCK_OFF_S: Final = 600
LOW_BATTERY_PERCENT: Final = 20
MOST: Final = 255
"""A count of payments has one byte."""


def state(terminal: "ZvtTerminal") -> int:
    """The state, the gravest first."""
    knobs, world = terminal.knobs, terminal.peripherals
    reasons = (
        (bool(knobs.busy_polls), MAINTENANCE),
        (world.tampered, OUT_OF_ORDER),
        (world.card_slot == "blocked", 0xE1),
        (not world.chip_ok, 0xE2),
        (not world.mains and world.battery_percent < LOW_BATTERY_PERCENT, 0xBF),
        (world.printer_state() not in (PrinterState.OK, PrinterState.PAPER_LOW), 0xCC),
        (abs(world.clock_offset_s) > CLOCK_OFF_S, CLOCK_WRONG),
        (knobs.bare_f0, END_OF_DAY_OPEN),
    )
    return next((code for applies, code in reasons if applies), READY)


def lock(terminal: "ZvtTerminal") -> int:
    """The state in which nothing is done, or 0."""
    code = state(terminal)
    return code if code in (MAINTENANCE, OUT_OF_ORDER) else 0


def locks(terminal: "ZvtTerminal") -> bytes:
    """Tag 1F55."""
    world = terminal.peripherals
    applies = {
        "out of order": world.tampered,
        "printer lock": world.printer_state() not in (PrinterState.OK, PrinterState.PAPER_LOW),
        "secure module changed": world.tampered,
        "transaction log defective": bool(world.storage_bad_sectors),
        "card reader not found": not world.chip_ok,
        "card still inserted": world.card_slot == "blocked",
        "battery low": not world.mains and world.battery_percent < LOW_BATTERY_PERCENT,
        "contactless reader not initialised": not world.contactless_ok,
    }
    bits = "".join(str(int(applies.get(name, False))) for name in codes.LOCKS)
    return int(bits, 2).to_bytes(len(codes.LOCKS) // 8, "big")


def status(terminal: "ZvtTerminal", request: StatusEnquiry) -> StatusCompletion:
    """The completion of 05 01."""
    service, now = request.service or 0, terminal.clock()
    code = state(terminal)
    if terminal.knobs.busy_polls:
        terminal.knobs.busy_polls -= 1  # asking counts: it is over after so many times
        terminal.has_restarted = not terminal.knobs.busy_polls
    if terminal.knobs.bare_f0:
        return StatusCompletion(state=code)
    version = None if service & OMIT_VERSION else terminal.profile.version.format(terminal.running)
    registered = terminal.registered is not None and terminal.registered.container
    if not service & WITH_CONTAINER or not (request.container or registered):
        return StatusCompletion(version=version, state=code)
    restarted = terminal.has_restarted and code != MAINTENANCE
    terminal.has_restarted = terminal.has_restarted and not restarted
    hours_left = 24 - terminal.peripherals.hours_since_self_test
    return StatusCompletion(
        version=version,
        state=code,
        device=Device(
            name=terminal.profile.device,
            version=terminal.profile.version.format(terminal.running),
            serial_number=serial_digits(terminal),
            state=3 if terminal.peripherals.tampered else 0 if terminal.peripherals.keys_present else 2,
        ),
        terminal_id=terminal.terminal_id,
        locks=locks(terminal),
        clock=moment(now),
        next_restart=moment(now + hours_left * 3600) if request.next_restart else None,
        restarted=1 if restarted else None,
    )


def moment(seconds: int) -> Moment:
    """Seconds since 1970 as date and time."""
    date, when = time.strftime("%Y%m%d %H%M%S", time.gmtime(seconds)).split()
    return Moment(date=date, time=when)


def turnover(terminal: "ZvtTerminal") -> StatusInformation:
    """04 0F with the totals of 06 10 and 06 50: half of the payments by girocard, the rest by Mastercard."""
    account, now = terminal.account, terminal.clock()
    first = min(account.count // 2, MOST)
    paid = account.minor_units * first // account.count if account.count else 0
    shares = {
        "girocard": Turnover(first, paid),
        "Mastercard": Turnover(min(account.count - first, MOST), account.minor_units - paid),
    }
    groups = tuple(shares.get(name, Turnover(0, 0)) for name in CARD_GROUPS)
    return StatusInformation(
        result=0,
        amount=account.minor_units,
        totals=Totals(1 if account.count else 0, account.count, groups),
        trace=account.count,
        time=time.strftime("%H%M%S", time.gmtime(now)),
        date=time.strftime("%m%d", time.gmtime(now)),
        currency=EURO,
        moment=moment(now) if terminal.profile.year_in_totals else None,
    )
