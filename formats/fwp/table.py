"""The block table: one digest per block of installed bytes, in pages under a two-level root.

```
table    = index ‖ pages
index    = SHA-256 of every page, 32 bytes each
page     = up to 64 entries:  digest of the installed block (32) ‖ u32 stored length
           and in a package with compressed or encrypted components:  ‖ SHA-256 of the stored block (32)
root     = SHA-256(index)
```

A device with 16 KiB of RAM streams the index once against the signed root, keeps it, and from then on checks any page
with one hash and any block with one more. It can do so before it programs a single byte. The second digest covers the
bytes of the file (a compressed stream can be written in several ways), also for those who have no key.
"""

import hashlib
import struct
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from formats.errors import FormatError

ENTRIES_PER_PAGE: Final = 64
_ENTRY: Final = struct.Struct("<32sI")
DIGEST_SIZE: Final = 32


class Entry(NamedTuple):
    """What is known of one block before it arrives."""

    digest: bytes
    stored_length: int
    stored_digest: bytes = b""
    """SHA-256 of the stored block; only where some are stored otherwise than installed."""


class Shape:
    """Where things are in a table section.

    Args:
        blocks: Number of entries.
        coded: Whether entries have two digests.
    """

    def __init__(self, blocks: int, coded: bool = False) -> None:
        self.blocks, self.coded = blocks, coded
        self.entry_size = _ENTRY.size + DIGEST_SIZE * coded
        self.page_count = -(-blocks // ENTRIES_PER_PAGE)
        self.index_size = self.page_count * DIGEST_SIZE

    @property
    def size(self) -> int:
        """Size of the whole section."""
        return self.index_size + self.blocks * self.entry_size

    def page_span(self, page: int) -> tuple[int, int]:
        """Offset in the section, and size, of one page."""
        first = page * ENTRIES_PER_PAGE
        count = min(ENTRIES_PER_PAGE, self.blocks - first)
        return self.index_size + first * self.entry_size, count * self.entry_size

    def entry_in(self, page: bytes, index: int) -> Entry:
        """Entry of block `index` from the page that holds it."""
        at = index % ENTRIES_PER_PAGE * self.entry_size
        digest, stored_length = _ENTRY.unpack_from(page, at)
        return Entry(digest, stored_length, page[at + _ENTRY.size : at + self.entry_size])


def build_page(entries: Iterable[Entry]) -> bytes:
    return b"".join(_ENTRY.pack(entry.digest, entry.stored_length) + entry.stored_digest for entry in entries)


def root_of(index: bytes) -> bytes:
    return hashlib.sha256(index).digest()


class Table:
    """A table that is checked as it is read: the index against the root now, each page against the index when used.

    Args:
        read: Returns `size` bytes at `offset` of the table section; fewer at its end.
        shape: From the manifest.
        root: From the signed region.
        offset: Where the section starts in its file, for messages.

    Raises:
        FormatError: the index does not fit the root (or later: a page does not fit the index).
    """

    def __init__(self, read: Callable[[int, int], bytes], shape: Shape, root: bytes, offset: int = 0) -> None:
        self._read, self.shape, self._offset = read, shape, offset
        self._index = read(0, shape.index_size)
        if root_of(self._index) != root:
            raise FormatError("the block table is damaged: its index does not fit the signed root", offset=offset)
        self._page_number = -1
        self._page = b""

    def __len__(self) -> int:
        return self.shape.blocks

    @property
    def index(self) -> bytes:
        return self._index

    def page(self, number: int) -> bytes:
        """One page, checked."""
        if number != self._page_number:
            at, size = self.shape.page_span(number)
            page = self._read(at, size)
            if hashlib.sha256(page).digest() != self._index[number * DIGEST_SIZE : (number + 1) * DIGEST_SIZE]:
                raise FormatError("the block table is damaged: a page does not fit its index", offset=self._offset + at)
            self._page_number, self._page = number, page
        return self._page

    def digests(self, first: int, last: int) -> Iterator[bytes]:
        """The digests of these blocks."""
        size = self.shape.entry_size
        while first < last:
            page = self.page(first // ENTRIES_PER_PAGE)
            at = first % ENTRIES_PER_PAGE
            count = min(ENTRIES_PER_PAGE - at, last - first)
            yield from (page[start : start + DIGEST_SIZE] for start in range(at * size, (at + count) * size, size))
            first += count

    def __getitem__(self, index: int) -> Entry:
        if not 0 <= index < self.shape.blocks:
            raise IndexError(index)
        return self.shape.entry_in(self.page(index // ENTRIES_PER_PAGE), index)
