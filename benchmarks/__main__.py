"""Run the benchmarks: a table each. `--json FILE` writes the figures, `--report FILE` the page with all tables.

NAME... runs only those named; figures of the others are taken from the JSON file, if it is there.
"""

import argparse
import json
import os
import pathlib
import platform
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from benchmarks import fleet, images, line, paced, refused, settlement, startup, stick, text, throughput, usb

Rows = list[dict[str, Any]]


class Benchmark(NamedTuple):
    """One table."""

    title: str
    note: str
    measure: Callable[[], Rows]


BENCHMARKS: Final[dict[str, Benchmark]] = {
    "clean": Benchmark(
        "Clean lines, virtual time",
        "Payload that does not compress; the whole update from hello to the device's own verification, against the larger of "
        "line time and flash time (W25Q128: 150 ms for 64 KiB, 0.4 ms for 256 bytes; nothing blank before). The time of the "
        "device's signature check is not in `seconds`; it is in a column of its own.",
        line.clean,
    ),
    "bad": Benchmark(
        "Bad lines, virtual time",
        "921,600 baud, 1 ms timer, 1 MiB, errors in both directions, payload phase. Selective repeat with 16 bytes of overhead "
        "and the best fixed frame size would give 97.8, 93.0 and 79.2 % at bit error rates of 1e-6, 1e-5 and 1e-4.",
        line.bad,
    ),
    "firmware": Benchmark(
        "Real firmware, virtual time",
        "Release 1 of the sample firmware on the device, release 2 sent; image bytes against the line rate.",
        line.firmware,
    ),
    "throughput": Benchmark(
        "Lines without limit, real time", "MB/s and CPU, beside the bare loop and lrzsz in the same run.", throughput.measure
    ),
    "paced": Benchmark(
        "Real time beside virtual time", "A paced pty line with noise, and what virtual time says of it.", paced.measure
    ),
    "fleet": Benchmark(
        "Many ports, real time",
        "921,600 baud each through one pacer process; a port's rate as a share of what a raw writer gets through the same "
        "pacer; CPU of the host process alone. In the last row 8 ports fail in 8 ways.",
        fleet.measure,
    ),
    "usb": Benchmark(
        "USB bulk",
        "A bus made of software, all on one core, device included: the raw pyusb call at several sizes of transfer, our pipe, "
        "and a session of the terminal protocol over it. At high speed: computed, with a bus that always waits for the host. "
        "The aim: 40 MB/s.",
        usb.measure,
    ),
    "stick": Benchmark(
        "From a stick",
        "1 MiB, in real time, over a pty that is as slow as its rate. The aim: at most 5 % over the sum of reading and transfer.",
        stick.measure,
    ),
    "settlement": Benchmark(
        "Three-way match",
        "A million journal lines, a bank file, batch totals, 500 planted discrepancies. The aim: all found, none false, 60 s of "
        "one core, 300 MiB.",
        settlement.measure,
    ),
    "startup": Benchmark("Start-up", "CPU time over a bare interpreter.", startup.measure),
    "text": Benchmark(
        "Text formats",
        "8 MB of Intel HEX and S-records, beside intelhex and bincopy. Memory: what comes on top of the imports. The aims: "
        "8 times as fast as intelhex, in a quarter of its memory.",
        text.measure,
    ),
    "images": Benchmark(
        "Images",
        "128 MiB that do not compress, and 16 MiB of the sample firmware again and again. User and system time, the least of "
        f"{images.ROUNDS} runs in turns with all others ({images.FEW_ROUNDS} for 16 MiB), Python's bytecode being there; the "
        "most memory of all runs. Aims for time: verifying 1.3 times `openssl dgst -sha256` and 150 ms; signing one `cp` more, "
        "with RSA 300 ms instead of 150. Aim for anonymous memory: 64 MiB; it is held if even all memory (`ru_maxrss`, with the "
        "pages of Python and its libraries) stays below, as the anonymous part (`RssAnon`) is only looked at every millisecond. "
        "With RSA, 54 ms of verifying look whether the modulus is a prime, 150 ms of signing whether the private key is sound.",
        images.measure,
    ),
    "files": Benchmark(
        "Large files",
        f"1 GiB that do not compress; figures as above, of {images.FEW_ROUNDS} runs. `cp` does not wait for the disk; what "
        "writes here does, and pays for it.",
        lambda: images.files(1 << 30),
    ),
    "sparse": Benchmark("Very large files", "4 GiB of zeros: memory.", lambda: images.files(4 << 30, sparse=True)),
    "refused": Benchmark(
        "Files that mean harm",
        "CPU time to refuse them over that of the same command with a small good file; the least of "
        f"{images.ROUNDS} runs in turns. Both bombs are signed well, or nobody would open them.",
        refused.measure,
    ),
}


HEAD: Final = """# How fast it is

Made by `make bench`; repeat any part with `python -m benchmarks NAME`. Virtual time is exact and the same on every machine.
Real time was measured on {system}, with other work going on: read those figures as ratios. In virtual time computing takes
no time, neither the host's nor the terminal's (hashing, inflating), but for the signature check."""


def table(rows: Rows) -> str:
    """Rows as a Markdown table."""
    keys = list(dict.fromkeys(key for row in rows for key in row))
    lines = ["| " + " | ".join(key.replace("_", " ") for key in keys) + " |", "|" + "---|" * len(keys)]
    lines += ["| " + " | ".join(_cell(row.get(key, "")) for key in keys) + " |" for row in rows]
    return "\n".join(lines)


def _cell(value: Any) -> str:
    if isinstance(value, float) and value >= 0.001:
        return f"{value:,.3f}".rstrip("0").rstrip(".")
    if isinstance(value, dict):
        return ", ".join(f"{key}: {part}" for key, part in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return f"{value:,}" if isinstance(value, int) else str(value)


def report(figures: dict[str, Rows]) -> str:
    """The page."""
    system = f"{os.cpu_count()} cores with {platform.python_implementation()} {platform.python_version()}"
    parts = [HEAD.format(system=system)]
    for name, benchmark in BENCHMARKS.items():
        if name in figures:
            parts.append(f"## {benchmark.title}\n\n{benchmark.note} (`python -m benchmarks {name}`)\n\n{table(figures[name])}")
    return "\n\n".join(parts) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[*BENCHMARKS, []], help=f"of {', '.join(BENCHMARKS)}")
    parser.add_argument("--json", type=pathlib.Path, help="figures, read and written")
    parser.add_argument("--report", type=pathlib.Path, help="write the page here")
    options = parser.parse_args()
    figures: dict[str, Rows] = {}
    if options.json and options.json.exists():
        figures = {name: rows for name, rows in json.loads(options.json.read_text()).items() if name in BENCHMARKS}
    for name in options.names or BENCHMARKS:
        print(f"\n{BENCHMARKS[name].title}", flush=True)
        figures[name] = BENCHMARKS[name].measure()
        print(table(figures[name]), flush=True)
        if options.json:
            options.json.write_text(json.dumps(figures, indent=1) + "\n")
    if options.report:
        options.report.write_text(report(figures))


if __name__ == "__main__":
    main()
