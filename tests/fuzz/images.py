"""Targets: image formats, and `image show --hex`."""

import io
import struct
import zlib
from collections.abc import Iterable
from typing import Final

from formats import dfu, elf, elf_symbols, intel_hex, raw, registry, text_writer, uf2
from formats.errors import FormatError
from formats.sources import Image
from fwtool import hexview
from fwtool.cli import image_hex
from tests.fuzz.target import Target

Cells = tuple[list[tuple[int, bytes]], int | None]
MAX_WRITTEN: Final = 8192
"""Bytes of an image that are written in another format: what a mutation can claim has no end."""
SHOWN: Final = 50
"""Fields that are written as people see them."""


def cells(image: Image) -> Cells:
    """The bytes of an image at their addresses, and its entry point; pieces that touch count as one."""
    found: list[tuple[int, bytes]] = []
    for piece in image.pieces:
        data = piece.read(0, piece.size)
        assert len(data) == piece.size > 0
        assert not found or piece.address >= found[-1][0] + len(found[-1][1]), "pieces overlap, or are out of order"
        if found and piece.address == found[-1][0] + len(found[-1][1]):
            found[-1] = (found[-1][0], found[-1][1] + data)
        else:
            found.append((piece.address, data))
    return found, image.entry


def _size(image: Image) -> int:
    return sum(piece.size for piece in image.pieces)


def read_elf(data: bytes) -> None:
    """The image survives in a text format."""
    image = elf.read(io.BytesIO(data))
    if _size(image) > MAX_WRITTEN:
        return
    found = cells(image)
    if image.end <= 1 << 32 and (image.entry or 0) < 1 << 32:
        out = io.BytesIO()
        text_writer.write_intel_hex(image, out)
        assert cells(intel_hex.read(out)) == found


def read_elf_symbols(data: bytes) -> None:
    """Sections have what they say, and all that is told fits into a few times the file."""
    found = elf_symbols.tables(io.BytesIO(data))
    assert len(found.sections) + len(found.symbols) <= len(data) // 8
    assert sum(section.size for section in found.sections if section.sha256) <= len(data)


def read_uf2(data: bytes) -> None:
    """Each family for itself; what is written of it holds the same bytes, and is written again as it is."""
    file = io.BytesIO(data)
    for family in uf2.families(file):
        image = uf2.read(file, family)
        first, second = io.BytesIO(), io.BytesIO()
        uf2.write(image, first, family=family)
        again = uf2.read(first, family)
        uf2.write(again, second, family=family)
        assert first.getvalue() == second.getvalue()
        assert _holds(again, cells(image)[0])
    uf2.read(file)


def _holds(image: Image, wanted: Iterable[tuple[int, bytes]]) -> bool:
    """Whether an image has these bytes, and perhaps others."""
    have, _ = cells(image)
    return all(
        any(address >= start and data == run[address - start :][: len(data)] for start, run in have) for address, data in wanted
    )


def mend_uf2(data: bytes) -> bytes:
    """Whole blocks with their magic numbers, numbered through; sizes and addresses as they are, in whole words."""
    count = -(-len(data) // uf2.BLOCK)
    out = bytearray(data.ljust(count * uf2.BLOCK, b"\0"))
    for number in range(count):
        at = number * uf2.BLOCK
        _, _, flags, address, size, _, _, family = struct.unpack_from("<8I", out, at)
        struct.pack_into("<8I", out, at, *uf2.MAGIC, flags, address & ~3, size % uf2.MAX_PAYLOAD & ~3, number, count, family)
        struct.pack_into("<I", out, at + uf2.BLOCK - 4, uf2.MAGIC_END)
    return bytes(out)


def read_dfu(data: bytes) -> None:
    """The file is its content and its suffix, and nothing else."""
    file = io.BytesIO(data)
    suffix, image, out = dfu.read_suffix(file), dfu.read(file), io.BytesIO()
    assert suffix, "a file without a suffix was taken"
    dfu.write(image, out, suffix)
    assert out.getvalue() == data


def mend_dfu(data: bytes) -> bytes:
    """With a good suffix: its own numbers, signature, length and CRC."""
    content, numbers = data[:-16], data[-16:-8].ljust(8, b"\xff")
    body = content + numbers + b"UFD\x10"
    return body + (~zlib.crc32(body) & 0xFFFFFFFF).to_bytes(4, "little")


def read_dfuse(data: bytes) -> None:
    """Every target for itself; its elements are written and read again as they were."""
    file = io.BytesIO(data)
    targets, suffix = dfu.read_targets(file), dfu.read_suffix(file)
    assert suffix
    assert sum(len(target.pieces) for target in targets) <= len(data) // 8
    for target in targets:
        try:
            image = dfu.read_dfuse(file, target.alternate)
        except FormatError:
            continue  # two for one setting, no bytes, or elements that overlap
        out = io.BytesIO()
        dfu.write_dfuse(image, out, suffix, alternate=target.alternate)
        assert dfu.read_dfuse(out) == dfu.read_dfuse(out, target.alternate)
        assert [(piece.address, piece.read(0, piece.size)) for piece in dfu.read_dfuse(out).pieces] == [
            (piece.address, piece.read(0, piece.size)) for piece in image.pieces
        ]
    dfu.read_dfuse(file)


def mend_dfuse(data: bytes) -> bytes:
    """Prefix, size of a lone target, suffix."""
    content = bytearray(data[:-16].ljust(285, b"\0"))
    struct.pack_into("<5sBI", content, 0, b"DfuSe", 1, len(content))
    content[11:17] = b"Target"
    if content[10] == 1:
        struct.pack_into("<I", content, 277, len(content) - 285)
    return mend_dfu(bytes(content) + data[-16:])


def detect(data: bytes) -> None:
    """Every file is of some format, and whatever no other takes is raw."""
    file = io.BytesIO(data)
    kind = registry.detect(file)
    assert registry.named(kind.name) is kind
    if data:
        assert cells(raw.read(file)) == ([(0, data)], None)
    image = kind.read(file)
    assert image.pieces


def annotate(data: bytes) -> None:
    """Every byte has exactly one field, every field can be printed, whatever the damage."""
    file, at = io.BytesIO(data), 0
    found = list(hexview.fields(file))
    for field in found:
        assert field.offset == at
        assert field.size >= 0
        assert all(text.isprintable() for text in (field.name, field.value, field.clause, field.covered_by))
        at += field.size
    assert at == len(data)
    assert all(line.isprintable() for line in image_hex.lines(hexview.rows(found[:SHOWN], file)))


TARGETS: Final = {
    "elf": Target(read_elf, max_len=1024),
    "elf-symbols": Target(read_elf_symbols, max_len=1024),
    "uf2": Target(read_uf2, mend=mend_uf2),
    "dfu": Target(read_dfu, mend=mend_dfu, max_len=512),
    "dfuse": Target(read_dfuse, mend=mend_dfuse, max_len=1024),
    "detect": Target(detect),
    "annotate": Target(annotate, (), max_len=1024, memory=16 << 20),
}
"""An ELF file may claim 2 x 8192 headers (`formats.annotate.elf`), each of which is a field as long as nobody has read it."""
