"""A terminal updated from a stick, in real time: from "stick inserted" to "updated and verified", beside the sum of its parts.

The parts: reading the stick (copying and hashing, measured by itself), and the transfer, behind which the flash works. What is
over: starting the program, verifying, choosing, the health check before and after, the restart.
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
from typing import Any, Final

from fwtool.stick.shelf import Stick, taken
from tests.bench_parts import TRUST
from tests.support import make_package, pattern

SIZE: Final = 1 << 20
BAUD: Final = 115_200
"""Where every line starts."""


def measure() -> list[dict[str, Any]]:
    """One run."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "stick").mkdir()
        (folder / "trust").write_bytes(TRUST.raw)
        (folder / "old.fwp").write_bytes(make_package(version="1.0.0"))
        (folder / "stick" / "new.fwp").write_bytes(make_package([pattern(SIZE, 1)], version="1.1.0", block_size=16384))
        return [_run(folder)]


def _run(folder: pathlib.Path) -> dict[str, Any]:
    begun = time.monotonic()
    with taken(Stick(folder / "stick"), TRUST):
        read_s = time.monotonic() - begun
    environment = {**os.environ, "FWTOOL_STATE_DIR": str(folder / "state")}
    sim = subprocess.Popen(
        [sys.executable, "-m", "fwtool", "sim", "--trust", "trust", "--firmware", "old.fwp", "--pace", str(BAUD)],
        cwd=folder, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, env=environment,
    )  # fmt: skip
    assert sim.stdout is not None
    try:
        port = sim.stdout.readline().strip()
        time.sleep(2)  # it starts
        begun = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "fwtool", "flash", "--stick", "stick", "--port", port, "--trust", "trust", "--json",
             "--max-baud", "0", "--baud", str(BAUD)],
            cwd=folder, check=True, capture_output=True, text=True, env=environment,
        )  # fmt: skip
        whole_s = time.monotonic() - begun
    finally:
        sim.send_signal(signal.SIGTERM)
        sim.wait(timeout=15)
        sim.stdout.close()
    device = json.loads(done.stdout.splitlines()[-1])["data"]["devices"][0]
    parts_s = read_s + device["transfer_s"]
    return {
        "size": SIZE, "baud": BAUD, "read_s": round(read_s, 3), "transfer_s": device["transfer_s"], "whole_s": round(whole_s, 2),
        "over_percent": round(100 * (whole_s / parts_s - 1), 1), "holds_5_percent": "yes" if whole_s <= 1.05 * parts_s else "no",
    }  # fmt: skip
