"""Intel HEX and S-records of 8 MB: CPU time and peak memory to read and to write, beside intelhex and bincopy.

Each runs in a process of its own; CPU and memory of the same process without the act itself are taken off.
"""

import os
import pathlib
import sys
import tempfile
from typing import Any, Final, NamedTuple

from benchmarks.files import Used
from formats.sources import Piece, image_of
from formats.text_writer import write_intel_hex, write_srec

SIZE: Final = 8 << 20
ADDRESS: Final = 0x08000000
RAW: Final = "data = open('x.bin', 'rb').read()\n"
OURS: Final = "from formats import intel_hex, srec, text_writer\nfrom formats.sources import Piece, image_of\n"
OUR_IMAGE: Final = OURS + RAW + f"image = image_of([Piece({ADDRESS}, {SIZE}, data=data)])\n"
THEIR_HEX: Final = "import intelhex\n"
THEIR_IMAGE: Final = THEIR_HEX + RAW + f"h = intelhex.IntelHex()\nh.frombytes(data, {ADDRESS})\n"
BINCOPY: Final = "import bincopy\nb = bincopy.BinFile()\n"
BINCOPY_IMAGE: Final = BINCOPY + RAW + f"b.add_binary(data, {ADDRESS})\n"


class Act(NamedTuple):
    """Python code: what must be there before, and what is measured."""

    before: str
    measured: str


ACTS: Final = {
    "read Intel HEX": {
        "fwtool": Act(OURS, "intel_hex.read(open('x.hex', 'rb'))"),
        "intelhex": Act(THEIR_HEX, "intelhex.IntelHex('x.hex')"),
        "bincopy": Act(BINCOPY, "b.add_ihex_file('x.hex')"),
    },
    "write Intel HEX": {
        "fwtool": Act(OUR_IMAGE, "text_writer.write_intel_hex(image, open('y', 'wb'))"),
        "intelhex": Act(THEIR_IMAGE, "h.write_hex_file('y')"),
        "bincopy": Act(BINCOPY_IMAGE, "open('y', 'w').write(b.as_ihex())"),
    },
    "read S-records": {
        "fwtool": Act(OURS, "srec.read(open('x.srec', 'rb'))"),
        "bincopy": Act(BINCOPY, "b.add_srec_file('x.srec')"),
    },
    "write S-records": {
        "fwtool": Act(OUR_IMAGE, "text_writer.write_srec(image, open('y', 'wb'))"),
        "bincopy": Act(BINCOPY_IMAGE, "open('y', 'w').write(b.as_srec(address_length_bits=32))"),
    },
}


def cost(act: Act, folder: str) -> tuple[float, float]:
    """Seconds of CPU, and MiB of memory at the peak."""
    path = f"import sys\nsys.path.insert(0, {str(pathlib.Path.cwd())!r})\n"
    whole, bare = (Used(sys.executable, "-c", path + code, cwd=folder) for code in (act.before + act.measured, act.before))
    return whole.seconds - bare.seconds, whole.peak_mib - bare.peak_mib


def measure() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        data = os.urandom(SIZE)
        image = image_of([Piece(ADDRESS, SIZE, data=data)])
        (pathlib.Path(folder) / "x.bin").write_bytes(data)
        for name, write in (("x.hex", write_intel_hex), ("x.srec", write_srec)):
            with (pathlib.Path(folder) / name).open("wb") as file:
                write(image, file)
        for what, ways in ACTS.items():
            costs = {name: cost(act, folder) for name, act in ways.items()}
            for name, (seconds, mib) in costs.items():
                row = {"act": what, "by": name, "cpu_s": round(seconds, 3), "peak_mib": round(mib)}
                if name != "fwtool":
                    row["fwtool_is_times_faster"] = round(seconds / costs["fwtool"][0], 1)
                rows.append(row)
    return rows
