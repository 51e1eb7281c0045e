"""The installed bytes of one component as a file that is read and seeked in, decompressed and decrypted on the way."""

import io

from formats.fwp.blocks import BlockChecker
from formats.fwp.manifest import Component
from formats.fwp.package import Package


class _Content(io.RawIOBase):
    def __init__(self, package: Package, component: Component) -> None:
        self._package, self._component = package, component
        self._at = 0
        self._index = -1
        self._block = b""
        self._checker = BlockChecker(package.manifest, package.table, package.content_key)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._component.installed_size}[whence]
        self._at = start + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        if self._at >= self._component.installed_size:
            return 0
        number, within = divmod(self._at, self._package.manifest.block_size)
        self._turn_to(self._component.first_block + number)
        data = self._block[within : within + len(buffer)]
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def _turn_to(self, index: int) -> None:
        if index != self._index:
            self._block, self._index = self._package.block(index, self._checker), index


def open_component(package: Package, component: Component) -> io.BufferedReader:
    """A component's bytes; every block is checked as it is read.

    Raises:
        FormatError: (when read) a block is damaged, or encrypted without a key.
    """
    return io.BufferedReader(_Content(package, component), package.manifest.block_size)
