"""The promise, tried at every flash operation: cut the power before it, switch on again, and look."""

import pathlib

import pytest

from formats.errors import ToolError
from hwsim.faults import Fault, plant_power_cut_at
from tests.bench_parts import Bench
from tests.support import make_package, pattern
from transports.errors import LinkLost

NEW = make_package([pattern(20_000, 1)], version="1.1.0", counter=8)


def life(bench: Bench) -> None:
    """Update, restart, confirm; whatever breaks, break off."""
    bench.connect()
    bench.send(NEW)
    bench.restart()
    bench.confirm(NEW)
    bench.wait(0.5)


def operations(tmp_path: pathlib.Path) -> int:
    bench = Bench(tmp_path)
    before = bench.machine.terminal.flash.operations
    life(bench)
    return bench.machine.terminal.flash.operations - before


def test_f1_f5_power_cut_before_every_flash_operation(tmp_path: pathlib.Path) -> None:
    total = operations(tmp_path)
    assert total > 90
    for operation in range(1, total + 1):
        bench = Bench(tmp_path)
        plant_power_cut_at(bench.machine, Fault("power_cut", 1.0), operation)
        with pytest.raises(ToolError):
            life(bench)
            raise LinkLost("the cut came in the last operation, nobody noticed")
        bench.wait(4.0)
        terminal = bench.machine.terminal
        # (a) it runs the old or the new image, whole and checked
        assert terminal.booted is not None, operation
        assert terminal.booted.offered is not None, operation
        assert str(terminal.version) in ("1.0.0", "1.1.0"), operation
        # (c) the counter never ran ahead of confirmation
        if terminal.counter.value == 8:
            assert not terminal.booted.trial, operation
            assert str(terminal.version) == "1.1.0", operation
        # (d) running the same again finishes the job
        bench.connect()
        if terminal.booted.trial:
            bench.confirm(NEW)
        elif str(terminal.version) == "1.0.0":
            life(bench)
        assert str(bench.info().version) == "1.1.0", operation
        assert bench.info().security_counter == 8, operation


def test_f11_many_updates_in_a_row(tmp_path: pathlib.Path) -> None:
    """Enough to turn the boot state's sectors over more than once."""
    bench = Bench(tmp_path, baud=0)
    for number in range(60):
        raw = make_package([pattern(5_000, number)], version=f"2.{number}.0", counter=8 + number)
        bench.connect()
        bench.send(raw)
        bench.restart()
        bench.confirm(raw)
        assert str(bench.info().version) == f"2.{number}.0"
    assert bench.info().security_counter == 67
