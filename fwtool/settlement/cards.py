"""Card numbers end at the door: only the last four digits are kept (PCI DSS 3.4.1 allows six and four to be shown)."""

import re
from typing import Final

_FULL: Final = re.compile(r"(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)", re.ASCII)


def luhn(digits: str) -> bool:
    """Whether the check digit holds (ISO/IEC 7812-1 annex B)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def is_full(text: str) -> bool:
    """Whether it is a whole card number: 13 to 19 digits and a good check digit."""
    return text.isascii() and text.isdigit() and 13 <= len(text) <= 19 and luhn(text)


def last_four(text: str) -> str:
    """The last four digits of a card number, masked or whole; empty if there are none."""
    last = text[-4:]
    return last if len(last) == 4 and last.isascii() and last.isdigit() else ""


def scrub(text: str) -> str:
    """Free text with whole card numbers masked."""

    def masked(match: re.Match[str]) -> str:
        digits = match[0].replace(" ", "").replace("-", "")
        return f"{digits[:6]}{'*' * (len(digits) - 10)}{digits[-4:]}" if luhn(digits) else match[0]

    return _FULL.sub(masked, text)
