"""A line made faster step by step, and every way back."""

import pathlib

import pytest

from formats.errors import ToolError
from hwsim.faults import FAULTS, Fault
from hwsim.line_rate import SILENCE_S
from hwsim.pipe import SimPipe
from tests.bench_parts import Bench
from tests.support import make_package, pattern
from transports.errors import LinkError, LinkLost
from transports.tsp_rate import lower_rate, raise_rate
from transports.tsp_terminal import TspTerminal


def bench_at(tmp_path: pathlib.Path, baud: int = 115_200, timer_ms: float = 1) -> Bench:
    bench = Bench(tmp_path, baud=baud, timer_ms=timer_ms)
    bench.connect()
    return bench


def test_a_clean_line_reaches_the_top(tmp_path: pathlib.Path) -> None:
    bench = bench_at(tmp_path)
    start = bench.pipe.now()
    assert raise_rate(bench.host, 3_000_000) == 3_000_000
    assert bench.pipe.now() - start < 2.0
    assert bench.machine.terminal_baud == 3_000_000
    assert bench.info().serial_number == "SIM-0001"


@pytest.mark.parametrize(("most", "reached"), [(0, 115_200), (9600, 115_200), (500_000, 460_800)])
def test_the_limit_is_kept(tmp_path: pathlib.Path, most: int, reached: int) -> None:
    bench = bench_at(tmp_path)
    assert raise_rate(bench.host, most) == reached
    assert bench.machine.terminal_baud == reached


def test_a_cable_that_cannot_do_it_is_found_out(tmp_path: pathlib.Path) -> None:
    """Above 460,800 baud one byte in fifty is damaged: the line stays at 460,800, in the same session."""
    bench = bench_at(tmp_path)
    FAULTS["rate_limit"].plant(bench.machine, Fault("rate_limit", 460_800))
    assert raise_rate(bench.host, 3_000_000) == 460_800
    assert bench.machine.terminal_baud == 460_800
    raw = make_package([pattern(50_000)], version="1.1.0", counter=8)
    bench.send(raw)
    bench.restart()
    assert str(bench.info().version) == "1.1.0"


def test_an_adapter_that_refuses_a_rate_costs_nothing_else(tmp_path: pathlib.Path) -> None:
    bench = bench_at(tmp_path)
    able = bench.pipe.set_baud

    def set_baud(baud: int) -> None:
        if baud > 230_400:
            raise ToolError("this adapter cannot", name="usage")
        able(baud)

    bench.pipe.set_baud = set_baud  # type: ignore[method-assign]
    assert raise_rate(bench.host, 3_000_000) == 230_400
    assert bench.info().serial_number == "SIM-0001"


def test_a_restart_brings_both_ends_back(tmp_path: pathlib.Path) -> None:
    bench = bench_at(tmp_path)
    raise_rate(bench.host, 921_600)
    bench.restart()
    assert (bench.machine.terminal_baud, bench.machine.host_baud) == (115_200, 115_200)
    assert bench.info().serial_number == "SIM-0001"


def test_it_can_be_lowered_again(tmp_path: pathlib.Path) -> None:
    bench = bench_at(tmp_path)
    raise_rate(bench.host, 921_600)
    lower_rate(bench.host, 115_200)
    assert (bench.machine.terminal_baud, bench.machine.host_baud) == (115_200, 115_200)
    assert bench.info().serial_number == "SIM-0001"


def test_the_next_host_is_heard_although_the_last_one_died_at_a_raised_rate(tmp_path: pathlib.Path) -> None:
    bench = bench_at(tmp_path)
    raise_rate(bench.host, 3_000_000)
    bench.machine.set_host_baud(115_200)  # a new process opens the port as it always does
    host = TspTerminal(SimPipe(bench.machine))
    start = host.pipe.now()
    host.connect(timeout_s=5)
    assert host.pipe.now() - start < SILENCE_S + 1


def test_f13_ends_of_different_rates_understand_nothing(tmp_path: pathlib.Path) -> None:
    bench = Bench(tmp_path, baud=115_200)
    bench.machine.set_terminal_baud(9600)
    with pytest.raises(LinkError) as caught:
        bench.host.connect(timeout_s=3)
    assert not isinstance(caught.value, LinkLost)


def test_a_line_without_a_rate_is_left_alone(tmp_path: pathlib.Path) -> None:
    bench = bench_at(tmp_path, baud=0)
    assert raise_rate(bench.host, 3_000_000) == 0


def test_an_impatient_host_gets_its_terminal_back(tmp_path: pathlib.Path) -> None:
    """Everything is damaged above 115,200 and the host gives up after half a second: a new session at the old rate."""
    bench = Bench(tmp_path, baud=115_200)
    bench.host = TspTerminal(bench.pipe, timeout_s=0.5)
    bench.connect()
    able = bench.machine.set_terminal_baud
    bench.machine.terminal.set_baud = lambda baud: able(baud + 7 if baud > 115_200 else baud)
    assert raise_rate(bench.host, 3_000_000) == 115_200
    assert bench.info().serial_number == "SIM-0001"
