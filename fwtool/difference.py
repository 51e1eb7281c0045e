"""What `image diff` finds: plain records, filled by `fwtool.compare`, shown by the command line and the page."""

import dataclasses
from typing import Any

from formats.elf_symbols import Section, Symbol


@dataclasses.dataclass(frozen=True, slots=True)
class Change:
    """One difference; what was not there is None.

    `kind` is changed, added or removed. Sections and symbols of ELF files are also grown, shrunk, or moved: the same
    but for where they lie, and for the addresses in them of other things that moved.
    """

    what: str
    kind: str
    before: Any = None
    after: Any = None


@dataclasses.dataclass(frozen=True, slots=True)
class Range:
    """Bytes of one component (or of the image) that differ."""

    component: str
    kind: str
    start: int
    end: int


@dataclasses.dataclass(frozen=True, slots=True)
class Bar:
    """What lies where in one of the two: a component, an ELF section, or a piece of an image."""

    name: str
    start: int
    end: int
    space: str = ""
    """Empty for memory addresses; for a component that has none, its name: it lies at 0 of a space of its own."""


@dataclasses.dataclass(frozen=True, slots=True)
class Totals:
    """Bytes of code and constants, of initialised data, and of zeroed memory: as `size` of GNU binutils counts them."""

    text: int
    data: int
    bss: int


@dataclasses.dataclass(frozen=True, slots=True)
class ElfDifference:
    """What two ELF files say beyond their bytes, the largest effect first."""

    totals: tuple[Totals, Totals]
    sections: tuple[Change, ...]
    """`before` and `after` are `Section` records."""
    symbols: tuple[Change, ...]
    """`before` and `after` are `Symbol` records."""
    symbols_not_listed: int = 0
    """Further symbols that differ, of less effect."""


@dataclasses.dataclass(frozen=True, slots=True)
class Difference:
    """All of it."""

    changes: tuple[Change, ...]
    ranges: tuple[Range, ...]
    signatures: tuple[Change, ...] = ()
    grain: int = 1
    """Ranges of one kind that are closer than this are one range."""
    elf: ElfDifference | None = None
    maps: tuple[tuple[Bar, ...], tuple[Bar, ...]] = ((), ())
    """What lies where before and after: for the picture, no part of the difference."""

    @property
    def same(self) -> bool:
        parts = (self.changes, self.ranges, self.signatures, self.elf and (self.elf.sections or self.elf.symbols))
        return not any(parts)

    @property
    def only_signatures(self) -> bool:
        return bool(self.signatures) and not (self.changes or self.ranges)

    @property
    def only_names(self) -> bool:
        """Two ELF files whose loaded bytes are the same: what differs is for debuggers and linkers."""
        return not (self.same or self.ranges or self.changes) and self.elf is not None


def extent(thing: Section | Symbol | None) -> int:
    """Size in bytes; none of what is not there."""
    return thing.size if thing else 0


def entries(what: str, before: dict[str, Any], after: dict[str, Any]) -> list[Change]:
    """Differences between two dicts, key by key; `what` stands in front of each key."""
    found = []
    for key in dict.fromkeys([*before, *after]):
        if key not in after:
            found.append(Change(f"{what} {key}".strip(), "removed", before[key]))
        elif key not in before:
            found.append(Change(f"{what} {key}".strip(), "added", None, after[key]))
        elif before[key] != after[key]:
            found.append(Change(f"{what} {key}".strip(), "changed", before[key], after[key]))
    return found
