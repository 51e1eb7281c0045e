"""Virtual time: whole updates as a share of what line and flash allow. Exact, and the same on every machine.

Clean lines: from opening the port to "all blocks are in flash and checked" of the device, without the time of its signature
check, which is a row of its own. Bad lines: the payload phase. Firmware: release 1 of the sample installed, release 2 sent.
"""

import statistics
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import firmware_samples
from benchmarks.virtual_update import SIGNATURE_S, Line, flash_limit_s, noise_bytes, signed, update

MIB = 1 << 20
BAUDS = (9600, 115_200, 921_600, 3_000_000)
SEEDS = tuple(range(1, 22))
BAD_LINES = (
    *(("noise", rate) for rate in (1e-6, 1e-5, 1e-4, 1e-3)),
    *((fault, rate) for fault in ("drop", "duplicate", "burst") for rate in (1e-6, 1e-5, 1e-4)),
)
"""Fault of the simulator's list, and its rate: bit errors for each bit, the others for each byte."""


def limit_s(size: int, baud: int) -> float:
    """The larger of the payload's time on the line and in the flash."""
    return max(size * 10 / baud, flash_limit_s(size))


def clean() -> list[dict[str, Any]]:
    """Rates, latency timers, latency; 1 and 4 MiB that do not compress."""
    rows = []
    for mib in (1, 4):
        package = signed(noise_bytes(mib * MIB), "2.0.0")
        for baud in BAUDS:
            for timer_ms, latency_ms in ((0, 0), (1, 0), (16, 0), (1, 20)):
                run = update(package, Line(baud, timer_ms, latency_ms))
                limit = limit_s(mib * MIB, baud)
                rows.append({
                    "mib": mib, "baud": baud, "timer_ms": timer_ms, "latency_ms": latency_ms,
                    "seconds": round(run.seconds, 3), "percent": round(100 * limit / run.seconds, 2),
                    "percent_but_3_round_trips": round(100 * limit / (run.seconds - 3 * run.round_trip_s), 2),
                    "signature_check_s": SIGNATURE_S,
                })  # fmt: skip
    return rows


def one_bad(arguments: tuple[str, float, int]) -> float:
    """Percent of the line of one run."""
    fault, rate, seed = arguments
    run = update(signed(noise_bytes(MIB), "2.0.0"), Line(921_600, 1, 0, fault, rate, seed))
    return 100 * MIB * 10 / 921_600 / run.sent.stream_s


def bad() -> list[dict[str, Any]]:
    """921,600 baud, 1 ms timer, 1 MiB; errors in both directions."""
    jobs = [(fault, rate, seed) for fault, rate in BAD_LINES for seed in SEEDS]
    with ProcessPoolExecutor() as pool:
        shares = dict(zip(jobs, pool.map(one_bad, jobs), strict=True))
    rows = []
    for fault, rate in BAD_LINES:
        found = [shares[fault, rate, seed] for seed in SEEDS]
        rows.append(
            {
                "fault": fault,
                "rate": rate,
                "seeds": f"{SEEDS[0]}..{SEEDS[-1]}",
                "percent_median": round(statistics.median(found), 2),
                "percent_worst": round(min(found), 2),
                "percent_best": round(max(found), 2),
            }
        )
    return rows


def firmware() -> list[dict[str, Any]]:
    """Image bytes for each byte time of the line: above 100 percent is what compression and held blocks save."""
    old, new = (firmware_samples.path(f"built/vt100-{version}.bin").read_bytes() for version in ("1.4.2", "1.5.0"))
    before, after = signed(old, "1.4.2"), signed(new, "1.5.0")
    rows = []
    for baud in (115_200, 921_600):
        for timer_ms in (0, 1, 16):
            run = update(after, Line(baud, timer_ms), old=before)
            rows.append({
                "baud": baud, "timer_ms": timer_ms, "image_bytes": len(new), "bytes_written": run.sent.bytes_written,
                "seconds": round(run.seconds, 3), "percent": round(100 * len(new) * 10 / baud / run.seconds, 1),
            })  # fmt: skip
    return rows
