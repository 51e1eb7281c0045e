"""Which bytes of two images differ, as address ranges."""

import bisect
import dataclasses
from collections.abc import Iterable, Iterator
from typing import Final

from formats.sources import Image, Piece
from fwtool.difference import Range

UNIT: Final = 16
"""Bytes that are compared as one: ranges begin and end at multiples of it, or where a piece does."""
STEP: Final = 1 << 16
MAX_RANGES: Final = 10_000
"""With more ranges than these, neighbours are joined, so that no pair of images fills the memory."""
_WIDEST: Final = 1 << 40


class ImageBytes:
    """An image's bytes by address."""

    def __init__(self, image: Image) -> None:
        self._pieces = image.pieces
        self._starts = [piece.address for piece in image.pieces]

    def has(self, start: int, end: int) -> bool:
        """Whether all bytes from `start` up to `end` are in one piece."""
        return self._holder(start, end) is not None

    def at(self, start: int, end: int) -> bytes | None:
        """The bytes from `start` up to `end`, None if they are not all in one piece."""
        piece = self._holder(start, end)
        return None if piece is None else piece.read(start - piece.address, end - start)

    def _holder(self, start: int, end: int) -> Piece | None:
        number = bisect.bisect_right(self._starts, start) - 1
        if number < 0:
            return None
        piece = self._pieces[number]
        return piece if end <= piece.address + piece.size else None


def ranges(component: str, first: Image, second: Image) -> Iterator[Range]:
    """Address ranges that only one of them has, or whose bytes differ; neighbours of one kind are joined."""
    current: Range | None = None
    for low, high, kind in _differences(ImageBytes(first), ImageBytes(second), _borders(first, second)):
        if current and (current.end, current.kind) == (low, kind):
            current = dataclasses.replace(current, end=high)
            continue
        if current:
            yield current
        current = Range(component, kind, low, high)
    if current:
        yield current


def _borders(first: Image, second: Image) -> list[int]:
    return sorted({edge for image in (first, second) for p in image.pieces for edge in (p.address, p.address + p.size)})


def _differences(first: ImageBytes, second: ImageBytes, borders: list[int]) -> Iterator[tuple[int, int, str]]:
    """Between two borders each image has all bytes or none."""
    for low, high in zip(borders, borders[1:], strict=False):
        in_first, in_second = first.has(low, high), second.has(low, high)
        if in_first and in_second:
            for start in range(low, high, STEP):
                end = min(start + STEP, high)
                yield from _changed(start, end, first.at(start, end), second.at(start, end))
        elif in_first or in_second:
            yield low, high, "removed" if in_first else "added"


def _changed(start: int, end: int, one: bytes | None, other: bytes | None) -> Iterator[tuple[int, int, str]]:
    if one is None or other is None or one == other:
        return
    for low in range(start - start % UNIT, end, UNIT):
        first, last = max(low, start), min(low + UNIT, end)
        if one[first - start : last - start] != other[first - start : last - start]:
            yield first, last, "changed"


def bounded(found: Iterable[Range], at_most: int = MAX_RANGES) -> tuple[tuple[Range, ...], int]:
    """The ranges, joined over ever wider gaps until there are few enough, and the width of gap that was joined."""
    kept: list[Range] = []
    grain, limit = 1, at_most
    for piece in found:
        kept.append(piece)
        if len(kept) <= limit:
            continue
        kept = joined(kept, grain)
        while len(kept) > limit // 2 and grain < _WIDEST:
            grain *= 2
            kept = joined(kept, grain)
        limit = max(limit, 2 * len(kept))
    return tuple(joined(kept, grain)), grain


def joined(found: list[Range], grain: int) -> list[Range]:
    """Ranges of one component and kind less than `grain` bytes apart become one."""
    kept: list[Range] = []
    for piece in found:
        last = kept[-1] if kept else None
        if last and (last.component, last.kind) == (piece.component, piece.kind) and 0 <= piece.start - last.end < grain:
            kept[-1] = dataclasses.replace(last, end=piece.end)
        else:
            kept.append(piece)
    return kept
