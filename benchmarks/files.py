"""Build, sign and verify of a large image beside `openssl dgst -sha256` of the same file: CPU time and peak memory."""

import os
import pathlib
import subprocess
import sys
import tempfile
from typing import Any

STEP = 1 << 20


class Used:
    """What one command used."""

    def __init__(self, *command: str, cwd: str) -> None:
        code = (
            "import resource, subprocess, sys\n"
            "done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)\n"
            "used = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
            "print(used.ru_utime + used.ru_stime, used.ru_maxrss)\n"
            "sys.exit(done.returncode)"
        )
        done = subprocess.run([sys.executable, "-c", code, *command], cwd=cwd, capture_output=True, text=True, check=True)
        seconds, peak = done.stdout.split()
        self.seconds, self.peak_mib = float(seconds), int(peak) / 1024


def measure(size: int) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "image.bin"
        with path.open("wb") as file:
            for _ in range(size // STEP):
                file.write(os.urandom(STEP))
        peer = Used("openssl", "dgst", "-sha256", "image.bin", cwd=folder)
        copy = Used("cp", "image.bin", "copy.bin", cwd=folder)
        (pathlib.Path(folder) / "copy.bin").unlink()
        tool = (sys.executable, "-m", "fwtool")
        Used(*tool, "keys", "generate", "--out", "k.pem", cwd=folder)
        Used(*tool, "keys", "public", "k.pem", "--out", "p.pem", cwd=folder)
        build = ("image", "build", "image.bin@0x0", "--version", "1.0.0", "--hardware", "M", "--security-counter", "1")
        commands = {
            "build": (*build, "--out", "x.fwp"),
            "sign": ("image", "sign", "x.fwp", "--key", "k.pem"),
            "verify": ("image", "verify", "x.fwp", "--trust", "p.pem"),
        }
        rows = [
            {"command": "openssl dgst -sha256", "cpu_s": round(peer.seconds, 2), "ratio": 1.0, "peak_mib": round(peer.peak_mib)},
            {"command": "cp", "cpu_s": round(copy.seconds, 2), "ratio": round(copy.seconds / peer.seconds, 2), "peak_mib": 0},
        ]
        for name, arguments in commands.items():
            used = Used(*tool, *arguments, cwd=folder)
            rows.append(
                {
                    "command": name,
                    "cpu_s": round(used.seconds, 2),
                    "ratio": round(used.seconds / peer.seconds, 2),
                    "peak_mib": round(used.peak_mib),
                }
            )
        return rows
