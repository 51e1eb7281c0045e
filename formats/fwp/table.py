"""The block table: one digest per block of installed bytes, in pages under a two-level root.

```
table    = index ‖ pages
index    = SHA-256 of every page, 32 bytes each
page     = up to 64 entries of 36 bytes:  SHA-256 of the installed block (32) ‖ u32 stored length
root     = SHA-256(index)
```

A device with 16 KiB of RAM streams the index once against the signed root, keeps it, and from then on checks any page
with one hash and any block with one more. It can do so before it programs a single byte.
"""

import hashlib
import struct
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from formats.errors import FormatError

ENTRIES_PER_PAGE: Final = 64
_ENTRY: Final = struct.Struct("<32sI")
ENTRY_SIZE: Final = _ENTRY.size
DIGEST_SIZE: Final = 32


class Entry(NamedTuple):
    """What is known of one block before it arrives."""

    digest: bytes
    stored_length: int


def page_count(blocks: int) -> int:
    return -(-blocks // ENTRIES_PER_PAGE)


def size_for(blocks: int) -> int:
    """Size of the whole table section for this many blocks."""
    return page_count(blocks) * DIGEST_SIZE + blocks * ENTRY_SIZE


def page_span(page: int, blocks: int) -> tuple[int, int]:
    """Offset in the table section, and size, of one page."""
    first = page * ENTRIES_PER_PAGE
    count = min(ENTRIES_PER_PAGE, blocks - first)
    return page_count(blocks) * DIGEST_SIZE + first * ENTRY_SIZE, count * ENTRY_SIZE


def build_page(entries: Iterable[Entry]) -> bytes:
    return b"".join(_ENTRY.pack(*entry) for entry in entries)


def entry_in(page: bytes, index: int) -> Entry:
    """Entry of block `index` from the page that holds it."""
    return Entry(*_ENTRY.unpack_from(page, index % ENTRIES_PER_PAGE * ENTRY_SIZE))


def root_of(index: bytes) -> bytes:
    return hashlib.sha256(index).digest()


class Table:
    """A table that is checked as it is read: the index against the root now, each page against the index when used.

    Args:
        read: Returns `size` bytes at `offset` of the table section; fewer at its end.
        blocks: Number of blocks, from the manifest.
        root: From the signed region.
        offset: Where the section starts in its file, for messages.

    Raises:
        FormatError: the index does not fit the root (or later: a page does not fit the index).
    """

    def __init__(self, read: Callable[[int, int], bytes], blocks: int, root: bytes, offset: int = 0) -> None:
        self._read, self._blocks, self._offset = read, blocks, offset
        self._index = read(0, page_count(blocks) * DIGEST_SIZE)
        if root_of(self._index) != root:
            raise FormatError("the block table is damaged: its index does not fit the signed root", offset=offset)
        self._page_number = -1
        self._page = b""

    def __len__(self) -> int:
        return self._blocks

    @property
    def index(self) -> bytes:
        return self._index

    def page(self, number: int) -> bytes:
        """One page, checked."""
        if number != self._page_number:
            at, size = page_span(number, self._blocks)
            page = self._read(at, size)
            if hashlib.sha256(page).digest() != self._index[number * DIGEST_SIZE : (number + 1) * DIGEST_SIZE]:
                raise FormatError("the block table is damaged: a page does not fit its index", offset=self._offset + at)
            self._page_number, self._page = number, page
        return self._page

    def __getitem__(self, index: int) -> Entry:
        if not 0 <= index < self._blocks:
            raise IndexError(index)
        return entry_in(self.page(index // ENTRIES_PER_PAGE), index)
