"""What the account got, held against the net sums of the bank's files, for each value date."""

import datetime
import functools
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from fwtool.settlement import money
from fwtool.settlement.clock import at
from fwtool.settlement.items import Item, state_of
from fwtool.settlement.store import Store
from fwtool.settlement.terms import Settings, Terms
from fwtool.settlement.value_date import ValueDates, accounting_day
from fwtool.settlement.windows import Window
from fwtool.settlement.working_days import Calendars

GAP_DAYS: Final = 12
"""Several days may be paid in one sum; sums that tie again within so many days are late, not wrong."""
Sums = dict[int, int]


def compare(
    store: Store, settings: Settings, calendars: Calendars, windows: Sequence[Window]
) -> tuple[list[Item], list[tuple[str, ...]]]:
    """Items, and what was not compared. Nothing is compared outside of the days that both sides cover."""
    notes: list[tuple[str, ...]] = []
    nobody = store.rows("SELECT COUNT(*) FROM account WHERE bank IN (SELECT id FROM names WHERE name = '')")
    if unknown := next(nobody)[0]:
        notes.append(("postings_of_nobody", str(unknown)))
    items: list[Item] = []
    for bank, currency in store.rows(
        "SELECT DISTINCT bank, currency FROM account WHERE bank IN (SELECT id FROM names WHERE name <> '')"
    ):
        name, code = store.name(bank), store.name(currency)
        got = _scaled(store, bank, currency, code)
        terms = settings.terms(name)
        dates = ValueDates(terms, calendars, windows)
        store.database.create_function("day_of", 1, _day_of(terms))
        due = _due(store, bank, currency, code, dates)
        items += _differences(name, code, got, due)
    return items, notes


def _day_of(terms: Terms) -> Callable[[int], int]:
    """The accounting day of a time."""
    return functools.lru_cache(100_000)(lambda time: accounting_day(at(time, terms.zone), terms).toordinal())


def _scale(code: str) -> int:
    return int(10 ** (money.FEE_PLACES - money.places(code)))


def _scaled(store: Store, bank: int, currency: int, code: str) -> Sums:
    """Sums of postings by value date, in units of fees."""
    rows = store.rows("SELECT day, SUM(units) FROM account WHERE bank = ? AND currency = ? GROUP BY day", (bank, currency))
    return {day: units * _scale(code) for day, units in rows}


def _due(store: Store, bank: int, currency: int, code: str, dates: ValueDates) -> Sums:
    """Net sums of the bank's files by value date; where a file does not say it, by the date that is expected."""
    found: Sums = defaultdict(int)
    for value, day, units, fee in store.rows(
        "SELECT value, COALESCE(day, day_of(time)), SUM(units), SUM(COALESCE(fee, 0)) FROM bank "
        "WHERE bank = ? AND currency = ? AND state = 0 GROUP BY 1, 2",
        (bank, currency),
    ):
        date = value
        if date is None:
            expected = dates.of(datetime.date.fromordinal(day)).day
            date = expected.toordinal() if expected else None
        if date is not None:
            found[date] += units * _scale(code) - fee
    return found


def _differences(bank: str, code: str, got: Sums, due: Sums) -> Iterator[Item]:
    """Days on which the sums part, up to the day on which they meet again."""
    if not got or not due:
        return
    first, last = max(min(got), min(due)), max(got)
    days = sorted(day for day in {*got, *due} if first <= day <= last)
    running, begun = 0, None  # type: int, int | None
    for day in days:
        difference = got.get(day, 0) - due.get(day, 0)
        if begun is not None and (running + difference == 0 and day - begun <= GAP_DAYS):
            yield _item("delayed", bank, code, begun, got, due, "paid_together", datetime.date.fromordinal(day).isoformat())
            running, begun = 0, None
        elif difference:
            if begun is not None:
                yield _item("account_difference", bank, code, begun, got, due)
            running, begun = difference, day
    if begun is not None:
        yield _item("account_difference", bank, code, begun, got, due)


def _item(kind: str, bank: str, code: str, day: int, got: Sums, due: Sums, reason: str = "", *arguments: str) -> Item:
    places = money.places(code)
    values = [
        money.from_units(units, money.FEE_PLACES)
        for units in (due.get(day, 0), got.get(day, 0), got.get(day, 0) - due.get(day, 0))
    ]
    texts = [str(money.shortest(value, places)) for value in values]
    return Item(
        kind,
        state_of(kind),
        day,
        bank,
        code,
        texts[0],
        texts[1],
        texts[2],
        reference="account",
        reason=reason,
        arguments=arguments,
    )
