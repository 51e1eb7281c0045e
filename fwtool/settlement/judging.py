"""What a pair, or a line without a partner, means: matched, delayed, shifted, long, short; and why. Pure but for caches."""

import dataclasses
import datetime
import functools
from collections.abc import Iterator, Sequence
from typing import Final

from fwtool.settlement.clock import at
from fwtool.settlement.fees import Fees
from fwtool.settlement.items import Item, state_of
from fwtool.settlement.lines import KINDS, STATES
from fwtool.settlement.money import Money
from fwtool.settlement.pairing import Row
from fwtool.settlement.places import Places
from fwtool.settlement.statistics import Tally
from fwtool.settlement.terms import Terms
from fwtool.settlement.value_date import ValueDates, accounting_day, moment_on
from fwtool.settlement.windows import Index, Window
from fwtool.settlement.working_days import Calendars

NEAR_CUTOVER_S: Final = 1800
WEEK: Final = 7
_APPROVED: Final = STATES.index("approved")
_PENDING: Final = STATES.index("pending")
_FAILED: Final = frozenset({STATES.index(state) for state in ("failed", "reversed", "reversal_pending")})
_REVERSAL_PENDING: Final = STATES.index("reversal_pending")
_WHY: Final = {
    "reversed": "reversal_confirmed",
    "reversal_pending": "reversal_pending",
    "failed": "no_answer",
    "declined": "declined",
}


@dataclasses.dataclass(frozen=True)
class Days:
    """Which accounting days of a bank have a file, or a journal."""

    bank: frozenset[int]
    journal: frozenset[int]


class Judge:
    """The rules of one bank."""

    def __init__(
        self, terms: Terms, calendars: Calendars, windows: Sequence[Window], days: Days, as_of: datetime.date, places: Places
    ) -> None:
        self.terms, self.days, self.tally = terms, days, Tally()
        self.fees = Fees(terms.bank, terms.fee, places.name)
        self._as_of, self._places = as_of, places
        self._windows, self._dates = Index(windows, terms.bank), ValueDates(terms, calendars, windows)
        self._last_file = max(days.bank, default=0)
        self.day_of_minute = functools.lru_cache(200_000)(self._day_of_minute)
        self.due = functools.lru_cache(4096)(self._due)
        """The ordinal of the day money is due, for the ordinal of an accounting day."""
        self.deadline = functools.lru_cache(4096)(self._deadline)

    # -- days -------------------------------------------------------------------------------------------------------

    def _day_of_minute(self, minute: int) -> int:
        return accounting_day(at(minute * 60, self.terms.zone), self.terms).toordinal()

    def day(self, row: Row) -> int:
        """Accounting day: the host's date before the clock; an offline transaction counts from its upload."""
        if row.day is not None:
            return row.day
        moment = row.uploaded if row.uploaded is not None else row.time
        return self.day_of_minute(moment // 60) if moment is not None else row.value or 0

    def _deadline(self, day: int) -> datetime.date:
        """Until when a missing line is waited for."""
        first = datetime.date.fromordinal(day)
        return self._dates.later(first, self.terms.doubtful_days) or first + datetime.timedelta(days=2 * self.terms.doubtful_days)

    def window(self, row: Row) -> Window | None:
        return self._windows.at(row.time) if row.time is not None else None

    # -- pairs ------------------------------------------------------------------------------------------------------

    def seen(self, row: Row, *, delayed: bool | None = None) -> None:
        """Count a transaction of the journal. `delayed` is None where nothing is known of its payment."""
        self.tally.add(self.window(row) is not None, row.state in _FAILED, delayed)

    def in_order(self, one: Row, other: Row) -> bool:
        """Whether nothing is to be said of a pair that was found by its trace number; counts it if so.

        Nearly all pairs are: this is what a million of them take.
        """
        day = other.day
        if one.units != other.units or other.state != _APPROVED or day is None or day != self.day(one):
            return False
        if other.value is not None:
            due = self.due(day)
            if due is None or other.value > due:
                return False
        if one.rrn != other.rrn and one.rrn and other.rrn:
            return False
        if other.fee is not None and not self.fees.in_order(other.units, other.currency, other.fee):
            return False
        self.seen(one, delayed=False)
        return True

    def _due(self, day: int) -> int | None:
        found = self._dates.of(datetime.date.fromordinal(day)).day
        return None if found is None else found.toordinal()

    def pair(self, one: Row, other: Row, how: str) -> Iterator[Item]:
        """A matched pair."""
        if other.state == _PENDING:
            self.seen(one)
            yield self._item("pending", one, other)
            return
        delay = list(self._delay(one, other))
        self.seen(one, delayed=self._is_late(delay, one, other))
        yield from delay
        if one.units != other.units:
            yield self._item("amount_long" if other.units > one.units else "amount_short", one, other, *self._window_reason(one))
        elif one.rrn and other.rrn and one.rrn != other.rrn and how == "trace":
            yield self._item("reference_differs", one, other, "other_reference" if one.units != other.units else "")
        if how == "probable":
            yield self._item("probable_match", one, other)
        if other.fee is not None:
            yield from self._fee(one, other, other.fee)

    def _delay(self, one: Row, other: Row) -> Iterator[Item]:
        mine = self.day(one)
        theirs = mine if other.day is None and other.time is None else self.day(other)
        shift = theirs - mine
        effective = mine
        if shift and abs(shift) == 1 and (reason := self._shift_reason(one)):
            effective = theirs
            yield self._item("cutover_shift", one, other, *reason)
        elif shift > 0:
            yield self._item("delayed", one, other, *self._window_reason(one, "booked_late", self._date(theirs)))
            return
        elif shift < 0:
            yield self._item("cutover_shift", one, other, "clock")
        yield from self._paid(one, other, effective)

    def _shift_reason(self, row: Row) -> tuple[str, ...]:
        found = self.window(row)
        if found:
            return "window", str(found)
        if row.time is None:
            return ()
        local = at(row.time, self.terms.zone)
        since = (local.hour * 60 + local.minute) * 60 + local.second - int(self.terms.cutover.total_seconds())
        near = min(abs(since), abs(since + 86400), abs(since - 86400)) <= NEAR_CUTOVER_S
        return ("near_cutover",) if near else ()

    def _paid(self, one: Row, other: Row, effective: int) -> Iterator[Item]:
        """Whether the money came when it was due. Where the calendar ends nothing is late."""
        if other.value is None:
            return
        due = self.due(effective)
        if due is None:
            self.tally.unknown += 1
        elif other.value > due:
            late = self._date(other.value), self._date(due)
            until = datetime.date.fromordinal(due)
            yield self._item("delayed", one, other, *self._window_reason(one, "paid_late", *late, until=until))

    def _is_late(self, found: Sequence[Item], one: Row, other: Row) -> bool | None:
        if any(item.kind == "delayed" for item in found):
            return True
        known = other.value is None or self.due(self.day(one)) is not None
        return False if known else None

    def _window_reason(self, row: Row, *otherwise: str, until: datetime.date | None = None) -> tuple[str, ...]:
        """The window a transaction lies in, or one between it and its payment; else what is given."""
        found = self.window(row)
        if found:
            return "window", str(found)
        if until is not None and row.time is not None:
            due = int(moment_on(until, self.terms.paid_by, self.terms.zone).timestamp())
            between = self._windows.between(row.time, max(due, row.time + 1))
            if between is not None and between.moves_money:
                return "window_before_payment", str(between)
        return otherwise

    def _fee(self, one: Row, other: Row, charged: int) -> Iterator[Item]:
        self.fees.add(self.day(other), other.currency, other.units, charged)
        if self.fees.by_line and (found := self.fees.check(other.units, other.currency, charged)):
            item = self._item(found.kind, one, other, "rate", found.charged, found.agreed)
            yield item._replace(difference=found.difference, journal_amount=item.bank_amount)

    # -- without a partner ------------------------------------------------------------------------------------------

    def explained(self, one: Row, other: Row) -> Iterator[Item]:
        """The bank has what should have brought no money: reversed, unanswered or declined at the terminal."""
        self.seen(one)
        day = self.day(other)
        doubtful = one.state == _REVERSAL_PENDING and self._as_of <= self.deadline(day)
        yield self._item("one_sided_bank", None, other, _WHY[STATES[one.state]], doubtful=doubtful)._replace(
            journal_place=self._places.place(one)
        )  # fmt: skip

    def collision(self, one: Row, other: Row) -> Iterator[Item]:
        self.seen(one)
        if one.last4 and other.last4 and one.last4 != other.last4:
            reason: tuple[str, ...] = ("other_card", f"{one.last4} / {other.last4}")
        elif one.currency != other.currency:
            reason = ("other_currency",)
        else:
            reason = ("other_sign",) if (one.units < 0) != (other.units < 0) else ("other_reference",)
        yield self._item("key_collision", one, other, *reason)

    def double(self, side: str, row: Row, first: Row) -> Iterator[Item]:
        place = self._places.place(first)
        one, other = (row, None) if side == "journal" else (None, row)
        yield self._item(f"duplicate_{side}", one, other, "same_line", place)

    def left_bank(self, row: Row) -> Item | None:
        """A line of the bank without one of the journal; None if the journal of its day is not there."""
        if row.state == _PENDING:
            return self._item("pending", None, row)
        day = self.day(row)
        # A line that has only a value date is about a day some days before it.
        earliest = day - 1 if row.day is not None or row.time is not None else day - WEEK
        if not any(near in self.days.journal for near in range(earliest, day + 2)):
            return None
        return self._item(
            "one_sided_bank", None, row, *(self._window_reason(row) or ("not_in_journals",)),
            doubtful=self._as_of <= self.deadline(day),
        )  # fmt: skip

    def left_journal(self, row: Row) -> Item | None:
        """A line of the journal without one of the bank; None if the bank's file of its day is not there."""
        self.seen(row)
        day = self.day(row)
        if day not in self.days.bank:
            return None
        deadline = self.deadline(day)
        doubtful = self._as_of <= deadline
        return self._item("one_sided_journal", row, None, *self._why_missing(row, deadline, doubtful=doubtful), doubtful=doubtful)

    def _why_missing(self, row: Row, deadline: datetime.date, *, doubtful: bool) -> tuple[str, ...]:
        if found := self._window_reason(row):
            return found
        if KINDS[row.kind] == "offline" and row.uploaded is None:
            return ("offline_not_sent",)
        if doubtful:
            return "waiting", deadline.isoformat()
        if self._last_file < deadline.toordinal():
            return "later_file_missing", self._date(self._last_file)
        return "not_in_files", self._date(self._last_file)

    # -- items ------------------------------------------------------------------------------------------------------

    def _item(
        self, kind: str, one: Row | None, other: Row | None, reason: str = "", *arguments: str, doubtful: bool = False
    ) -> Item:
        about = one or other
        assert about is not None
        currency = self._places.name(about.currency)
        amounts = [None if row is None else str(Money(row.units, currency)) for row in (one, other)]
        difference = (other.units if other else 0) - (one.units if one else 0)
        if one is not None and other is not None and one.currency != other.currency:
            difference = 0
        return Item(
            kind=kind, state=state_of(kind, doubtful=doubtful), day=self.day(about), bank=self.terms.bank, currency=currency,
            journal_amount=amounts[0], bank_amount=amounts[1], difference=str(Money(difference, currency)),
            **self._places.names(about), time=at(about.time, self.terms.zone).isoformat() if about.time is not None else "",
            reason=reason, arguments=arguments,
            journal_place=self._places.place(one) if one else "", bank_place=self._places.place(other) if other else "",
        )  # fmt: skip

    @staticmethod
    def _date(day: int) -> str:
        return datetime.date.fromordinal(day).isoformat() if day else "-"
