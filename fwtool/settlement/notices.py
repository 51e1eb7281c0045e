"""Files of maintenance times: iCalendar, CSV, or the text of a notice."""

import csv
import datetime
import pathlib
from collections.abc import Mapping, Sequence
from typing import Final

from formats.errors import FormatError
from fwtool.files import read_small
from fwtool.settlement import calendar_file, prose
from fwtool.settlement.clock import zone as zone_named
from fwtool.settlement.sources.text import encoding_of, text_lines
from fwtool.settlement.windows import EFFECTS, MAX_WINDOWS, SERVICES, Notice, Window, window

MAX_FILE: Final = 4 << 20
COLUMNS: Final = ("bank", "start", "end", "services", "effect")
"""Of a CSV file: start and end as ISO 8601, services joined by +, the last two may be empty or missing."""


def read(
    path: pathlib.Path,
    kind: str,
    issued: datetime.date,
    zone: str,
    names: Mapping[str, Sequence[str]],
    bank: str = "",
) -> Notice:
    """Read one.

    Args:
        kind: `ics`, `windows-csv` or `notice`.

    Raises:
        FormatError: it is not what it should be.
        LocalError: it cannot be read.
        ToolError: the library for calendars is not installed (`missing_component`).
    """
    if kind == "ics":
        return calendar_file.read(read_small(path, MAX_FILE), zone, names, bank)
    lines = text_lines(path, encoding_of(path))
    if kind == "windows-csv":
        return _table(lines, zone)  # type: ignore[arg-type]
    return prose.read("\n".join(lines), issued, zone, names, bank)


def is_table(first_line: str) -> bool:
    """Whether a file that begins so is a CSV file of windows."""
    return [word.strip() for word in first_line.split(",")][:3] == list(COLUMNS[:3])


def _table(lines: Sequence[str], zone: str) -> Notice:
    try:
        rows = list(csv.reader(lines, strict=True))
    except csv.Error as error:
        raise FormatError(f"the list of windows is no CSV file: {error}") from error
    if len(rows) > MAX_WINDOWS:
        raise FormatError(f"there are {len(rows)} windows, at most {MAX_WINDOWS} are read", name="too_large")
    if not rows or tuple(word.strip() for word in rows[0]) not in (COLUMNS, COLUMNS[:4], COLUMNS[:3]):
        raise FormatError(f"the header of a list of windows is {','.join(COLUMNS)}")
    return Notice(tuple(_row(number, row, zone) for number, row in enumerate(rows[1:], 2) if row))


def _row(number: int, row: list[str], zone: str) -> Window:
    bank, start, end, services, effect = [*(cell.strip() for cell in row), "", "", "", "", ""][:5]
    listed = tuple(filter(None, services.split("+")))
    if (unknown := [one for one in listed if one not in SERVICES]) or (effect and effect not in EFFECTS):
        raise FormatError(f"line {number}: {(unknown or [effect])[0]!r}; known: {', '.join((*SERVICES, *EFFECTS))}")
    moments = []
    for text in (start, end):
        try:
            moment = datetime.datetime.fromisoformat(text)
        except ValueError:
            raise FormatError(f"line {number}: {text[:40]!r} is no time (expected 2026-05-03T23:00)") from None
        moments.append(moment if moment.tzinfo else moment.replace(tzinfo=zone_named(zone)))
    if moments[1] <= moments[0]:
        raise FormatError(f"line {number}: the window ends at {end}, before it begins at {start}")
    return window(bank, moments[0], moments[1], zone=zone, services=listed, effect=effect or "stopped", text=",".join(row)[:300])
