"""Where things lie in a terminal's flash, computed from the part and from what must fit (docs/device/boot.md draws it)."""

import functools
from typing import Final, NamedTuple

from formats.fwp.header import MAX_MANIFEST, ROOT_SIZE, SIZE
from formats.fwp.manifest import BLOCK_SIZES
from formats.fwp.table import Shape
from formats.signing import MAX_BLOCK_SIZE
from hwsim.geometry import KIB, W25Q128JV, Geometry

HEAD_FIELDS: Final = 16
"""Sequence, two sizes and their CRC, at the start of a head."""
MAX_UNIT: Final = 32
"""No part has larger program units; what is written on its own begins at multiples of it."""
SHARE: Final = 2
"""A second head is worth its room if both together take at most half of a slot."""


class Needs(NamedTuple):
    """What must fit, in bytes."""

    loader: int = 64 * KIB
    """The boot loader itself, at the start of the part; 0: it has memory of its own."""
    boot_log: int = 4 * KIB
    """Each of the two areas that take turns."""
    serial: int = 128
    trust: int = 48 * KIB
    """Each of the two places."""
    journal: int = 64 * KIB
    signed: int = SIZE + MAX_MANIFEST + ROOT_SIZE
    signatures: int = MAX_BLOCK_SIZE
    table: int = 64 * KIB
    """At most so much for a block table; less where a slot has fewer blocks."""
    slots: int = 2
    """1: a single slot, and a recovery loader that receives when it holds nothing that may start."""


class Span(NamedTuple):
    """A range of whole sectors."""

    address: int
    size: int

    @property
    def end(self) -> int:
        return self.address + self.size


class SlotLayout(NamedTuple):
    """One slot. Marks and table are offsets in a head."""

    heads: tuple[Span, ...]
    payload: Span
    marks: int
    """One program unit for each block: programmed when the block is done."""
    table: int
    max_table: int


class Layout(NamedTuple):
    """All of one terminal."""

    boot_log: tuple[Span, Span]
    serial: Span
    trust: tuple[Span, Span]
    journal: Span
    slots: tuple[SlotLayout, ...]
    max_signed: int
    max_signatures: int

    @property
    def capacity(self) -> int:
        """Bytes that the blocks of an image may take."""
        return min(slot.payload.size for slot in self.slots)


class _Room:
    """Gives out whole sectors from the start of a part."""

    def __init__(self, geometry: Geometry) -> None:
        self._geometry = geometry
        self.sector = 0

    def take(self, size: int, at_least: int = 1) -> Span:
        """At least so many bytes, and so many equal sectors; what is as large as an erase block begins at one."""
        geometry, starts = self._geometry, self._geometry.starts
        while geometry.block and size >= geometry.block and starts[self.sector] % geometry.block:
            self.sector += 1
        while not self._equal(self.sector, at_least):
            self.sector += 1
        first = self.sector
        while starts[self.sector] - starts[first] < size or self.sector - first < (at_least if size else 0):
            self.sector += 1
        return Span(starts[first], starts[self.sector] - starts[first])

    def _equal(self, first: int, count: int) -> bool:
        return len({self._geometry.span(sector)[1] for sector in range(first, first + count)}) == 1


def _align(size: int, to: int) -> int:
    return -(-size // to) * to


def _runs(geometry: Geometry, first: int) -> list[Span]:
    """The longest stretches of equal sectors from sector `first` on, largest first."""
    starts, found = geometry.starts, list[Span]()
    begin = first
    for sector in range(first, len(starts) - 1):
        size = starts[sector + 1] - starts[sector]
        if sector + 2 == len(starts) or starts[sector + 2] - starts[sector + 1] != size:
            found.append(Span(starts[begin], starts[sector + 1] - starts[begin]))
            begin = sector + 1
    return sorted(found, key=lambda span: -span.size)


def _slot_spans(geometry: Geometry, first: int, count: int) -> list[Span]:
    """Slots of the same size and the same sectors: two stretches of the part, or two halves of its longest."""
    runs = _runs(geometry, first)
    if count == 1:
        return runs[:1]
    longest, start = runs[0], geometry.sector_of(runs[0].address)
    sector = geometry.span(start)[1]
    half = longest.size // 2 // max(sector, geometry.block) * max(sector, geometry.block)
    second = runs[1] if len(runs) > 1 else Span(0, 0)
    if second.size > half and geometry.span(geometry.sector_of(second.address))[1] == sector:
        return [Span(longest.address, second.size), second]
    return [Span(longest.address, half), Span(longest.address + half, half)]


def _slot(geometry: Geometry, needs: Needs, span: Span) -> SlotLayout:
    blocks = span.size // min(BLOCK_SIZES)
    marks = _align(HEAD_FIELDS + needs.signed + needs.signatures, MAX_UNIT)
    table = _align(marks + blocks * geometry.unit, MAX_UNIT)
    most = min(needs.table, _align(Shape(blocks, True).size, MAX_UNIT))
    erase = geometry.block or geometry.span(geometry.sector_of(span.address))[1]
    head = _align(table + most, erase)
    count = 2 if 2 * head * SHARE <= span.size else 1
    heads = tuple(Span(span.address + n * head, head) for n in range(count))
    payload = Span(span.address + count * head, span.size - count * head)
    return SlotLayout(heads, payload, marks, table, head - table)


@functools.cache
def layout_of(geometry: Geometry, needs: Needs = Needs()) -> Layout:  # noqa: B008 - immutable
    """The layout of a part.

    Raises:
        IndexError: the part is too small.
    """
    room = _Room(geometry)
    room.take(needs.loader)
    log = room.take(needs.boot_log), room.take(needs.boot_log)
    serial = room.take(needs.serial)
    trust = room.take(needs.trust), room.take(needs.trust)
    journal = room.take(needs.journal, at_least=2)  # when one is erased, the entries of the other remain
    while geometry.block and geometry.starts[room.sector] % geometry.block:
        room.sector += 1
    slots = tuple(_slot(geometry, needs, span) for span in _slot_spans(geometry, room.sector, needs.slots))
    return Layout(log, serial, trust, journal, slots, needs.signed, needs.signatures)


DEFAULT: Final = layout_of(W25Q128JV)
FLASH_SIZE: Final = W25Q128JV.size
BOOT_STATE: Final = tuple(span.address for span in DEFAULT.boot_log)
SLOTS: Final = tuple(slot.heads[0].address for slot in DEFAULT.slots)
PAYLOAD_OFFSET: Final = DEFAULT.slots[0].payload.address - SLOTS[0]
CAPACITY: Final = DEFAULT.capacity
"""Of the terminal that is simulated by default."""
