"""Text tables that stay straight with Chinese in them: wide characters take two columns (UAX #11)."""

import unicodedata
from collections.abc import Sequence

from fwtool.text import clean


def width(text: str) -> int:
    """Columns on a terminal."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def padded(text: str, columns: int, *, right: bool = False) -> str:
    """Text with spaces up to so many columns."""
    space = " " * max(0, columns - width(text))
    return space + text if right else text + space


def table(head: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[int] = ()) -> list[str]:
    """Lines of a table; the columns in `numbers` are set to the right."""
    cells = [[clean(cell) for cell in row] for row in (head, *rows)]
    widths = [max(width(row[column]) for row in cells) for column in range(len(head))]
    rule = ["-" * size for size in widths]
    return [
        "  ".join(padded(cell, widths[column], right=column in numbers) for column, cell in enumerate(row)).rstrip()
        for row in (cells[0], rule, *cells[1:])
    ]
