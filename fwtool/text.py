"""Text from files and devices is data: whatever could move a cursor, hide or reorder what stands beside it is shown as an
escape (Unicode general categories, UAX #44, 5.7.1).
"""

import unicodedata
from typing import Final

_HIDDEN: Final = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")


def clean(text: str) -> str:
    """Text without anything a terminal or a browser would obey."""
    return "".join(
        character if unicodedata.category(character) not in _HIDDEN else f"\\u{ord(character):04x}" for character in text
    )


def shortened(text: str, at_most: int) -> str:
    """Clean text of at most so many characters; where it is cut there is an ellipsis."""
    shown = clean(text[: at_most + 1])
    return shown if len(shown) <= at_most else shown[: at_most - 1] + "\u2026"
