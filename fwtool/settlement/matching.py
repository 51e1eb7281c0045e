"""The three-way match: journal with the bank's file line by line, with batch totals, and with the account.

Both sides are sorted by a key and read side by side, so memory does not grow with them. Keys in this order: terminal, batch
and trace number; reference number; order number; terminal, amount and card within a quarter of an hour. What one key leaves
over goes to the next.
"""

import dataclasses
import datetime
import functools
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, NamedTuple

from fwtool.settlement import accounts, batches
from fwtool.settlement.importing_windows import all_windows
from fwtool.settlement.items import Item, state_of
from fwtool.settlement.judging import Days, Judge
from fwtool.settlement.lines import KINDS
from fwtool.settlement.merging import CHUNK, Keeper, groups, side_by_side
from fwtool.settlement.money import Money
from fwtool.settlement.pairing import APPROVED, COLUMNS, MAX_GROUP, Paired, Row, pair, probable
from fwtool.settlement.places import Places
from fwtool.settlement.store import Store
from fwtool.settlement.terms import Settings, Terms
from fwtool.settlement.working_days import DAY, Calendars

_VOID: Final = KINDS.index("void")


class Pass(NamedTuple):
    """One key: its name, the SQL of it, and how a group is paired."""

    name: str
    sql: str
    pair: Callable[[list[Row], list[Row], int], Paired]


PASSES: Final = (
    Pass("trace", "key", pair),
    Pass("reference", "terminal || '/' || rrn", pair),
    Pass("order", "ord", pair),
    Pass("probable", "terminal || '/' || units || '/' || currency || '/' || last4", probable),
)


@dataclasses.dataclass
class Outcome:
    """What a match came to."""

    as_of: datetime.date
    matched: int = 0
    counts: Counter[str] = dataclasses.field(default_factory=Counter)
    """Items by kind."""
    open: int = 0
    doubtful: int = 0
    statistics: dict[str, Any] = dataclasses.field(default_factory=dict)
    notes: list[tuple[str, ...]] = dataclasses.field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {
            "as_of": self.as_of.isoformat(), "matched": self.matched, "items": dict(sorted(self.counts.items())),
            "open": self.open, "doubtful": self.doubtful, "statistics": self.statistics,
            "notes": [list(note) for note in self.notes],
        }  # fmt: skip


def match(store: Store, settings: Settings, as_of: datetime.date) -> Outcome:
    """Match everything that is in the store; the items of the match before are replaced.

    Args:
        as_of: Today, for ages and for what is still waited for.
    """
    run = _Run(store, settings, as_of)

    def act() -> Outcome:
        store.database.execute("DELETE FROM items")
        run.go()
        store.put("outcome", json.dumps(run.outcome.as_json()))
        return run.outcome

    found: Outcome = store.whole(act)
    run.tidy()
    return found


class _Run:
    """One match."""

    def __init__(self, store: Store, settings: Settings, as_of: datetime.date) -> None:
        self.outcome = Outcome(as_of)
        self._store, self._settings, self._as_of = store, settings, as_of
        self._calendars, self._windows = Calendars(settings.calendars), all_windows(store)
        self._judges: dict[int, Judge] = {}
        self._places = Places(store)
        self._items: list[tuple[str, str, str]] = []
        self._without: Counter[tuple[str, int, int, int]] = Counter()
        self._sums: Counter[tuple[str, int, int, int]] = Counter()

    def go(self) -> None:
        database = self._store.database
        for side in ("journal", "bank"):
            database.execute(f"CREATE TEMP TABLE doubles_{side} (id INTEGER PRIMARY KEY)")
        for number, step in enumerate(PASSES):
            self._pass(number, step)
        self._net_voids()
        self._leftovers()
        for judge in self._judges.values():
            self._write(judge.fees.days())
        self._write(batches.compare(self._store, self._places))
        found, notes = accounts.compare(self._store, self._settings, self._calendars, self._windows)
        self._write(found)
        self.outcome.notes += notes
        self._flush()
        self._finish()

    def tidy(self) -> None:
        for side in ("journal", "bank"):
            self._store.database.execute(f"DROP TABLE IF EXISTS temp.doubles_{side}")
            for number in range(len(PASSES)):
                self._store.database.execute(f"DROP TABLE IF EXISTS temp.left_{side}_{number}")

    # -- passes -----------------------------------------------------------------------------------------------------

    def _pass(self, number: int, step: Pass) -> None:
        for side in ("journal", "bank"):
            self._store.database.execute(f"CREATE TEMP TABLE left_{side}_{number} (id INTEGER PRIMARY KEY)")
            self._pass_on(side, number, step)
        streams = [groups(self._rows(side, number, step)) for side in ("journal", "bank")]
        left = {side: Keeper(self._store.database, f"left_{side}_{number}") for side in ("journal", "bank")}
        doubles = {side: Keeper(self._store.database, f"doubles_{side}") for side in ("journal", "bank")}
        window_s = functools.cache(lambda bank: self._terms(bank).same_key_days * 86400)
        for ours, theirs in side_by_side(*streams):
            if len(ours) > MAX_GROUP or len(theirs) > MAX_GROUP:
                found = Paired(left_journal=ours, left_bank=theirs)
            else:
                found = step.pair(ours, theirs, window_s((ours or theirs)[0].bank))
            self._take(found, step.name)
            for keeper, rows in (
                (left["journal"], found.left_journal), (left["bank"], found.left_bank),
                (doubles["journal"], found.doubles_journal), (doubles["bank"], found.doubles_bank),
            ):  # fmt: skip
                if rows:
                    keeper.add(rows)
        for keeper in (*left.values(), *doubles.values()):
            keeper.flush()

    def _terms(self, bank: int) -> Terms:
        return self._settings.terms(self._store.name(bank))

    def _pass_on(self, side: str, number: int, step: Pass) -> None:
        """What has no such key goes to the next pass as it is."""
        source = side if not number else f"left_{side}_{number - 1} JOIN {side} USING (id)"
        self._store.database.execute(f"INSERT INTO left_{side}_{number} SELECT id FROM {source} WHERE {step.sql} IS NULL")  # noqa: S608 - own names

    def _rows(self, side: str, number: int, step: Pass) -> Iterator[tuple[Any, ...]]:
        source = side if not number else f"left_{side}_{number - 1} JOIN {side} USING (id)"
        columns = ", ".join(f"{side}.{column}" for column in COLUMNS)
        return self._store.rows(
            f"SELECT {columns}, {step.sql} FROM {source} WHERE {step.sql} IS NOT NULL ORDER BY {len(COLUMNS) + 1}, time"  # noqa: S608 - own names
        )

    def _take(self, found: Paired, how: str) -> None:
        for one, other in found.pairs:
            self.outcome.matched += 1
            if how == "trace" and self._judge(other).in_order(one, other):
                continue
            for item in self._judge(other).pair(one, other, how):
                self._add(item)
        if not (found.explained or found.collisions or found.doubles_bank or found.doubles_journal):
            return
        for one, other in found.explained:
            self._write(self._judge(other).explained(one, other))
        for one, other in found.collisions:
            self._write(self._judge(other).collision(one, other))
        for row, first in found.doubles_journal:
            self._write(self._judge(row).double("journal", row, first))
        for row, first in found.doubles_bank:
            self._write(self._judge(row).double("bank", row, first))

    def _judge(self, row: Row) -> Judge:
        judge = self._judges.get(row.bank)
        if judge is None:
            judge = Judge(self._terms(row.bank), self._calendars, self._windows, self._days(row.bank), self._as_of, self._places)
            self._judges[row.bank] = judge
        return judge

    def _days(self, bank: int) -> Days:
        sql = "SELECT DISTINCT day FROM covered WHERE side = ? AND bank = ?"
        covered = [frozenset(day for (day,) in self._store.rows(sql, (side, bank))) for side in ("bank", "journal")]
        return Days(*covered)

    # -- what is left -----------------------------------------------------------------------------------------------

    def _net_voids(self) -> None:
        """A sale and the void that took it back in the same batch, both unknown to the bank: nothing is missing."""
        last = f"left_journal_{len(PASSES) - 1}"
        database = self._store.database
        database.execute("CREATE TEMP TABLE open_keys (key INTEGER PRIMARY KEY, id INTEGER, units INTEGER) WITHOUT ROWID")
        database.execute(
            f"INSERT OR IGNORE INTO open_keys SELECT key, id, units FROM {last} JOIN journal USING (id) "  # noqa: S608 - own names
            "WHERE key IS NOT NULL AND state = ?", (APPROVED,),
        )  # fmt: skip
        found = database.execute(
            f"SELECT id, sale FROM (SELECT v.id AS id, s.id AS sale FROM {last} JOIN journal v USING (id) JOIN open_keys s "  # noqa: S608 - own names
            "ON s.key = v.point * 1000000 + v.original AND s.units = -v.units WHERE v.kind = ? AND v.state = ?)",
            (_VOID, APPROVED),
        ).fetchall()
        database.executemany(f"DELETE FROM {last} WHERE id = ?", [(number,) for both in found for number in both])  # noqa: S608 - own names
        database.execute("DROP TABLE open_keys")

    def _leftovers(self) -> None:
        for side in ("journal", "bank"):
            columns = ", ".join(f"{side}.{column}" for column in COLUMNS)
            last = f"left_{side}_{len(PASSES) - 1}"
            for values in self._store.rows(f"SELECT {columns}, NULL FROM {last} JOIN {side} USING (id) ORDER BY id"):  # noqa: S608 - own names
                self._left(side, Row._make(values))
        for (kind, bank, currency, day), count in sorted(self._without.items()):
            self._add(self._missing_file(kind, bank, currency, day, count))

    def _left(self, side: str, row: Row) -> None:
        judge = self._judge(row)
        if side == "journal" and row.state != APPROVED:
            judge.seen(row)
            return
        item = judge.left_journal(row) if side == "journal" else judge.left_bank(row)
        if item is not None:
            self._add(item)
            return
        kind = "no_file" if side == "journal" else "no_journal"
        key = (kind, row.bank, row.currency, judge.day(row))
        if kind == "no_journal" or key[3] < self._as_of.toordinal():
            self._without[key] += 1
            self._sums[key] += row.units

    def _missing_file(self, kind: str, bank: int, currency_number: int, day: int, count: int) -> Item:
        currency = self._store.name(currency_number)
        amount = str(Money(self._sums[kind, bank, currency_number, day], currency))
        mine, theirs = (amount, None) if kind == "no_file" else (None, amount)
        return Item(kind, state_of(kind), day, self._store.name(bank), currency, mine, theirs, "0",
                    reason="lines", arguments=(str(count),), lines=count)  # fmt: skip

    # -- results ----------------------------------------------------------------------------------------------------

    def _write(self, items: Iterable[Item]) -> None:
        for item in items:
            self._add(item)

    def _add(self, item: Item) -> None:
        self.outcome.counts[item.kind] += 1
        self.outcome.open += item.state == "open"
        self.outcome.doubtful += item.state == "doubtful"
        self._items.append((item.kind, item.state, item.body()))
        if len(self._items) >= CHUNK:
            self._flush()

    def _flush(self) -> None:
        self._store.database.executemany("INSERT INTO items (kind, state, body) VALUES (?, ?, ?)", self._items)
        self._items.clear()

    def _finish(self) -> None:
        for judge in self._judges.values():
            self.outcome.statistics[judge.terms.bank or "-"] = judge.tally.as_json()
            if judge.tally.unknown:
                name = judge.terms.calendar
                end = self._calendars.ends(name, self._as_of + 366 * DAY)
                note = ("calendar_ends", judge.terms.bank, str(judge.tally.unknown), name, end.isoformat())
                self.outcome.notes.append(note)
