"""Batch totals that the terminal sent, held against its journal; and whose side the bank's file is on."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from fwtool.settlement.items import Item, state_of
from fwtool.settlement.lines import KINDS, STATES
from fwtool.settlement.money import Money
from fwtool.settlement.places import Places
from fwtool.settlement.store import Store

WRAP_DAYS: Final = 10
"""A batch number that comes again later than this is another batch."""
_APPROVED, _VOID, _REFUND = STATES.index("approved"), KINDS.index("void"), KINDS.index("refund")


class _Sum(NamedTuple):
    times: int = 0
    units: int = 0

    def __add__(self, other: Any) -> "_Sum":
        return _Sum(self.times + other[0], self.units + other[1])


class _Total(NamedTuple):
    source: int
    place: int
    bank: int
    point: int
    currency: int
    refunds: int
    times: int
    units: int
    day: int


def compare(store: Store, places: Places) -> Iterator[Item]:
    """Batches whose totals are not what the journal comes to, sales and refunds apart; a void takes a sale away."""
    if not store.database.execute("SELECT 1 FROM totals LIMIT 1").fetchone():
        return
    different = []
    for total, mine in _joined(store):
        if mine != (total.times, total.units):
            different.append((total, mine))
    theirs = _of_bank(store, {total.point for total, _ in different})
    for total, mine in different:
        yield _item(total, mine, theirs[total.point, total.currency, total.refunds], places)


_GROUPED: Final = """
  SELECT point, currency, kind = {refund} AS refunds, {day} AS day,
    SUM(CASE kind WHEN {void} THEN -1 ELSE 1 END), SUM(units)
  FROM {side} WHERE point IS NOT NULL AND state = {approved} AND id NOT IN (SELECT id FROM doubles_{side}) {more}
  GROUP BY 1, 2, 3, 4 ORDER BY 1, 4"""
_DAY: Final = "COALESCE(uploaded, time) / 86400 + 719163"


def _sql(side: str, day: str, more: str = "") -> str:
    return _GROUPED.format(side=side, day=day, refund=_REFUND, void=_VOID, approved=_APPROVED, more=more)


def _joined(store: Store) -> Iterator[tuple[_Total, _Sum]]:
    """Each of the totals with what the journal has of that batch up to the day it was closed."""
    totals = store.rows("SELECT source, place, bank, point, currency, refunds, count, units, day FROM totals ORDER BY point, day")
    journal = store.rows(_sql("journal", _DAY))
    ahead = next(journal, None)
    point, sums = None, {}  # type: int | None, dict[tuple[int, int, int], _Sum]
    for values in totals:
        total = _Total(*values)
        if total.point != point:
            point, sums = total.point, {}
            while ahead is not None and ahead[0] <= point:
                if ahead[0] == point:
                    sums[ahead[1], ahead[2], ahead[3]] = _Sum(ahead[4], ahead[5])
                ahead = next(journal, None)
        mine = _Sum()
        for (currency, refunds, day), found in sums.items():
            if (currency, refunds) == (total.currency, total.refunds) and -WRAP_DAYS <= day - total.day <= 1:
                mine += found
        yield total, mine


def _of_bank(store: Store, points: set[int]) -> dict[tuple[int, int, int], _Sum]:
    """What the bank's files have of some batches."""
    found: dict[tuple[int, int, int], _Sum] = defaultdict(_Sum)
    if points:
        store.database.execute("CREATE TEMP TABLE points_of_interest (point INTEGER PRIMARY KEY)")
        store.database.executemany("INSERT INTO points_of_interest VALUES (?)", [(point,) for point in points])
        for point, currency, refunds, _, count, units in store.rows(
            _sql("bank", "0", "AND point IN (SELECT point FROM points_of_interest)")
        ):
            found[point, currency, refunds] += (count, units)
        store.database.execute("DROP TABLE points_of_interest")
    return found


def _item(total: _Total, mine: _Sum, theirs: _Sum, places: Places) -> Item:
    currency = places.name(total.currency)
    said = _Sum(total.times, total.units)
    agrees = "journal" if theirs == mine else "totals" if theirs == said else "neither"
    terminal, batch = places.point(total.point)
    return Item(
        kind="batch_total_difference", state=state_of("batch_total_difference"), day=total.day, bank=places.name(total.bank),
        currency=currency, journal_amount=str(Money(mine.units, currency)),
        bank_amount=str(Money(said.units, currency)), difference=str(Money(said.units - mine.units, currency)),
        terminal=terminal, batch=batch, reference="refunds" if total.refunds else "sales",
        reason=f"bank_agrees_{agrees}", arguments=(f"{said.times - mine.times:+}",),
        bank_place=f"{places.source(total.source)}:{total.place}", lines=abs(said.times - mine.times),
    )  # fmt: skip
