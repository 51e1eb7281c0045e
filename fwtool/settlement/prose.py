"""Maintenance times out of notices written for people, in Chinese and English. What is unclear is a problem, not a guess."""

import datetime
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from formats.errors import FormatError
from fwtool.settlement import prose_words as words
from fwtool.settlement.clock import zone as zone_named
from fwtool.settlement.windows import MAX_WINDOWS, Notice, Problem, Window, window
from fwtool.settlement.working_days import DAY

MAX_TEXT: Final = 1 << 18
MAX_SENTENCE: Final = 4000
MAX_DAYS: Final = 62
"""Of a run of days that all have the window."""
PAST_DAYS: Final = 60
"""A date without a year that lies further back than this is next year's."""
_SENTENCE = re.compile(r"[。\n!?]+|(?<=[a-z)]{2})\.(?=\s|$)")


class _Unclear(Exception):
    """Why a sentence is not read."""


class Token(NamedTuple):
    """A piece of a sentence that means something."""

    kind: str
    match: re.Match[str]

    @property
    def start(self) -> int:
        return self.match.start()

    @property
    def end(self) -> int:
        return self.match.end()


class Clock(NamedTuple):
    """A time of day; minutes since midnight, up to 24:00."""

    minutes: int
    shifted: bool
    """Twelve hours were added for "pm" or 下午."""
    marked: bool


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
                raise _Unclear(f"a sentence of more than {MAX_SENTENCE} characters")
            found += _windows(reader, sentence, whole, names or {}, bank)
        except _Unclear as error:
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
        kinds = {token.kind for token in _scan(sentence)}
        if words.RECURRING.search(sentence) and "time" in kinds:
            raise _Unclear("a rule that repeats; give the dates, or an ICS file with RRULE")
        if {"date", "time"} <= kinds:
            raise _Unclear("a date and a time, but no beginning and end")

    def ranges(self, clause: str) -> list[Range]:
        """All ranges of a clause."""
        tokens = list(_scan(clause))
        if words.RECURRING.search(clause) and any(token.kind == "time" for token in tokens):
            raise _Unclear("a rule that repeats; give the dates, or an ICS file with RRULE")
        found: list[Range] = []
        place = 0
        while place < len(tokens):
            token = tokens[place]
            if token.kind == "year":
                self._year, self._last, place = int(token.match["y0"]), None, place + 1
            elif token.kind == "date":
                place = self._take_dates(clause, tokens, place)
            elif token.kind == "to" and (ends := _ends(clause, tokens, place)):
                found += self._ranges(tokens, ends)
                place = ends.after
            else:
                place += 1
        return found

    def _take_dates(self, clause: str, tokens: list[Token], place: int) -> int:
        """A date, a list of dates, or a run of days; returns the place behind it."""
        _whole(clause, tokens, place)
        self._dates = [self._date(tokens[place])]
        while (link := _link(clause, tokens, place)) is not None:
            last = self._date(tokens[place + link.step])
            if not link.run:
                self._dates.append(last)
            elif 0 < (last - self._dates[-1]).days <= MAX_DAYS:
                self._dates += [self._dates[-1] + DAY * step for step in range(1, (last - self._dates[-1]).days + 1)]
            else:
                raise _Unclear(f"days from {self._dates[-1]} to {last}")
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
            raise _Unclear(f"there is no {part[0].strip()!r}") from None
        weekday = part["zw"] or part["ew"]
        if weekday and words.weekday_number(weekday) != found.weekday():
            raise _Unclear(f"{part[0].strip()!r} would be {found}, which is another day of the week")
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
        return datetime.date(base.year + 1, month, day) if month else _next_month(found)

    def _ranges(self, tokens: list[Token], ends: "_Ends") -> list[Range]:
        first, last = _clock(tokens[ends.first]), _clock(tokens[ends.last])
        if ends.first_date is not None:
            self._dates = [self._date(tokens[ends.first_date])]
        end_date = self._date(tokens[ends.last_date]) if ends.last_date is not None else None
        if not self._dates and end_date is not None and ends.last_date == ends.after - 1:
            self._dates, end_date = [end_date], None
        if not self._dates:
            raise _Unclear("a time without a date")
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
            raise _Unclear(f"it would end at {end:%Y-%m-%d %H:%M}, and begin at {start:%Y-%m-%d %H:%M}")
        return start, end, flags

    def _moment(self, date: datetime.date, minutes: int) -> datetime.datetime:
        local = datetime.datetime.combine(date, datetime.time()) + datetime.timedelta(minutes=minutes)
        return local.replace(tzinfo=self._zone)


_LOOSE = re.compile(r"\d(?:st|nd|rd|th)?\s*[,&/]?\s*$", re.ASCII)


def _whole(clause: str, tokens: list[Token], place: int) -> None:
    """`5月3-5日` and `1-3 June` have a day without a month: refused, for only its last day would be read."""
    before = place - 1 if place and tokens[place - 1].kind in ("to", "sep") else place
    start = tokens[before - 1].end if before else 0
    if _LOOSE.search(clause, start, tokens[before].start):
        raise _Unclear("days that share a month; write each date out")


class _Link(NamedTuple):
    """What joins a date to the next one: how many tokens further that is, and whether all days between are meant."""

    step: int
    run: bool


def _link(clause: str, tokens: list[Token], place: int) -> _Link | None:
    kinds = [token.kind for token in tokens[place + 1 : place + 3]]
    if kinds[:1] == ["date"] and re.fullmatch(r"\s*,\s*", clause[tokens[place].end : tokens[place + 1].start]):
        return _Link(1, run=False)
    if kinds[1:] != ["date"] or not _close(clause, tokens, place, place + 2):
        return None
    if kinds[0] == "sep" or tokens[place + 1].match[0].lower() == "and":
        return _Link(2, run=False)
    before = tokens[place - 1].kind if place else ""
    return _Link(2, run=True) if kinds[0] == "to" and before != "time" else None


def _next_month(day: datetime.date) -> datetime.date:
    first = day.replace(day=1) + DAY * 31
    return first.replace(day=day.day)


class _Ends(NamedTuple):
    """Places of the tokens of a range around its connection; `after` is the place behind it."""

    first: int
    last: int
    first_date: int | None
    last_date: int | None
    next_day: bool
    after: int


def _scan(clause: str) -> Iterator[Token]:
    names = {"iso": "date", "zh_date": "date", "en_date": "date", "en_time": "time"}
    for match in words.TOKENS.finditer(clause):
        kind = next(name for name in ("iso", "zh_date", "year", "en_date", "next", "time", "en_time", "to", "sep") if match[name])
        yield Token(names.get(kind, kind), match)


def _close(clause: str, tokens: list[Token], first: int, last: int) -> bool:
    """Whether only words that say nothing stand between neighbours."""
    return all(
        words.FILLER.fullmatch(clause, tokens[place].end, tokens[place + 1].start) for place in range(first, last)
    )  # fmt: skip


def _ends(clause: str, tokens: list[Token], to: int) -> _Ends | None:
    """A time before the connection and one behind it, each perhaps with a date beside it."""
    before = [token.kind for token in tokens[max(0, to - 2) : to]]
    first = to - 1 if before[-1:] == ["time"] else to - 2 if before == ["time", "date"] else None
    behind = [token.kind for token in tokens[to + 1 : to + 3]]
    last = to + 1 if behind[:1] == ["time"] else to + 2 if behind in (["date", "time"], ["next", "time"]) else None
    if first is None or last is None or not _close(clause, tokens, first, last):
        return None
    after = last + 1
    last_date = to + 1 if behind[0] == "date" else None
    next_day = behind[0] == "next"
    if behind[0] == "time" and after < len(tokens) and _close(clause, tokens, last, after):
        trailing = _trailing(tokens, after)
        if trailing == "next":
            return _Ends(first, last, to - 1 if first == to - 2 else None, None, True, after + 1)
        if trailing == "date" and first != to - 2 and tokens[after].match["en_date"]:
            return _Ends(first, last, after, None, False, after + 1)
    return _Ends(first, last, to - 1 if first == to - 2 else None, last_date, next_day, after)


def _trailing(tokens: list[Token], place: int) -> str:
    """A date behind a range belongs to it, unless a time of its own follows."""
    kind = tokens[place].kind
    return "" if kind == "date" and [token.kind for token in tokens[place + 1 : place + 2]] == ["time"] else kind


def _clock(token: Token) -> Clock:
    part = token.match
    if part["word"]:
        return Clock(0 if part["word"].lower() == "midnight" else 720, False, True)
    hour_text = part["h"] or part["h2"] or part["h3"] or part["h4"]
    hour = 0 if hour_text == "零" else int(hour_text)
    minute = 30 if part["half"] else int(part["mi"] or part["mi2"] or part["m4"] or 0)
    half_day = (part["ampm"] or part["ampm2"] or "").lower()
    mark = part["mark"] or ""
    shifted = False
    if half_day and not 1 <= hour <= 12:
        raise _Unclear(f"there is no {part[0].strip()!r}")
    if half_day == "a" and hour == 12:
        hour = 0
    elif (half_day == "p" or mark in words.AFTERNOON or (mark == "中午" and hour < 3)) and hour < 12:
        hour, shifted = hour + 12, True
    if minute > 59 or hour * 60 + minute > 24 * 60:
        raise _Unclear(f"there is no {part[0].strip()!r}")
    return Clock(hour * 60 + minute, shifted, bool(half_day or mark))
