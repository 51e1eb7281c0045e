"""A firmware slot in flash: what is stored there, and whether it may be started."""

import hashlib
import struct
from typing import Final, NamedTuple

from formats.errors import FormatError, ToolError
from formats.fwp import table as block_table
from formats.fwp.header import MAX_MANIFEST, ROOT_SIZE, SIZE, Header
from formats.fwp.manifest import Manifest
from formats.signing import MAX_BLOCK_SIZE, SignatureBlock
from formats.trust import Trust
from formats.versions import Version
from hwsim.flash import BLOCK, SECTOR, NorFlash
from hwsim.layout import CAPACITY, MAX_TABLE, PAYLOAD_OFFSET, SLOTS, TABLE_OFFSET
from transports.tsp.messages import Status

_SIZES: Final = struct.Struct("<II")
MAX_SIGNED: Final = SIZE + MAX_MANIFEST + ROOT_SIZE


class Refused(Exception):
    """A package that this terminal does not want, with the protocol's status for it."""

    def __init__(self, status: Status, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


class Identity(NamedTuple):
    """What does not change in a terminal's life."""

    vendor: str
    model: str
    revision: int
    serial_number: str


DEFAULT_IDENTITY = Identity("Acme", "VT-100", 3, "SIM-0001")


class Offered(NamedTuple):
    """A package after its signature has been checked and its manifest read."""

    header: Header
    manifest: Manifest
    signed: bytes
    signatures: bytes

    @property
    def digest(self) -> bytes:
        return hashlib.sha256(self.signed).digest()

    @property
    def root(self) -> bytes:
        return self.signed[-ROOT_SIZE:]


def judge(
    signed: bytes, signatures: bytes, trust: Trust | None, identity: Identity, counter: int, running: Version | None
) -> Offered:
    """The terminal's own rules, in order: form, signature, then everything that the signature vouches for.

    Args:
        running: Version that would be updated from; None at start, where it does not matter.

    Raises:
        Refused: with the status that names the rule.
    """
    if trust is None:
        raise Refused(Status.BAD_SIGNATURE, "no trust is provisioned")
    try:
        header = Header.parse(signed[:SIZE], None)
        if header.signed_size != len(signed):
            raise FormatError("the signed region has another size than its header says")
        trust.require("package", hashlib.sha256(signed).digest(), SignatureBlock.parse(signatures))
        manifest = Manifest.read(
            signed[SIZE:-ROOT_SIZE], table_size=header.table_size, payload_size=header.payload_size, offset=SIZE
        )
    except FormatError as error:
        raise Refused(Status.DAMAGED_PACKAGE, error.message) from error
    except ToolError as error:
        raise Refused(Status.BAD_SIGNATURE, error.message) from error
    if not manifest.hardware.fits(identity.model, identity.revision):
        raise Refused(
            Status.WRONG_HARDWARE,
            f"it is for {manifest.hardware}, this is {identity.model} revision {identity.revision}",
        )
    if manifest.security_counter < counter:
        raise Refused(Status.ROLLBACK, f"its security counter {manifest.security_counter} is below {counter}")
    if running is not None and running < manifest.minimum_version:
        raise Refused(Status.VERSION_TOO_OLD, f"it needs {manifest.minimum_version} installed first, this is {running}")
    if manifest.block_count * manifest.block_size > CAPACITY or header.table_size > MAX_TABLE:
        raise Refused(Status.TOO_LARGE, f"{header.payload_size} bytes do not fit in a slot of {CAPACITY}")
    return Offered(header, manifest, signed, signatures)


class SlotStore:
    """One slot: metadata, table and payload."""

    def __init__(self, flash: NorFlash, index: int) -> None:
        self._flash = flash
        self._base = SLOTS[index]
        self.index = index

    def metadata(self) -> tuple[bytes, bytes] | None:
        """Signed region and signature block as they stand there; None if there are none."""
        signed_size, signatures_size = _SIZES.unpack(self._flash.read(self._base, _SIZES.size))
        if not SIZE < signed_size <= MAX_SIGNED or signatures_size > MAX_BLOCK_SIZE:
            return None
        at = self._base + _SIZES.size
        return self._flash.read(at, signed_size), self._flash.read(at + signed_size, signatures_size)

    def write_metadata(self, signed: bytes, signatures: bytes) -> None:
        """Everything about an earlier package goes first; its blocks mean nothing without it."""
        self._flash.erase(self._base, BLOCK)
        self._flash.erase(self._base + TABLE_OFFSET, BLOCK)
        self._flash.program(self._base, _SIZES.pack(len(signed), len(signatures)) + signed + signatures)

    def write_table(self, offset: int, data: bytes) -> None:
        at = self._base + TABLE_OFFSET + offset
        if self._flash.read(at, len(data)) != data:
            self._flash.program(at, data)

    def table(self, offered: Offered) -> block_table.Table:
        """The stored table, checked as it is read. Raises FormatError if its index does not fit."""
        base = self._base + TABLE_OFFSET
        return block_table.Table(
            lambda offset, size: self._flash.read(base + offset, size), offered.manifest.block_count, offered.root
        )

    def block_span(self, manifest: Manifest, index: int) -> tuple[int, int]:
        """Address and size of a block. Components start at block borders, so a block never shares a sector."""
        return self._base + PAYLOAD_OFFSET + index * manifest.block_size, manifest.installed_length(index)

    def read_block(self, manifest: Manifest, index: int) -> bytes:
        return self._flash.read(*self.block_span(manifest, index))

    def prepare_block(self, manifest: Manifest, index: int) -> None:
        """Make room for a block: a whole 64 KiB erase where the block starts one (those behind it come later), else
        its own sectors, if they are not blank already."""
        address, _ = self.block_span(manifest, index)
        if address % BLOCK == 0:
            if not self._flash.blank(address, BLOCK):
                self._flash.erase(address, BLOCK)
            return
        for sector in range(address, address + manifest.block_size, SECTOR):
            if not self._flash.blank(sector, SECTOR):
                self._flash.erase(sector, SECTOR)

    def program_block(self, manifest: Manifest, index: int, data: bytes) -> None:
        address, _ = self.block_span(manifest, index)
        self._flash.program(address, data)

    def held(self, offered: Offered) -> int:
        """How many blocks from the start are there and right: read, hashed, compared; nothing is believed."""
        good = 0
        try:
            table = self.table(offered)
            while good < len(table):
                if hashlib.sha256(self.read_block(offered.manifest, good)).digest() != table[good].digest:
                    break
                good += 1
        except FormatError:
            pass  # the table itself is there only so far
        return good

    def check_start(self, trust: Trust | None, identity: Identity, counter: int) -> Offered:
        """Everything a start needs: signature, rules, and every single block.

        Raises:
            Refused: it must not start.
        """
        stored = self.metadata()
        if stored is None:
            raise Refused(Status.DAMAGED_PACKAGE, "there is no package in the slot")
        offered = judge(*stored, trust, identity, counter, None)
        if self.held(offered) != offered.manifest.block_count:
            raise Refused(Status.BAD_BLOCK, "a block of the stored image is damaged")
        return offered
