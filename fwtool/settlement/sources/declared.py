"""CSV and fixed-length files after a declared layout."""

import csv
import datetime
import pathlib
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, Final

from formats.errors import FormatError
from fwtool.settlement import money
from fwtool.settlement.clock import Pattern
from fwtool.settlement.layout import FIELDS, Footer, Layout
from fwtool.settlement.lines import FileFacts, Line, Lines
from fwtool.settlement.sources.recorder import Cells, Recorder
from fwtool.settlement.sources.text import byte_lines, encoding_of, opened, text_lines

_DAY_FORMS: Final = {6: Pattern("YYMMDD"), 8: Pattern("YYYYMMDD")}


def read(path: pathlib.Path, layout: Layout) -> Lines:
    """The lines of a file; its `FileFacts` is what the generator returns.

    Raises:
        FormatError: it is not of this layout, or its own totals do not hold.
        LocalError: it cannot be read.
    """
    near = name_day(path.name, layout)
    rows = _fixed_rows(path, layout) if layout.fixed else _csv_rows(path, layout)
    head = next(rows, None)
    if head is None:
        raise FormatError(f"{path.name} is empty", hint="An empty file is not an empty day; fetch it again.")
    columns, recorder = _Columns(layout, head[1]), Recorder(layout, near)
    footer = _Footer(layout.footer) if layout.footer else None
    for place, row in rows:
        if footer and footer.takes(row, place):
            continue
        try:
            made = recorder.lines(place, columns.cells(row))
        except FormatError as error:
            raise FormatError(f"line {place} of {path.name}: {error.message}", name=error.name, hint=error.hint) from error
        for line in made:
            if footer:
                footer.add(line)
            yield line
    if footer:
        footer.check(path.name)
    warnings = (f"{recorder.full_cards} full card numbers were masked",) if recorder.full_cards else ()
    return FileFacts(near, near, warnings, layout.bank)


def name_day(name: str, layout: Layout) -> datetime.date | None:
    """The day a file is about, from its name.

    Raises:
        FormatError: the layout expects it there, and it is not.
    """
    if layout.name_date is None:
        return None
    found = layout.name_date.search(name)
    form = _DAY_FORMS.get(len(found["date"])) if found and found["date"] else None
    if found is None or form is None:
        raise FormatError(f"the name {name} has no date where the layout {layout.id} expects it")
    return form.read(found["date"]).date()


def _csv_rows(path: pathlib.Path, layout: Layout) -> Iterator[tuple[int, list[str]]]:
    """The header first, then the rows, each with the number of its line."""
    lines = text_lines(path, encoding_of(path, layout.encodings))
    before = _skip(lines, layout, path.name) if layout.skip_until else 0
    reader = csv.reader(_until(lines, layout.stop_at) if layout.stop_at else lines, delimiter=layout.separator, strict=True)
    try:
        for row in reader:
            if row:
                yield before + reader.line_num, row
    except csv.Error as error:
        raise FormatError(f"line {before + reader.line_num} of {path.name}: {error}") from error


def _skip(lines: Iterator[str], layout: Layout, name: str) -> int:
    """How many lines stand before the header."""
    for number, line in enumerate(lines, 1):
        if layout.skip_until in line:
            return number
    raise FormatError(f"{name} has no line with {layout.skip_until!r}: it is not of the layout {layout.id}")


def _until(lines: Iterator[str], mark: str) -> Iterator[str]:
    for line in lines:
        if line.startswith(mark):
            return
        yield line


def _fixed_rows(path: pathlib.Path, layout: Layout) -> Iterator[tuple[int, Any]]:
    yield 0, ()
    with opened(path) as file:
        for number, line in enumerate(byte_lines(file, path.name), 1):
            if len(line) != layout.record:
                raise FormatError(
                    f"line {number} of {path.name} has {len(line)} bytes, a record of {layout.id} has {layout.record}"
                )
            yield number, line


class _Footer:
    """Totals that the file has of itself, held against its lines."""

    def __init__(self, footer: Footer) -> None:
        self._footer = footer
        self._times, self._sum = 0, Decimal(0)
        self._said: Sequence[str] | None = None

    def takes(self, row: Sequence[str], place: int) -> bool:
        """Whether this row is the footer."""
        if row[0].startswith(self._footer.starts):
            self._said = row
            return True
        if self._said is not None:
            raise FormatError(f"line {place} stands behind the totals")
        return False

    def add(self, line: Line) -> None:
        self._times += 1
        self._sum += line.amount

    def check(self, name: str) -> None:
        """Raises FormatError if the totals do not hold."""
        again = "Fetch it again."
        if self._said is None:
            raise FormatError(f"{name} has no line that starts with {self._footer.starts!r}: it is cut off", hint=again)
        for column, found in ((self._footer.count, self._times), (self._footer.sum, self._sum)):
            if column is None:
                continue
            said = money.parse(self._said[column].strip() if column < len(self._said) else "", 9)
            if said != found:
                raise FormatError(f"{name} says {said} in its totals, its lines come to {found}", hint=again)


class _Columns:
    """Takes the fields out of a row, every place resolved once."""

    def __init__(self, layout: Layout, head: Sequence[str]) -> None:
        self._layout = layout
        names = [] if layout.fixed else self._names(head)
        self._spans = [tuple(map(int, layout.columns.get(field, ()))) for field in FIELDS] if layout.fixed else []
        self._encoding = layout.encodings[0]
        listed = [] if layout.fixed else [self._places(field, names) for field in FIELDS]
        self._single = [places[0] if places else -1 for places in listed]
        self._joined = [(place, places) for place, places in enumerate(listed) if len(places) > 1]
        self._most = max((place for places in listed for place in places), default=-1)

    def _names(self, head: Sequence[str]) -> list[str]:
        names = [name.strip().removeprefix(self._layout.guard).strip() for name in head]
        missing = [word for word in self._layout.header if word not in names]
        if missing:
            raise FormatError(
                f"the header has no {missing[0]!r}: this is not a file of the layout {self._layout.id}",
                name="unsupported_format",
            )
        return names

    def _places(self, field: str, names: list[str]) -> list[int]:
        words = [str(word) for word in self._layout.columns.get(field, ())]
        if double := next((word for word in words if names.count(word) > 1), None):
            raise FormatError(f"the header has {names.count(double)} columns {double!r}, expected one")
        missing = next((word for word in words if word not in names), None)
        if missing is not None and field not in self._layout.optional:
            raise FormatError(f"the header has no {missing!r}, which the layout {self._layout.id} reads as {field}")
        return [] if missing is not None else [names.index(word) for word in words]

    def cells(self, row: Any) -> Cells:
        """A text for each field; raises FormatError."""
        if self._spans:
            return self._fixed(row)
        if len(row) <= self._most:
            raise FormatError(f"{len(row)} columns, expected at least {self._most + 1}")
        if guard := self._layout.guard:
            row = [cell.strip().removeprefix(guard) for cell in row]
        found = [row[place].strip() if place >= 0 else "" for place in self._single]
        for field, places in self._joined:
            found[field] = " ".join(row[place].strip() for place in places).strip()
        return found

    def _fixed(self, record: bytes) -> Cells:
        found = []
        for field, span in zip(FIELDS, self._spans, strict=True):
            try:
                found.append(record[span[0] : span[0] + span[1]].decode(self._encoding).strip() if span else "")
            except UnicodeDecodeError:
                raise FormatError(f"the column {field} is not {self._encoding}") from None
        return found
