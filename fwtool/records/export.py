"""The log as a file for others: JSON lines exactly as they were hashed, or a table for a spreadsheet."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any, BinaryIO, Final

from fwtool.records.entry import Row
from fwtool.text import clean

COLUMNS: Final = (
    "number", "time", "job", "kind", "act", "technician", "serial_number", "port", "package", "version_before",
    "version_after", "verdict", "error", "message",
)  # fmt: skip
"""Fields that have a column of their own; the rest stands together in `more`, as JSON."""
_KNOWN_BY_NUMBER: Final = ("schema", "previous")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What a spreadsheet may take for the start of a formula (OWASP, CSV Injection)."""

Write = Callable[[Iterable[Row], BinaryIO], int]


def day_of(row: Row) -> str:
    """YYYY-MM-DD, UTC."""
    return str((row.fields or {}).get("time", ""))[:10]


def span(rows: Iterable[Row], since: str, until: str) -> tuple[int, int]:
    """Numbers of the first entry from the day `since` on, and of the last one up to the end of the day `until`; what lies
    between goes with them wherever the clock once went back, so that the chain of the piece can be verified.

    Args:
        since: YYYY-MM-DD, UTC; empty: from the beginning.
        until: Likewise; empty: to the end.

    Returns:
        (1, 0) if there is none.
    """
    first, last = 0, 0
    for row in rows:
        day = day_of(row)
        if not first and day >= since:
            first = row.number
        if first and (not until or day <= until):
            last = row.number
    return (first, last) if last else (1, 0)


def write_json_lines(rows: Iterable[Row], file: BinaryIO) -> int:
    """One entry a line, its bytes as they were hashed; get the number of entries."""
    count = 0
    for row in rows:
        file.write(row.body + b"\n")
        count += 1
    return count


def write_csv(rows: Iterable[Row], file: BinaryIO) -> int:
    """A table that Excel opens with a double click: UTF-8 with byte order mark, lines end with CR LF, no formula in it."""
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="", write_through=True)
    table = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    table.writerow([*COLUMNS, "more", "hash"])
    count = 0
    for row in rows:
        table.writerow([cell(value) for value in _cells(row)])
        count += 1
    text.detach()
    return count


def _cells(row: Row) -> Sequence[Any]:
    fields = row.fields
    if fields is None:  # a damaged entry is evidence too
        return [row.number, *[""] * (len(COLUMNS) - 1), row.body.decode("utf-8", "replace"), row.hash.decode("utf-8", "replace")]
    more = {name: value for name, value in fields.items() if name not in (*COLUMNS, *_KNOWN_BY_NUMBER)}
    told = json.dumps(more, ensure_ascii=False) if more else ""
    return [*(fields.get(name, "") for name in COLUMNS), told, row.hash.decode("utf-8", "replace")]


def cell(value: Any) -> str:
    """A value as text that is text for a spreadsheet too: what could start a formula gets an apostrophe in front."""
    text = str(value)
    return ("'" if text.lstrip(" ").startswith(_FORMULA) else "") + clean(text)


WRITERS: Final[dict[str, Write]] = {".json": write_json_lines, ".jsonl": write_json_lines, ".csv": write_csv}
"""By the end of the file's name."""
