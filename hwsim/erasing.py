"""What must be erased before blocks are programmed, and in which steps."""

from collections.abc import Collection
from typing import Final

from formats.fwp.manifest import Manifest
from hwsim.layout import Span
from hwsim.slots import SlotStore

SECTOR_ERASES: Final = 3
"""So many sector erases take less time than one of a whole unit (data sheet: 45 and 150 ms)."""


class Eraser:
    """Makes a slot's payload ready, unit by unit, each once.

    Args:
        virgin: Nothing has been erased here since the factory, so what reads as erased is.
    """

    def __init__(self, store: SlotStore, manifest: Manifest, *, virgin: bool) -> None:
        self._store, self._manifest, self._virgin = store, manifest, virgin
        self._units = store.units(manifest)
        self.next = 0
        """Number of the unit that comes next."""

    @property
    def done(self) -> bool:
        return self.next >= len(self._units)

    def units_of(self, index: int, length: int) -> range:
        """The units that a block of so many bytes touches."""
        start, size = index * self._manifest.block_size, self._units[0].size
        return range(start // size, -(-(start + length) // size))

    def blocks_of(self, unit: int) -> range:
        """The blocks that touch a unit."""
        manifest, size = self._manifest, self._units[unit].size
        last = -(-(unit + 1) * size // manifest.block_size)
        return range(unit * size // manifest.block_size, min(last, manifest.block_count))

    def prepare(self, unit: int, kept: Collection[int]) -> None:
        """Erase a unit for all its blocks but those that are kept, unless that has been done."""
        if unit < self.next:
            return
        self.next = unit + 1
        for span in self.to_erase(unit, kept):
            self._store.erase(span)

    def to_erase(self, unit: int, kept: Collection[int]) -> list[Span]:
        """The sectors of the blocks that are not kept; the whole unit, if that is many and no block in it is.

        Reading as erased is no reason to leave one out: an erase that was cut may look so. Only where no erase has ever been
        is a look enough.
        """
        whole, size, start = self._units[unit], self._manifest.block_size, self._units[0].address
        blocks = self.blocks_of(unit)
        wanted: dict[Span, None] = {}
        for index in blocks:
            if index not in kept:
                first, last = start + index * size, start + (index + 1) * size
                wanted.update(dict.fromkeys(self._store.sectors(max(whole.address, first), min(whole.end, last))))
        if self._virgin:
            wanted = {span: None for span in wanted if not self._store.blank(span)}
        if len(wanted) > SECTOR_ERASES and not any(index in kept for index in blocks):
            return [whole]
        return list(wanted)
