"""UF2, "USB flashing format" (github.com/microsoft/uf2, specification of 2023): blocks of 512 bytes that each say where
their payload belongs.

Traps that are met in the field: block numbers count for each family and section, not for the file; files for several
families are legal, and a tool that takes the first one flashes the wrong part; blocks may come in any order and twice;
addresses may have gaps; an MD5 at the end of a block's data tells what may be skipped, and proves nothing.
"""

import struct
from collections.abc import Iterator
from typing import BinaryIO, Final, NamedTuple

from formats.errors import FormatError
from formats.memory import Memory
from formats.sources import Image, Piece

BLOCK: Final = 512
_HEAD: Final = struct.Struct("<IIIIIIII")
_END: Final = struct.Struct("<I")
MAGIC: Final = (0x0A324655, 0x9E5D5157)
MAGIC_END: Final = 0x0AB16F30
MAX_PAYLOAD: Final = 476
PAGE: Final = 256
"""Payload of the blocks we write: what every boot loader takes."""
NOT_MAIN_FLASH, CONTAINER, HAS_FAMILY, HAS_MD5, HAS_TAGS = 0x1, 0x1000, 0x2000, 0x4000, 0x8000
NO_FAMILY: Final = 0
MAX_BLOCKS: Final = 1 << 21
FAMILIES: Final = {
    "rp2040": 0xE48BFF56,
    "absolute": 0xE48BFF57,
    "rp2xxx-data": 0xE48BFF58,
    "rp2350-arm-s": 0xE48BFF59,
    "rp2350-riscv": 0xE48BFF5A,
    "rp2350-arm-ns": 0xE48BFF5B,
    "samd21": 0x68ED2B88,
    "samd51": 0x55114460,
    "nrf52": 0x1B57745F,
    "nrf52840": 0xADA52840,
    "stm32f1": 0x5EE21072,
    "stm32f4": 0x57755A57,
    "stm32f7": 0x53B80F00,
    "stm32h7": 0x6DB66082,
    "stm32l4": 0x00FF6919,
    "esp32": 0x1C5F21B0,
    "esp32s2": 0xBFDD4EEE,
    "esp32s3": 0xC47E5767,
    "esp32c3": 0xD42BA06C,
}
"""Some of the families of microsoft/uf2 utils/uf2families.json, by their names there in lower case."""


class Block(NamedTuple):
    """One block."""

    flags: int
    address: int
    number: int
    total: int
    family: int
    """0: it names none."""
    data: bytes
    offset: int
    """Where it stands in the file."""


def recognise(start: bytes) -> bool:
    return start[:8] == struct.pack("<II", *MAGIC)


def family_name(family: int) -> str:
    """A family by its name, or as a number."""
    if family == NO_FAMILY:
        return "none"
    return next((name for name, number in FAMILIES.items() if number == family), f"0x{family:08x}")


def blocks(file: BinaryIO) -> Iterator[Block]:
    """All blocks for the main flash, in the order of the file.

    Raises:
        FormatError: not blocks of 512 bytes with their three magic numbers, a payload that does not fit, or a container.
    """
    file.seek(0)
    offset = 0
    while raw := file.read(BLOCK):
        block = _block(raw, offset)
        if not block.flags & NOT_MAIN_FLASH:
            yield block
        offset += BLOCK
        if offset > MAX_BLOCKS * BLOCK:
            raise FormatError(f"a UF2 file of more than {MAX_BLOCKS} blocks", name="too_large")


def _block(raw: bytes, offset: int) -> Block:
    if len(raw) != BLOCK:
        raise FormatError(f"the UF2 file ends in the middle of a block of {BLOCK} bytes", offset=offset + len(raw))
    first, second, flags, address, size, number, total, family = _HEAD.unpack_from(raw)
    if (first, second) != MAGIC or _END.unpack_from(raw, BLOCK - _END.size)[0] != MAGIC_END:
        raise FormatError("a UF2 block lacks its magic numbers", offset=offset)
    if flags & CONTAINER:
        raise FormatError("this UF2 file is a container of files, not an image", name="unsupported_format", offset=offset)
    room = MAX_PAYLOAD - (24 if flags & HAS_MD5 else 0)
    if not 0 < size <= room or size % 4 or address % 4 or address + size > 1 << 32:
        raise FormatError(f"a UF2 block has {size} bytes for address 0x{address:08x}: not of a kind that exists", offset=offset)
    if number >= total or total > MAX_BLOCKS:
        raise FormatError(f"a UF2 block says it is number {number} of {total}", offset=offset)
    if flags & HAS_TAGS:
        _check_tags(raw[_HEAD.size + size : _HEAD.size + room], offset)
    known = family if flags & HAS_FAMILY else NO_FAMILY
    return Block(flags, address, number, total, known, raw[_HEAD.size : _HEAD.size + size], offset)


def _check_tags(data: bytes, offset: int) -> None:
    """Extension tags: length with its own header, three bytes of type, padded to four; ended by a length of zero."""
    at = 0
    while at + 4 <= len(data) and data[at]:
        if data[at] < 4 or at + data[at] > len(data):
            raise FormatError("an extension tag of a UF2 block does not fit", offset=offset)
        at += -(-data[at] // 4) * 4


def families(file: BinaryIO) -> list[int]:
    """The families a file has blocks for, in order of their first block."""
    return list(dict.fromkeys(block.family for block in blocks(file)))


def read(file: BinaryIO, family: int | None = None) -> Image:
    """The blocks of one family as pieces.

    Args:
        family: Which one; None: the only one.

    Raises:
        FormatError: a damaged file, several families and none chosen, blocks that are missing or contradict each other.
    """
    memory = Memory()
    chosen = family
    sections: dict[int, dict[int, tuple[int, bytes]]] = {}
    others: dict[int, None] = {}
    for block in blocks(file):
        others[block.family] = None
        if chosen is None:
            chosen = block.family
        if block.family != chosen:
            continue  # not ours: ignored altogether, its numbers too
        section = sections.setdefault(block.total, {})
        before = section.setdefault(block.number, (block.address, block.data))
        if before != (block.address, block.data):
            raise FormatError(f"two UF2 blocks are number {block.number} of {block.total}, and differ", offset=block.offset)
        if before[1] is block.data:
            memory.add(block.address, block.data)
    if family is None and len(others) > 1:
        names = ", ".join(family_name(found) for found in others)
        raise FormatError(f"this UF2 file is for several families: {names}", name="usage", hint="Choose one with --family.")
    if not sections:
        wanted = "the main flash" if chosen is None else f"the family {family_name(chosen)}"
        raise FormatError(f"this UF2 file has no block for {wanted}")
    for total, section in sections.items():
        if len(section) != total:
            missing = next(number for number in range(total) if number not in section)
            raise FormatError(f"block {missing} of {total} of the UF2 file is missing: it was cut off, or not copied whole")
    return memory.image(None)


def write(image: Image, out: BinaryIO, *, family: int | None = None, fill: int = 0xFF) -> None:
    """Blocks of 256 bytes at multiples of 256, as boot loaders want them; what a page has beyond the image is `fill`.

    Raises:
        FormatError: an address beyond 32 bits, or too many blocks.
    """
    pages: dict[int, list[Piece]] = {}
    for piece in image.pieces:
        for page in _pages(piece):
            pages.setdefault(page, []).append(piece)
    if image.end > 1 << 32:
        raise FormatError(f"UF2 has addresses of 32 bits; this image ends at 0x{image.end:x}", name="data_would_be_lost")
    flags, kind = (HAS_FAMILY, family) if family is not None else (0, 0)
    for number, (page, pieces) in enumerate(pages.items()):
        head = _HEAD.pack(*MAGIC, flags, page * PAGE, PAGE, number, len(pages), kind or 0)
        out.write(head + _page(pieces, page, fill).ljust(MAX_PAYLOAD, b"\0") + _END.pack(MAGIC_END))


def _pages(piece: Piece) -> range:
    pages = range(piece.address // PAGE, -(-(piece.address + piece.size) // PAGE))
    if len(pages) > MAX_BLOCKS:
        raise FormatError(f"a UF2 file of more than {MAX_BLOCKS} blocks", name="too_large")
    return pages


def _page(pieces: list[Piece], page: int, fill: int) -> bytes:
    """A page with what pieces have for it."""
    start, found = page * PAGE, bytearray([fill]) * PAGE
    for piece in pieces:
        first, last = max(start, piece.address), min(start + PAGE, piece.address + piece.size)
        if first < last:
            found[first - start : last - start] = piece.read(first - piece.address, last - first)
    return bytes(found)
