"""Amounts: decimals with a currency, kept as whole numbers of the smallest unit. Nothing here is a binary fraction.

Smallest units after ISO 4217 (list one, column "minor unit"). Fees have five places, because wallets bill them so (WeChat
Pay trade bill: `0.01000`).
"""

import dataclasses
import decimal
import functools
import re
from decimal import Decimal
from typing import Final

from formats.errors import FormatError

_EXCEPTIONS: Final = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG"), 0),
    **dict.fromkeys(("RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3),
    **dict.fromkeys(["CLF", "UYW"], 4),
}  # fmt: skip
NUMERIC: Final = {
    "156": "CNY", "344": "HKD", "446": "MOP", "901": "TWD", "392": "JPY", "410": "KRW", "702": "SGD", "764": "THB",
    "840": "USD", "826": "GBP", "978": "EUR", "756": "CHF", "036": "AUD", "124": "CAD", "048": "BHD", "414": "KWD",
}  # fmt: skip
"""Numeric codes as DE49 of ISO 8583 has them."""
FEE_PLACES: Final = 5
MAX_DIGITS: Final = 13
"""Before the point; with two places, sums of a million of them fit into 64 bits."""
_CODE = re.compile(r"[A-Z]{3}", re.ASCII)
_AMOUNT = re.compile(r"[+-]?(?:\d{1,13}|\d{1,3}(?:,\d{3}){1,4})(?:\.\d{0,9})?", re.ASCII)
ROUNDINGS: Final = {
    "half-up": decimal.ROUND_HALF_UP,
    "half-even": decimal.ROUND_HALF_EVEN,
    "down": decimal.ROUND_DOWN,
    "up": decimal.ROUND_UP,
}


@functools.lru_cache(256)
def currency_code(text: str) -> str:
    """A currency in letters, from letters or the number of ISO 4217.

    Raises:
        FormatError: neither.
    """
    code = NUMERIC.get(text, text)
    if not _CODE.fullmatch(code):
        raise FormatError(f"{text[:20]!r} is no currency of ISO 4217")
    return code


def places(currency: str) -> int:
    """Digits behind the point of a currency's smallest unit."""
    return _EXCEPTIONS.get(currency, 2)


def unit(digits: int) -> Decimal:
    """The smallest unit with so many places."""
    return Decimal(1).scaleb(-digits)


def shortest(value: Decimal, digits: int) -> Decimal:
    """With so many places, or as many more as it needs."""
    rounded = value.quantize(unit(digits))
    return rounded if rounded == value else value.normalize()


def parse(text: str, most: int) -> Decimal:
    """A plain decimal number with at most `most` digits behind the point that are not zero.

    Raises:
        FormatError: an exponent, NaN, a lost digit, other characters, or more than 13 digits before the point.
    """
    if not _AMOUNT.fullmatch(text):
        raise FormatError(f"{text[:40]!r} is no amount (expected digits with at most {most} behind the point)")
    if "," in text:
        text = text.replace(",", "")
    point = text.find(".")
    if point >= 0 and len(text) - point - 1 > most and text[point + 1 + most :].strip("0"):
        raise FormatError(f"{text[:40]!r} has more than {most} digits behind the point")
    return Decimal(text)


_EXACT: Final = decimal.Context(prec=40, traps=[decimal.Inexact, decimal.InvalidOperation])


def to_units(amount: Decimal, digits: int) -> int:
    """An amount as a whole number of 10^-digits.

    Raises:
        FormatError: it is none, or too large.
    """
    if not amount.is_finite() or amount.adjusted() >= MAX_DIGITS:
        raise FormatError(f"the amount {amount} is not of a size that is settled")
    try:
        return int(_EXACT.to_integral_exact(_EXACT.scaleb(amount, digits)))
    except decimal.DecimalException:
        raise FormatError(f"the amount {amount} has more than {digits} digits behind the point") from None


def from_units(value: int, digits: int) -> Decimal:
    """The decimal of a whole number of 10^-digits, with exactly so many places."""
    return Decimal((int(value < 0), tuple(map(int, str(abs(value)))), -digits))


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class Money:
    """So many of the smallest units of a currency."""

    units: int
    currency: str

    @property
    def amount(self) -> Decimal:
        return from_units(self.units, places(self.currency))

    def __str__(self) -> str:
        """The amount as it travels: JSON numbers would be floats on the other side."""
        return str(self.amount)


@dataclasses.dataclass(frozen=True, slots=True)
class FeeRule:
    """What a contract says of the fee: a share of the amount, with floor and cap, rounded to the smallest unit."""

    rate: Decimal
    rounding: str = "half-up"
    """A key of `ROUNDINGS`."""
    least: Decimal = Decimal(0)
    most: Decimal | None = None
    per: str = "line"
    """`line`, or `day`: rounded once, on the sum of a day."""

    def of(self, amount: Decimal, currency: str) -> Decimal:
        """The fee of an amount; a refund gives it back."""
        fee = abs(amount) * self.rate
        fee = max(fee, self.least)
        if self.most is not None:
            fee = min(fee, self.most)
        fee = fee.quantize(unit(places(currency)), ROUNDINGS[self.rounding])
        return -fee if amount < 0 else fee
