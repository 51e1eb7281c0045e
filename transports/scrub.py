"""Card numbers out of everything that is kept: text, and digits in half bytes (BCD). Everything keeps its length.

A card number is 13 to 19 digits, also in groups, with a right check digit (ISO/IEC 7812-1, annex B).
"""

import re
from itertools import accumulate
from typing import Final

CARD_DIGITS: Final = range(13, 20)
SHOWN: Final = 4
"""Last digits that may be seen, as on a receipt."""
_RUN: Final = re.compile(rf"[0-9]{{{CARD_DIGITS.start},}}")
_SPELT: Final = re.compile(rb"[0-9](?:[ \t\r\n.,/_\xa0\xff\xc2-]{0,2}[0-9]){12,}")
"""Digits with at most two separators between them; a no-break space is A0 in ISO 8859, FF in CP437, C2 A0 in UTF-8."""
_DOUBLED: Final = [sum(divmod(2 * digit, 10)) for digit in range(10)]


def scrub_text(data: bytes) -> bytes:
    """Card numbers in text but for their last four digits replaced by zeros."""
    out = bytearray(data)
    for run in _SPELT.finditer(data):
        places = [at for at in range(run.start(), run.end()) if 0x30 <= data[at] <= 0x39]
        for place in _hidden([data[at] - 0x30 for at in places]):
            out[places[place]] = 0x30
    return bytes(out)


def scrub_digits(data: bytes) -> bytes:
    """Card numbers in half bytes (BCD) but for their last four digits replaced by zeros."""
    digits = list(data.hex())
    for run in _RUN.finditer(data.hex()):
        for place in _hidden([int(digit) for digit in run.group()]):
            digits[run.start() + place] = "0"
    return bytes.fromhex("".join(digits))


def _hidden(numbers: list[int]) -> set[int]:
    """Places to hide in a run of digits: of every part that could be a card number (ISO/IEC 7812-1, annex B) all but four.

    A date may stand right beside a number, so every part is tried. Sums over all digits before a place, with those at even,
    or odd, places doubled, make each part a matter of one subtraction: a device may send 131,070 digits.
    """
    sums = [
        list(accumulate((_DOUBLED[one] if at % 2 == parity else one for at, one in enumerate(numbers)), initial=0))
        for parity in (0, 1)
    ]
    hidden: set[int] = set()
    for end in range(CARD_DIGITS.start, len(numbers) + 1):
        total = sums[end % 2]
        for size in CARD_DIGITS:
            if size <= end and numbers[end - size] and (total[end] - total[end - size]) % 10 == 0:
                hidden.update(range(end - size, end - SHOWN))
    return hidden
