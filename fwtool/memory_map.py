"""The picture of a difference: both memory maps side by side, what is where, and which bytes differ. Geometry only.

Two columns share one axis. In each, bars are what the file calls its parts; in lanes beside their names are the ranges that
differ, in exact proportion, and of ELF files the functions and data that do. Ribbons join parts of the same name, so that
what grew and what was pushed away can be seen.
"""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from fwtool.difference import Bar, Change, Difference, Range
from fwtool.memory_axis import GAP, Region, Tick, address_text, regions, ticks
from fwtool.text import shortened

WIDTH: Final = 800.0
TOP: Final = 34.0
BEFORE: Final = (96.0, 352.0)
AFTER: Final = (540.0, 796.0)
"""Left and right edge of the columns."""
LANE: Final = 58.0
"""Width of a lane: ranges in the innermost one, symbols in the next."""
BETWEEN: Final = 4.0
"""Between two lanes."""
LABEL: Final = 15.0
"""Least height of a bar that has its name in it."""
LETTERS: Final = 18
MAX_BARS: Final = 200
"""Bars of a side that are drawn, the largest of them."""


class Rect(NamedTuple):
    """A rectangle; `kind` is one of a change, or empty; `label` is what is written in it, `title` what it is."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    title: str
    label: str = ""
    detail: str = ""


class Break(NamedTuple):
    """What stands between two regions."""

    y: float
    text: str


class Picture(NamedTuple):
    """Everything that is drawn, in units of the picture."""

    height: float
    frames: tuple[Rect, ...]
    bars: tuple[Rect, ...]
    ranges: tuple[Rect, ...]
    symbols: tuple[Rect, ...]
    ribbons: tuple[str, ...]
    """Points of polygons."""
    ticks: tuple[Tick, ...]
    breaks: tuple[Break, ...]
    not_drawn: int
    """Bars that were too many."""


def picture(difference: Difference) -> Picture:
    """Lay out both maps of a difference."""
    sides = [_largest(bars) for bars in difference.maps]
    places = [{bar.name: bar.space for bar in bars} for bars in difference.maps]
    found = regions([*difference.maps[0], *difference.maps[1], *_as_bars(difference.ranges, places)], TOP)
    columns = (BEFORE, AFTER)
    bars = [
        _bar(bar, region, column) for side, column in zip(sides, columns, strict=True) for bar, region in _placed(side, found)
    ]
    drawn = [
        _range(piece, region, number)
        for number, hidden in enumerate(("added", "removed"))
        for piece, region in _placed_ranges(difference.ranges, hidden, places[number], found)
    ]
    bottom = max((region.top + region.height for region in found), default=TOP)
    return Picture(
        height=round(bottom + 16, 1),
        frames=tuple(Rect(left, r.top, right - left, r.height, "", "") for r in found for left, right in columns),
        bars=tuple(bars),
        ranges=tuple(drawn),
        symbols=tuple(_symbols(difference.elf.symbols, found)) if difference.elf else (),
        ribbons=tuple(_ribbons(sides[0], sides[1], found)),
        ticks=tuple(tick for region in found for tick in ticks(region)),
        breaks=tuple(Break(region.top - GAP / 2, _break_text(region)) for region in found if region.hole or region.space),
        not_drawn=sum(len(bars) for bars in difference.maps) - sum(len(side) for side in sides),
    )


def _largest(bars: Iterable[Bar]) -> list[Bar]:
    kept = sorted(bars, key=lambda bar: bar.start - bar.end)[:MAX_BARS]
    return sorted(kept, key=lambda bar: (bar.space, bar.start))


def _as_bars(ranges: Iterable[Range], places: list[dict[str, str]]) -> Iterator[Bar]:
    for piece in ranges:
        spaces = places[1] if piece.kind == "added" else places[0]
        yield Bar(piece.component, piece.start, piece.end, spaces.get(piece.component, ""))


def _placed(bars: Iterable[Bar], found: tuple[Region, ...]) -> Iterator[tuple[Bar, Region]]:
    for bar in bars:
        region = _region(bar, found)
        if region:
            yield bar, region


def _region(bar: Bar, found: tuple[Region, ...]) -> Region | None:
    return next((r for r in found if r.space == bar.space and r.start <= bar.start and bar.end <= r.end), None)


def _placed_ranges(
    ranges: Iterable[Range], hidden: str, spaces: dict[str, str], found: tuple[Region, ...]
) -> Iterator[tuple[Range, Region]]:
    for piece in ranges:
        region = _region(Bar("", piece.start, piece.end, spaces.get(piece.component, "")), found)
        if region and piece.kind != hidden:
            yield piece, region


def _bar(bar: Bar, region: Region, column: tuple[float, float]) -> Rect:
    left, right = column
    height = region.length(bar.end - bar.start)
    size = f"{bar.end - bar.start:,} B"
    label = shortened(bar.name, LETTERS) if height >= LABEL else ""
    return Rect(left, _round(region.y(bar.start)), right - left, _round(height), "", _title(bar), label,
                size if height >= 2.4 * LABEL else "")  # fmt: skip


def _range(piece: Range, region: Region, side: int) -> Rect:
    left = _lane(side, 0)
    title = _title(Bar(piece.kind, piece.start, piece.end))
    height = region.length(piece.end - piece.start)
    return Rect(left, _round(region.y(piece.start)), LANE, _round(height), piece.kind, title)


def _lane(side: int, number: int) -> float:
    """Left edge of a lane, counted from the middle of the picture."""
    step = LANE + BETWEEN
    return BEFORE[1] - LANE - step * number if side == 0 else AFTER[0] + step * number


def _symbols(changes: Iterable[Change], found: tuple[Region, ...]) -> Iterator[Rect]:
    """Symbols whose content is another, where they lie in the memory that is drawn (which is no RAM)."""
    for change in changes:
        for side, symbol in enumerate((change.before, change.after)):
            if symbol is None or not symbol.size or change.kind == "moved":
                continue
            bar = Bar(change.what, symbol.address, symbol.address + symbol.size)
            region = _region(bar, found)
            if region:
                title = f"{change.kind}: {_title(bar)}"
                yield Rect(
                    _lane(side, 1), _round(region.y(bar.start)), LANE, _round(region.length(symbol.size)), change.kind, title
                )


def _title(bar: Bar) -> str:
    return f"{shortened(bar.name, 120)}: {address_text(bar.start)} to {address_text(bar.end)}, {bar.end - bar.start:,} B"


def _ribbons(first: list[Bar], second: list[Bar], found: tuple[Region, ...]) -> Iterator[str]:
    others = {bar.name: bar for bar in second}
    for before, region in _placed(first, found):
        after = others.get(before.name)
        place = after and _region(after, found)
        if after and place:
            corners = ((BEFORE[1], region.y(before.start)), (AFTER[0], place.y(after.start)),
                       (AFTER[0], place.y(after.end)), (BEFORE[1], region.y(before.end)))  # fmt: skip
            yield " ".join(f"{x:g},{_round(y)}" for x, y in corners)


def _break_text(region: Region) -> str:
    if region.space and not region.hole:
        return f"{shortened(region.space, LETTERS)}: no address, offsets from 0"
    return f"{region.hole:,} bytes that neither has"


def _round(number: float) -> float:
    return round(number, 4)
