"""Reading a package: sealed, then (after its signature has been checked) opened, block by block.

`Sealed` knows only the fixed header and the signature block. `Package` has a manifest and a table that fits the signed
root; every block it hands out has just been hashed, so what is used is what was checked, whatever happens to the file.
"""

import dataclasses
import hashlib
import os
from array import array
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO

from formats.errors import FormatError, LocalError, TrustError
from formats.fwp import header as header_module
from formats.fwp import rules
from formats.fwp.blocks import BlockChecker
from formats.fwp.coding import Cipher
from formats.fwp.header import ROOT_SIZE, Header
from formats.fwp.manifest import Component, Manifest
from formats.fwp.table import Table
from formats.fwp.wrapping import GroupKey, unwrap
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
        manifest = rules.read(
            self.signed[start : start + self.header.manifest_size],
            table_size=self.header.table_size,
            payload_size=self.header.payload_size,
            offset=start,
        )
        at = self.header.table_offset
        root = self.signed[-ROOT_SIZE:]
        return Package(self, manifest, Table(lambda o, n: self.read(at + o, n), manifest.table_shape, root, at))

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
    """An opened package. Blocks are numbered through all components; those of documents come last."""

    sealed: Sealed
    manifest: Manifest
    table: Table
    content_key: bytes | None = dataclasses.field(default=None, repr=False)
    """Opens encrypted components; see `unlocked`."""
    _ends: "array[int]" = dataclasses.field(default_factory=lambda: array("Q"), init=False, repr=False, compare=False)
    """Stored bytes up to the end of each block, as far as they have been needed."""

    def unlocked(self, groups: Sequence[GroupKey]) -> "Package":
        """The package with its content key, if one of these groups is among its recipients.

        Raises:
            FormatError: what is there for a group is damaged.
        """
        return dataclasses.replace(self, content_key=unwrap(self.manifest.recipients, groups))

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

    # -- blocks -----------------------------------------------------------------------------------------------------

    def stored(self, first: int = 0, last: int | None = None) -> Iterator[tuple[int, bytes]]:
        """Number and stored bytes of the blocks from `first` on, as they go to a device, each one checked as it is read.

        Args:
            last: The first one left out; None: all that is there.

        Raises:
            FormatError: a block is damaged, with the offset of its first byte.
        """
        return ((index, data) for index, data, _, _ in self._each(first, last))

    def blocks(self, first: int = 0, last: int | None = None) -> Iterator[tuple[int, bytes]]:
        """Number and installed bytes of the blocks from `first` on; as `stored`.

        Raises:
            FormatError: damaged, or encrypted without a key (`encrypted`).
        """
        return ((index, checker.install(index, data, offset)) for index, data, offset, checker in self._each(first, last))

    def component(self, component: Component) -> Iterator[bytes]:
        """The installed bytes of one component, block by block. Raises as `blocks`."""
        end = component.first_block + component.block_count(self.manifest.block_size)
        return (data for _, data in self.blocks(component.first_block, end))

    def block(self, index: int, checker: BlockChecker) -> bytes:
        """The installed bytes of one block, for whoever asks out of order. Raises as `blocks`."""
        offset = self._offset(index)
        entry = checker.entry(index, offset)
        data = self.sealed.read(offset, entry.stored_length)
        checker.check(index, entry, data, offset)
        return checker.install(index, data, offset)

    def _each(self, first: int, last: int | None) -> Iterator[tuple[int, bytes, int, BlockChecker]]:
        """Number, stored bytes, place in the file of each block, and what has checked it."""
        offset = self._offset(first)
        checker = BlockChecker(self.manifest, self.table, self.content_key)
        for index in range(first, len(self.table) if last is None else last):
            entry = checker.entry(index, offset)
            data = self.sealed.read(offset, entry.stored_length)
            checker.check(index, entry, data, offset)
            yield index, data, offset, checker
            offset += entry.stored_length

    def _offset(self, index: int) -> int:
        """Where a block begins in the file."""
        while len(self._ends) < index:
            known = len(self._ends)
            self._ends.append((self._ends[-1] if known else 0) + self.table[known].stored_length)
        return self.sealed.header.payload_offset + (self._ends[index - 1] if index else 0)

    def check_all(self, progress: Callable[[int], None] = lambda done: None) -> None:
        """Read and check every byte of table and payload.

        What is encrypted is held against the digests of its stored form, and with a content key against those of its
        content too.

        Args:
            progress: Told the number of payload bytes checked so far, about every megabyte.

        Raises:
            FormatError: the first damage found.
        """
        done = 0
        for number in range(len(self.manifest.components)):
            self.check_component(number, lambda count, before=done: progress(before + count))  # type: ignore[misc]
            done += self.manifest.components[number].stored_size

    def check_component(self, number: int, progress: Callable[[int], None] = lambda done: None) -> None:
        """The same for one component."""
        components = self.manifest.components
        component = components[number]
        offset = self.sealed.header.payload_offset + sum(before.stored_size for before in components[:number])
        done = 0
        for count in (self._check_coded if component.is_coded else self._check_plain)(component, offset):
            done += count
            progress(done)
        digests = hashlib.sha256()
        last = component.first_block + component.block_count(self.manifest.block_size)
        for digest in self.table.digests(component.first_block, last):
            digests.update(digest)
        if digests.digest() != component.digest:
            raise FormatError(f"the digest of component {component.name} does not fit its blocks")

    def _check_plain(self, component: Component, offset: int) -> Iterator[int]:
        """Blocks that are stored as they are installed: read by the megabyte, hashed in place."""
        size = self.manifest.block_size
        buffer = bytearray(max(size, 1 << 20) // size * size)
        checker = BlockChecker(self.manifest, self.table, self.content_key)
        index, left = component.first_block, component.installed_size
        while left:
            view = memoryview(buffer)[: min(left, len(buffer))]
            read_into(self.sealed.file, offset, view)
            for start in range(0, len(view), size):
                entry = checker.entry(index, offset + start)
                checker.check(index, entry, view[start : start + size], offset + start)
                index += 1
            offset, left = offset + len(view), left - len(view)
            yield len(view)

    def _check_coded(self, component: Component, offset: int) -> Iterator[int]:
        """Blocks that are compressed or encrypted, each of its own length."""
        last = component.first_block + component.block_count(self.manifest.block_size)
        readable = component.cipher is Cipher.NONE or self.content_key is not None
        total = done = 0
        for index, data, at, checker in self._each(component.first_block, last):
            if readable:
                checker.install(index, data, at)
            total, done = total + len(data), done + len(data)
            if done >= 1 << 20:
                yield done
                done = 0
        if total != component.stored_size:
            raise FormatError(f"the blocks of component {component.name} do not add up to its size", offset=offset + total)
        yield done


def seal(file: BinaryIO) -> Sealed:
    """Read the parts of a package that may be read before trust: header, signed region as bytes, signature block.

    Raises:
        FormatError: not a package, damaged, or of the wrong length.
    """
    size = file_size(file)
    head = read_header(file, size)
    block = read_exactly(file, head.signatures_offset, size - head.signatures_offset)
    signatures = SignatureBlock.parse(block, offset=head.signatures_offset)
    return Sealed(file, head, read_exactly(file, 0, head.signed_size), signatures)


def file_size(file: BinaryIO) -> int:
    """Raises LocalError: the medium cannot be read."""
    try:
        return file.seek(0, os.SEEK_END)
    except OSError as error:
        raise LocalError(f"the package cannot be read: {error.strerror}") from error


def read_header(file: BinaryIO, size: int) -> Header:
    """The fixed header of a file of this size. Raises as `seal`."""
    return Header.parse(read_exactly(file, 0, min(size, header_module.SIZE)), size)


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
