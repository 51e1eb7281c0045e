"""What a terminal has already of an image that is offered: blocks in their place, blocks of the running image, blank ones.

Nothing is believed: what a table of old says is there is read and hashed before it counts.
"""

import contextlib
import functools
import hashlib
from collections.abc import Callable
from typing import Final, NamedTuple

from formats.errors import FormatError
from formats.fwp.table import Table
from hwsim.refusal import FlashFault
from hwsim.slots import Offered, SlotStore

HINT: Final = 8
"""Bytes of a digest that name a block when the question is only whether it is worth sending."""


class Place(NamedTuple):
    """Where the bytes of a block are."""

    in_place: bool
    read: Callable[[], bytes]


class _Shelf:
    """One slot with an image, whole or not."""

    def __init__(self, store: SlotStore, offered: Offered) -> None:
        self.store, self.manifest, self._offered = store, offered.manifest, offered
        self.table: Table | None = None
        self.by_hint: dict[bytes, int] = {}
        self._done = store.heads.marks(self.manifest.block_count)
        with contextlib.suppress(FormatError, FlashFault):  # an update that did not even bring its whole table
            self.table = store.table(offered.manifest, offered.root)

    def digest(self, index: int) -> bytes:
        """Digest of a block as its table has it, or nothing."""
        with contextlib.suppress(FormatError):  # a page that is gone
            if self.table is not None and index < self.manifest.block_count:
                return self.table[index].digest
        return b""

    def find(self, hint: bytes) -> int | None:
        """Number of the block with this digest."""
        if not self.by_hint and self.table is not None:
            self.by_hint = {self.digest(index)[:HINT]: index for index in range(self.manifest.block_count)}
        return self.by_hint.get(hint)

    def holds(self, index: int, digest: bytes, length: int | None) -> bool:
        """Whether block `index` is marked as done, and still whole, and has this digest (or one that begins so)."""
        named = self.digest(index)
        if not named or not named.startswith(digest) or not self._done[index]:
            return False
        if length is not None and self.manifest.installed_length(index) != length:
            return False
        return self._offered.digest_of(index, self.store.read_block(self.manifest, index)) == named


class Stock:
    """The blocks of one terminal.

    Args:
        block_size: Of the image that is offered.
        target: The slot it goes to, and what the slot's head names now, if it can be understood.
        running: The running image and its slot.
        erased: What erased bytes of the part read as.
    """

    def __init__(
        self,
        block_size: int,
        target: tuple[SlotStore, Offered] | None,
        running: tuple[SlotStore, Offered] | None,
        erased: int = 0xFF,
    ) -> None:
        self._block_size, self._erased = block_size, erased
        fits = target and target[1].manifest.block_size == block_size and target[0].keeps_neighbours(block_size)
        self._target = _Shelf(*target) if target and fits else None
        self._running = _Shelf(*running) if running else None

    def find(self, index: int, digest: bytes, length: int | None = None) -> Place | None:
        """Where block `index` of the offered image is, if it is anywhere.

        Args:
            digest: Of the block, or at least its first `HINT` bytes.
            length: Installed bytes of the block; None: any.
        """
        size = self._block_size if length is None else length
        blank = bytes([self._erased]) * size
        if hashlib.sha256(blank).digest().startswith(digest):
            return Place(False, lambda: blank)
        if self._target and self._target.holds(index, digest, length):
            return Place(True, functools.partial(self._target.store.read_block, self._target.manifest, index))
        if self._running:
            other = self._running.find(digest[:HINT])
            if other is not None and self._running.holds(other, digest, length):
                return Place(False, functools.partial(self._running.store.read_block, self._running.manifest, other))
        return None
