"""Maintenance times out of notices written for people, in Chinese and English. What is unclear is a problem, not a guess."""

import datetime
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from formats.errors import FormatError
from fwtool.settlement import prose_words as words
from fwtool.settlement.clock import zone as zone_named
from fwtool.settlement.prose_tokens import (
    Clock,
    Ends,
    Token,
    Unclear,
    clock_of,
    ends_of,
    link_of,
    next_month,
    refuse_shared_month,
    scan,
)
from fwtool.settlement.windows import MAX_WINDOWS, Notice, Problem, Window, window
from fwtool.settlement.working_days import DAY

MAX_TEXT: Final = 1 << 18
MAX_SENTENCE: Final = 4000
MAX_DAYS: Final = 62
"""Of a run of days that all have the window."""
PAST_DAYS: Final = 60
"""A date without a year that lies further back than this is next year's."""
_SENTENCE = re.compile(r"[。\n!?]+|(?<=[a-z)]{2})\.(?=\s|$)")


def read(text: str, issued: datetime.date, zone: str, names: Mapping[str, Sequence[str]] | None = None, bank: str = "") -> Notice:
    """Read a notice.

    Args:
        issued: The day it was written; years that are missing are counted from there.
        zone: Where it says none.
        names: Banks, and the words by which notices call them.
        bank: Whose notice it is, if it does not say so.

    Raises:
        FormatError: too long, or more than `MAX_WINDOWS` windows.
    """
    if len(text) > MAX_TEXT:
        raise FormatError(f"the notice has {len(text)} characters, at most {MAX_TEXT} are read", name="too_large")
    whole = words.normalised(text)
    zone = next((name for name, form in words.ZONES if form.search(whole)), zone)
    reader = _Reader(issued, zone)
    found: list[Window] = []
    problems: list[Problem] = []
    for sentence in filter(None, (part.strip() for part in _SENTENCE.split(whole))):
        try:
            if len(sentence) > MAX_SENTENCE:
                raise Unclear(f"a sentence of more than {MAX_SENTENCE} characters")
            found += _windows(reader, sentence, whole, names or {}, bank)
        except Unclear as error:
            problems.append(Problem(sentence[:300], str(error)))
        if len(found) > MAX_WINDOWS:
            raise FormatError(f"the notice has more than {MAX_WINDOWS} windows", name="too_large")
    return Notice(tuple(found), tuple(problems))


def _windows(reader: "_Reader", sentence: str, whole: str, names: Mapping[str, Sequence[str]], bank: str) -> Iterator[Window]:
    """The windows of a sentence, each with the systems its own clause names."""
    clauses = re.split(r"(?<=;)", sentence)
    ranges = [(clause, reader.ranges(clause)) for clause in clauses]
    if not any(found for _, found in ranges):
        reader.complain(sentence)
    if len([1 for _, found in ranges if found]) == 1:
        ranges = [(sentence, [one for _, found in ranges for one in found])]
    for clause, found in ranges:
        about = clause if _services(clause) else sentence if _services(sentence) else whole
        flags_before = ("cancelled",) if words.CANCELLED.search(clause) else ()
        for start, end, flags in found:
            yield window(
                _bank(clause, whole, names, bank), start, end, zone=reader.zone, effect=_effect(clause, whole),
                services=_services(about), text=clause.strip()[:300], issued=reader.issued.isoformat(),
                flags=flags, cancelled=bool(flags_before),
            )  # fmt: skip


def _services(text: str) -> tuple[str, ...]:
    return tuple(name for name, form in words.SERVICES if form.search(text))


def _effect(clause: str, whole: str) -> str:
    for text in (clause, whole):
        for name, form in words.EFFECTS:
            if form.search(text):
                return name
    return "stopped"


def _bank(clause: str, whole: str, names: Mapping[str, Sequence[str]], bank: str) -> str:
    for text in (clause, whole):
        for name, called in names.items():
            if any(word and word in text for word in (name, *called)):
                return name
    return "" if words.SHARED.search(whole) else bank


Range = tuple[datetime.datetime, datetime.datetime, tuple[str, ...]]


class _Reader:
    """Goes through clauses; dates, months and years carry over to what comes after them."""

    def __init__(self, issued: datetime.date, zone: str) -> None:
        self.issued, self.zone = issued, zone
        self._zone = zone_named(zone)
        self._last: datetime.date | None = None
        self._year = 0
        """A year that stands alone: 2015年共安排12次."""
        self._dates: list[datetime.date] = []

    def complain(self, sentence: str) -> None:
        """Say so, if a sentence without windows looks as if it had some."""
        kinds = {token.kind for token in scan(sentence)}
        if words.RECURRING.search(sentence) and "time" in kinds:
            raise Unclear("a rule that repeats; give the dates, or an ICS file with RRULE")
        if {"date", "time"} <= kinds:
            raise Unclear("a date and a time, but no beginning and end")

    def ranges(self, clause: str) -> list[Range]:
        """All ranges of a clause."""
        tokens = list(scan(clause))
        if words.RECURRING.search(clause) and any(token.kind == "time" for token in tokens):
            raise Unclear("a rule that repeats; give the dates, or an ICS file with RRULE")
        found: list[Range] = []
        place = 0
        while place < len(tokens):
            token = tokens[place]
            if token.kind == "year":
                self._year, self._last, place = int(token.match["y0"]), None, place + 1
            elif token.kind == "date":
                place = self._take_dates(clause, tokens, place)
            elif token.kind == "to" and (ends := ends_of(clause, tokens, place)):
                found += self._ranges(tokens, ends)
                place = ends.after
            else:
                place += 1
        return found

    def _take_dates(self, clause: str, tokens: list[Token], place: int) -> int:
        """A date, a list of dates, or a run of days; returns the place behind it."""
        refuse_shared_month(clause, tokens, place)
        self._dates = [self._date(tokens[place])]
        while (link := link_of(clause, tokens, place)) is not None:
            last = self._date(tokens[place + link.step])
            if not link.run:
                self._dates.append(last)
            elif 0 < (last - self._dates[-1]).days <= MAX_DAYS:
                self._dates += [self._dates[-1] + DAY * step for step in range(1, (last - self._dates[-1]).days + 1)]
            else:
                raise Unclear(f"days from {self._dates[-1]} to {last}")
            place += link.step
        return place + 1

    def _date(self, token: Token) -> datetime.date:
        part = token.match
        year, day = part["iy"] or part["zy"] or part["y1"] or part["y2"], part["id"] or part["zd"] or part["d1"] or part["d2"]
        named = part["month"] or part["month2"]
        month = words.month_number(named) if named else int(part["im"] or part["zm"] or 0)
        try:
            found = self._dated(int(year or 0), month, int(day))
        except ValueError:
            raise Unclear(f"there is no {part[0].strip()!r}") from None
        weekday = part["zw"] or part["ew"]
        if weekday and words.weekday_number(weekday) != found.weekday():
            raise Unclear(f"{part[0].strip()!r} would be {found}, which is another day of the week")
        self._last = found
        return found

    def _dated(self, year: int, month: int, day: int) -> datetime.date:
        """A date with what is not written taken from the date before it, or from the day of issue."""
        if year:
            return datetime.date(year, month, day)
        base = self._last or (datetime.date(self._year, month or 1, 1) if self._year else self.issued)
        found = datetime.date(base.year, month or base.month, day)
        if (base - found).days <= (PAST_DAYS if month else PAST_DAYS // 8):
            return found
        return datetime.date(base.year + 1, month, day) if month else next_month(found)

    def _ranges(self, tokens: list[Token], ends: "Ends") -> list[Range]:
        first, last = clock_of(tokens[ends.first]), clock_of(tokens[ends.last])
        if ends.first_date is not None:
            self._dates = [self._date(tokens[ends.first_date])]
        end_date = self._date(tokens[ends.last_date]) if ends.last_date is not None else None
        if not self._dates and end_date is not None and ends.last_date == ends.after - 1:
            self._dates, end_date = [end_date], None
        if not self._dates:
            raise Unclear("a time without a date")
        return [self._range(date, first, last, end_date, next_day=ends.next_day) for date in self._dates]

    def _range(self, date: datetime.date, first: Clock, last: Clock, end_date: datetime.date | None, *, next_day: bool) -> Range:
        flags: tuple[str, ...] = ()
        minutes = last.minutes
        if first.shifted and not last.marked and minutes < first.minutes < minutes + 720:
            minutes += 720
        start = self._moment(date, first.minutes)
        end = self._moment(end_date or (date + DAY if next_day else date), minutes)
        if end <= start and end_date is None and not next_day:
            flags = ("rolled_over",) if minutes else ()
            end = self._moment(date + DAY, minutes)
        if not datetime.timedelta(0) < end - start <= DAY * 31:
            raise Unclear(f"it would end at {end:%Y-%m-%d %H:%M}, and begin at {start:%Y-%m-%d %H:%M}")
        return start, end, flags

    def _moment(self, date: datetime.date, minutes: int) -> datetime.datetime:
        local = datetime.datetime.combine(date, datetime.time()) + datetime.timedelta(minutes=minutes)
        return local.replace(tzinfo=self._zone)
