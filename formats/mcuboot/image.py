"""Opening an image: its structure is read and checked, its payload stays where it is."""

import dataclasses
from typing import BinaryIO, Final

from formats.errors import FormatError
from formats.mcuboot import header as header_module
from formats.mcuboot import rules, tlv, trailer
from formats.mcuboot.header import COMPRESSED, ENCRYPTED, Header
from formats.mcuboot.kinds import ENCRYPTION, HASHES, Kind
from formats.mcuboot.metadata import Dependency, counter_of, dependency_of
from formats.mcuboot.rules import Signed
from formats.mcuboot.tlv import PROTECTED_MAGIC, UNPROTECTED_MAGIC, Area, Tlv
from formats.mcuboot.trailer import Trailer
from formats.sources import Piece, file_size

recognise = header_module.recognise


@dataclasses.dataclass(frozen=True)
class McubootImage:
    """An image whose structure holds. Nobody has vouched for it yet: see `formats.mcuboot.check`."""

    file: BinaryIO
    header: Header
    head: bytes
    """All bytes in front of the payload, the 32 of the header included."""
    protected: Area
    unprotected: Area
    signed: tuple[Signed, ...]
    """Its signatures, each with the key it names."""
    trailer: Trailer | None
    file_size: int

    @property
    def payload(self) -> Piece:
        """The payload as it is stored: encrypted and compressed where the flags say so. Its address is 0 if it has none."""
        return Piece(
            self.header.payload_address or 0, self.header.payload_size, file=self.file, offset=self.header.header_size
        )  # fmt: skip

    @property
    def is_encrypted(self) -> bool:
        """What the flags say; the payload of an image for the primary slot may be plain all the same."""
        return bool(self.header.flags & ENCRYPTED)

    @property
    def is_compressed(self) -> bool:
        return bool(self.header.flags & COMPRESSED)

    @property
    def is_pure(self) -> bool:
        """Whether signatures cover the image itself instead of its hash."""
        return self.unprotected.first(Kind.SIG_PURE) is not None

    @property
    def hash_tlv(self) -> Tlv:
        """The hash over header, payload and protected area, before encryption."""
        return self.unprotected.all(*HASHES)[0]

    @property
    def hash_name(self) -> str:
        """Its algorithm, as `hashlib` calls it."""
        return HASHES[Kind(self.hash_tlv.type)]

    @property
    def encryption_tlv(self) -> Tlv | None:
        """The encrypted key of an encrypted image."""
        return self.unprotected.first(*ENCRYPTION)

    @property
    def security_counter(self) -> int | None:
        found = self.protected.first(Kind.SEC_CNT)
        return None if found is None else counter_of(found, self.header.ORDER)

    @property
    def dependencies(self) -> tuple[Dependency, ...]:
        """Other images that must be there, each named once.

        Raises:
            FormatError: one of them uses reserved bytes.
        """
        return tuple(dependency_of(tlv, self.header.ORDER) for tlv in self.protected.all(Kind.DEPENDENCY))


def open_image(file: BinaryIO) -> McubootImage:
    """Read header, TLV areas and trailer, and hold them against each other and the size of the file.

    The payload is not read; nothing about hashes and signatures is checked.

    Raises:
        FormatError: not an image, damaged, cut off, or with bytes that belong to nothing.
    """
    size = file_size(file)
    whole = Piece(0, size, file=file)
    if size < header_module.SIZE:
        raise FormatError(f"{size} bytes are too few for an MCUboot image", offset=0)
    header = header_module.parse(whole.read(0, header_module.SIZE))
    header.check(size)
    head = whole.read(0, header.header_size)
    protected = _protected(whole, header)
    unprotected = _area(whole, UNPROTECTED_MAGIC, header.ORDER, header.tlv_offset)
    signed = rules.check(header, protected, unprotected)
    tail = trailer.read(file, unprotected.end, size, header.ORDER)
    return McubootImage(file, header, head, protected, unprotected, signed, tail, size)


_NO_AREA: Final = Area()


def _protected(whole: Piece, header: Header) -> Area:
    """The protected area, whose size the header must know too (tlv.c)."""
    if not header.protected_size:
        return _NO_AREA._replace(offset=header.protected_offset)
    area = _area(whole, PROTECTED_MAGIC, header.ORDER, header.protected_offset)
    if len(area.raw) != header.protected_size:
        raise FormatError(
            f"the protected TLV area has {len(area.raw)} bytes, the header says {header.protected_size}", offset=10
        )  # fmt: skip
    return area


def _area(whole: Piece, magic: int, order: str, offset: int) -> Area:
    head = whole.read(offset, min(tlv.HEAD_SIZE, whole.size - offset))
    size = tlv.area_size(head, magic, order, offset)
    if offset + size > whole.size:
        raise FormatError(
            f"the image is cut off inside its TLV area: {offset + size} bytes are needed, the file has {whole.size}",
            hint="Copy the file again from where it came.", offset=offset + 2,
        )  # fmt: skip
    return tlv.parse(whole.read(offset, size), magic, order, offset)
