"""When money is expected: accounting day from the cut-over, then the terms, weekends, holidays and maintenance windows."""

import datetime
import functools
from collections.abc import Sequence
from typing import NamedTuple

from fwtool.settlement.clock import epoch, zone
from fwtool.settlement.terms import Terms
from fwtool.settlement.windows import Window
from fwtool.settlement.working_days import DAY, MAX_DAYS, Calendars

MIDNIGHT = datetime.time()


def accounting_day(moment: datetime.datetime, terms: Terms) -> datetime.date:
    """The day a transaction belongs to: its local date before the cut-over, the next one from there on."""
    local = moment.astimezone(zone(terms.zone))
    since = local.replace(tzinfo=None) - datetime.datetime.combine(local.date(), MIDNIGHT)
    return local.date() if since < terms.cutover else local.date() + DAY


def moment_on(day: datetime.date, clock: datetime.timedelta, name: str) -> datetime.datetime:
    """A time of day as a moment."""
    return (datetime.datetime.combine(day, MIDNIGHT) + clock).replace(tzinfo=zone(name))


class Expected(NamedTuple):
    """The day money is due, and what moved it there. None: the calendar does not reach so far."""

    day: datetime.date | None
    reasons: tuple[str, ...] = ()


class ValueDates:
    """Expected value dates of one bank."""

    def __init__(self, terms: Terms, calendars: Calendars, windows: Sequence[Window] = ()) -> None:
        self._terms, self._calendars = terms, calendars
        self._stops = [window for window in windows if window.effect == "stopped" and window.moves_money]
        self.of = functools.lru_cache(4096)(self._of)

    def _of(self, accounting: datetime.date) -> Expected:
        terms = self._terms
        if not terms.working:
            day = accounting + DAY * terms.days
            return Expected(day)
        found = self._calendars.add(terms.calendar, accounting, terms.days, make_up=terms.make_up_days)
        reasons = self._between(accounting, found)
        while found is not None and self._stopped(found):
            found = self._calendars.add(terms.calendar, found, 1, make_up=terms.make_up_days)
            reasons = (*reasons, "window")
        return Expected(found, tuple(dict.fromkeys(reasons)))

    def _between(self, first: datetime.date, last: datetime.date | None) -> tuple[str, ...]:
        """Days off that were passed over."""
        names = []
        for step in range(1, min((last - first).days, MAX_DAYS) if last else 0):
            day = self._calendars.day(self._terms.calendar, first + DAY * step)
            if day and not day.working:
                names.append(day.name)
            elif day and day.make_up and not self._terms.make_up_days:
                names.append("weekend")
        return tuple(dict.fromkeys(names))

    def _stopped(self, day: datetime.date) -> bool:
        """Whether no money can come in the hours in which it comes."""
        start, end = (epoch(moment_on(day, clock, self._terms.zone)) for clock in (self._terms.paid_from, self._terms.paid_by))
        return any(window.start <= start and end <= window.end for window in self._stops)

    def later(self, day: datetime.date, days: int) -> datetime.date | None:
        """So many working days later."""
        return self._calendars.add(self._terms.calendar, day, days, make_up=self._terms.make_up_days)
