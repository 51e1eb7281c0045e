"""Exports of a terminal's transactions: CSV of a layout that `fwtool settlement` knows, or JSON with the names of the layout
`journal`; and one thing that settlement does not need, how the card was read.
"""

import csv
import datetime
import importlib.resources
import json
import pathlib
import sys
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple

from formats.errors import FormatError
from fwtool.files import read_small
from fwtool.settlement.layout import FIELDS, Layout
from fwtool.settlement.lines import Line, Side
from fwtool.settlement.lint import load_toml
from fwtool.settlement.sources import declared
from fwtool.settlement.sources.detect import kind_of
from fwtool.settlement.sources.recorder import Recorder
from fwtool.settlement.sources.text import encoding_of, text_lines
from fwtool.settlement.terms import read_settings

MAX_JSON: Final = 8 << 20
MAX_RECORDS: Final = 100_000
"""Of one file; about a year of a busy terminal."""
JOURNAL: Final = "journal"
ENTRY_COLUMNS: Final = ("entry", "entry_mode", "pos_entry", "输入方式", "刷卡方式")
"""Columns that may say how the card was read."""
MODES: Final[dict[str, str]] = {
    "01": "manual", "02": "swipe", "05": "chip", "07": "contactless", "80": "fallback", "90": "swipe", "91": "contactless",
    "manual": "manual", "keyed": "manual", "swipe": "swipe", "chip": "chip", "contactless": "contactless",
    "fallback": "fallback", "手输": "manual", "手工": "manual", "磁条": "swipe", "芯片": "chip", "插卡": "chip",
    "非接": "contactless", "闪付": "contactless", "降级": "fallback",
}  # fmt: skip
"""First two digits of the POS entry mode (ISO 8583:1987, field 22), or words -> how the card was read."""


class Record(NamedTuple):
    """What rules look at in one transaction."""

    place: int
    """Line or number in its file, from one."""
    when: datetime.datetime
    """With a time zone."""
    kind: str
    state: str
    amount: Decimal
    currency: str
    terminal: str
    stan: str
    original: str
    """Trace number of the sale that a refund is for."""
    last4: str
    entry: str = ""
    """How its card was read; empty: not told."""

    @property
    def card(self) -> str:
        """As it may be shown."""
        return f"**** {self.last4}" if self.last4 else ""


def _record(line: Line, entry: str) -> Record | None:
    """None: it has no time."""
    if line.time is None:
        return None
    same = map(sys.intern, (line.kind, line.state, line.currency, line.terminal, line.last4, entry))
    kind, state, currency, terminal, last4, how = same
    return Record(
        line.place, line.time, kind, state, line.amount, currency, terminal, line.stan, line.original, last4, how
    )  # fmt: skip


class Journal(NamedTuple):
    """All transactions in order of time."""

    records: tuple[Record, ...]
    without_time: int
    """Lines that have none."""


def layouts(file: pathlib.Path | None = None) -> dict[str, Layout]:
    """Layouts of terminals' journals: those that ship, and those of a settings file of `fwtool settlement`."""
    text = importlib.resources.files("fwtool.settlement").joinpath("layouts.toml").read_text("utf-8")
    found = dict(read_settings(text, "layouts.toml").layouts)
    if file is not None:
        found |= read_settings(load_toml(file), file.name).layouts
    return {name: layout for name, layout in found.items() if layout.side is Side.JOURNAL}


def read(path: pathlib.Path, known: Mapping[str, Layout]) -> Journal:
    """Read one export.

    Raises:
        FormatError: it is none, or a line of it is damaged.
        LocalError: it cannot be read.
    """
    lines = _json_lines(path, known) if path.suffix.lower() in (".json", ".jsonl") else _csv_lines(path, known)
    records: list[Record] = []
    without_time = 0
    for line, entry in lines:
        record = _record(line, entry)
        if record is None:
            without_time += 1
        elif len(records) == MAX_RECORDS:
            hint = "Export shorter times, such as a month; refunds are held against the sales of the same file."
            raise FormatError(f"{path.name} has more than {MAX_RECORDS} transactions", name="too_large", hint=hint)
        else:
            records.append(record)
    records.sort(key=lambda record: (record.when, record.place))
    return Journal(tuple(records), without_time)


def _csv_lines(path: pathlib.Path, known: Mapping[str, Layout]) -> Iterator[tuple[Line, str]]:
    kind = kind_of(path, known)
    if kind not in known:
        raise FormatError(f"{path.name} is no journal of a terminal ({kind})", name="unsupported_format")
    layout = known[kind]
    entries = iter(()) if layout.fixed or layout.skip_until else _entries(path, layout)
    at, entry = 0, ""
    for line in declared.read(path, layout):
        while at < line.place:
            at, entry = next(entries, (sys.maxsize, ""))
        yield line, entry if at == line.place else ""


def _entries(path: pathlib.Path, layout: Layout) -> Iterator[tuple[int, str]]:
    """Number of the line, and how the card was read, line by line; nothing if no column says it."""
    table = csv.reader(text_lines(path, encoding_of(path, layout.encodings)), delimiter=layout.separator, strict=True)
    head = [name.strip() for name in next(table, [])]
    at = next((head.index(name) for name in ENTRY_COLUMNS if name in head), None)
    if at is not None:
        for row in table:
            if len(row) > at:
                yield table.line_num, mode(row[at])


def mode(written: str) -> str:
    """How the card was read; empty if that is not known."""
    word = written.strip().lower()
    return MODES.get(word) or (MODES.get(word[:2], "") if word.isdigit() and len(word) in (2, 3, 4) else "")


def _json_lines(path: pathlib.Path, known: Mapping[str, Layout]) -> Iterator[tuple[Line, str]]:
    layout = known[JOURNAL]
    recorder = Recorder(layout, None)
    for place, row in enumerate(_objects(path), 1):
        texts = {key: "" if value is None else str(value) for key, value in row.items() if not isinstance(value, dict | list)}
        cells = [" ".join(texts.get(str(name), "") for name in layout.columns.get(field, ())).strip() for field in FIELDS]
        missing = next((word for word in layout.header if word not in row), None)
        if missing:
            raise FormatError(f"transaction {place} of {path.name} has no {missing!r}")
        try:
            lines = recorder.lines(place, cells)
        except FormatError as error:
            raise FormatError(f"transaction {place} of {path.name}: {error.message}", hint=error.hint) from error
        entry = next((mode(texts[name]) for name in ENTRY_COLUMNS if name in texts), "")
        yield from ((line, entry) for line in lines)


def _objects(path: pathlib.Path) -> list[dict[str, Any]]:
    """A list of objects, or one object a line; amounts keep their decimals."""
    raw = read_small(path, MAX_JSON)
    try:
        text = raw.decode("utf-8-sig")
        whole = text.lstrip().startswith("[")
        found = _load(text) if whole else [_load(line) for line in text.splitlines() if line.strip()]
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path.name} is not JSON: {error}", name="unsupported_format") from error
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise FormatError(f"{path.name} is no list of transactions", name="unsupported_format")
    return found


def _load(text: str) -> Any:
    return json.loads(text, parse_float=str, parse_int=str)
