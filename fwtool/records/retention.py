"""How much of the log is kept, against PCI DSS v4.0.1 requirement 10.5.1: audit log history for at least 12 months, of which
the newest three at hand. A report; nothing is ever deleted.
"""

import calendar
import dataclasses
import datetime
from collections.abc import Iterable
from typing import Final

from fwtool.records.entry import Row
from fwtool.records.export import day_of

MONTHS: Final = 12
AT_HAND: Final = 3


@dataclasses.dataclass(frozen=True)
class Retention:
    """What the store holds, by age. Days are YYYY-MM-DD, UTC."""

    since: str
    """First day of the time that has to be kept."""
    at_hand_since: str
    """First day of the time that has to be at hand."""
    older: int
    """Entries from before `since`."""
    older_until: int
    """Number of the last of them; 0 if there is none."""
    kept: int
    """Entries from `since` on."""
    at_hand: int
    """Entries from `at_hand_since` on."""
    first_day: str
    """Of the oldest entry; empty if there is none."""

    @property
    def covered(self) -> bool:
        """The log reaches back to `since`; if not, the log is younger than that."""
        return bool(self.first_day) and self.first_day <= self.since


def months_before(day: datetime.date, months: int) -> datetime.date:
    """The same day so many months earlier, or the last one of that month."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return datetime.date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def retention(rows: Iterable[Row], today: datetime.date, months: int = MONTHS) -> Retention:
    """Count entries by age.

    Args:
        today: UTC.
        months: How many have to be kept.
    """
    since, at_hand_since = (months_before(today, back).isoformat() for back in (months, min(AT_HAND, months)))
    older = older_until = kept = at_hand = 0
    first_day = ""
    for row in rows:
        day = day_of(row)
        first_day = first_day or day
        if day < since:
            older, older_until = older + 1, row.number
        else:
            kept += 1
            at_hand += day >= at_hand_since
    return Retention(since, at_hand_since, older, older_until, kept, at_hand, first_day)
