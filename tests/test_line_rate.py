"""Virtual time is exact, so a share of the line's rate can be asserted: the same on every machine."""

import pathlib

import pytest

from tests.bench_parts import Bench
from tests.support import make_package, pattern


@pytest.mark.parametrize("timer_ms", [0, 1, 16])
@pytest.mark.parametrize("baud", [115_200, 921_600])
def test_a_mebibyte_fills_the_line(tmp_path: pathlib.Path, baud: int, timer_ms: float) -> None:
    package = make_package([pattern(1 << 20)], version="1.1.0", counter=8, block_size=16384)
    bench = Bench(tmp_path, baud=baud, timer_ms=timer_ms)
    start = bench.pipe.now()
    bench.connect()
    bench.send(package)
    share = (1 << 20) / (bench.pipe.now() - start) / (baud / 10)
    assert share >= 0.97, f"{share:.2%}"
