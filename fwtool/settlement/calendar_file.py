"""Maintenance windows in iCalendar files (RFC 5545), through the `icalendar` library; repetitions through `dateutil`.

The library reads what is there and judges little: an end before its beginning passes, broken times are errors beside the
event. Here each of these is a problem that is told. Of two versions of an event the one with the higher SEQUENCE holds
(then DTSTAMP, RFC 5546 section 2.1.4).
"""

import datetime
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from formats.errors import FormatError, ToolError
from fwtool.settlement import prose_words as words
from fwtool.settlement.clock import zone as zone_named
from fwtool.settlement.windows import MAX_WINDOWS, Notice, Problem, Window, window

if TYPE_CHECKING:
    from dateutil import rrule

MAX_SPAN: Final = datetime.timedelta(days=731)
"""Repetitions are followed for two years."""
MAX_LONG: Final = datetime.timedelta(days=31)


class _Bad(Exception):
    """Why an event is not a window."""


class _Context(NamedTuple):
    zone: str
    names: Mapping[str, Sequence[str]]
    bank: str
    cancelled: bool


def read(data: bytes, zone: str, names: Mapping[str, Sequence[str]], bank: str = "") -> Notice:
    """Read a calendar.

    Args:
        zone: For times that have none.
        names: Banks, and the words by which summaries call them.
        bank: Whose calendar it is, if an event does not say so.

    Raises:
        FormatError: not a calendar, or too many windows.
        ToolError: the library is not installed (`missing_component`).
    """
    calendars = _parsed(data)
    found: list[Window] = []
    problems: list[Problem] = []
    warnings: list[str] = []
    for calendar in calendars:
        context = _Context(zone, names, bank, str(calendar.get("METHOD", "")).upper() == "CANCEL")
        events, doubts = _latest(calendar.walk("VEVENT"))
        warnings += doubts
        moved = {(str(event.get("UID", "")), _moment_key(event)) for event in events if event.get("RECURRENCE-ID")}
        for event in events:
            try:
                found += itertools.islice(_windows(event, context, moved), MAX_WINDOWS + 1)
            except _Bad as error:
                problems.append(Problem(_title(event), str(error)))
            if len(found) > MAX_WINDOWS:
                raise FormatError(f"the calendar has more than {MAX_WINDOWS} windows", name="too_large")
    if any("zone_assumed" in one.flags for one in found):
        warnings.append(f"times without a zone were read as {zone}")
    return Notice(tuple(found), tuple(problems), tuple(warnings))


def _parsed(data: bytes) -> list[Any]:
    try:
        import icalendar
    except ImportError as error:
        raise ToolError(
            "calendar files need the library `icalendar`, which is not installed", name="missing_component",
            hint="Install fwtool-terminal[settlement], or give the windows as CSV or text.",
        ) from error  # fmt: skip
    try:
        calendars = icalendar.Calendar.from_ical(data, multiple=True)
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, RecursionError, OverflowError) as error:
        raise FormatError(f"this is not an iCalendar file: {error}") from error
    if not calendars or any(type(one).__name__ != "Calendar" for one in calendars):
        raise FormatError("this is not an iCalendar file: there is no VCALENDAR")
    return list(calendars)


def _latest(events: Iterable[Any]) -> tuple[list[Any], list[str]]:
    """One version of each event and each of its exceptions; and what is doubtful."""
    best: dict[tuple[str, str], Any] = {}
    doubts = []
    for number, event in enumerate(events):
        key = (str(event.get("UID", f"none {number}")), _moment_key(event))
        old = best.get(key)
        if old is not None and _rank(old) == _rank(event) and _start_text(old) != _start_text(event):
            doubts.append(
                f"{_title(event)}: two versions with the same SEQUENCE and other times; the later one in the file holds"
            )
        if old is None or _rank(event) >= _rank(old):
            best[key] = event
    return list(best.values()), doubts


def _rank(event: Any) -> tuple[int, str]:
    try:
        return int(event.get("SEQUENCE", 0)), _text(event, "DTSTAMP")
    except (TypeError, ValueError):
        return 0, ""


def _text(event: Any, key: str) -> str:
    value = event.get(key)
    if value is None or type(value).__name__ == "vBroken":
        return ""
    return str(getattr(value, "dt", value))


def _moment_key(event: Any) -> str:
    return _text(event, "RECURRENCE-ID")


def _start_text(event: Any) -> str:
    return _text(event, "DTSTART") + _text(event, "DTEND")


def _title(event: Any) -> str:
    return str(event.get("SUMMARY", ""))[:200] or str(event.get("UID", "event"))[:200]


def _windows(event: Any, context: _Context, moved: set[tuple[str, str]]) -> Iterator[Window]:
    if event.errors:
        raise _Bad(f"its {event.errors[0][0] or 'content'} cannot be read: {event.errors[0][1]}")
    first, last, flags = _span(event, context.zone)
    uid = str(event.get("UID", ""))[:200]
    told = f"{_title(event)} {str(event.get('DESCRIPTION', ''))[:600]}".strip()
    bank = next((name for name, called in context.names.items() if any(w and w in told for w in (name, *called))), None)
    if bank is None:
        bank = "" if words.SHARED.search(told) else context.bank
    for start in _starts(event, first):
        if event.get("RRULE") and (uid, str(start)) in moved:
            continue
        yield window(
            bank, start, start + (last - first), zone=context.zone,
            services=tuple(name for name, form in words.SERVICES if form.search(told)),
            effect=next((name for name, form in words.EFFECTS if form.search(told)), "stopped"),
            text=told[:300], issued=_text(event, "DTSTAMP")[:10], uid=f"{uid}/{start.isoformat()}" if event.get("RRULE") else uid,
            sequence=_rank(event)[0], flags=flags,
            cancelled=context.cancelled or str(event.get("STATUS", "")).upper() == "CANCELLED",
        )  # fmt: skip


def _span(event: Any, zone: str) -> tuple[datetime.datetime, datetime.datetime, tuple[str, ...]]:
    try:
        first, last = event.start, event.end
    except Exception as error:
        raise _Bad(f"its times cannot be read: {error}") from error
    flags: tuple[str, ...] = ()
    if not isinstance(first, datetime.datetime):
        first, last = (datetime.datetime.combine(day, datetime.time()) for day in (first, last))
        flags = ("whole_days",)
    if first.tzinfo is None:
        first, flags = first.replace(tzinfo=zone_named(zone)), (*flags, "zone_assumed")
    if last.tzinfo is None:
        last = last.replace(tzinfo=zone_named(zone))
    if not datetime.timedelta(0) < last - first <= MAX_LONG:
        raise _Bad(f"it begins at {first.isoformat()} and ends at {last.isoformat()}")
    return first, last, flags


def _starts(event: Any, first: datetime.datetime) -> Iterator[datetime.datetime]:
    """All beginnings: RRULE and RDATE, without EXDATE, for two years. A DTSTART outside its own rule is none."""
    rule, added = event.get("RRULE"), _listed(event, "RDATE", first)
    if rule is None and not added:
        yield first
        return
    from dateutil import rrule

    dates = rrule.rruleset()
    for moment in added if rule is not None else [first, *added]:
        dates.rdate(moment)
    for moment in _listed(event, "EXDATE", first):
        dates.exdate(moment)
    try:
        for one in rule if isinstance(rule, list) else [rule] if rule is not None else []:
            dates.rrule(_rule(one.to_ical().decode(), first))
        for count, moment in enumerate(dates):
            if moment - first > MAX_SPAN or count > MAX_WINDOWS:
                return
            yield moment
    except (ValueError, TypeError, OverflowError, AttributeError) as error:
        raise _Bad(f"its rule cannot be followed: {error}") from error


def _rule(text: str, first: datetime.datetime) -> "rrule.rrule":
    from dateutil import rrule

    found = rrule.rrulestr(text, dtstart=first)
    if not isinstance(found, rrule.rrule):
        raise _Bad("its rule is a set of rules")
    return found


def _listed(event: Any, key: str, first: datetime.datetime) -> list[datetime.datetime]:
    value = event.get(key)
    lists = value if isinstance(value, list) else [value] if value is not None else []
    found = []
    for one in itertools.chain.from_iterable(getattr(part, "dts", ()) for part in lists):
        moment = one.dt
        if isinstance(moment, datetime.datetime):
            found.append(moment if moment.tzinfo else moment.replace(tzinfo=first.tzinfo))
    return found
