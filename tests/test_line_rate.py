"""Virtual time is exact, so a share of the line's rate can be asserted: the same on every machine. The whole tables are in
docs/performance.md; these are the corners."""

import pathlib
import random
import statistics

import pytest

from hwsim.commands import SIGNATURE_S
from hwsim.faults import FAULTS, Fault
from hwsim.layout import CAPACITY, PAYLOAD_OFFSET, SLOTS
from tests.bench_parts import Bench
from tests.support import make_package
from transports.tsp.hello import Hello

MIB = 1 << 20
NOISE = make_package([random.Random(1).randbytes(MIB)], version="1.1.0", counter=8, block_size=16384)


def used(bench: Bench) -> Bench:
    """Nothing in the spare slot is blank."""
    bench.machine.terminal.flash.fill(SLOTS[1] + PAYLOAD_OFFSET, b"\x5a" * CAPACITY)
    bench.wait(3)
    return bench


@pytest.mark.parametrize("timer_ms", [0, 1, 16])
@pytest.mark.parametrize("baud", [9600, 115_200, 921_600, 3_000_000])
def test_a_mebibyte_takes_the_limit_and_three_round_trips(tmp_path: pathlib.Path, baud: int, timer_ms: float) -> None:
    """The limit: line, or a W25Q128 that erases 64 KiB in 150 ms and programs 256 bytes in 0.4 ms."""
    bench = used(Bench(tmp_path, baud=baud, timer_ms=timer_ms))
    start = bench.pipe.now()
    bench.connect()
    bench.send(NOISE)
    took = bench.pipe.now() - start - SIGNATURE_S
    limit = max(MIB * 10 / baud, 16 * 0.150 + 4096 * 0.0004)
    assert took <= limit / 0.99 + 3 * (bench.host.link.round_trip.least_s or 0)
    assert bench.host.link.sender.lost_frames == 0, "nothing is sent twice on a clean line"


@pytest.mark.parametrize(("rate", "least"), [(1e-6, 96.5), (1e-5, 91.5), (1e-4, 77), (1e-3, 38)])
def test_f13_errors_cost_what_they_must(tmp_path: pathlib.Path, rate: float, least: float) -> None:
    """With 16 bytes of overhead and the best fixed frame size: 97.8, 93.0, 79.2 and 41 %."""
    shares = []
    for seed in (1, 2, 3):
        bench = used(Bench(tmp_path, baud=921_600, timer_ms=1))
        bench.connect()
        FAULTS["noise"].plant(bench.machine, Fault("noise", rate, seed=seed))
        shares.append(100 * MIB * 10 / 921_600 / bench.send(NOISE).stream_s)
    assert statistics.median(shares) >= least, f"seeds 1 to 3: {shares}"


@pytest.mark.parametrize("fault", ["drop", "duplicate", "burst"])
def test_f13_lost_doubled_and_foreign_bytes(tmp_path: pathlib.Path, fault: str) -> None:
    bench = Bench(tmp_path, baud=921_600, timer_ms=1)
    bench.connect()
    FAULTS[fault].plant(bench.machine, Fault(fault, 1e-4, seed=5))
    assert 100 * MIB * 10 / 921_600 / bench.send(NOISE).stream_s > 75
    FAULTS[fault].mend(bench.machine)
    bench.restart()
    assert str(bench.info().version) == "1.1.0"


def limited(bench: Bench, *, max_frame: int, window: int) -> None:
    """A terminal with little memory."""
    link = bench.machine.terminal.link
    link._hello = Hello(**{**link._hello.to_container(), "max_frame": max_frame, "window": window})


@pytest.mark.parametrize(("max_frame", "window"), [(64, 64), (64, 1024), (256, 300), (1024, 8192)])
def test_a_terminal_with_little_memory_is_served(tmp_path: pathlib.Path, max_frame: int, window: int) -> None:
    """Commands in frames of 64 bytes; a window of one frame is stop and wait."""
    bench = Bench(tmp_path, baud=0)
    limited(bench, max_frame=max_frame, window=max(window, 20 + 4096 if window > 1024 else window))
    bench.connect()
    assert bench.info().serial_number == "SIM-0001"
    assert bench.host.link.payload_size <= max_frame
