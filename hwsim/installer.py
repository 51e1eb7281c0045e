"""The receiving side of an update: judge first, then take blocks into flash one by one, each checked before it is
programmed and read back after. It carries out the rows of hwsim/transitions.py for BEGIN, blocks and FINISH.

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
from formats.permit import Permit
from hwsim import permits
from hwsim.bootstate import BootLog, SlotMark
from hwsim.counter import SPARE_PLACES, Counter
from hwsim.erasing import Eraser
from hwsim.flash import NorFlash
from hwsim.layout import DEFAULT, Layout
from hwsim.refusal import Refused
from hwsim.rotation import brought
from hwsim.slots import Identity, Offered, SlotStore
from hwsim.stock import Stock
from hwsim.transitions import Do, Event, Row, State, When, row_for
from hwsim.trust_store import TrustStore
from transports.tsp.messages import Encoding, SlotState, Status

TRIAL_STARTS: Final = 1
"""Starts that an unconfirmed image gets."""
MARKED_AT_ONCE: Final = 16
"""Copied blocks whose marks are programmed together: so many are copied again after a cut."""


class Job(NamedTuple):
    """A piece of flash work, and what to tell when it is done."""

    run: Callable[[], None]
    done: Callable[[], None]


class Installer:
    """One update at a time into the slot that is not running.

    Args:
        stock: What is there already.
        tell_held: Called with the first block of a page and a bitmap of those that need not be sent.
        state: Of the terminal; only one that runs a confirmed image, or nothing, takes updates.
    """

    def __init__(
        self, flash: NorFlash, log: BootLog, slot: int, offered: Offered, stock: Stock, tell_held: Callable[[int, int], None],
        *, counter: Counter, trusts: TrustStore, identity: Identity, state: State = State.RUNNING, layout: Layout = DEFAULT,
        trial_starts: int = TRIAL_STARTS,
    ) -> None:  # fmt: skip
        self.offered = offered
        self.store = SlotStore(flash, slot, layout)
        self.jobs: deque[Job] = deque()
        self.blocks_done = 0
        self._log, self._counter, self._trusts, self._state = log, counter, trusts, state
        self._identity = identity
        self.permit: Permit | None = None
        """What let a package below the counter go on trial."""
        self._only_slot = len(layout.slots) == 1
        self._trial_starts = trial_starts
        self._stock = stock
        self._tell_held = tell_held
        self._resume = True
        self._resumed: int | None = None
        """Blocks that an interrupted update has left; None: there was none that can go on."""
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
        self._eraser = Eraser(self.store, offered.manifest, virgin=self._mark.state is SlotState.EMPTY)
        self._clean = self.store.spare_is_clean(log.state)
        self._block: tuple[int, bytes] = (0, b"")
        """The block that is being worked on."""
        self._more = False
        """Another block follows whose mark can be programmed together with this one's."""
        self._unmarked: int | None = None
        """The first block that waits for that."""

    @property
    def digest(self) -> bytes:
        return self.offered.digest

    @property
    def complete(self) -> bool:
        """Nothing is missing, though flash work may still be waiting."""
        return self._expected == self.offered.manifest.block_count

    @property
    def next_block(self) -> int:
        """The block that has to come next."""
        return self._expected

    @property
    def _mark(self) -> SlotMark:
        return self._log.state.slots[self.store.index]

    def begin(self, *, resume: bool) -> int:
        """Prepare the slot; get the number of blocks from the start that are there already.

        Raises:
            Refused: not in this state, or a later step could not be done; nothing has been written.
        """
        self._resume = resume
        row = row_for(self._state, Event.BEGIN, self._holds)
        if row is None:
            raise Refused(Status.WRONG_STATE, "the running firmware is on trial: confirm or revert it first")
        self._act(row)
        if row.then is State.RESET:
            raise Refused(Status.WRONG_STATE, "the terminal restarts into its recovery loader; send it again there")
        held = self._resumed if row.when is When.SAME_PARTLY_THERE and self._resumed else 0
        self.blocks_done = self._expected = held
        self._held = dict.fromkeys(range(held))
        return held

    def _act(self, row: Row) -> None:
        for action in row.do:
            ACTIONS[action](self)

    # -- conditions -------------------------------------------------------------------------------------------------

    def _holds(self, when: When) -> bool:
        return CONDITIONS[when](self)

    def cannot_finish(self) -> bool:
        """The counter will have to follow at CONFIRM; a full storage must be found now, not then."""
        rises = self.offered.manifest.security_counter > self._counter.value
        return rises and self._counter.room < SPARE_PLACES

    def only_slot(self) -> bool:
        return self._only_slot and self._state is State.RUNNING

    def same_partly_there(self) -> bool:
        same = self.store.metadata() == (self.offered.signed, self.offered.signatures)
        if not (self._resume and same and self._mark.state in (SlotState.WRITING, SlotState.TRIAL)):
            return False
        self._resumed = self.store.resumable(self.offered)
        return self._resumed is not None

    def all_there(self) -> bool:
        return self.blocks_done == self.offered.manifest.block_count and not self.jobs

    # -- actions ----------------------------------------------------------------------------------------------------

    def refuse(self) -> None:
        raise Refused(Status.FLASH_FAULT, f"the storage of the security counter has {self._counter.room} places left")

    def reserve(self) -> None:
        self._log.reserve()

    def writing(self) -> None:
        """What the slot holds must not start any more."""
        self._log.write(self._log.state.with_slot(self.store.index, SlotMark(SlotState.WRITING)))

    def strike_out(self) -> None:
        """As `writing`; and from now on nobody knows what the spare head holds."""
        state = self._log.state.with_slot(self.store.index, SlotMark(SlotState.WRITING))
        self._log.write(state.with_spare(self.store.index, clean=False))

    def clean_head(self) -> None:
        if not self._clean:
            self.jobs.append(Job(self.store.heads.erase_spare, _nothing))

    def write_head(self) -> None:
        signed, signatures = self.offered.signed, self.offered.signatures
        self.jobs.append(Job(lambda: self.store.heads.write(signed, signatures), _nothing))

    def erase(self) -> None:
        """Make ready what the block needs."""
        index, data = self._block
        for unit in self._eraser.units_of(index, len(data)):
            self._prepare(unit)

    def program(self) -> None:
        self.store.program_block(self.offered.manifest, *self._block)

    def read_back(self) -> None:
        index, data = self._block
        if self.store.read_block(self.offered.manifest, index) != data:
            raise Refused(Status.FLASH_FAULT, f"block {index} reads back differently")

    def mark(self) -> None:
        last = self._block[0]
        first = last if self._unmarked is None else self._unmarked
        self._unmarked = first if self._more else None
        if not self._more:
            self._mark_done(range(first, last + 1))

    def check_set(self) -> None:
        """Every component of the set, against the signed manifest."""
        manifest = self.offered.manifest
        try:
            table = self.store.table(manifest, self.offered.root)
            for component, count in manifest.block_lengths():
                first = component.first_block
                digests = b"".join(table[index].digest for index in range(first, first + count))
                if hashlib.sha256(digests).digest() != component.digest:
                    raise Refused(Status.DAMAGED_PACKAGE, f"component {component.name} has another digest")
        except FormatError as error:
            raise Refused(Status.FLASH_FAULT, error.message) from error

    def check_trust(self) -> None:
        """A trust that could not be taken over after the confirmation is found now."""
        brought(self.store, self.offered, self._trusts.current, self._trusts.capacity)

    def check_permit(self) -> None:
        trust, counter = self._trusts.current, self._counter.value
        self.permit = permits.needed(self.store, self.offered, trust, self._identity, counter)

    def put_on_trial(self) -> None:
        mark = SlotMark(SlotState.TRIAL, self._trial_starts)
        self._log.write(self._log.state.with_slot(self.store.index, mark))

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
            self.jobs.append(Job(lambda: self.store.heads.write_table(offset, data), _nothing))
            return
        pages = range(len(self._index) // block_table.DIGEST_SIZE)
        number = next((page for page in pages if shape.page_span(page)[0] == offset), -1)
        if number < 0 or hashlib.sha256(data).digest() != self._index[number * 32 : number * 32 + 32]:
            raise Refused(Status.BAD_BLOCK, "a page of the table does not fit its index")
        self._known.add(number)

        def search() -> None:
            self.store.heads.write_table(offset, data)
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
        """Go on over the blocks that need not come; what is in place only wants its marks."""
        first = self._expected
        while self._expected in self._held:
            index, source = self._expected, self._held[self._expected]
            self._expected = index + 1
            if source is not None:
                self._mark_later(first, index)
                more = self._held.get(index + 1) is not None and (index + 1) % MARKED_AT_ONCE != 0
                self.jobs.append(Job(functools.partial(self._copy, index, source, more), _nothing))
                first = index + 1
        self._mark_later(first, self._expected)

    def _mark_later(self, first: int, last: int) -> None:
        if first < last:
            self.jobs.append(Job(lambda: self._mark_done(range(first, last)), _nothing))

    def _copy(self, index: int, source: Callable[[], bytes], more: bool) -> None:
        self._more = more
        self._program(index, source())
        self._more = False

    # -- what need not arrive ---------------------------------------------------------------------------------------

    def _search_page(self, page: int) -> None:
        """Find the blocks of a page that need not be sent. Whatever is found has been read and hashed."""
        first = page * ENTRIES_PER_PAGE
        for index in range(max(first, self._expected), min(first + ENTRIES_PER_PAGE, self.offered.manifest.block_count)):
            if self._resume and index not in self._held:
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
        self._block = index, data
        row = row_for(State.UPDATING, Event.BLOCK, self._holds)
        assert row is not None
        self._act(row)

    def _mark_done(self, blocks: range) -> None:
        self.store.heads.mark(blocks)
        self.blocks_done = blocks.stop

    def ahead(self) -> Job | None:
        """What the flash can do while nothing else is to be done: make the next unit ready."""
        eraser = self._eraser
        if eraser.done or not all(map(self._is_settled, eraser.blocks_of(eraser.next))):
            return None
        return Job(functools.partial(self._prepare, eraser.next), _nothing)

    def _is_settled(self, index: int) -> bool:
        """Whether it is known if a block is in place, and so what may be erased."""
        return index < self._expected or index // ENTRIES_PER_PAGE in self._searched

    def _prepare(self, unit: int) -> None:
        in_place = {index for index in self._eraser.blocks_of(unit) if self._held.get(index, self) is None}
        self._eraser.prepare(unit, in_place)

    def finish(self) -> None:
        """Everything is there: check the whole once more against the signed digests, then put it on trial.

        Raises:
            Refused: incomplete or damaged.
        """
        row = row_for(State.UPDATING, Event.FINISH, self._holds)
        if row is None:
            count = self.offered.manifest.block_count
            raise Refused(Status.WRONG_STATE, f"{self.blocks_done} of {count} blocks are there")
        self._act(row)


CONDITIONS: Final[dict[When, Callable[[Installer], bool]]] = {
    When.CANNOT_FINISH: Installer.cannot_finish,
    When.ONLY_SLOT: Installer.only_slot,
    When.SAME_PARTLY_THERE: Installer.same_partly_there,
    When.ALL_THERE: Installer.all_there,
}
ACTIONS: Final[dict[Do, Callable[[Installer], None]]] = {
    Do.REFUSE: Installer.refuse,
    Do.RESERVE: Installer.reserve,
    Do.WRITING: Installer.writing,
    Do.STRIKE_OUT: Installer.strike_out,
    Do.CLEAN_HEAD: Installer.clean_head,
    Do.WRITE_HEAD: Installer.write_head,
    Do.ERASE: Installer.erase,
    Do.PROGRAM: Installer.program,
    Do.READ_BACK: Installer.read_back,
    Do.MARK: Installer.mark,
    Do.CHECK_SET: Installer.check_set,
    Do.CHECK_TRUST: Installer.check_trust,
    Do.CHECK_PERMIT: Installer.check_permit,
    Do.PUT_ON_TRIAL: Installer.put_on_trial,
}


def _nothing() -> None:
    pass
