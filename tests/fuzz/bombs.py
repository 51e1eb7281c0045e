"""Small files that claim a lot: holes, counts of 2^32, blocks that grow a thousandfold."""

import dataclasses
import hashlib
import struct
import zlib
from collections.abc import Callable
from typing import Final

from formats import trust, uf2
from formats.fwp import table
from formats.fwp.coding import Encoding
from formats.fwp.header import SIZE, Header
from formats.fwp.manifest import Manifest
from formats.signing import MAGIC
from tests import elf_samples
from tests.fuzz.images import mend_dfu
from tests.fuzz.packages import assembled
from tests.support import KEY, make_package, part, pattern

HUGE: Final = 2**32 - 1
GROWTH: Final = 1000
"""Installed bytes for each stored one, at least."""


def hole() -> bytes:
    """132 bytes of Intel HEX: 16 bytes at 0x08000000, 16 at 0x0C000000."""
    lines = []
    for base in (0x0800, 0x0C00):
        lines += [_record(4, base.to_bytes(2, "big")), _record(0, pattern(16))]
    return b"".join([*lines, _record(1, b"")])


def _record(kind: int, data: bytes) -> bytes:
    body = bytes([len(data), 0, 0, kind]) + data
    return b":" + (body + bytes([-sum(body) & 0xFF])).hex().upper().encode() + b"\n"


def _dfuse(targets: int, size: int, elements: int) -> bytes:
    target = struct.pack("<6sBI255sII", b"Target", 0, 0, b"", size, elements)
    return mend_dfu(struct.pack("<5sBIB", b"DfuSe", 1, 11 + len(target), targets) + target + bytes(16))


def _uf2(number: int, total: int, size: int = 256) -> bytes:
    return struct.pack("<8I", *uf2.MAGIC, 0, 0, size, number, total, 0).ljust(508, b"\0") + struct.pack("<I", uf2.MAGIC_END)


def _elf(*patches: tuple[int, str, int]) -> bytes:
    """A good file with other numbers in its header (32 bits, little endian): place, form, number."""
    made = bytearray(elf_samples.make([elf_samples.Part(".text", elf_samples.ALLOC, 0x1000, pattern(40))]))
    for at, form, number in patches:
        struct.pack_into(f"<{form}", made, at, number)
    return bytes(made)


def _elf_extended() -> bytes:
    """The numbers of headers stand in section 0, because they have more than 16 bits (gABI chapter 4)."""
    made = bytearray(_elf((44, "H", 0xFFFF), (48, "H", 0)))
    first = int.from_bytes(made[32:36], "little")
    struct.pack_into("<I", made, first + 20, HUGE)
    struct.pack_into("<I", made, first + 28, HUGE)
    return bytes(made)


def _package(field: int, form: str) -> bytes:
    made = bytearray(make_package([pattern(20)]))
    struct.pack_into(f"<{form}", made, field, HUGE if form == "I" else 2**32)
    return bytes(made)


def _trust(at: int, number: int) -> bytes:
    made = bytearray(trust.create([("one", KEY.public)], threshold=1))
    struct.pack_into("<I", made, at, number)
    return bytes(made)


def _signatures() -> bytes:
    made = make_package([pattern(20)], signers=())
    return made[:-44] + struct.pack("<4sHHI32x", MAGIC, 0xFFFF, 0, HUGE)


COUNTS: Final[dict[str, Callable[[], bytes]]] = {
    "elements.dfu": lambda: _dfuse(1, 0, HUGE),
    "elements-that-fit.dfu": lambda: _dfuse(1, 80_000, 10_000),
    "targets.dfu": lambda: _dfuse(255, HUGE, 1),
    "blocks.uf2": lambda: _uf2(0, HUGE),
    "blocks-that-are-allowed.uf2": lambda: _uf2(0, uf2.MAX_BLOCKS),
    "payload.uf2": lambda: _uf2(0, 1, HUGE),
    "program-headers.elf": lambda: _elf((44, "H", 0xFFFE)),
    "section-headers.elf": _elf_extended,
    "segment.elf": lambda: _elf((52 + 16, "I", HUGE), (52 + 20, "I", HUGE)),
    "manifest.fwp": lambda: _package(12, "I"),
    "table.fwp": lambda: _package(16, "Q"),
    "payload.fwp": lambda: _package(24, "Q"),
    "signatures.fwp": _signatures,
    "record.trust": lambda: _trust(8, HUGE),
    "keys.trust": lambda: _trust(32, HUGE),
}
"""Name of a file -> file with a count or size of about 2^32, or of as much as is allowed."""


def growing() -> bytes:
    """A signed package whose one block is a thousandth of what it gives when it is unpacked: 64 MiB, where 64 KiB are told."""
    size = 1 << 16
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    stored = packer.compress(bytes(GROWTH * size)) + packer.flush()
    installed = bytes(size)
    base = make_package([part(installed)._replace(encoding=Encoding.DEFLATE)], block_size=size)
    manifest = Manifest.parse(base[SIZE : SIZE + Header.parse(base, None).manifest_size])
    digest = hashlib.sha256(installed).digest()
    component = dataclasses.replace(
        manifest.components[0], stored_size=len(stored), digest=hashlib.sha256(digest).digest()
    )  # fmt: skip
    entry = table.Entry(digest, len(stored), hashlib.sha256(stored).digest())
    return assembled(dataclasses.replace(manifest, components=(component,)).build(), [entry], stored)
