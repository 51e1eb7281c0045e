"""The vertical axis of a memory map: which addresses are drawn, and where. Long stretches without bytes are left out."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from fwtool.difference import Bar

HEIGHT: Final = 560.0
"""Units of the picture for all regions together."""
SMALLEST: Final = 40.0
"""Height of a region that has next to no bytes."""
GAP: Final = 34.0
"""Height of what stands between two regions."""
MAX_REGIONS: Final = 12
"""Regions of one address space; further holes are drawn as they are."""
HOLE: Final = 8
"""A hole is left out if it is longer than all bytes divided by this."""
TICKS: Final = 36.0
"""Least distance of two ticks."""


class Region(NamedTuple):
    """A run of addresses of one space, and its place in the picture."""

    space: str
    start: int
    end: int
    top: float
    height: float
    hole: int = 0
    """Addresses that were left out in front of it."""

    def y(self, address: int) -> float:
        return self.top + self.length(address - self.start)

    def length(self, count: int) -> float:
        return self.height * count / (self.end - self.start)


class Tick(NamedTuple):
    """A labelled address."""

    y: float
    label: str


def regions(bars: Iterable[Bar], top: float) -> tuple[Region, ...]:
    """The regions that hold all of these, from `top` downwards, in proportion to what they span."""
    spaces: dict[str, list[tuple[int, int]]] = {}
    for bar in bars:
        spaces.setdefault(bar.space, []).append((bar.start, bar.end))
    found = [(space, *span) for space in sorted(spaces) for span in _spans(_merged(spaces[space]))]
    whole = sum(end - start for _, start, end, _ in found)
    room = max(HEIGHT - SMALLEST * len(found), SMALLEST * len(found))
    made = []
    for space, start, end, hole in found:
        top += GAP if hole or space else 0
        height = SMALLEST + room * (end - start) / whole
        made.append(Region(space, start, end, top, height, hole))
        top += height
    return tuple(made)


def _merged(runs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(run for run in runs if run[0] < run[1]):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _spans(runs: list[tuple[int, int]]) -> list[tuple[int, int, int]]:
    """Start, end and hole in front of each region: runs that are split at the largest holes."""
    whole = sum(end - start for start, end in runs)
    holes = [(second[0] - first[1], second[0]) for first, second in zip(runs, runs[1:], strict=False)]
    split = {after: hole for hole, after in sorted(holes, reverse=True)[: MAX_REGIONS - 1] if hole * HOLE > whole}
    spans: list[tuple[int, int, int]] = []
    for start, end in runs:
        if not spans or start in split:
            spans.append((start, end, split.get(start, 0)))
        else:
            spans[-1] = (spans[-1][0], end, spans[-1][2])
    return spans


def ticks(region: Region) -> tuple[Tick, ...]:
    """Both ends of a region, and round addresses between them."""
    step = 1
    while region.length(step) < TICKS:
        step *= 2
    first = -(-region.start // step) * step
    inner = range(first, region.end, step) if region.end - region.start > step else ()
    edge = TICKS / 2
    between = [address for address in inner if region.length(address - region.start) > edge < region.length(region.end - address)]
    return tuple(Tick(region.y(address), address_text(address)) for address in (region.start, *between, region.end))


def address_text(address: int) -> str:
    """An address as the whole tool writes it."""
    return f"0x{address:08x}"
