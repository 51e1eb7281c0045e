"""What differs between two builds of a program: its totals, its sections, its functions and data."""

import heapq
import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO, Final, TypeVar

from formats.elf_symbols import Section, Symbol
from fwtool.difference import Change, ElfDifference, Totals, extent
from fwtool.program import Program
from fwtool.relinked import same_but_for_addresses

MAX_CHANGES: Final = 10_000
"""Symbols that are listed; of more, those of least effect are only counted."""
MAX_LOOKED_INTO: Final = 1 << 20
"""Bytes of changed symbols that are looked into for whether only addresses differ; what comes later has changed."""

T = TypeVar("T", Section, Symbol)


def compare_elf(first: BinaryIO, second: BinaryIO) -> ElfDifference:
    """Compare two ELF files by what their sections and symbols say.

    Raises:
        FormatError: one of them is damaged, or has too many symbols (`too_large`).
    """
    one, other = Program(first), Program(second)
    symbols = _SymbolChanges(one, other)
    listed = heapq.nsmallest(MAX_CHANGES, symbols, key=_rank)
    return ElfDifference(
        totals=(totals(one.sections), totals(other.sections)),
        sections=tuple(sorted(_section_changes(one.sections, other.sections), key=_rank)),
        symbols=tuple(listed),
        symbols_not_listed=symbols.count - len(listed),
    )


def totals(sections: Iterable[Section]) -> Totals:
    """Bytes of memory by kind, as GNU `size` has them in its Berkeley format: what is not writable is text."""
    found = {"text": 0, "data": 0, "bss": 0}
    for section in sections:
        if "A" in section.flags:
            fixed = "X" in section.flags or "W" not in section.flags
            found["text" if fixed else "bss" if section.sha256 is None else "data"] += section.size
    return Totals(**found)


def _rank(change: Change) -> tuple[int, bool, int, str]:
    """The largest effect first: growth, then changed content, then what has only moved."""
    sizes = extent(change.before), extent(change.after)
    return -abs(sizes[1] - sizes[0]), change.kind == "moved", -max(sizes), change.what


def _section_changes(first: Iterable[Section], second: Iterable[Section]) -> Iterator[Change]:
    one, other = (sorted(sections, key=lambda section: section.name) for sections in (first, second))
    for before, after in _pairs(one, other, content=lambda side, section: section.sha256):
        same = bool(before and after and (before.sha256, before.flags) == (after.sha256, after.flags))
        kind = _kind(before, after, same=same)
        if kind:
            what = f"section {(before or after).name}"  # type: ignore[union-attr]
            yield Change(what, kind, before, after)


class _SymbolChanges:
    """The symbols that differ between two programs, and how many there were."""

    def __init__(self, first: Program, second: Program) -> None:
        self.sides = (first, second)
        self.count = 0
        self._left = MAX_LOOKED_INTO

    def __iter__(self) -> Iterator[Change]:
        first, second = self.sides
        for before, after in _pairs(first.symbols, second.symbols, content=lambda side, symbol: self.sides[side].digest(symbol)):
            one = before or after
            assert one is not None
            same = bool(before and after and before.size == after.size and self._same(before, after))
            kind = _kind(before, after, same=same)
            if kind:
                self.count += 1
                yield Change(f"{one.kind} {one.name}", kind, before, after)

    def _same(self, before: Symbol, after: Symbol) -> bool:
        first, second = self.sides
        if first.digest(before) == second.digest(after):
            return True
        self._left -= before.size
        return self._left >= 0 and same_but_for_addresses(first, before, second, after)


def _kind(before: T | None, after: T | None, *, same: bool) -> str:
    """How a section or symbol differs; empty if it does not."""
    if before is None or after is None:
        return "added" if before is None else "removed"
    if before.size != after.size:
        return "grown" if after.size > before.size else "shrunk"
    if not same:
        return "changed"
    return "" if _place(before) == _place(after) else "moved"


def _place(thing: Section | Symbol) -> tuple[Any, ...]:
    return (thing.address, thing.load_address) if isinstance(thing, Section) else (thing.address, thing.section)


def _pairs(first: Iterable[T], second: Iterable[T], content: Callable[[int, T], Any]) -> Iterator[tuple[T | None, T | None]]:
    """Things that belong together, by kind and name, from two sides in that order; None where one side has none."""
    entries = (zip(map(_name, things), itertools.repeat(side), things) for side, things in enumerate((first, second)))
    merged = heapq.merge(*entries, key=lambda entry: entry[:2])
    for _, group in itertools.groupby(merged, key=lambda entry: entry[0]):
        found: tuple[list[T], list[T]] = ([], [])
        for _, side, thing in group:
            found[side].append(thing)
        yield from _paired(*found, content)


def _name(thing: Section | Symbol) -> tuple[str, str]:
    return ("", thing.name) if isinstance(thing, Section) else (thing.kind, thing.name)


def _paired(first: list[T], second: list[T], content: Callable[[int, T], Any]) -> Iterator[tuple[T | None, T | None]]:
    """Of several things of one name those with the same content belong together, and the rest in the same order."""
    if len(first) < 2 and len(second) < 2:
        yield from itertools.zip_longest(first, second)
        return
    waiting: dict[Any, list[T]] = {}
    for thing in second:
        waiting.setdefault((thing.size, content(1, thing)), []).append(thing)
    rest = []
    for thing in first:
        same = waiting.get((thing.size, content(0, thing)))
        if same:
            yield thing, same.pop(0)
        else:
            rest.append(thing)
    left = {id(thing) for things in waiting.values() for thing in things}
    yield from itertools.zip_longest(rest, [thing for thing in second if id(thing) in left])
