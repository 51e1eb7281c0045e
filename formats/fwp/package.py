"""Reading a package: sealed, then (after its signature has been checked) opened, block by block.

`Sealed` knows only the fixed header and the signature block. `Package` has a manifest and a table that fits the signed
root; every block it hands out has just been hashed, so what is used is what was checked, whatever happens to the file.
"""

import dataclasses
import hashlib
import os
from array import array
from collections.abc import Callable, Iterator
from typing import BinaryIO

from formats.errors import FormatError, LocalError, TrustError
from formats.fwp import header as header_module
from formats.fwp.header import ROOT_SIZE, Header
from formats.fwp.manifest import Component, Manifest
from formats.fwp.table import Table
from formats.signing import SignatureBlock
from formats.trust import Judged, Trust


@dataclasses.dataclass(frozen=True)
class Sealed:
    """A package nobody has vouched for yet."""

    file: BinaryIO
    header: Header
    signed: bytes
    """Header, manifest and table root, as they stand in the file."""
    signatures: SignatureBlock

    @property
    def digest(self) -> bytes:
        """Identity of the package: SHA-256 of the signed region. Signatures do not change it."""
        return hashlib.sha256(self.signed).digest()

    def read(self, offset: int, size: int) -> bytes:
        """Bytes of the file.

        Raises:
            FormatError: the file ends earlier.
        """
        return read_exactly(self.file, offset, size)

    def open(self) -> "Package":
        """Parse the manifest and the table's index. Only for what has been verified, or is merely looked at.

        Raises:
            FormatError: they are damaged.
        """
        start = header_module.SIZE
        manifest = Manifest.read(
            self.signed[start : start + self.header.manifest_size],
            table_size=self.header.table_size,
            payload_size=self.header.payload_size,
            offset=start,
        )
        at = self.header.table_offset
        root = self.signed[-ROOT_SIZE:]
        return Package(self, manifest, Table(lambda o, n: self.read(at + o, n), manifest.block_count, root, at))

    def verify(self, trust: Trust, now: float | None = None) -> "Package":
        """Check the signatures, and only then open.

        Args:
            now: Seconds since 1970-01-01 UTC; None: expiry is not looked at.

        Raises:
            TrustError: the signatures are not enough, or the trust calls the package too old (`rollback`).
            FormatError: damaged.
        """
        self.judge(trust, now)
        package = self.open()
        package.check_counter(trust)
        return package

    def judge(self, trust: Trust, now: float | None = None) -> tuple[Judged, ...]:
        """Check the signatures; see `Trust.require`."""
        return trust.require("package", self.digest, self.signatures, now)


@dataclasses.dataclass(frozen=True)
class Package:
    """An opened package."""

    sealed: Sealed
    manifest: Manifest
    table: Table
    _ends: "array[int]" = dataclasses.field(default_factory=lambda: array("Q"), init=False, repr=False, compare=False)
    """Stored bytes up to the end of each block, as far as they have been needed."""

    def check_counter(self, trust: Trust) -> None:
        """Hold the security counter against what the trust asks of this model.

        Raises:
            TrustError: it is too low (`rollback`).
        """
        least, found = trust.minimum_counter(self.manifest.model), self.manifest.security_counter
        if found < least:
            raise TrustError(
                f"its security counter is {found}, the trust file asks for {least} or more for {self.manifest.model}",
                name="rollback",
                hint="This release is known to be unsafe. Get a newer one from its maker.",
            )

    def blocks(self, first: int = 0) -> Iterator[tuple[int, bytes]]:
        """Number and stored bytes of each block from `first` on, each one checked against the table as it is read.

        Raises:
            FormatError: a block is damaged, with the offset of its first byte.
        """
        offset = self._offset(first)
        for index in range(first, len(self.table)):
            entry = self.table[index]
            data = self.sealed.read(offset, self.check_length(index, entry.stored_length, offset))
            self.check_block(index, data, offset)
            yield index, data
            offset += entry.stored_length

    def _offset(self, index: int) -> int:
        """Where a block begins in the file."""
        while len(self._ends) < index:
            known = len(self._ends)
            self._ends.append((self._ends[-1] if known else 0) + self.table[known].stored_length)
        return self.sealed.header.payload_offset + (self._ends[index - 1] if index else 0)

    def block(self, index: int) -> bytes:
        """One block, for whoever asks out of order. Raises as `blocks` does."""
        return next(self.blocks(index))[1]

    def check_length(self, index: int, stored_length: int, offset: int) -> int:
        """Version 1 stores blocks as they are installed, so their lengths are known from the manifest alone."""
        if stored_length != self.manifest.installed_length(index):
            raise FormatError(f"the table gives block {index} an impossible length", offset=offset)
        return stored_length

    def check_block(self, index: int, data: bytes, offset: int) -> None:
        if hashlib.sha256(data).digest() != self.table[index].digest:
            name = self.component_of(index).name
            raise FormatError(
                f"block {index} of the package is damaged (component {name})",
                offset=offset,
                hint="Copy the file again from where it came.",
            )

    def payload_of(self, component: Component) -> int:
        """Where a component's bytes begin in the file: they stand there in the order of the manifest."""
        before = self.manifest.components[: self.manifest.components.index(component)]
        return self.sealed.header.payload_offset + sum(other.installed_size for other in before)

    def component_of(self, index: int) -> Component:
        return next(c for c in reversed(self.manifest.components) if c.first_block <= index)

    def check_all(self, progress: Callable[[int], None] = lambda done: None) -> None:
        """Read and check every byte of table and payload.

        Args:
            progress: Told the number of payload bytes checked so far, about every megabyte.

        Raises:
            FormatError: the first damage found.
        """
        manifest, table = self.manifest, self.table
        offset, done = self.sealed.header.payload_offset, 0
        buffer = bytearray(max(manifest.block_size, 1 << 20) // manifest.block_size * manifest.block_size)
        for component in manifest.components:
            digests = hashlib.sha256()
            index, left = component.first_block, component.installed_size
            while left:
                size = min(left, len(buffer))
                view = memoryview(buffer)[:size]
                read_into(self.sealed.file, offset, view)
                for start in range(0, size, manifest.block_size):
                    block = view[start : start + manifest.block_size]
                    entry = table[index]
                    self.check_length(index, entry.stored_length, offset + start)
                    if hashlib.sha256(block).digest() != entry.digest:
                        self.check_block(index, bytes(block), offset + start)
                    digests.update(entry.digest)
                    index += 1
                offset, left, done = offset + size, left - size, done + size
                progress(done)
            if digests.digest() != component.digest:
                raise FormatError(f"the digest of component {component.name} does not fit its blocks")


def seal(file: BinaryIO) -> Sealed:
    """Read the parts of a package that may be read before trust: header, signed region as bytes, signature block.

    Raises:
        FormatError: not a package, damaged, or of the wrong length.
    """
    try:
        file_size = file.seek(0, os.SEEK_END)
    except OSError as error:
        raise LocalError(f"the package cannot be read: {error.strerror}") from error
    head = Header.parse(read_exactly(file, 0, min(file_size, header_module.SIZE)), file_size)
    block = read_exactly(file, head.signatures_offset, file_size - head.signatures_offset)
    signatures = SignatureBlock.parse(block, offset=head.signatures_offset)
    return Sealed(file, head, read_exactly(file, 0, head.signed_size), signatures)


def read_exactly(file: BinaryIO, offset: int, size: int) -> bytes:
    """`size` bytes at `offset`.

    Raises:
        FormatError: the file is shorter.
        LocalError: the medium cannot be read.
    """
    buffer = bytearray(size)
    read_into(file, offset, memoryview(buffer))
    return bytes(buffer)


def read_into(file: BinaryIO, offset: int, view: memoryview) -> None:
    """Fill `view` from `offset` on; errors as in `read_exactly`."""
    try:
        file.seek(offset)
        filled = 0
        while filled < len(view):
            count = file.readinto(view[filled:])  # type: ignore[attr-defined]
            if not count:
                raise FormatError("the file ends too early", offset=offset + filled)
            filled += count
    except OSError as error:
        raise LocalError(f"the file cannot be read: {error.strerror}", offset=offset) from error
