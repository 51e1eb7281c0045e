"""CPU time to start, above a bare interpreter: median of several runs."""

import os
import statistics
import subprocess
import sys
from typing import Any

RUNS = 9


def cpu_ms(*command: str) -> float:
    """User and system time of one child, median."""
    times = []
    for _ in range(RUNS):
        before = os.times()
        subprocess.run(command, check=True, capture_output=True)
        after = os.times()
        times.append(after.children_user + after.children_system - before.children_user - before.children_system)
    return 1e3 * statistics.median(times)


def measure() -> list[dict[str, Any]]:
    bare = cpu_ms(sys.executable, "-c", "pass")
    return [
        {"command": name, "ms_above_bare": round(cpu_ms(sys.executable, "-m", "fwtool", *arguments) - bare, 1), "aim_ms": aim}
        for name, arguments, aim in (("--version", ["--version"], 40), ("--help", ["--help"], 130))
    ]
