"""A verified package on this computer, as those see it who send it somewhere."""

from collections.abc import Iterator
from typing import Protocol

from formats.fwp.manifest import Manifest
from formats.fwp.package import Package


class BlockSource(Protocol):
    """A verified package, as an update needs it: small parts whole, blocks one by one."""

    @property
    def signed(self) -> bytes: ...
    @property
    def signatures(self) -> bytes: ...
    @property
    def block_count(self) -> int: ...
    def index(self) -> bytes: ...
    def page_for(self, block: int) -> tuple[int, bytes]:
        """Offset in the table section, and bytes, of the page that covers a block."""
        ...

    def blocks(self, first: int) -> Iterator[tuple[int, bytes]]: ...
    def pack(self, data: bytes, /) -> bytes:
        """A block, compressed (`formats.deflate`)."""
        ...


class Offer(BlockSource, Protocol):
    """A verified package, ready to be sent."""

    @property
    def package(self) -> Package: ...
    @property
    def manifest(self) -> Manifest: ...
    @property
    def digest(self) -> bytes: ...
    def hints(self, first: int) -> list[bytes]:
        """How the digests of a page's blocks begin, from `first` on."""
        ...

    def bytes_before(self, block: int) -> int:
        """Payload bytes in the blocks before this one."""
        ...
