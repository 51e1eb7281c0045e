"""UF2, block by block (github.com/microsoft/uf2, README). Nothing covers a block but its magic numbers and, where it has
one, an MD5 over the region of the flash that its payload belongs to.
"""

from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, Final, NamedTuple

import construct as c

from formats.annotate.records import fields_in
from formats.annotate.whole import read_at, whole
from formats.annotate.words import Words, ascii_text, flags, hexed, quoted
from formats.errors import FormatError
from formats.fields import Field
from formats.sources import file_size
from formats.uf2 import (
    BLOCK,
    CONTAINER,
    HAS_FAMILY,
    HAS_MD5,
    HAS_TAGS,
    MAGIC,
    MAGIC_END,
    MAX_BLOCKS,
    MAX_PAYLOAD,
    NOT_MAIN_FLASH,
    family_name,
)

HEADER: Final = c.Struct(
    "magic_start0" / c.Const(MAGIC[0], c.Int32ul),
    "magic_start1" / c.Const(MAGIC[1], c.Int32ul),
    "flags" / c.Int32ul,
    "target_addr" / c.Int32ul,
    "payload_size" / c.Int32ul,
    "block_no" / c.Int32ul,
    "num_blocks" / c.Int32ul,
    "family_id" / c.Int32ul,
)
"""The tool itself reads it with `struct`: formats/uf2.py."""
MD5: Final = c.Struct("region_start" / c.Int32ul, "region_size" / c.Int32ul, "md5" / c.Bytes(16))
END: Final = c.Struct("magic_end" / c.Const(MAGIC_END, c.Int32ul))
FLAGS: Final = {
    NOT_MAIN_FLASH: "not main flash", CONTAINER: "file container", HAS_FAMILY: "family ID", HAS_MD5: "MD5",
    HAS_TAGS: "extension tags",
}  # fmt: skip


class Tag(NamedTuple):
    """A type of extension tag."""

    name: str
    write: Callable[[bytes], str]


def _number(data: bytes) -> str:
    return hexed(int.from_bytes(data, "little"))


def _text(data: bytes) -> str:
    return quoted(data.decode("utf-8", "backslashreplace"))


TAGS: Final = {
    0x9FC7BC: Tag("version", _text),
    0x650D9D: Tag("description", _text),
    0x0BE9F7: Tag("page size", _number),
    0xB46DB0: Tag("SHA-2", bytes.hex),
    0xC8A729: Tag("device type", _number),
}
WORDS: Final[Words] = {
    "magic_start0": hexed, "magic_start1": hexed, "magic_end": hexed, "target_addr": hexed, "region_start": hexed,
    "flags": lambda value: flags(value, FLAGS),
}  # fmt: skip
_FORMAT: Final = "UF2, File format"
_TAGS: Final = "UF2, Extension tags"


@whole
def fields(file: BinaryIO) -> Iterator[Field]:
    """Every byte of a UF2 file, damaged or not (see `whole`). Its blocks are described in the order of the file."""
    for number in range(-(-file_size(file) // BLOCK)):
        if number == MAX_BLOCKS:
            raise FormatError(f"a UF2 file of more than {MAX_BLOCKS} blocks")
        yield from _block(read_at(file, number * BLOCK, BLOCK), number)


def _block(raw: bytes, number: int) -> Iterator[Field]:
    offset, name = number * BLOCK, f"blocks[{number}]"
    cut, bits = HEADER.sizeof(), int.from_bytes(raw[8:12], "little")
    words = {**WORDS, "family_id": family_name if bits & HAS_FAMILY else hexed}
    yield from fields_in(HEADER, raw[:cut], offset=offset, prefix=name, clause=_FORMAT, words=words)
    if len(raw) < BLOCK:
        raise FormatError(f"the UF2 file ends in the middle of a block of {BLOCK} bytes")
    head, checksum = HEADER.parse(raw[:cut]), raw[cut + MAX_PAYLOAD - MD5.sizeof() : cut + MAX_PAYLOAD]
    room = raw[cut : cut + MAX_PAYLOAD - (len(checksum) if bits & HAS_MD5 else 0)]
    if head.payload_size > len(room):
        raise FormatError(f"{name} claims a payload of {head.payload_size} bytes, it has room for {len(room)}")
    covered = "MD5" if bits & HAS_MD5 and _inside(head, MD5.parse(checksum)) else ""
    yield Field(offset + cut, head.payload_size, f"{name}.payload", "", _FORMAT, covered)
    yield from _behind(room[head.payload_size :], bits, offset + cut + head.payload_size, name)
    if bits & HAS_MD5:
        at = offset + cut + len(room)
        yield from fields_in(MD5, checksum, offset=at, prefix=name, clause="UF2, MD5 checksum", words=WORDS)
    at = offset + cut + MAX_PAYLOAD
    yield from fields_in(END, raw[cut + MAX_PAYLOAD :], offset=at, prefix=name, clause=_FORMAT, words=WORDS)


def _inside(block: Any, region: Any) -> bool:
    """Whether the payload belongs to the region that the checksum is for."""
    end = region.region_start + region.region_size
    return bool(region.region_start <= block.target_addr and block.target_addr + block.payload_size <= end)


def _behind(data: bytes, bits: int, offset: int, name: str) -> Iterator[Field]:
    """What may stand between payload and checksum: the name of a file, or tags; and padding."""
    used = 0
    if bits & CONTAINER:
        used = data.find(b"\0") + 1 or len(data)
        yield Field(offset, used, f"{name}.file_name", ascii_text(data[:used]), "UF2, File containers")
    elif bits & HAS_TAGS:
        for field in _tags(data, offset, name):
            yield field
            used = field.offset + field.size - offset
    if used < len(data):
        yield Field(offset + used, len(data) - used, f"{name}.padding", "", _FORMAT)


def _tags(data: bytes, offset: int, name: str) -> Iterator[Field]:
    """Size with its own head, three bytes of type, contents, padded to four; ended by a size of zero, or by FF FF FF FF."""
    at, number = 0, 0
    while at + 4 <= len(data) and data[at] and data[at : at + 4] != b"\xff\xff\xff\xff":
        size, tag = data[at], f"{name}.tags[{number}]"
        padded = -(-size // 4) * 4
        if size < 4 or at + padded > len(data):
            raise FormatError(f"{tag} does not fit its block")
        known = TAGS.get(int.from_bytes(data[at + 1 : at + 4], "little"), Tag("unknown", bytes.hex))
        yield Field(offset + at, 1, f"{tag}.size", str(size), _TAGS)
        yield Field(offset + at + 1, 3, f"{tag}.type", known.name, _TAGS)
        yield Field(offset + at + 4, size - 4, f"{tag}.value", known.write(data[at + 4 : at + size]), _TAGS)
        if padded > size:
            yield Field(offset + at + size, padded - size, f"{tag}.padding", "", _TAGS)
        at, number = at + padded, number + 1
