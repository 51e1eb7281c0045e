"""One file into the store: which kind it is, its lines, the days it covers. The same file a second time changes nothing."""

import dataclasses
import datetime
import pathlib
import zoneinfo
from collections.abc import Callable, Generator, Mapping
from typing import Any, Final

from formats.errors import FormatError
from fwtool.settlement import money
from fwtool.settlement.clock import epoch, zone
from fwtool.settlement.layout import Layout
from fwtool.settlement.lines import KINDS, STATES, FileFacts, Line, Lines, Side
from fwtool.settlement.sources import alipay, camt, declared, mt940, wechat
from fwtool.settlement.store import Numbers, Store
from fwtool.settlement.terms import Settings

CHUNK: Final = 10_000
_KIND: Final = {kind: number for number, kind in enumerate(KINDS)}
_STATE: Final = {state: number for number, state in enumerate(STATES)}
_TRACE_DIGITS: Final = 6
TRACES: Final = 10**_TRACE_DIGITS
_INSERTS: Final = {
    **{side: f"INSERT INTO {side} VALUES (NULL, {', '.join('?' * 19)})" for side in ("journal", "bank")},  # noqa: S608 - own names
    "totals": f"INSERT INTO totals VALUES ({', '.join('?' * 9)})",  # noqa: S608 - own names
    "account": f"INSERT INTO account VALUES ({', '.join('?' * 8)})",  # noqa: S608 - own names
}
MAX_COVERED: Final = 4000
"""Days of one file."""


@dataclasses.dataclass(frozen=True)
class Imported:
    """What came of one file. `new` is False if it was there before."""

    name: str
    kind: str
    rows: int
    new: bool
    first_day: datetime.date | None = None
    last_day: datetime.date | None = None
    warnings: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        days = [day.isoformat() if day else None for day in (self.first_day, self.last_day)]
        return {
            "name": self.name, "kind": self.kind, "rows": self.rows, "new": self.new, "first_day": days[0], "last_day": days[1],
            "warnings": list(self.warnings),
        }  # fmt: skip


def reader(path: pathlib.Path, kind: str, layouts: Mapping[str, Layout], zone_name: str) -> Lines:
    """The lines of a file of a known kind."""
    fixed: dict[str, Callable[[], Lines]] = {
        "camt": lambda: camt.read(path, zone_name),
        "mt940": lambda: mt940.read(path),
        "alipay": lambda: alipay.read(path),
        "wechat": lambda: wechat.read(path),
    }
    return fixed[kind]() if kind in fixed else declared.read(path, layouts[kind])


class Importer:
    """Writes the lines of one file."""

    def __init__(self, store: Store, settings: Settings, bank: str, side: Side | None) -> None:
        self._store, self._settings, self._side = store, settings, side
        self._numbers = Numbers(store.database)
        self._bank = bank or (next(iter(settings.banks)) if len(settings.banks) == 1 else "")
        self._called = {word: name for name, terms in settings.banks.items() for word in (name, *terms.names)}
        self._zones: dict[str, zoneinfo.ZoneInfo] = {}
        self._covered: set[tuple[str, int, int]] = set()

    def run(self, source: int, lines: Lines) -> tuple[int, FileFacts]:
        """Write all lines; get their number and what the file says of itself.

        Raises:
            FormatError: as the reader, or lines of more than `MAX_COVERED` days.
        """
        wrapped = _Returning(lines)
        rows = 0
        pending: dict[str, list[Any]] = {table: [] for table in ("journal", "bank", "totals", "account")}
        for line in wrapped:
            table = self._table(line)
            pending[table].append(self._row(source, line, table))
            rows += 1
            if len(pending[table]) >= CHUNK:
                self._write(table, pending[table])
        for table, left in pending.items():
            self._write(table, left)
        facts = wrapped.value or FileFacts()
        self._cover(source, facts)
        days = [datetime.date.fromordinal(day) for _, _, day in self._covered]
        if facts.first_day is None and days:
            return rows, FileFacts(min(days), max(days), facts.warnings)
        return rows, facts

    def _table(self, line: Line) -> str:
        """Files of banks have postings and transactions; a declared layout has one side."""
        if self._side is not None:
            return str(self._side)
        return "account" if line.kind == "posting" else "bank"

    def _write(self, table: str, rows: list[Any]) -> None:
        if rows:
            sql = _INSERTS[table]
            self._store.database.executemany(sql, rows)
            rows.clear()

    def _row(self, source: int, line: Line, table: str) -> tuple[Any, ...]:
        currency = self._numbers.name(line.currency)
        units = money.to_units(line.amount, money.places(line.currency))
        if table == "account":
            return self._posting(source, line, currency, units)
        bank = self._called.get(line.bank, line.bank) or self._bank
        number = self._numbers.name(bank)
        if table == "totals":
            return self._total(source, line, number, currency, units)
        day = self._day(line, bank)
        if day is not None:
            self._covered.add((table, number, day))
        terminal = point = key = None
        if line.terminal:
            terminal = self._numbers.name(line.terminal)
            if line.batch:
                point = self._numbers.point(terminal, line.batch)
                trace = _number(line.stan)
                key = None if trace is None else point * TRACES + trace
        value, moment, uploaded, fee, rrn = line.value_date, line.time, line.uploaded, line.fee, line.rrn
        return (
            source, line.place, number, _KIND[line.kind], _STATE[line.state], units, currency,
            None if moment is None else int(moment.timestamp()), None if line.day is None else line.day.toordinal(),
            None if value is None else value.toordinal(), key, point, terminal,
            rrn if rrn.strip("0") else None, line.order or None,
            _number(line.original) if line.original else None, line.last4 or None,
            None if fee is None else money.to_units(fee, money.FEE_PLACES), None if uploaded is None else epoch(uploaded),
        )  # fmt: skip

    def _day(self, line: Line, bank: str) -> int | None:
        if line.day is not None:
            return line.day.toordinal()
        moment = line.uploaded or line.time
        if moment is None:
            return None
        local = self._zones.get(bank) or self._zones.setdefault(bank, zone(self._settings.terms(bank).zone))
        return (moment if moment.tzinfo is local else moment.astimezone(local)).toordinal()

    def _total(self, source: int, line: Line, bank: int, currency: int, units: int) -> tuple[Any, ...]:
        point = self._numbers.point(self._numbers.name(line.terminal), line.batch)
        day = line.day or (line.time.date() if line.time else None)
        if day is None:
            raise FormatError(f"line {line.place}: totals without a date")
        return source, line.place, bank, point, currency, int(line.kind == "refund"), line.times, units, day.toordinal()

    def _posting(self, source: int, line: Line, currency: int, units: int) -> tuple[Any, ...]:
        day = line.value_date or line.day
        if day is None:
            raise FormatError(f"entry {line.place}: a posting without a date")
        told = f"{line.text} {line.order} {line.rrn} {line.batch}"
        mine = [name for name, terms in self._settings.banks.items() if terms.statement and terms.statement in told]
        return (
            source,
            line.place,
            self._numbers.name(mine[0] if mine else ""),
            currency,
            units,
            day.toordinal(),
            line.times,
            told.strip(),
        )

    def _cover(self, source: int, facts: FileFacts) -> None:
        """The days of its lines, and those it says it is complete for, have a file now."""
        days = set(self._covered)
        if facts.complete_for and facts.first_day and facts.last_day and self._side is not Side.TOTALS:
            bank = self._numbers.name(self._called.get(facts.complete_for, facts.complete_for))
            span = min((facts.last_day - facts.first_day).days, MAX_COVERED) + 1
            days |= {(str(self._side or Side.BANK), bank, facts.first_day.toordinal() + step) for step in range(span)}
        if len(days) > MAX_COVERED:
            raise FormatError(f"the file has lines of {len(days)} days, at most {MAX_COVERED} are taken", name="too_large")
        self._store.database.executemany(
            "INSERT OR IGNORE INTO covered VALUES (?, ?, ?, ?)", [(*key, source) for key in days]
        )  # fmt: skip


class _Returning:
    """An iterator that keeps what its generator returns."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self.value: FileFacts | None = None

    def __iter__(self) -> Generator[Line, None, None]:
        self.value = yield from self._lines


def _number(trace: str) -> int | None:
    return int(trace) if trace.isascii() and trace.isdecimal() and len(trace) <= _TRACE_DIGITS else None


def import_file(
    store: Store, settings: Settings, path: pathlib.Path, kind: str, sha256: str, bank: str, stamp: str, *, replace: bool
) -> Imported:
    """Take a file with transactions into the store.

    Args:
        sha256: Of its bytes; with the kind it says whether the file is there already.
        replace: Take out what came from a file of the same name and kind before.
        stamp: When, for the record.
    """

    def act() -> Imported:
        database = store.database
        old = database.execute("SELECT name, rows FROM sources WHERE sha256 = ? AND kind = ?", (sha256, kind)).fetchone()
        if old:
            return Imported(path.name, kind, old[1], new=False)
        if replace:
            _forget(store, path.name, kind)
        source = database.execute(
            "INSERT INTO sources (sha256, kind, name, rows, imported) VALUES (?, ?, ?, 0, ?)", (sha256, kind, path.name, stamp)
        ).lastrowid
        assert source is not None
        layout = settings.all_layouts.get(kind)
        terms = settings.terms(bank)
        rows, facts = Importer(store, settings, bank, layout.side if layout else None).run(
            source, reader(path, kind, settings.all_layouts, terms.zone)
        )
        database.execute("UPDATE sources SET rows = ? WHERE id = ?", (rows, source))
        return Imported(path.name, kind, rows, True, facts.first_day, facts.last_day, facts.warnings)

    found: Imported = store.whole(act)
    return found


def _forget(store: Store, name: str, kind: str) -> None:
    for (source,) in store.database.execute("SELECT id FROM sources WHERE name = ? AND kind = ?", (name, kind)).fetchall():
        for table in ("journal", "bank", "totals", "account", "covered"):
            store.database.execute(f"DELETE FROM {table} WHERE source = ?", (source,))  # noqa: S608 - own names
        store.database.execute("DELETE FROM sources WHERE id = ?", (source,))
