"""The two TLV areas behind the payload (image.h `struct image_tlv`, tlv.c).

An area is u16 magic, u16 size (its own four bytes included), then records of u16 type, u16 length, value; nothing is
aligned. imgtool writes the type of the standard records as one byte and a zero, which is the same in little endian; in big
endian it is not, and what imgtool writes there is what is read here.
"""

import struct
from collections.abc import Iterable
from typing import Final, NamedTuple

from formats.errors import FormatError
from formats.mcuboot.header import LITTLE
from formats.mcuboot.kinds import ANY, MAX_AREA, SIZES, UNPROTECTED, Kind, is_vendor, name_of

PROTECTED_MAGIC: Final = 0x6908
UNPROTECTED_MAGIC: Final = 0x6907
HEAD_SIZE: Final = 4
"""Of an area, and of a record."""


class Tlv(NamedTuple):
    """One record."""

    type: int
    """One of `Kind`, or a vendor's number."""
    value: bytes
    offset: int = 0
    """Of its four-byte head in the file."""

    @property
    def name(self) -> str:
        return name_of(self.type)

    @property
    def size(self) -> int:
        """With its head, bytes."""
        return HEAD_SIZE + len(self.value)


class Area(NamedTuple):
    """One TLV area as it stands in the file."""

    offset: int = 0
    raw: bytes = b""
    """All of its bytes with its head; empty: it is not there."""
    tlvs: tuple[Tlv, ...] = ()

    @property
    def end(self) -> int:
        return self.offset + len(self.raw)

    def all(self, *types: int) -> list[Tlv]:
        return [tlv for tlv in self.tlvs if tlv.type in types]

    def first(self, *types: int) -> Tlv | None:
        return next(iter(self.all(*types)), None)


def area_size(head: bytes, magic: int, order: str, offset: int) -> int:
    """The size of an area from its four-byte head.

    Raises:
        FormatError: the head is not there, or is another one.
    """
    if len(head) < HEAD_SIZE:
        raise FormatError("the image ends before its TLV area", offset=offset)
    found, size = struct.unpack(order + "HH", head[:HEAD_SIZE])
    if found != magic:
        raise FormatError(f"a TLV area should begin with 0x{magic:04x}, not with 0x{found:04x}", offset=offset)
    if size < HEAD_SIZE:
        raise FormatError(f"a TLV area claims {size} bytes, less than its own head has", offset=offset + 2)
    return int(size)


def parse(raw: bytes, magic: int, order: str, offset: int) -> Area:
    """Read an area from exactly its bytes.

    Args:
        offset: Where it begins in the file.

    Raises:
        FormatError: sizes that do not add up, a type that does not belong here, or a value of an impossible size.
    """
    if area_size(raw, magic, order, offset) != len(raw):
        raise FormatError(f"a TLV area has {len(raw)} bytes, and claims another size", offset=offset + 2)
    found, at, head = [], HEAD_SIZE, struct.Struct(order + "BBH")
    while at < len(raw):
        if len(raw) - at < HEAD_SIZE:
            raise FormatError("a TLV area ends inside a record", offset=offset + at)
        low, high, size = head.unpack_from(raw, at)
        number = _number(low, high, order)
        end = at + HEAD_SIZE + size
        if end > len(raw):
            raise FormatError(f"TLV {name_of(number)} claims {size} bytes, more than its area has", offset=offset + at + 2)
        tlv = Tlv(number, raw[at + HEAD_SIZE : end], offset + at)
        _check(tlv, protected=magic == PROTECTED_MAGIC)
        found.append(tlv)
        at = end
    return Area(offset, raw, tuple(found))


def _number(first: int, second: int, order: str) -> int:
    """The type from its two bytes; in big endian a standard one stands in the first, with a zero behind it."""
    if order == LITTLE:
        return first | second << 8
    swapped = first << 8 | second
    return first if not second and first in SIZES else swapped if is_vendor(swapped) else ANY


def _check(tlv: Tlv, *, protected: bool) -> None:
    if is_vendor(tlv.type) and protected:
        return
    if tlv.type not in SIZES:
        raise FormatError(
            f"unknown TLV 0x{tlv.type:04x}", name="unsupported_format", offset=tlv.offset, hint="Update fwtool and try again."
        )
    if protected == (tlv.type in UNPROTECTED):
        where = "unprotected" if protected else "protected"
        raise FormatError(f"TLV {tlv.name} may only stand in the {where} area", offset=tlv.offset)
    if len(tlv.value) not in SIZES[Kind(tlv.type)]:
        raise FormatError(f"TLV {tlv.name} cannot have {len(tlv.value)} bytes", offset=tlv.offset + 2)


def build(tlvs: Iterable[Tlv], magic: int, order: str) -> bytes:
    """An area as bytes; no records, no area.

    Raises:
        FormatError: it would be larger than its size field can say (`too_large`).
    """
    body = b"".join(_record(tlv, order) for tlv in tlvs)
    if not body:
        return b""
    if HEAD_SIZE + len(body) > MAX_AREA:
        raise FormatError(f"the TLVs need {HEAD_SIZE + len(body)} bytes, at most {MAX_AREA} are possible", name="too_large")
    return struct.pack(order + "HH", magic, HEAD_SIZE + len(body)) + body


def _record(tlv: Tlv, order: str) -> bytes:
    if len(tlv.value) > MAX_AREA:
        raise FormatError(f"TLV {tlv.name} of {len(tlv.value)} bytes is too large", name="too_large")
    if tlv.type in SIZES:
        return struct.pack(order + "BBH", tlv.type, 0, len(tlv.value)) + tlv.value
    return struct.pack(order + "HH", tlv.type, len(tlv.value)) + tlv.value
