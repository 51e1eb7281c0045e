"""A package file on this computer: verified whole, then handed to a terminal block by block."""

import pathlib
from collections.abc import Callable, Iterator

from formats.fwp import package as fwp
from formats.fwp import table
from formats.fwp.package import Package, Sealed
from formats.sample_keys import refuse_samples
from formats.trust import Trust
from fwtool.files import open_input


def seal_file(path: pathlib.Path) -> Sealed:
    """Open a package without believing anything in it."""
    file = open_input(path)
    try:
        return fwp.seal(file)
    except BaseException:
        file.close()
        raise


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
        package = sealed.verify(trust)
        package.check_all(progress)
    except BaseException:
        sealed.file.close()
        raise
    return package


class PackageSource:
    """A verified package as an update needs it (`transports.tsp_update.BlockSource`)."""

    def __init__(self, package: Package) -> None:
        self._package = package
        self.signed = package.sealed.signed
        self.signatures = package.sealed.signatures.build()
        self.block_count = len(package.table)

    def index(self) -> bytes:
        return self._package.table.index

    def page_for(self, block: int) -> tuple[int, bytes]:
        number = block // table.ENTRIES_PER_PAGE
        return table.page_span(number, self.block_count)[0], self._package.table.page(number)

    def blocks(self, first: int) -> Iterator[tuple[int, bytes]]:
        return self._package.blocks(first)

    def bytes_before(self, block: int) -> int:
        """Payload bytes in the blocks before this one."""
        manifest = self._package.manifest
        whole = block * manifest.block_size
        short = sum(
            manifest.block_size - manifest.installed_length(component.first_block + count - 1)
            for component, count in manifest.block_lengths()
            if component.first_block + count <= block
        )
        return whole - short
