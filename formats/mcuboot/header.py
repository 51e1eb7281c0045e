"""The 32-byte image header (image.h, `struct image_header`).

The byte order is that of the device; it shows in the magic number. Everything here is covered by the image hash, but it is
read before any hash has been computed, so every sum is held against the size of the file.
"""

import enum
from typing import Any, ClassVar, Final

import construct as c

from formats.errors import FormatError
from formats.record import Record
from formats.versions import Version

MAGIC: Final = 0x96F3B83D
MAGIC_V1: Final = 0x96F3B83C
"""Of the obsolete format with another header."""
SIZE: Final = 32
MAX_HEADER: Final = 0xFFFF
LITTLE, BIG = "<", ">"
"""Byte orders, as `struct` writes them."""


class Flags(enum.IntFlag, boundary=enum.STRICT):
    """What kind of image this is (image.h, `IMAGE_F_*`)."""

    PIC = 0x1
    ENCRYPTED_AES128 = 0x4
    ENCRYPTED_AES256 = 0x8
    NON_BOOTABLE = 0x10
    RAM_LOAD = 0x20
    ROM_FIXED = 0x100
    LZMA1 = 0x200
    LZMA2 = 0x400
    ARM_THUMB = 0x800
    """A filter for Arm Thumb code ran before the compression."""


ENCRYPTED: Final = Flags.ENCRYPTED_AES128 | Flags.ENCRYPTED_AES256
COMPRESSED: Final = Flags.LZMA1 | Flags.LZMA2 | Flags.ARM_THUMB
ADDRESSED: Final = Flags.RAM_LOAD | Flags.ROM_FIXED
_CONTRADICTIONS: Final = (ENCRYPTED, Flags.LZMA1 | Flags.LZMA2, ADDRESSED)
"""Flags that exclude each other (bootutil_loader.c `boot_check_header_valid`; the address field can mean one thing only)."""


class _FlagsField(c.Adapter):  # type: ignore[type-arg]
    """Bits that are all known; an unknown one could mean anything."""

    def _decode(self, obj: int, context: object, path: object) -> Flags:
        del context, path
        try:
            return Flags(obj)
        except ValueError:
            raise FormatError(
                f"unknown flags 0x{obj:x}", name="unsupported_format", hint="Update fwtool and try again."
            ) from None

    def _encode(self, obj: Flags, context: object, path: object) -> int:
        del context, path
        return int(obj)


class _VersionField(c.Adapter):  # type: ignore[type-arg]
    """`struct image_version`: u8 major, u8 minor, u16 revision, u32 build."""

    def _decode(self, obj: Any, context: object, path: object) -> Version:
        del context, path
        return Version(*obj)

    def _encode(self, obj: Version, context: object, path: object) -> tuple[int, ...]:
        del context, path
        return tuple(obj)


def _layout(u16: Any, u32: Any) -> Any:
    return c.Struct(
        "_magic" / c.Const(MAGIC, u32),
        "load_address" / u32,
        "header_size" / u16,
        "protected_size" / u16,
        "payload_size" / u32,
        "flags" / _FlagsField(u32),
        "version" / _VersionField(c.Sequence(c.Int8ub, c.Int8ub, u16, u32)),
        "pad" / u32,
    )


class Header(Record):
    """The header in little endian."""

    load_address: int
    """Where the header lies in RAM (`RAM_LOAD`) or in the flash (`ROM_FIXED`); without either flag it means nothing."""
    header_size: int
    """Offset of the payload, at least 32."""
    protected_size: int
    """Bytes of the protected TLV area with its own head; 0: there is none."""
    payload_size: int
    flags: Flags
    version: Version
    pad: int
    """imgtool writes 0, fwupd 0xffffffff."""

    LAYOUT = _layout(c.Int16ul, c.Int32ul)
    ORDER: ClassVar[str] = LITTLE

    @property
    def protected_offset(self) -> int:
        """Where the payload ends and the TLV areas begin."""
        return self.header_size + self.payload_size

    @property
    def tlv_offset(self) -> int:
        """Where the unprotected TLV area begins: the end of what is hashed."""
        return self.protected_offset + self.protected_size

    @property
    def payload_address(self) -> int | None:
        """Address of the first payload byte: behind the header, which is loaded with it. None: the image names none."""
        return self.load_address + self.header_size if self.flags & ADDRESSED else None

    def check(self, file_size: int) -> None:
        """The rules between fields, and against the size of the file in bytes.

        Raises:
            FormatError: one of them does not hold.
        """
        if self.header_size < SIZE:
            raise FormatError(f"the image header claims to have {self.header_size} bytes, at least {SIZE} are needed", offset=8)
        if not self.payload_size:
            raise FormatError("the image has no payload", offset=12)
        if self.tlv_offset > file_size:
            raise FormatError(
                f"the image is cut off: its header asks for more than {self.tlv_offset} bytes, the file has {file_size}",
                hint="Copy the file again from where it came.",
                offset=12,
            )
        for pair in _CONTRADICTIONS:
            if self.flags & pair == pair:
                raise FormatError(f"the image header has flags that exclude each other: 0x{int(pair):x}", offset=16)
        if self.flags & COMPRESSED == Flags.ARM_THUMB:
            raise FormatError("the image header names a filter, but no compression", offset=16)
        address = self.payload_address
        if address is not None and address + self.payload_size > 1 << 32:
            raise FormatError("the image ends beyond the last address", offset=4)


class BigEndianHeader(Header):
    """The same in big endian."""

    LAYOUT = _layout(c.Int16ub, c.Int32ub)
    ORDER = BIG


KINDS: Final = {kind.ORDER: kind for kind in (Header, BigEndianHeader)}
_MAGICS: Final = {MAGIC.to_bytes(4, "little"): Header, MAGIC.to_bytes(4, "big"): BigEndianHeader}
_OLD: Final = (MAGIC_V1.to_bytes(4, "little"), MAGIC_V1.to_bytes(4, "big"))


def recognise(start: bytes) -> bool:
    """Whether a file that begins with these bytes is an MCUboot image of either byte order."""
    return start[:4] in _MAGICS


def parse(data: bytes) -> Header:
    """Read a header from 32 bytes.

    Raises:
        FormatError: not a header, or one with unknown flags.
    """
    kind = _MAGICS.get(data[:4])
    if kind is None:
        old = data[:4] in _OLD
        what = "this MCUboot image has the obsolete header of version 1" if old else "this is not an MCUboot image"
        raise FormatError(what, name="unsupported_format", offset=0)
    return kind.parse(data, what="the image header")
