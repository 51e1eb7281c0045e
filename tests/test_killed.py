"""F15: the host is killed without a word, at every turn of the line and at every step of the record store."""

import os
import pathlib
import shutil
import sqlite3
from collections.abc import Callable

import pytest

from fwtool.flashing import FlashJob, flash
from fwtool.records import Records
from hwsim.pipe import SimPipe
from tests.bench_parts import TRUST
from tests.support import make_package, pattern

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
KILLED = 77


def in_a_child(work: Callable[[], object]) -> int:
    """Run it in a copy of this process; get its exit code."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def job(folder: pathlib.Path) -> FlashJob:
    """An update of a terminal whose cells live in `folder`, in virtual time."""
    port = f"sim:?trust={folder / 'trust'}&firmware={folder / 'old.fwp'}&state={folder / 'terminal'}&baud=921600"
    return FlashJob(package=folder / "new.fwp", port=port, trust=TRUST)


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    (tmp_path / "trust").write_bytes(TRUST.raw)
    (tmp_path / "old.fwp").write_bytes(make_package(version="1.0.0", counter=7))
    (tmp_path / "new.fwp").write_bytes(make_package([pattern(9_000, 1)], version="1.1.0", counter=8))
    return tmp_path


def kill_at(turn: int, work: Callable[[], object]) -> int:
    """Run `work` in a child that dies at that turn of the line, with no chance to tidy up."""

    def run() -> None:
        turns, exchange = 0, SimPipe.exchange

        def counted(pipe: SimPipe, out: bytes, until: float) -> tuple[int, bytes]:
            nonlocal turns
            turns += 1
            if turns == turn:
                os._exit(KILLED)
            return exchange(pipe, out, until)

        SimPipe.exchange = counted  # type: ignore[method-assign]
        work()

    return in_a_child(run)


def test_f15_killed_at_every_turn_of_the_line(folder: pathlib.Path) -> None:
    """Terminal and host die together, as when a laptop feeds a terminal by USB; the cells stay. The same job goes on."""
    turn, code = 1, KILLED
    while code == KILLED:
        shutil.rmtree(folder / "terminal", ignore_errors=True)
        code = kill_at(turn, lambda: flash(job(folder), Records(folder / "state")))
        if code == KILLED:
            assert in_a_child(lambda: check_and_finish(folder)) == 0, f"after turn {turn}"
        turn += 7
    assert code == 0
    assert turn > 150


def check_and_finish(folder: pathlib.Path) -> None:
    result = flash(job(folder), Records(folder / "state"))
    assert result.version_after == "1.1.0"
    assert result.version_before in ("1.0.0", "1.1.0")
    again = flash(job(folder), Records(folder / "state"))
    assert again.verdict == "unchanged"


def test_f15_killed_at_every_step_of_the_record_store(tmp_path: pathlib.Path) -> None:
    """After each death the store can be read, its chain is whole, and the next entry fits."""
    Records(tmp_path).append("job-0", "started", {"act": "test"})
    step, code = 0, KILLED
    while code == KILLED:
        step += 1

        def write(step: int = step) -> None:
            steps = 0

            def trace(statement: str) -> None:
                nonlocal steps
                del statement
                steps += 1
                if steps == step:
                    os._exit(KILLED)

            connect = sqlite3.connect

            def traced(*arguments: object, **options: object) -> sqlite3.Connection:
                database = connect(*arguments, **options)  # type: ignore[call-overload]
                database.set_trace_callback(trace)
                return database  # type: ignore[no-any-return]

            sqlite3.connect = traced
            Records(tmp_path).append("job-1", "started", {"act": "test"})

        code = in_a_child(write)
        entries = Records(tmp_path).entries()
        assert [entry.number for entry in entries] == list(range(1, len(entries) + 1))
        assert all(later.body["previous"] == earlier.hash for earlier, later in zip(entries, entries[1:], strict=False))
    assert code == 0
    assert step > 5
