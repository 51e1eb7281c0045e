"""Seeds: a small file of every image format."""

import io
import struct
from typing import Any, Final

from formats import registry, uf2
from formats.sources import Image, Piece
from tests import elf_samples
from tests.fuzz.images import mend_dfu
from tests.support import pattern

IMAGE: Final = Image((Piece(0x08000000, 330, data=pattern(330)), Piece(0x0800FFF8, 20, data=pattern(20, 1))), 0x08000101)
Seeds = list[bytes]


def written(kind: str, /, **options: Any) -> bytes:
    """`IMAGE` in a format."""
    entry, out = registry.named(kind), io.BytesIO()
    assert entry is not None
    assert entry.write is not None
    entry.write(IMAGE, out, **options)
    return out.getvalue()


def elfs() -> Seeds:
    parts = [
        elf_samples.Part(".text", elf_samples.ALLOC | elf_samples.EXECUTE, 0x08000000, pattern(60)),
        elf_samples.Part(".data", elf_samples.ALLOC | elf_samples.WRITE, 0x20000000, pattern(12), load_address=0x08000100),
        elf_samples.Part(".bss", elf_samples.ALLOC | elf_samples.WRITE, 0x20000100, kind=elf_samples.NOBITS, size=64),
    ]
    names = [
        elf_samples.Name("main", 0x08000001, 20),
        elf_samples.Name("state", 0x20000000, 4, elf_samples.OBJECT, 2),
        elf_samples.Name("$t", 0x08000000, 0, elf_samples.NOTYPE),
        elf_samples.Name("version", 3, 0, elf_samples.NOTYPE, elf_samples.ABSOLUTE),
    ]
    return [
        elf_samples.make(parts, names),
        elf_samples.make(parts[:1], names[:1], bits=64, machine=elf_samples.X86_64),
        elf_samples.make(parts[:1], bits=32, order=">"),
    ]


def intel_hexes() -> Seeds:
    segmented = b":020000021000EC\r\n:04FFFE0041424344F5\r\n:0400000300003800C1\r\n; a comment\r\n:00000001FF\r\n\x1a"
    return [written("intel-hex"), written("intel-hex", size=4), segmented, b"\xef\xbb\xbf" + segmented.lower()]


def srecs() -> Seeds:
    low = b"S00600004844521B\nS1051000414265\nS5030001FB\nS9031000EC\n"
    return [written("srec", header=b"name"), written("srec", size=4), low]


def uf2s() -> Seeds:
    tagged = struct.pack("<8I", *uf2.MAGIC, 0xA000, 0x2000, 256, 0, 1, 0xE48BFF56) + pattern(256)
    tagged += bytes.fromhex("09bcc79f302e312e32000000149d0d6541434d4520546f6173746572206d6b33").ljust(220, b"\0")
    digest = struct.pack("<8I", *uf2.MAGIC, 0x4000, 0x1000, 452, 0, 2, 0) + pattern(452) + bytes(24)
    other = struct.pack("<8I", *uf2.MAGIC, 0x0001, 0x3000, 476, 1, 2, 0) + pattern(476)
    end = struct.pack("<I", uf2.MAGIC_END)
    return [written("uf2"), written("uf2", family=uf2.FAMILIES["rp2040"]), tagged + end, digest + end + other + end]


def dfuses() -> Seeds:
    elements = [struct.pack("<II", 0x2000 + at, len(data)) + data for at, data in ((0, b"zero"), (64, b"one!!"))]
    first = struct.pack("<6sBI255sII", b"Target", 0, 1, b"Internal Flash", sum(map(len, elements)), 2) + b"".join(elements)
    second = struct.pack("<6sBI255sII", b"Target", 3, 0, b"", 12, 1) + struct.pack("<II", 0x100, 4) + b"last"
    body = struct.pack("<5sBIB", b"DfuSe", 1, 11 + len(first) + len(second), 2) + first + second
    return [written("dfuse", name="Flash"), suffixed(body)]


def suffixed(content: bytes) -> bytes:
    return mend_dfu(content + struct.pack("<4H", 0xFFFF, 0xDF11, 0x0483, 0x011A) + bytes(8))
