"""Intel HEX and S-records of 8 MB: CPU time and peak memory to read and to write, beside intelhex and bincopy.

Each runs in a process of its own, several times in turns; the minimum counts. What the same process takes without the act
is taken off: of the time, making the image that is to be written too; of the memory, only the imports, as an image has to be
held while it is written.
"""

import os
import pathlib
import sys
import tempfile
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from benchmarks.used import Used
from formats.sources import Piece, image_of
from formats.text_writer import write_intel_hex, write_srec

SIZE: Final = 8 << 20
ADDRESS: Final = 0x08000000
RAW: Final = "data = open('x.bin', 'rb').read()\n"
OURS: Final = "from formats import intel_hex, srec, text_writer\nfrom formats.sources import Piece, image_of\n"
OUR_IMAGE: Final = RAW + f"image = image_of([Piece({ADDRESS}, {SIZE}, data=data)])\n"
THEIR_HEX: Final = "import intelhex\n"
THEIR_IMAGE: Final = RAW + f"h = intelhex.IntelHex()\nh.frombytes(data, {ADDRESS})\n"
BINCOPY: Final = "import bincopy\nb = bincopy.BinFile()\n"
BINCOPY_IMAGE: Final = RAW + f"b.add_binary(data, {ADDRESS})\n"


class Act(NamedTuple):
    """Python code: imports, what must be there before, and what is measured."""

    imports: str
    before: str
    measured: str


class Cost(NamedTuple):
    """What an act takes."""

    seconds: float
    mib: float


AIMS: Final = {"intelhex": Cost(8, 4)}
"""How many times as much as this tool another one must take, of time and of memory."""
ROUNDS: Final = 3
ACTS: Final = {
    "read Intel HEX": {
        "fwtool": Act(OURS, "", "intel_hex.read(open('x.hex', 'rb'))"),
        "intelhex": Act(THEIR_HEX, "", "intelhex.IntelHex('x.hex')"),
        "bincopy": Act(BINCOPY, "", "b.add_ihex_file('x.hex')"),
    },
    "write Intel HEX": {
        "fwtool": Act(OURS, OUR_IMAGE, "text_writer.write_intel_hex(image, open('y', 'wb'))"),
        "intelhex": Act(THEIR_HEX, THEIR_IMAGE, "h.write_hex_file('y')"),
        "bincopy": Act(BINCOPY, BINCOPY_IMAGE, "open('y', 'w').write(b.as_ihex())"),
    },
    "read S-records": {
        "fwtool": Act(OURS, "", "srec.read(open('x.srec', 'rb'))"),
        "bincopy": Act(BINCOPY, "", "b.add_srec_file('x.srec')"),
    },
    "write S-records": {
        "fwtool": Act(OURS, OUR_IMAGE, "text_writer.write_srec(image, open('y', 'wb'))"),
        "bincopy": Act(BINCOPY, BINCOPY_IMAGE, "open('y', 'w').write(b.as_srec(address_length_bits=32))"),
    },
}


def stages(act: Act, folder: str) -> tuple[Used, Used, Used]:
    """One run: the imports; and what must be there before; and the act."""
    path = f"import sys\nsys.path.insert(0, {str(pathlib.Path.cwd())!r})\n"
    code = path + act.imports
    imports, before, whole = (
        Used(sys.executable, "-c", code + rest, cwd=folder) for rest in ("", act.before, act.before + act.measured)
    )
    return imports, before, whole


def costs(ways: dict[str, Act], folder: str) -> dict[str, Cost]:
    """Of all ways, in turns."""
    runs: dict[str, list[tuple[Used, Used, Used]]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, act in ways.items():
            runs[name].append(stages(act, folder))
    return {name: cost(*zip(*found, strict=True)) for name, found in runs.items()}


def cost(imports: Sequence[Used], before: Sequence[Used], whole: Sequence[Used]) -> Cost:
    """The least of what stands at the end of each stage, taken off."""
    seconds = [min(one.seconds for one in runs) for runs in (before, whole)]
    mib = [min(one.peak_mib for one in runs) for runs in (imports, whole)]
    return Cost(seconds[1] - seconds[0], mib[1] - mib[0])


def rows(what: str, found: dict[str, Cost]) -> Iterator[dict[str, Any]]:
    """A row for each way; those of the others say how much less this tool takes."""
    ours = found["fwtool"]
    for name, (seconds, mib) in found.items():
        row: dict[str, Any] = {"act": what, "by": name, "cpu_s": round(seconds, 3), "peak_mib": round(mib, 1)}
        if name != "fwtool":
            row["fwtool_is_times_faster"] = round(seconds / ours.seconds, 1)
            row["fwtool_is_times_smaller"] = round(mib / ours.mib, 1)
        if name in AIMS:
            aim = AIMS[name]
            reached = seconds >= aim.seconds * ours.seconds and mib >= aim.mib * ours.mib
            row |= {"aims": f"{aim.seconds:g}, {aim.mib:g}", "held": "yes" if reached else "no"}
        yield row


def measure() -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        data = os.urandom(SIZE)
        image = image_of([Piece(ADDRESS, SIZE, data=data)])
        (pathlib.Path(folder) / "x.bin").write_bytes(data)
        for name, write in (("x.hex", write_intel_hex), ("x.srec", write_srec)):
            with (pathlib.Path(folder) / name).open("wb") as file:
                write(image, file)
        return [row for what, ways in ACTS.items() for row in rows(what, costs(ways, folder))]
