"""Local times of files: time zones, fixed patterns, years that are not written."""

import datetime
import functools
import re
import zoneinfo
from typing import Final

from formats.errors import FormatError, ToolError

SHANGHAI: Final = "Asia/Shanghai"
_TOKENS: Final = {"YYYY": "year", "YY": "short", "MM": "month", "DD": "day", "hh": "hour", "mm": "minute", "ss": "second"}
_TOKEN = re.compile("|".join(_TOKENS))


@functools.cache
def zone(name: str) -> zoneinfo.ZoneInfo:
    """A time zone by its IANA name.

    Raises:
        ToolError: there is none of this name (`usage`).
    """
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ToolError(f"there is no time zone {name!r}", name="usage", hint="Name it like Asia/Shanghai.") from None


class Pattern:
    """A fixed form of date or time: `YYYY-MM-DD hh:mm:ss`, `MMDDhhmmss`, `YYMMDD`. Everything else stands for itself.

    Raises:
        ToolError: a form without a day and month, or with a part twice (`usage`).
    """

    def __init__(self, form: str) -> None:
        self.form = form
        parts = [_TOKENS[token] for token in _TOKEN.findall(form)]
        if len(set(parts)) != len(parts):
            raise ToolError(f"the form {form!r} has a part twice", name="usage")
        if not {"month", "day"} <= set(parts):
            raise ToolError(f"the form {form!r} of a date needs MM and DD", name="usage")
        pieces = _TOKEN.split(form)
        found = [re.escape(pieces[0])]
        for token, piece in zip(_TOKEN.findall(form), pieces[1:], strict=True):
            found.append(rf"(\d{{{len(token)}}}){re.escape(piece)}")
        self._fullmatch = re.compile("".join(found), re.ASCII).fullmatch
        self._parts = parts
        self._straight = parts == list(_TOKENS.values())[:1] + list(_TOKENS.values())[2 : len(parts) + 1]

    @property
    def has_time(self) -> bool:
        return "hour" in self._parts

    def read(self, text: str, near: datetime.date | None = None) -> datetime.datetime:
        """The time, without a zone. Where no year is written, the one that brings it closest to `near`.

        Raises:
            FormatError: another form, or no such day or time.
        """
        match = self._fullmatch(text)
        if match is None:
            raise FormatError(f"{text[:40]!r} is not of the form {self.form}")
        try:
            if self._straight:
                return _local(*map(int, match.groups()))
            parts = dict(zip(self._parts, map(int, match.groups()), strict=True))
            month, day, clock = parts["month"], parts["day"], tuple(parts.get(part, 0) for part in ("hour", "minute", "second"))
            if "year" in parts or "short" in parts:
                year = parts.get("year", 2000 + parts.get("short", 0))
                return _local(year, month, day, *clock)
            return _nearest(near, month, day, clock)
        except ValueError as error:
            raise FormatError(f"{text[:40]!r} is no date: {error}") from None


def _local(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> datetime.datetime:
    """A time without a zone: the caller knows it."""
    return datetime.datetime(year, month, day, hour, minute, second)  # noqa: DTZ001


def _nearest(near: datetime.date | None, month: int, day: int, clock: tuple[int, ...]) -> datetime.datetime:
    if near is None:
        raise FormatError("the year of a date is not written, and neither the file nor its name says it")
    found = []
    for year in (near.year - 1, near.year, near.year + 1):
        try:
            found.append(_local(year, month, day, *clock))
        except ValueError:
            continue
    if not found:
        raise FormatError(f"there is no day {day} in month {month} around {near.year}")
    return min(found, key=lambda moment: abs((moment.date() - near).days))


def epoch(moment: datetime.datetime) -> int:
    """Whole seconds since 1970 of a time with a zone."""
    assert moment.tzinfo is not None
    return int(moment.timestamp())


def at(seconds: int, name: str) -> datetime.datetime:
    """The local time of seconds since 1970."""
    return datetime.datetime.fromtimestamp(seconds, zone(name))
