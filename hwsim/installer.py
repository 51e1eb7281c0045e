"""The receiving side of an update: judge first, then take blocks into flash one by one, each checked before it is
programmed and read back after.

Flash work is a queue of jobs; the owner runs one, waits as long as the part was busy, and runs the next. Receiving goes
on meanwhile: that is how erase and program times hide behind the line.
"""

import hashlib
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from formats.errors import FormatError
from formats.fwp import table as block_table
from hwsim.bootstate import BootLog, SlotMark
from hwsim.flash import NorFlash
from hwsim.slots import Offered, Refused, SlotStore
from transports.tsp.messages import SlotState, Status

TRIAL_STARTS = 1


class Job(NamedTuple):
    """A piece of flash work, and what to tell when it is done."""

    run: Callable[[], None]
    done: Callable[[], None]


class Installer:
    """One update at a time into the slot that is not running."""

    def __init__(self, flash: NorFlash, log: BootLog, slot: int, offered: Offered) -> None:
        self.offered = offered
        self.store = SlotStore(flash, slot)
        self.jobs: deque[Job] = deque()
        self.blocks_done = 0
        self._log = log
        self._index = b""
        self._pages: dict[int, bytes] = {}
        self._expected = 0

    @property
    def digest(self) -> bytes:
        return self.offered.digest

    def begin(self, *, resume: bool) -> int:
        """Prepare the slot; get the number of blocks that are there already."""
        same = self.store.metadata() == (self.offered.signed, self.offered.signatures)
        mark = self._log.state.slots[self.store.index]
        if resume and same and mark.state in (SlotState.WRITING, SlotState.TRIAL):
            self.blocks_done = self._expected = self.store.held(self.offered)
            if mark.state is SlotState.TRIAL:
                self._log.write(self._log.state.with_slot(self.store.index, SlotMark(SlotState.WRITING)))
            return self.blocks_done
        # From here on the old content of the slot must never start, so it is struck out before it is touched.
        self._log.write(self._log.state.with_slot(self.store.index, SlotMark(SlotState.WRITING)))
        self.jobs.append(Job(lambda: self.store.write_metadata(self.offered.signed, self.offered.signatures), _nothing))
        return 0

    def take_table(self, offset: int, data: bytes) -> None:
        """A part of the table: the index, or one page.

        Raises:
            Refused: it does not fit the signed root.
        """
        manifest = self.offered.manifest
        if offset == 0:
            if len(data) != block_table.page_count(manifest.block_count) * block_table.DIGEST_SIZE or (
                block_table.root_of(data) != self.offered.root
            ):
                raise Refused(Status.BAD_BLOCK, "the table's index does not fit the signed root")
            self._index = data
        else:
            number = next(
                (n for n in range(len(self._index) // 32) if block_table.page_span(n, manifest.block_count)[0] == offset),
                -1,
            )
            if number < 0 or hashlib.sha256(data).digest() != self._index[number * 32 : number * 32 + 32]:
                raise Refused(Status.BAD_BLOCK, "a page of the table does not fit its index")
            self._pages = {number: data}
        self.jobs.append(Job(lambda: self.store.write_table(offset, data), _nothing))

    def take_block(self, index: int, data: bytes, done: Callable[[], None]) -> None:
        """A block, in order.

        Raises:
            Refused: not the next block, or its digest differs from the signed table: it is not programmed.
        """
        manifest = self.offered.manifest
        page = self._pages.get(index // block_table.ENTRIES_PER_PAGE)
        if index != self._expected or index >= manifest.block_count or page is None:
            raise Refused(Status.BAD_BLOCK, f"block {index} comes out of order")
        entry = block_table.entry_in(page, index)
        if len(data) != manifest.installed_length(index) or hashlib.sha256(data).digest() != entry.digest:
            raise Refused(Status.BAD_BLOCK, f"block {index} does not fit its signed digest")
        self._expected += 1

        def program() -> None:
            self.store.prepare_block(manifest, index)
            self.store.program_block(manifest, index, data)
            if self.store.read_block(manifest, index) != data:
                raise Refused(Status.FLASH_FAULT, f"block {index} reads back differently")
            self.blocks_done = index + 1

        self.jobs.append(Job(program, done))

    def finish(self) -> None:
        """Everything is there: check the whole once more against the signed digests, then put it on trial.

        Raises:
            Refused: incomplete or damaged.
        """
        manifest = self.offered.manifest
        if self.blocks_done != manifest.block_count or self.jobs:
            raise Refused(Status.WRONG_STATE, f"{self.blocks_done} of {manifest.block_count} blocks are there")
        try:
            table = self.store.table(self.offered)
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
