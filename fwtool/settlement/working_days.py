"""Which days money moves. Public holidays and worked weekends come from the `holidays` library or from the settings file.

The library has China's real days, with worked weekends (调休), for the years whose notice of the State Council it knows;
later years it guesses without them, and without a word. Here a Chinese year without a worked weekend is a year that nobody
knows yet: every year since 2007 had some. What is not known is None, never a guess.
"""

import datetime
import functools
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from formats.errors import ToolError
from fwtool.settlement.terms import OwnCalendar

DAY: Final = datetime.timedelta(days=1)
MAX_DAYS: Final = 60
"""Longest run of days off that is looked past."""
_MARKETS: Final = {"TARGET": "XECB", "FED": "XFED"}
"""Calendars of payment systems, and their names in the library."""
_WEEKEND: Final = 5


class Day(NamedTuple):
    """What is known of a day. `name` is the holiday's, or "weekend"."""

    working: bool
    name: str = ""
    make_up: bool = False
    """A worked weekend."""


class Calendars:
    """All calendars, each year loaded on first use."""

    def __init__(self, own: Mapping[str, OwnCalendar] | None = None) -> None:
        self._own = own or {}

    def day(self, calendar: str, day: datetime.date) -> Day | None:
        """What is known of a day; None where the calendar ends.

        Raises:
            ToolError: there is no such calendar (`usage`), or no library (`missing_component`).
        """
        own = self._own.get(calendar)
        if own is not None and own.first <= day <= own.last:
            return _plain(day, day in own.holidays, "holiday" if day in own.holidays else "", day in own.workdays)
        year = _year(calendar, day.year)
        if year is None:
            return None
        return _plain(day, day in year.off, year.off.get(day, ""), day in year.worked)

    def ends(self, calendar: str, day: datetime.date) -> datetime.date:
        """The last day that is known, at or before `day`."""
        while self.day(calendar, day) is None:
            day = datetime.date(day.year - 1, 12, 31)
        return day

    def add(self, calendar: str, day: datetime.date, days: int, *, make_up: bool = True) -> datetime.date | None:
        """The day so many working days later (0: the same day, or the next working one); None if not known."""
        left = days
        for step in range(MAX_DAYS + days * 3):
            current = day + DAY * step
            found = self.day(calendar, current)
            if found is None:
                return None
            works = found.working and (make_up or not found.make_up)
            if step and works:
                left -= 1
            if left <= 0 and works:
                return current
        return None


class _Year(NamedTuple):
    off: Mapping[datetime.date, str]
    worked: frozenset[datetime.date]


def _plain(day: datetime.date, off: bool, name: str, worked: bool) -> Day:
    if off:
        return Day(False, name)
    if day.weekday() < _WEEKEND:
        return Day(True)
    return Day(True, make_up=True) if worked else Day(False, "weekend")


@functools.cache
def _year(calendar: str, year: int) -> _Year | None:
    library = _library()
    try:
        if calendar in _MARKETS:
            found = library.financial_holidays(_MARKETS[calendar], years=year, language="en_US")
        else:
            found = library.country_holidays(calendar, years=year, language="en_US")
    except NotImplementedError:
        raise ToolError(
            f"there is no calendar {calendar!r}",
            name="usage",
            hint="Use a country code, TARGET, FED, or declare [calendar.NAME].",
        ) from None
    worked = frozenset(day for day in found.weekend_workdays if day.year == year)
    if calendar == "CN" and not worked:
        return None
    return _Year({day: name for day, name in found.items() if day.year == year}, worked)


def _library() -> Any:
    try:
        import holidays
    except ImportError as error:
        raise ToolError(
            "working days need the library `holidays`, which is not installed", name="missing_component",
            hint="Install fwtool-terminal[settlement], or declare [calendar.NAME] in the settings file.",
        ) from error  # fmt: skip
    return holidays
