"""A rehearsal in virtual time says how long the real update takes; the same engine, a terminal reduced to its flash times."""

import pathlib
import random

import pytest

from fwtool.packages import PackageSource
from hwsim.layout import CAPACITY, PAYLOAD_OFFSET, SLOTS
from tests.bench_parts import Bench, opened
from tests.support import make_package, pattern
from transports.rehearsal import LineFacts, rehearse

NOISE = random.Random(1).randbytes(600_000)


@pytest.mark.parametrize("baud", [9600, 115_200, 921_600, 3_000_000])
@pytest.mark.parametrize("timer_ms", [0, 16])
@pytest.mark.parametrize("data", [NOISE, pattern(600_000)[:300_000] + NOISE[:300_000]], ids=["noise", "half"])
def test_within_two_percent(tmp_path: pathlib.Path, baud: int, timer_ms: float, data: bytes) -> None:
    raw = make_package([data], version="1.1.0", counter=8, block_size=16384)
    bench = Bench(tmp_path, baud=baud, timer_ms=timer_ms)
    bench.machine.terminal.flash.fill(SLOTS[1] + PAYLOAD_OFFSET, b"\x5a" * CAPACITY)
    bench.connect()
    info = bench.info()
    link = bench.host.link
    line = LineFacts(bench.pipe.byte_time_s, link.round_trip.least_s or 0.0)
    rehearsed = rehearse(PackageSource(opened(raw)), opened(raw).manifest.installed_length, info, bench.host.peer, line)
    start = bench.pipe.now()
    sent = bench.send(raw)
    took = bench.pipe.now() - start
    assert rehearsed.seconds == pytest.approx(took, rel=0.02, abs=0.03)
    assert rehearsed.sent.bytes_written == pytest.approx(sent.bytes_written, rel=0.02)
    assert rehearsed.erases == 10


def test_blocks_that_are_held_are_not_counted(tmp_path: pathlib.Path) -> None:
    raw = make_package([NOISE], version="1.1.0", counter=8, block_size=16384)
    bench = Bench(tmp_path)
    bench.connect()
    info = bench.info()
    line = LineFacts(bench.pipe.byte_time_s, 0.001)
    source = PackageSource(opened(raw))
    held = frozenset(range(10, 37))
    whole = rehearse(source, lambda number: 16384, info, bench.host.peer, line)
    less = rehearse(source, lambda number: 16384, info, bench.host.peer, line, held)
    assert less.sent.payload_sent == 10 * 16384
    assert less.seconds < whole.seconds / 2
