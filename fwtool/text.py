"""Text from files and devices is data: whatever could move a cursor, hide or reorder what stands beside it is shown as an
escape (Unicode general categories, UAX #44, 5.7.1).
"""

import unicodedata
from typing import Final

MAX_DIGITS: Final = 20
_HIDDEN: Final = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")


def clean(text: str) -> str:
    """Text without anything a terminal or a browser would obey."""
    return "".join(
        character if unicodedata.category(character) not in _HIDDEN else f"\\u{ord(character):04x}" for character in text
    )


def columns(text: str) -> int:
    """Columns that a console needs for a text: two for a Chinese character (UAX #11: wide and full-width)."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def padded(text: str, width: int) -> str:
    """The text, filled with spaces to a width in columns."""
    return text + " " * (width - columns(text))


def number(text: str, most: int) -> int | None:
    """The number that plain decimal digits stand for; None if they are none, or it is larger than `most`."""
    if not (text.isascii() and text.isdigit()) or len(text) > MAX_DIGITS or int(text) > most:
        return None
    return int(text)


def shortened(text: str, at_most: int) -> str:
    """Clean text of at most so many characters; where it is cut there is an ellipsis."""
    shown = clean(text[: at_most + 1])
    return shown if len(shown) <= at_most else shown[: at_most - 1] + "\u2026"
