"""Files that mean harm: how much memory, and how much time over start-up, it takes to refuse them.

Start-up is the same command with a small good file of the same format. The decompression bombs are in packages that are
signed well: an insider's, or nothing would ever be decompressed.
"""

import dataclasses
import hashlib
import io
import lzma
import pathlib
import struct
import tempfile
import zlib
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from benchmarks.image_acts import FWTOOL
from benchmarks.images import MEMORY_MIB, ROUNDS, held, run
from benchmarks.used import Used
from benchmarks.virtual_update import KEY, signed, with_signature
from formats.fwp import table
from formats.fwp.coding import DICTIONARY, Encoding
from formats.fwp.header import Header
from formats.fwp.manifest import Manifest
from formats.signing import SignatureBlock

AIM_MS: Final = 25
"""What nobody notices beside start-up, and this machine can still tell from noise."""
DAMAGED: Final = 3
COUNT: Final = struct.pack("<I", 0xFFFFFFFF)
BLOCK: Final = 16384
FILTER: Final = {"id": lzma.FILTER_LZMA2, "dict_size": DICTIONARY}
BOMB: Final = 64 << 20
"""Zeros that a bomb stands for; what does not fit a block is cut off."""
BOMBS: Final[dict[Encoding, Callable[[bytes], bytes]]] = {
    Encoding.DEFLATE: lambda data: zlib.compress(data, 9, wbits=-15),
    Encoding.LZMA2: lambda data: lzma.compress(data, lzma.FORMAT_RAW, filters=[FILTER]),
}
UF2_TOTAL: Final = 24
DFUSE_ELEMENTS: Final = 281
"""Offsets of the counts."""
BUILD: Final = "image build {} --version 1.0.0 --hardware M --security-counter 1 --out x.fwp"
SHOW: Final = "image show {}"
VERIFY: Final = "image verify {} --trust ed25519.pub"


class Case(NamedTuple):
    """A harmful file and a harmless one, and what is done with either."""

    name: str
    command: str
    bad: str
    good: str


CASES: Final = (
    Case("Intel HEX, 132 bytes, a hole of 64 MiB", BUILD, "hole.hex", "good.hex"),
    Case("UF2, number of blocks 2^32 - 1", SHOW, "count.uf2", "good.uf2"),
    Case("DfuSe, number of elements 2^32 - 1", SHOW, "count.dfuse", "good.dfuse"),
    Case("package, a block of deflate that gives 1,000 times as much", VERIFY, "bomb-deflate.fwp", "good.fwp"),
    Case("package, a block of LZMA2 that gives 6,800 times as much", VERIFY, "bomb-lzma2.fwp", "good.fwp"),
)


def measure(rounds: int = ROUNDS) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        make_files(pathlib.Path(folder))
        runs: dict[tuple[str, str], list[Used]] = {(case.command, name): [] for case in CASES for name in (case.bad, case.good)}
        for _ in range(rounds):
            for (command, name), used in runs.items():
                code = 0 if name.startswith("good") else DAMAGED
                used.append(Used(*FWTOOL, *command.format(name).split(), cwd=folder, code=code))
        return [_row(case, pathlib.Path(folder) / case.bad, runs) for case in CASES]


def _row(case: Case, path: pathlib.Path, runs: dict[tuple[str, str], list[Used]]) -> dict[str, Any]:
    bad, good = (min(one.seconds for one in runs[case.command, name]) for name in (case.bad, case.good))
    over_ms, peak = 1e3 * (bad - good), max(one.peak_mib for one in runs[case.command, case.bad])
    return {
        "file": case.name,
        "bytes": path.stat().st_size,
        "start_up_ms": round(1e3 * good),
        "ms_over_start_up": round(over_ms, 1),
        "aim_ms": AIM_MS,
        "time_held": held(over_ms, AIM_MS),
        "anonymous_mib": round(max(one.anonymous_mib for one in runs[case.command, case.bad])),
        "peak_mib": round(peak),
        "aim_mib": MEMORY_MIB,
        "memory_held": held(peak, MEMORY_MIB),
    }


def make_files(folder: pathlib.Path) -> None:
    """All files of `CASES`, and the keys."""
    (folder / "good.hex").write_bytes(hex_file(0x20000, 0x20010))
    (folder / "hole.hex").write_bytes(hex_file(0x20000, 0x20000 + (64 << 20)))
    run(str(folder), "image convert good.hex --to uf2 --out good.uf2", "image convert good.hex --to dfuse --out good.dfuse")
    (folder / "count.uf2").write_bytes(patched((folder / "good.uf2").read_bytes(), UF2_TOTAL))
    dfuse = patched((folder / "good.dfuse").read_bytes(), DFUSE_ELEMENTS)[:-4]
    (folder / "count.dfuse").write_bytes(dfuse + struct.pack("<I", ~zlib.crc32(dfuse) & 0xFFFFFFFF))
    (folder / "ed25519.pub").write_bytes(KEY.public.pem())
    good = signed(bytes(BLOCK), "1.0.0")
    files = {"good.fwp": good.sealed.file, **{f"bomb-{kind.name.lower()}.fwp": bomb(good.manifest, kind) for kind in BOMBS}}
    for name, file in files.items():
        file.seek(0)
        (folder / name).write_bytes(file.read())


def bomb(good: Manifest, encoding: Encoding) -> io.BytesIO:
    """A well-signed package whose one block stands for far more than it says."""
    stored = BOMBS[encoding](bytes(BOMB))[: BLOCK - 1]
    digest = hashlib.sha256(bytes(BLOCK)).digest()
    component = dataclasses.replace(good.components[0], encoding=encoding, stored_size=len(stored))
    manifest = dataclasses.replace(good, components=(component,)).build()
    page = table.build_page([table.Entry(digest, len(stored), hashlib.sha256(stored).digest())])
    index = hashlib.sha256(page).digest()
    head = Header(len(manifest), len(index + page), len(stored)).build() + manifest + table.root_of(index)
    return with_signature(io.BytesIO(head + index + page + stored + SignatureBlock().build()))


def hex_file(*addresses: int) -> bytes:
    """16 bytes at each address."""
    records = []
    for address in addresses:
        for offset, kind, data in ((0, 4, struct.pack(">H", address >> 16)), (address & 0xFFFF, 0, bytes(range(16)))):
            record = struct.pack(">BHB", len(data), offset, kind) + data
            records.append(f":{record.hex().upper()}{-sum(record) & 0xFF:02X}\n")
    return "".join([*records, ":00000001FF\n"]).encode()


def patched(data: bytes, at: int) -> bytes:
    return data[:at] + COUNT + data[at + len(COUNT) :]
