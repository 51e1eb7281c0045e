"""The page of `image diff --html`: one file without scripts or network, for a review, a ticket, or the printer.

The template escapes for HTML; what a browser would hide or reorder is shown as an escape before that. The policy in the
page forbids everything but its own styles, so that even a hole in both would run nothing.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from fwtool.difference import Change, Difference, ElfDifference, Range, Totals, extent
from fwtool.memory_axis import address_text
from fwtool.memory_map import AFTER, BEFORE, LANE, WIDTH, picture
from fwtool.pages import template

SIGNS: Final = {"changed": "~", "added": "+", "removed": "\u2212", "grown": "\u2191", "shrunk": "\u2193", "moved": "\u2192"}
MAX_ROWS: Final = 400
"""Symbols that are listed, and five times as many ranges; the picture has all of them, and so has --json."""
RANGES: Final = ("changed", "added", "removed")


class Row(NamedTuple):
    """One line of the table of sections or symbols."""

    kind: str
    sign: str
    what: str
    name: str
    flags: str
    place: str
    sizes: str
    delta: str
    share: float
    """Size of the effect in hundredths of the largest one."""


class Card(NamedTuple):
    """One fact at the top."""

    label: str
    value: str
    detail: str = ""


def page(before_name: str, after_name: str, difference: Difference) -> str:
    """The page as text. Names and values may come from files that nobody trusts."""
    listed = [change for change in difference.elf.symbols if change.kind != "moved"] if difference.elf else []
    return template("fwtool", "diff.html.j2").render(
        before=before_name,
        after=after_name,
        difference=difference,
        cards=tuple(_cards(difference)),
        map=picture(difference),
        columns={"width": WIDTH, "before": BEFORE, "after": AFTER, "lane": LANE},
        legend=tuple(_legend(difference.ranges)),
        changes=tuple(_changes((*difference.changes, *difference.signatures))),
        totals=tuple(_totals(difference.elf)),
        sections=_rows(difference.elf.sections if difference.elf else ()),
        symbols=_rows(listed[:MAX_ROWS]),
        symbols_left=len(listed[MAX_ROWS:]),
        symbols_moved=sum(change.kind == "moved" for change in difference.elf.symbols) if difference.elf else 0,
        ranges=[(piece.kind, SIGNS[piece.kind], piece.component, address_text(piece.start), address_text(piece.end),
                 f"{piece.end - piece.start:,}") for piece in difference.ranges[: 5 * MAX_ROWS]],
        ranges_left=len(difference.ranges[5 * MAX_ROWS :]),
    )  # fmt: skip


def _cards(difference: Difference) -> Iterator[Card]:
    for change in difference.changes:
        if change.what in ("version", "security_counter", "hardware"):
            yield Card(change.what.replace("_", " "), f"{change.before} \u2192 {change.after}")
    total = sum(piece.end - piece.start for piece in difference.ranges)
    yield Card("bytes that differ", f"{total:,}", f"in {_count(len(difference.ranges), 'range')}")
    if difference.elf:
        one, other = difference.elf.totals
        yield Card("flash", _signed(other.text + other.data - one.text - one.data), f"{other.text + other.data:,} B")
        yield Card("RAM", _signed(other.data + other.bss - one.data - one.bss), f"{other.data + other.bss:,} B")
        kinds = Counter(change.kind for change in difference.elf.symbols if change.what.startswith("function "))
        touched = sum(count for kind, count in kinds.items() if kind != "moved")
        yield Card("functions", f"{touched:,}", f"touched; {kinds['moved']:,} only moved")
    elif difference.signatures:
        yield Card("signatures", f"{len(difference.signatures)}", "differ")


def _legend(ranges: Iterable[Range]) -> Iterator[tuple[str, str, str]]:
    found = list(ranges)
    for kind in RANGES:
        sizes = [piece.end - piece.start for piece in found if piece.kind == kind]
        yield kind, SIGNS[kind], f"{sum(sizes):,} B in {_count(len(sizes), 'range')}"


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def _signed(number: int) -> str:
    return f"+{number:,}" if number > 0 else f"\u2212{-number:,}" if number < 0 else "0"


def _changes(changes: Iterable[Change]) -> Iterator[tuple[str, str, str, list[str], list[str]]]:
    for change in changes:
        yield change.kind, SIGNS[change.kind], change.what, _lines(change.before), _lines(change.after)


def _lines(value: Any) -> list[str]:
    """A value as lines: release notes have several."""
    text = f"{value:,}" if type(value) is int else str(value)
    return [] if value is None or value is True else text.split("\n")


def _totals(elf: ElfDifference | None) -> Iterator[tuple[str, str, str, str]]:
    if elf:
        one, other = elf.totals
        for name in Totals.__dataclass_fields__:
            before, after = getattr(one, name), getattr(other, name)
            yield name, f"{before:,}", f"{after:,}", _signed(after - before)


def _rows(changes: Iterable[Change]) -> list[Row]:
    found = list(changes)
    most = max((_effect(change) for change in found), default=0) or 1
    return [_row(change, 100 * _effect(change) / most) for change in found]


def _effect(change: Change) -> int:
    return abs(extent(change.after) - extent(change.before))


def _row(change: Change, share: float) -> Row:
    things = [thing for thing in (change.before, change.after) if thing is not None]
    addresses = [address_text(thing.address) for thing in things if thing.address]
    sizes = [f"{thing.size:,}" for thing in things]
    place, size = (" \u2192 ".join(dict.fromkeys(values)) for values in (addresses, sizes))
    delta, thing = extent(change.after) - extent(change.before), things[-1]
    return Row(
        kind=change.kind, sign=SIGNS[change.kind],
        what=getattr(thing, "kind", ""), name=thing.name, flags=getattr(thing, "flags", "") or getattr(thing, "section", ""),
        place=place, sizes=size, delta=_signed(delta) if delta else "", share=round(share, 1),
    )  # fmt: skip
