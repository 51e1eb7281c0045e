"""Records of ZVT as records that belong to no protocol: status, totals, files."""

import datetime
from decimal import Decimal
from typing import Final

from transports.scrub import scrub_text
from transports.terminal_records import Batch, GroupTotal, Identity, MakerInformation, Money, TerminalStatus
from transports.tsp.messages import BatchState
from transports.zvt import charsets, codes
from transports.zvt.maker import MakerCompletion
from transports.zvt.outcome import CARD_GROUPS, StatusInformation, Totals
from transports.zvt.session import Device, Moment, StatusCompletion
from transports.zvt_host.times import day, moment

NO_KEYS: Final = 2
FRAUD: Final = 3
"""State of the device (tag 1F43)."""
FEIG: Final = "Feig"
_MAKERS: Final = {"cvend": FEIG}
"""First letters of the device's name, small -> maker whose own commands we know."""
_CURRENCIES: Final[dict[int, tuple[str, int]]] = {
    156: ("CNY", 2),
    203: ("CZK", 2),
    208: ("DKK", 2),
    348: ("HUF", 2),
    392: ("JPY", 0),
    578: ("NOK", 2),
    752: ("SEK", 2),
    756: ("CHF", 2),
    826: ("GBP", 2),
    840: ("USD", 2),
    978: ("EUR", 2),
    985: ("PLN", 2),
}
"""ISO 4217: number -> letters, and digits of the minor unit. Others are taken to have two."""


def money(minor_units: int, currency: int) -> Money:
    """A sum in minor units, exactly."""
    name, places = _CURRENCIES.get(currency, (f"{currency:03d}", 2))
    return Money(Decimal(minor_units).scaleb(-places), name)


def terminal_status(told: StatusCompletion) -> TerminalStatus:
    """The completion of 05 01."""
    device = told.device or Device()
    model = _text(device.name)
    return TerminalStatus(
        Identity(
            model=model,
            serial_number=device.serial_number or "",
            version=_text(device.version or told.version),
            terminal_id=told.terminal_id or "",
            maker=next((maker for start, maker in _MAKERS.items() if model.lower().startswith(start)), ""),
        ),
        told.state,
        codes.state(told.state),
        codes.locks(told.locks or b""),
        tuple(_text(one) for one in told.applications),
        _moment(told.clock),
        _moment(told.next_restart),
        told.restarted == 1,
        None if device.state is None else device.state not in (NO_KEYS, FRAUD),
        device.state == FRAUD,
    )


def batch(told: StatusInformation, currency: int, today: datetime.date, *, settled: bool) -> Batch:
    """Totals of 06 10 and 06 50.

    Args:
        currency: What the sums are in where the terminal does not say so.
        today: For the year, which is not told.
        settled: They have just been settled.
    """
    unit = told.currency or currency
    totals, amount = told.totals, told.amount
    counted = totals.payments if totals else None
    if settled:
        state = BatchState.CLOSED
    elif totals is None and amount is None:
        state = BatchState.UNKNOWN
    else:
        state = BatchState.OPEN if counted or amount else BatchState.CLOSED
    total = amount if amount is not None else totals.amount if totals else None
    return Batch(
        state,
        counted,
        (money(total, unit),) if total else (),
        _groups(totals, unit) if totals else (),
        totals.first_receipt if totals else None,
        totals.last_receipt if totals else None,
        _business_date(told, today),
        agrees=totals is None or amount is None or totals.amount == amount,
    )


def _groups(totals: Totals, unit: int) -> tuple[GroupTotal, ...]:
    pairs = zip(CARD_GROUPS, totals.groups, strict=True)
    return tuple(GroupTotal(name, one.payments, money(one.amount, unit)) for name, one in pairs if one.payments or one.amount)


def _business_date(told: StatusInformation, today: datetime.date) -> datetime.date | None:
    exact = _moment(told.moment)
    return exact.date() if exact else day(told.date, today)


def maker_information(told: MakerCompletion) -> MakerInformation:
    """The completion of 0F A1 00 01."""
    return MakerInformation(
        _text(told.device_id) or None,
        _text(told.version) or None,
        _text(told.terminal_id) or None,
        _decimal(told.voltage),
        _decimal(told.temperature),
    )


def _decimal(text: str | None) -> Decimal | None:
    cleaned = (text or "").strip(" V")
    return Decimal(cleaned) if cleaned.replace(".", "", 1).isdecimal() and cleaned.isascii() else None


def _moment(told: Moment | None) -> datetime.datetime | None:
    return moment(told.date, told.time) if told else None


def _text(told: str | None) -> str:
    """Device texts go into records and reports: no card number may hide in them."""
    raw = (told or "").encode()
    return charsets.clean(scrub_text(raw).decode()) if raw else ""
