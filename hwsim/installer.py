"""The receiving side of an update: judge first, then take blocks into flash one by one, each checked before it is
programmed and read back after.

Flash work is a queue of jobs; the owner runs one, waits as long as the part was busy, and runs the next. Receiving goes
on meanwhile, and when no job waits, what lies ahead is erased: that is how flash times hide behind the line.

A block need not be sent if the slot has it in its place already, if it is blank, or if the running image has it.
"""

import functools
import hashlib
from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

from formats.deflate import inflate
from formats.errors import FormatError
from formats.fwp import table as block_table
from formats.fwp.table import ENTRIES_PER_PAGE, Table
from hwsim.bootstate import BootLog, SlotMark
from hwsim.flash import BLOCK, NorFlash
from hwsim.slots import Offered, Refused, SlotStore
from hwsim.stock import Stock
from transports.tsp.messages import Encoding, SlotState, Status

TRIAL_STARTS = 1
SECTOR_ERASES: Final = 3
"""So many sector erases take less time than one of a whole unit (data sheet: 45 and 150 ms)."""


class Job(NamedTuple):
    """A piece of flash work, and what to tell when it is done."""

    run: Callable[[], None]
    done: Callable[[], None]


class Installer:
    """One update at a time into the slot that is not running.

    Args:
        stock: What is there already.
        tell_held: Called with the first block of a page and a bitmap of those that need not be sent.
    """

    def __init__(
        self,
        flash: NorFlash,
        log: BootLog,
        slot: int,
        offered: Offered,
        stock: Stock,
        tell_held: Callable[[int, int], None],
    ) -> None:
        self.offered = offered
        self.store = SlotStore(flash, slot)
        self.jobs: deque[Job] = deque()
        self.blocks_done = 0
        self._log = log
        self._stock = stock
        self._tell_held = tell_held
        self._search = True
        self._index = b""
        self._table: Table | None = None
        self._expected = 0
        """The next block to arrive."""
        self._known: set[int] = set()
        """Pages of the table that have arrived."""
        self._searched: set[int] = set()
        """Pages for whose blocks it is known whether they must be sent."""
        self._held: dict[int, Callable[[], bytes] | None] = {}
        """Blocks that need not be sent, and where their bytes come from; None: they are in place."""
        self._next_unit = 0

    @property
    def digest(self) -> bytes:
        return self.offered.digest

    @property
    def complete(self) -> bool:
        """Nothing is missing, though flash work may still be waiting."""
        return self._expected == self.offered.manifest.block_count

    def begin(self, *, resume: bool) -> int:
        """Prepare the slot; get the number of blocks from the start that are there already."""
        self._search = resume
        same = self.store.metadata() == (self.offered.signed, self.offered.signatures)
        mark = self._log.state.slots[self.store.index]
        if resume and same and mark.state in (SlotState.WRITING, SlotState.TRIAL):
            held = self.store.held(self.offered)
            self.blocks_done = self._expected = held
            self._held = dict.fromkeys(range(held))
            if mark.state is SlotState.TRIAL:
                self._log.write(self._log.state.with_slot(self.store.index, SlotMark(SlotState.WRITING)))
            return held
        # From here on the old content of the slot must never start, so it is struck out before it is touched.
        self._log.write(self._log.state.with_slot(self.store.index, SlotMark(SlotState.WRITING)))
        self.jobs.append(Job(lambda: self.store.write_metadata(self.offered.signed, self.offered.signatures), _nothing))
        return 0

    # -- what arrives -----------------------------------------------------------------------------------------------

    def take_table(self, offset: int, data: bytes) -> None:
        """A part of the table: the index, or one page.

        Raises:
            Refused: it does not fit the signed root.
        """
        shape = self.offered.manifest.table_shape
        if offset == 0:
            if len(data) != shape.index_size or (block_table.root_of(data) != self.offered.root):
                raise Refused(Status.BAD_BLOCK, "the table's index does not fit the signed root")
            self._index = data
            self.jobs.append(Job(lambda: self.store.write_table(offset, data), _nothing))
            return
        pages = range(len(self._index) // block_table.DIGEST_SIZE)
        number = next((page for page in pages if shape.page_span(page)[0] == offset), -1)
        if number < 0 or hashlib.sha256(data).digest() != self._index[number * 32 : number * 32 + 32]:
            raise Refused(Status.BAD_BLOCK, "a page of the table does not fit its index")
        self._known.add(number)

        def search() -> None:
            self.store.write_table(offset, data)
            self._search_page(number)

        self.jobs.append(Job(search, lambda: self._page_searched(number)))

    def take_block(self, index: int, encoding: Encoding, data: bytes, done: Callable[[], None]) -> None:
        """A block, in order; those that are held may be left out, or come all the same.

        Raises:
            Refused: not the next block.
        """
        if index < self._expected and index in self._held:
            done()
            return
        if index != self._expected or self.complete or index // ENTRIES_PER_PAGE not in self._known:
            raise Refused(Status.BAD_BLOCK, f"block {index} comes out of order")
        self._expected = index + 1
        self.jobs.append(Job(lambda: self._program(index, self._decoded(index, encoding, data)), done))
        self._take_held()

    def _decoded(self, index: int, encoding: Encoding, data: bytes) -> bytes:
        try:
            if encoding is Encoding.DEFLATE:
                data = inflate(data, self._own_table()[index].stored_length)
            return self.offered.installed(index, data)
        except FormatError as error:
            raise Refused(Status.BAD_BLOCK, f"block {index}: {error.message}") from error

    def _take_held(self) -> None:
        """Go on over the blocks that need not come."""
        while self._expected in self._held:
            index, source = self._expected, self._held[self._expected]
            run = functools.partial(self._mark_done, index) if source is None else functools.partial(self._copy, index, source)
            self._expected = index + 1
            self.jobs.append(Job(run, _nothing))

    def _copy(self, index: int, source: Callable[[], bytes]) -> None:
        self._program(index, source())

    # -- what need not arrive ---------------------------------------------------------------------------------------

    def _search_page(self, page: int) -> None:
        """Find the blocks of a page that need not be sent. Whatever is found has been read and hashed."""
        first = page * ENTRIES_PER_PAGE
        for index in range(max(first, self._expected), min(first + ENTRIES_PER_PAGE, self.offered.manifest.block_count)):
            if self._search and index not in self._held:
                length = self.offered.manifest.installed_length(index)
                place = self._stock.find(index, self._own_table()[index].digest, length)
                if place:
                    self._held[index] = None if place.in_place else place.read

    def _page_searched(self, page: int) -> None:
        self._searched.add(page)
        first = page * ENTRIES_PER_PAGE
        found = sum(1 << n for n in range(ENTRIES_PER_PAGE) if first + n in self._held and first + n >= self._expected)
        self._take_held()
        if found:
            self._tell_held(first, found)

    # -- flash ------------------------------------------------------------------------------------------------------

    def _own_table(self) -> Table:
        if self._table is None:
            try:
                self._table = self.store.table(self.offered.manifest, self.offered.root)
            except FormatError as error:
                raise Refused(Status.FLASH_FAULT, error.message) from error
        return self._table

    def _program(self, index: int, data: bytes) -> None:
        manifest = self.offered.manifest
        right = self.offered.digest_of(index, data) == self._own_table()[index].digest
        if not right or len(data) != manifest.installed_length(index):
            raise Refused(Status.BAD_BLOCK, f"block {index} does not fit its signed digest")
        start = index * manifest.block_size
        for unit in range(start // BLOCK, -(-(start + len(data)) // BLOCK)):
            self._prepare(unit)
        self.store.program_block(manifest, index, data)
        if self.store.read_block(manifest, index) != data:
            raise Refused(Status.FLASH_FAULT, f"block {index} reads back differently")
        self._mark_done(index)

    def _mark_done(self, index: int) -> None:
        self.blocks_done = index + 1

    def ahead(self) -> Job | None:
        """What the flash can do while nothing else is to be done: make the next 64 KiB ready."""
        manifest = self.offered.manifest
        unit = self._next_unit
        if unit * BLOCK >= manifest.block_count * manifest.block_size or not self._unit_is_clear(unit):
            return None
        return Job(lambda: self._prepare(unit), _nothing)

    def _blocks_of(self, unit: int) -> range:
        manifest = self.offered.manifest
        last = -(-(unit + 1) * BLOCK // manifest.block_size)
        return range(unit * BLOCK // manifest.block_size, min(last, manifest.block_count))

    def _unit_is_clear(self, unit: int) -> bool:
        """Whether it is known which blocks of a unit are in place, and so what may be erased."""
        return all(index < self._expected or index // ENTRIES_PER_PAGE in self._searched for index in self._blocks_of(unit))

    def _prepare(self, unit: int) -> None:
        """Erase a unit, or of one that holds good blocks, or little that is written, only the sectors that need it."""
        if unit < self._next_unit:
            return
        self._next_unit = unit + 1
        manifest = self.offered.manifest
        in_place = {index for index in self._blocks_of(unit) if self._held.get(index, self) is None}
        first, last = unit * BLOCK, min((unit + 1) * BLOCK, manifest.block_count * manifest.block_size)
        needed = [
            address
            for index in self._blocks_of(unit)
            if index not in in_place
            for address in self.store.dirty_sectors(
                max(first, index * manifest.block_size), min(last, (index + 1) * manifest.block_size)
            )
        ]
        if len(needed) > SECTOR_ERASES and not in_place:
            self.store.erase_unit(unit)
            return
        for address in needed:
            self.store.erase_sector(address)

    def finish(self) -> None:
        """Everything is there: check the whole once more against the signed digests, then put it on trial.

        Raises:
            Refused: incomplete or damaged.
        """
        manifest = self.offered.manifest
        if self.blocks_done != manifest.block_count or self.jobs:
            raise Refused(Status.WRONG_STATE, f"{self.blocks_done} of {manifest.block_count} blocks are there")
        try:
            table = self.store.table(manifest, self.offered.root)
            for component, count in manifest.block_lengths():
                first = component.first_block
                digests = b"".join(table[index].digest for index in range(first, first + count))
                if hashlib.sha256(digests).digest() != component.digest:
                    raise Refused(Status.DAMAGED_PACKAGE, f"component {component.name} has another digest")
        except FormatError as error:
            raise Refused(Status.FLASH_FAULT, error.message) from error
        self._log.write(self._log.state.with_slot(self.store.index, SlotMark(SlotState.TRIAL, TRIAL_STARTS)))


def _nothing() -> None:
    pass
