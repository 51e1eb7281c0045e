"""A package file on this computer: verified whole, then handed to a terminal block by block."""

import functools
import pathlib
import threading
import time
from collections.abc import Callable, Iterator

from formats.deflate import deflate
from formats.errors import FormatError
from formats.fwp import header, table
from formats.fwp import package as fwp
from formats.fwp.manifest import ComponentType
from formats.fwp.package import Package, Sealed
from formats.sample_keys import refuse_samples
from formats.trust import Trust
from fwtool.files import open_input

MAX_DOCUMENT = 16 << 20
KEPT_BYTES = 8 << 20
"""Blocks that are kept for others who send the same package at the same time."""


def seal_file(path: pathlib.Path) -> Sealed:
    """Open a package without believing anything in it."""
    file = open_input(path)
    try:
        return fwp.seal(file)
    except BaseException:
        file.close()
        raise


def is_package(path: pathlib.Path) -> bool:
    """Whether a file begins as a package does."""
    with open_input(path) as file:
        return file.read(len(header.MAGIC)) == header.MAGIC


def load_package(
    path: pathlib.Path | str, trust: Trust, *, dev: bool = False, progress: Callable[[int], None] = lambda done: None
) -> Package:
    """Open a package, check its signatures, then every byte of it.

    Raises:
        LocalError: not readable.
        FormatError: damaged or not a package.
        TrustError: not signed as the trust demands.
    """
    refuse_samples(trust.keys, dev=dev)
    sealed = seal_file(pathlib.Path(path))
    try:
        package = sealed.verify(trust, time.time())
        package.check_all(progress)
    except BaseException:
        sealed.file.close()
        raise
    return package


def documents_of(path: pathlib.Path, kind: ComponentType) -> dict[str, bytes | None]:
    """The documents of a kind: of each component by its name (None where it has none), of the whole under "package".

    Raises:
        LocalError: not readable.
        FormatError: no package, or a document is damaged, or all together are larger than `MAX_DOCUMENT`.
    """
    sealed = seal_file(path)
    with sealed.file:
        package = sealed.open()
        installed = package.manifest.installed
        total = 0
        found: dict[str, bytes | None] = dict.fromkeys(component.name for component in installed)
        for document in package.manifest.components[len(installed) :]:
            if document.type != kind:
                continue
            total += document.installed_size
            if total > MAX_DOCUMENT:
                raise FormatError(f"the documents have more than {MAX_DOCUMENT} bytes together", name="too_large")
            about = installed[document.about - 1].name if document.about else "package"
            found[about] = b"".join(package.component(document))
        return found


class PackageSource:
    """A verified package as an update needs it (`transports.offer.Offer`).

    Several updates, in threads, may share one: each block is then read, checked and compressed once for all of them.
    """

    def __init__(self, package: Package) -> None:
        self.manifest = package.manifest
        self.digest = package.sealed.digest
        self.signed = package.sealed.signed
        self.signatures = package.sealed.signatures.build()
        self.block_count = self.manifest.block_count
        self._shape = self.manifest.table_shape
        self.package, self._lock = package, threading.RLock()
        keep = max(2, KEPT_BYTES // self.manifest.block_size)
        self._block = functools.lru_cache(keep)(self._read_block)
        self.pack = functools.lru_cache(keep)(deflate)
        """A block, compressed."""

    def index(self) -> bytes:
        return self.package.table.index

    def page_for(self, block: int) -> tuple[int, bytes]:
        number = block // table.ENTRIES_PER_PAGE
        with self._lock:
            return self._shape.page_span(number)[0], self.package.table.page(number)

    def hints(self, first: int) -> list[bytes]:
        """How the digests of a page's blocks begin, from `first` on."""
        with self._lock:
            last = min(first + table.ENTRIES_PER_PAGE, self.block_count)
            return [self.package.table[number].digest[:8] for number in range(first, last)]

    def _read_block(self, number: int) -> bytes:
        return next(self.package.stored(number, number + 1))[1]

    def blocks(self, first: int) -> Iterator[tuple[int, bytes]]:
        for number in range(first, self.block_count):
            with self._lock:
                data = self._block(number)
            yield number, data

    def bytes_before(self, block: int) -> int:
        """Payload bytes in the blocks before this one."""
        whole = block * self.manifest.block_size
        short = sum(
            self.manifest.block_size - self.manifest.installed_length(component.first_block + count - 1)
            for component, count in self.manifest.block_lengths()
            if component.first_block + count <= block
        )
        return whole - short
