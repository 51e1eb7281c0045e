"""A firmware slot in flash: what is stored there, and whether it may be started."""

import dataclasses
import hashlib
import struct
import zlib
from typing import Final, NamedTuple

from formats.errors import FormatError, ToolError
from formats.fwp import rules
from formats.fwp import table as block_table
from formats.fwp.blocks import coder_for
from formats.fwp.coding import Coder
from formats.fwp.header import MAX_MANIFEST, ROOT_SIZE, SIZE, Header
from formats.fwp.manifest import Manifest
from formats.fwp.wrapping import GroupKey, unwrap
from formats.signing import MAX_BLOCK_SIZE, SignatureBlock
from formats.trust import Trust
from formats.versions import Version
from hwsim.flash import BLOCK, PAGE, SECTOR, NorFlash
from hwsim.layout import CAPACITY, HEAD_SIZE, HEADS, MAX_TABLE, PAYLOAD_OFFSET, SLOTS, TABLE_OFFSET
from transports.tsp.messages import Status

_HEAD: Final = struct.Struct("<III")
_CRC: Final = struct.Struct("<I")
_HEAD_SIZE: Final = _HEAD.size + _CRC.size
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
    group_keys: tuple[GroupKey, ...] = ()
    """What it opens encrypted packages with."""


DEFAULT_IDENTITY = Identity("Acme", "VT-100", 3, "SIM-0001")


@dataclasses.dataclass(frozen=True)
class Offered:
    """A package after its signature has been checked and its manifest read."""

    header: Header
    manifest: Manifest
    signed: bytes
    signatures: bytes
    content_key: bytes | None = dataclasses.field(default=None, repr=False)
    """Opens its blocks, if it is encrypted."""
    _coders: dict[int, Coder] = dataclasses.field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def digest(self) -> bytes:
        return hashlib.sha256(self.signed).digest()

    @property
    def root(self) -> bytes:
        return self.signed[-ROOT_SIZE:]

    def digest_of(self, index: int, installed: bytes) -> bytes:
        """What the table must say of a block with these bytes."""
        return self.coder(index).digest(installed)

    def installed(self, index: int, stored: bytes) -> bytes:
        """The installed bytes of a block as it was sent.

        Raises:
            FormatError: it gives something else.
        """
        return self.coder(index).install(index, stored, self.manifest.installed_length(index))

    def coder(self, index: int) -> Coder:
        component = self.manifest.component_of(index)
        coder = self._coders.get(component.first_block)
        if coder is None:
            coder = coder_for(self.manifest, component, self.content_key)
            assert coder is not None  # `judge` lets no package pass that cannot be decrypted
            self._coders[component.first_block] = coder
        return coder


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
        manifest = rules.read(
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
    return Offered(header, manifest, signed, signatures, _content_key(manifest, identity))


def _content_key(manifest: Manifest, identity: Identity) -> bytes | None:
    if not manifest.recipients:
        return None
    try:
        key = unwrap(manifest.recipients, identity.group_keys)
    except FormatError as error:
        raise Refused(Status.DAMAGED_PACKAGE, error.message) from error
    if key is None:
        raise Refused(Status.NO_KEY, "it is encrypted for other devices")
    return key


class SlotStore:
    """One slot: two heads with metadata and table, of which the newer one counts, and the payload."""

    def __init__(self, flash: NorFlash, index: int) -> None:
        self._flash = flash
        self._base = SLOTS[index]
        self.index = index

    # -- heads ------------------------------------------------------------------------------------------------------

    def _head(self) -> tuple[int, int, int, int] | None:
        """Address, sequence, size of the signed region and of the signature block, of the head that counts."""
        found = []
        for offset in HEADS:
            raw = self._flash.read(self._base + offset, _HEAD_SIZE)
            sequence, signed_size, signatures_size = _HEAD.unpack_from(raw)
            if _CRC.unpack_from(raw, _HEAD.size)[0] != zlib.crc32(raw[: _HEAD.size]):
                continue
            if SIZE < signed_size <= MAX_SIGNED and signatures_size <= MAX_BLOCK_SIZE:
                found.append((sequence, self._base + offset, signed_size, signatures_size))
        if not found:
            return None
        sequence, address, signed_size, signatures_size = max(found)
        return address, sequence, signed_size, signatures_size

    def metadata(self) -> tuple[bytes, bytes] | None:
        """Signed region and signature block as they stand there; None if there are none."""
        head = self._head()
        if head is None:
            return None
        address, _, signed_size, signatures_size = head
        at = address + _HEAD_SIZE
        return self._flash.read(at, signed_size), self._flash.read(at + signed_size, signatures_size)

    def _spare(self) -> int:
        """Address of the head that does not count."""
        head = self._head()
        first, second = (self._base + offset for offset in HEADS)
        return second if head and head[0] == first else first

    def tidy(self) -> bool:
        """Erase one block of the spare head that is not blank, so that the next update need not; False if all is."""
        spare = self._spare()
        for address in range(spare, spare + HEAD_SIZE, BLOCK):
            if not self._flash.blank(address, BLOCK):
                self._flash.erase(address, BLOCK)
                return True
        return False

    def write_metadata(self, signed: bytes, signatures: bytes) -> None:
        """Start a new head; the one before it stays readable, and counts no more."""
        head, spare = self._head(), self._spare()
        while self.tidy():
            pass
        fields = _HEAD.pack(head[1] + 1 if head else 1, len(signed), len(signatures))
        self._flash.program(spare, fields + _CRC.pack(zlib.crc32(fields)) + signed + signatures)

    def _table_base(self) -> int:
        head = self._head()
        if head is None:
            raise FormatError("there is no package in the slot")
        return head[0] + TABLE_OFFSET

    def write_table(self, offset: int, data: bytes) -> None:
        at = self._table_base() + offset
        if self._flash.read(at, len(data)) != data:
            self._flash.program(at, data)

    def table(self, manifest: Manifest, root: bytes) -> block_table.Table:
        """The stored table, checked as it is read. Raises FormatError if its index does not fit."""
        base = self._table_base()
        return block_table.Table(lambda offset, size: self._flash.read(base + offset, size), manifest.table_shape, root)

    # -- payload ----------------------------------------------------------------------------------------------------

    def block_span(self, manifest: Manifest, index: int) -> tuple[int, int]:
        """Address and size of a block. Components start at block borders, so a block never shares a sector."""
        return self._base + PAYLOAD_OFFSET + index * manifest.block_size, manifest.installed_length(index)

    def read_block(self, manifest: Manifest, index: int) -> bytes:
        return self._flash.read(*self.block_span(manifest, index))

    def program_block(self, manifest: Manifest, index: int, data: bytes) -> None:
        """Program a block, but for pages that are to stay erased."""
        address, _ = self.block_span(manifest, index)
        for at in range(0, len(data), PAGE):
            page = data[at : at + PAGE]
            if page.count(0xFF) != len(page):
                self._flash.program(address + at, page)

    def dirty_sectors(self, first: int, last: int) -> list[int]:
        """Sectors that are not blank among payload bytes `first` to `last`, which are sector borders."""
        start = self._base + PAYLOAD_OFFSET
        return [at for at in range(start + first, start + last, SECTOR) if not self._flash.blank(at, SECTOR)]

    def erase_unit(self, unit: int) -> None:
        """Erase the whole 64 KiB with this number, counted from the payload's start."""
        self._flash.erase(self._base + PAYLOAD_OFFSET + unit * BLOCK, BLOCK)

    def erase_sector(self, address: int) -> None:
        self._flash.erase(address, SECTOR)

    def held(self, offered: Offered) -> int:
        """How many blocks from the start are there and right: read, hashed, compared; nothing is believed."""
        good = 0
        try:
            table = self.table(offered.manifest, offered.root)
            while good < offered.manifest.block_count:
                if offered.digest_of(good, self.read_block(offered.manifest, good)) != table[good].digest:
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
