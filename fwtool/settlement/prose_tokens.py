"""Pieces of a sentence that mean something, and which of them belong together."""

import datetime
import re
from collections.abc import Iterator
from typing import NamedTuple

from fwtool.settlement import prose_words as words
from fwtool.settlement.working_days import DAY


class Unclear(Exception):
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


_LOOSE = re.compile(r"\d(?:st|nd|rd|th)?\s*[,&/]?\s*$", re.ASCII)


def refuse_shared_month(clause: str, tokens: list[Token], place: int) -> None:
    """`5月3-5日` and `1-3 June` have a day without a month: refused, for only its last day would be read."""
    before = place - 1 if place and tokens[place - 1].kind in ("to", "sep") else place
    start = tokens[before - 1].end if before else 0
    if _LOOSE.search(clause, start, tokens[before].start):
        raise Unclear("days that share a month; write each date out")


class _Link(NamedTuple):
    """What joins a date to the next one: how many tokens further that is, and whether all days between are meant."""

    step: int
    run: bool


def link_of(clause: str, tokens: list[Token], place: int) -> _Link | None:
    kinds = [token.kind for token in tokens[place + 1 : place + 3]]
    if kinds[:1] == ["date"] and re.fullmatch(r"\s*,\s*", clause[tokens[place].end : tokens[place + 1].start]):
        return _Link(1, run=False)
    if kinds[1:] != ["date"] or not _close(clause, tokens, place, place + 2):
        return None
    if kinds[0] == "sep" or tokens[place + 1].match[0].lower() == "and":
        return _Link(2, run=False)
    before = tokens[place - 1].kind if place else ""
    return _Link(2, run=True) if kinds[0] == "to" and before != "time" else None


def next_month(day: datetime.date) -> datetime.date:
    first = day.replace(day=1) + DAY * 31
    return first.replace(day=day.day)


class Ends(NamedTuple):
    """Places of the tokens of a range around its connection; `after` is the place behind it."""

    first: int
    last: int
    first_date: int | None
    last_date: int | None
    next_day: bool
    after: int


def scan(clause: str) -> Iterator[Token]:
    names = {"iso": "date", "zh_date": "date", "en_date": "date", "en_time": "time"}
    for match in words.TOKENS.finditer(clause):
        kind = next(name for name in ("iso", "zh_date", "year", "en_date", "next", "time", "en_time", "to", "sep") if match[name])
        yield Token(names.get(kind, kind), match)


def _close(clause: str, tokens: list[Token], first: int, last: int) -> bool:
    """Whether only words that say nothing stand between neighbours."""
    return all(
        words.FILLER.fullmatch(clause, tokens[place].end, tokens[place + 1].start) for place in range(first, last)
    )  # fmt: skip


def ends_of(clause: str, tokens: list[Token], to: int) -> Ends | None:
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
            return Ends(first, last, to - 1 if first == to - 2 else None, None, True, after + 1)
        if trailing == "date" and first != to - 2 and tokens[after].match["en_date"]:
            return Ends(first, last, after, None, False, after + 1)
    return Ends(first, last, to - 1 if first == to - 2 else None, last_date, next_day, after)


def _trailing(tokens: list[Token], place: int) -> str:
    """A date behind a range belongs to it, unless a time of its own follows."""
    kind = tokens[place].kind
    return "" if kind == "date" and [token.kind for token in tokens[place + 1 : place + 2]] == ["time"] else kind


def clock_of(token: Token) -> Clock:
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
        raise Unclear(f"there is no {part[0].strip()!r}")
    if half_day == "a" and hour == 12:
        hour = 0
    elif (half_day == "p" or mark in words.AFTERNOON or (mark == "中午" and hour < 3)) and hour < 12:
        hour, shifted = hour + 12, True
    if minute > 59 or hour * 60 + minute > 24 * 60:
        raise Unclear(f"there is no {part[0].strip()!r}")
    return Clock(hour * 60 + minute, shifted, bool(half_day or mark))
