"""USB DFU files: any content with a suffix of 16 bytes (Device Firmware Upgrade 1.1, appendix B), and ST's DfuSe
(UM0391), whose content is elements with addresses for one or more alternate settings.

The CRC is CRC-32/JAMCRC over everything but its own four bytes, the first twelve bytes of the suffix included (dfu-suffix
0.11 does the same). It finds damage; it proves nothing.
"""

import struct
import zlib
from typing import BinaryIO, Final, NamedTuple

from formats.errors import FormatError
from formats.sources import Image, Piece, file_size, image_of

SUFFIX_SIZE: Final = 16
_SUFFIX: Final = struct.Struct("<HHHH3sBI")
_SIGNATURE: Final = b"UFD"
ANY: Final = 0xFFFF
"""A vendor, product or device number that matches all."""
DFU_VERSION, DFUSE_VERSION = 0x0100, 0x011A
_PREFIX: Final = struct.Struct("<5sBIB")
_TARGET: Final = struct.Struct("<6sBI255sII")
_ELEMENT: Final = struct.Struct("<II")
MAX_TARGETS, MAX_ELEMENTS = 255, 10_000
STEP: Final = 1 << 20


class Suffix(NamedTuple):
    """Which device a file is for."""

    device: int = ANY
    """bcdDevice."""
    product: int = ANY
    vendor: int = ANY
    version: int = DFU_VERSION
    """bcdDFU."""


ANY_DFU: Final = Suffix()
ANY_DFUSE: Final = Suffix(version=DFUSE_VERSION)


def recognise_end(end: bytes) -> bool:
    """Given the last 16 bytes: whether they are a suffix, right or damaged."""
    return len(end) == SUFFIX_SIZE and end[8:11] == _SIGNATURE and end[11] == SUFFIX_SIZE


def recognise(start: bytes) -> bool:
    return start[:6] == b"DfuSe\x01"


def read_suffix(file: BinaryIO) -> Suffix | None:
    """The suffix, if the file has one.

    Raises:
        FormatError: its CRC is wrong.
    """
    size = file_size(file)
    if size < SUFFIX_SIZE:
        return None
    file.seek(size - SUFFIX_SIZE)
    end = file.read(SUFFIX_SIZE)
    if not recognise_end(end):
        return None
    device, product, vendor, version, _, _, expected = _SUFFIX.unpack(end)
    found = ~_crc(file, size - 4) & 0xFFFFFFFF
    if found != expected:
        raise FormatError(
            f"the DFU suffix has the CRC {expected:08x}, the file gives {found:08x}", offset=size - 4,
            hint="The file is damaged, or its suffix was made by a tool that counts wrongly.",
        )  # fmt: skip
    return Suffix(device, product, vendor, version)


def _crc(file: BinaryIO, size: int) -> int:
    file.seek(0)
    crc = 0
    while size:
        data = file.read(min(STEP, size))
        if not data:
            raise FormatError("the file ends too early")
        crc, size = zlib.crc32(data, crc), size - len(data)
    return crc


def read(file: BinaryIO) -> Image:
    """What the suffix is attached to: one piece without an address.

    Raises:
        FormatError: no suffix, a wrong CRC, or nothing but a suffix.
    """
    if read_suffix(file) is None:
        raise FormatError("this file has no DFU suffix", name="unsupported_format")
    size = file_size(file) - SUFFIX_SIZE
    if size <= 0:
        raise FormatError("the DFU file holds nothing but its suffix")
    return Image((Piece(0, size, file=file),), placed=False)


def write(image: Image, out: BinaryIO, suffix: Suffix = ANY_DFU, *, fill: int = 0xFF) -> None:
    """The bytes from the lowest to the highest address, holes filled, and a suffix."""
    counted = _Counted(out)
    at = image.start
    for piece in image.pieces:
        counted.write(bytes([fill]) * (piece.address - at))
        counted.copy(piece)
        at = piece.address + piece.size
    counted.end(suffix)


class _Counted:
    """Writes, and keeps the CRC of what was written."""

    def __init__(self, out: BinaryIO) -> None:
        self._out, self._crc = out, 0

    def write(self, data: bytes) -> None:
        self._out.write(data)
        self._crc = zlib.crc32(data, self._crc)

    def copy(self, piece: Piece) -> None:
        for start in range(0, piece.size, STEP):
            self.write(piece.read(start, min(STEP, piece.size - start)))

    def end(self, suffix: Suffix) -> None:
        self.write(_SUFFIX.pack(*suffix, _SIGNATURE, SUFFIX_SIZE, 0)[:-4])
        self._out.write((~self._crc & 0xFFFFFFFF).to_bytes(4, "little"))


class Target(NamedTuple):
    """One target of a DfuSe file."""

    alternate: int
    """Alternate setting it is for."""
    name: str
    pieces: tuple[Piece, ...]


def read_targets(file: BinaryIO) -> list[Target]:
    """Targets and elements of a DfuSe file; every length is checked against those around it.

    Raises:
        FormatError: damaged, of another version, or with bytes that belong to nothing.
    """
    size = file_size(file)
    suffix = read_suffix(file)
    if suffix is None:
        raise FormatError("a DfuSe file without its suffix was cut off", offset=size)
    reader = _Reader(file, size - SUFFIX_SIZE)
    magic, version, image_size, count = _PREFIX.unpack(reader.take(_PREFIX.size))
    if magic != b"DfuSe" or version != 1 or image_size != size - SUFFIX_SIZE:
        raise FormatError("the prefix of the DfuSe file does not fit it", offset=0)
    targets = [_target(reader) for _ in range(count)]
    if reader.at != reader.end:
        raise FormatError("bytes of the DfuSe file belong to no target", offset=reader.at)
    return targets


class _Reader:
    def __init__(self, file: BinaryIO, end: int) -> None:
        self.file, self.at, self.end = file, 0, end
        self.elements = 0
        """Claimed by all targets so far."""

    def take(self, size: int) -> bytes:
        self.skip(size)
        self.file.seek(self.at - size)
        return self.file.read(size)

    def skip(self, size: int) -> None:
        if self.at + size > self.end:
            raise FormatError("the DfuSe file ends inside a part", offset=self.at)
        self.at += size


def _target(reader: _Reader) -> Target:
    start = reader.at
    magic, alternate, named, name, size, count = _TARGET.unpack(reader.take(_TARGET.size))
    if magic != b"Target":
        raise FormatError("a target of the DfuSe file is damaged", offset=start)
    reader.elements += count
    if reader.elements > MAX_ELEMENTS:
        raise FormatError(f"the DfuSe file claims more than {MAX_ELEMENTS} elements", name="too_large", offset=start)
    end = reader.at + size
    pieces = []
    for _ in range(count):
        address, length = _ELEMENT.unpack(reader.take(_ELEMENT.size))
        if address + length > 1 << 32:
            raise FormatError("an element of the DfuSe file goes beyond the last address", offset=reader.at)
        pieces.append(Piece(address, length, file=reader.file, offset=reader.at))
        reader.skip(length)
    if reader.at != end:
        raise FormatError("a target of the DfuSe file has another size than its elements", offset=start)
    text = name.split(b"\0")[0].decode("ascii", "backslashreplace") if named else ""
    return Target(alternate, text, tuple(pieces))


def read_dfuse(file: BinaryIO, alternate: int | None = None) -> Image:
    """The elements of one alternate setting.

    Args:
        alternate: Which one; None: the only one.

    Raises:
        FormatError: as `read_targets`, or several targets and none chosen.
    """
    targets = read_targets(file)
    chosen = [target for target in targets if alternate is None or target.alternate == alternate]
    if len(chosen) > 1:
        found = ", ".join(f"{target.alternate} {target.name}".strip() for target in targets)
        raise FormatError(f"this DfuSe file has several targets: {found}", name="usage", hint="Choose one with --alternate.")
    if not chosen:
        raise FormatError("this DfuSe file has no such target" if targets else "this DfuSe file has no target")
    return image_of(list(chosen[0].pieces))


def write_dfuse(
    image: Image,
    out: BinaryIO,
    suffix: Suffix = ANY_DFUSE,
    *,
    alternate: int = 0,
    name: str = "",
) -> None:
    """One target; an element for each piece.

    Raises:
        FormatError: an address or size beyond 32 bits, or a name that is too long.
    """
    elements = sum(_ELEMENT.size + piece.size for piece in image.pieces)
    if image.end > 1 << 32 or elements + _TARGET.size + _PREFIX.size >= 1 << 32:
        raise FormatError(f"DfuSe has addresses of 32 bits; this image ends at 0x{image.end:x}", name="data_would_be_lost")
    if len(name.encode()) > 254 or len(image.pieces) > MAX_ELEMENTS:
        raise FormatError("a DfuSe target has a name of at most 254 bytes and at most 10,000 elements", name="usage")
    counted = _Counted(out)
    counted.write(_PREFIX.pack(b"DfuSe", 1, _PREFIX.size + _TARGET.size + elements, 1))
    counted.write(_TARGET.pack(b"Target", alternate, bool(name), name.encode(), elements, len(image.pieces)))
    for piece in image.pieces:
        counted.write(_ELEMENT.pack(piece.address, piece.size))
        counted.copy(piece)
    counted.end(suffix)
