"""Training: every exercise can be done by who does the right thing, is failed by who does not, and danger costs everything."""

import json
import pathlib
import select
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from formats.errors import ToolError
from fwtool.cli.train_machine import Trainer
from fwtool.records import Records
from fwtool.train import Attempt, Exercise, Score, choose, load, score
from fwtool.train.exercises import LEVELS
from hwsim.faults import FAULTS
from hwsim.service_acts import SERVICE_ACTS
from tests.conftest import Fwtool
from tests.support import ROOT
from transports.virtual import Scheduler

EXPECTED = tomllib.loads((ROOT / "tests" / "causes" / "expected.toml").read_text(encoding="utf-8"))
IDS = [exercise.id for exercise in load()]


def exercise(name: str) -> Exercise:
    return next(one for one in load() if one.id == name)


def begun(name: str) -> Trainer:
    """A terminal that has started, in virtual time."""
    trainer = Trainer(exercise(name), 20, Scheduler())
    trainer.machine.start()
    trainer.ready()
    settled(trainer)
    return trainer


def settled(trainer: Trainer) -> None:
    """Let a restart come to its end."""
    scheduler = trainer.machine.scheduler
    scheduler.advance(scheduler.now() + 10)
    while trainer.machine.terminal.booted is None:
        scheduler.advance(scheduler.now() + 1)


def do(trainer: Trainer, act: str, argument: str = "") -> dict[str, Any]:
    if act == "set_clock":  # `fwtool clock set` does this over the line
        trainer.machine.terminal.peripherals.clock_offset_s = 0
        trainer.machine.terminal.note("clock_set", "by -7200 s")
        return {"ok": True}
    answer = trainer.control(json.dumps({"act": act.replace("_", "-"), "argument": argument}).encode())
    settled(trainer)
    return answer


def in_order(one: Exercise) -> list[str]:
    """What has to come first, then the rest."""
    return sorted(one.needed, key=lambda step: (step != one.until, step != "check_cable", step != "set_clock", step))


@pytest.mark.parametrize("name", IDS)
def test_who_does_the_right_thing_has_all_points(name: str) -> None:
    trainer, one = begun(name), exercise(name)
    assert trainer.before
    for cause in one.causes:
        assert do(trainer, "answer", cause)["ok"]
    for step in in_order(one):
        assert do(trainer, step)["ok"], step
    found = score(one, trainer.attempt())
    assert (found.points, found.passed, found.remarks) == (100, True, ())


@pytest.mark.parametrize("name", IDS)
def test_who_does_nothing_fails(name: str) -> None:
    found = score(exercise(name), begun(name).attempt())
    assert (found.points, found.passed, found.dangerous) == (0, False, False)


@pytest.mark.parametrize("name", [one.id for one in load() if one.danger])
def test_danger_costs_everything_even_if_all_is_well_at_the_end(name: str) -> None:
    trainer, one = begun(name), exercise(name)
    act = "clean_slot" if "*" in one.danger else "swap_terminal"
    do(trainer, act)
    for cause in one.causes:
        do(trainer, "answer", cause)
    for step in in_order(one):
        do(trainer, step)
    found = score(one, trainer.attempt())
    assert (found.points, found.passed, found.dangerous) == (0, False, True)
    assert act in found.remarks[0].en
    assert "危险" in found.remarks[0].zh


def test_exercises_agree_with_what_was_written_down_before_there_were_rules() -> None:
    """tests/causes/expected.toml: the first cause of each single fault, and of each pair."""
    first = {(single["fault"],): single["first"] for single in EXPECTED["single"]}
    steps = {single["fault"]: single["steps"] for single in EXPECTED["single"]}
    first |= {tuple(sorted(pair["faults"])): pair["first"] for pair in EXPECTED["pair"]}
    for one in load():
        key = tuple(sorted(one.faults))
        if key in first:
            assert one.causes[0] in first[key], one.id
        for fault in one.faults:
            assert fault in FAULTS
            assert set(steps[fault]) <= one.needed, one.id


def test_the_table_is_whole() -> None:
    assert len(set(IDS)) == len(IDS)
    assert {one.level for one in load()} == set(LEVELS)
    for one in load():
        assert one.complaint.en
        assert one.complaint.zh
        assert not one.danger or one.until in one.needed
        assert all(step.replace("_", "-") in SERVICE_ACTS or step == "set_clock" for step in one.needed)


def test_a_trainee_cannot_undo_the_fault_as_a_simulation_could() -> None:
    trainer = begun("E01")
    for act in ("mend", "plant"):
        assert not do(trainer, act, "msr_dirty")["ok"]
    assert trainer.bad() == trainer.before
    assert not do(trainer, "answer", "dirt")["ok"]
    assert not trainer.control(b"{")["ok"]


def test_what_is_done_over_the_line_counts_too() -> None:
    """The terminal's journal tells: a restart, a settled batch, a reset."""
    trainer = begun("E05")
    trainer.machine.terminal.note("reset", "factory")
    trainer.machine.terminal.note("settled", "3 transactions")
    assert trainer.attempt().acts == ("factory_reset", "settle")


def attempt(answers: str = "", acts: str = "", before: str = "a b", left: str = "") -> Attempt:
    return Attempt(tuple(answers.split()), tuple(acts.split()), frozenset(before.split()), frozenset(left.split()))


@pytest.mark.parametrize(
    ("given", "points", "passed"),
    [
        (attempt("network.no_link network.host", "check_cable wait"), 100, True),
        (attempt("network.host network.no_link", "check_cable wait"), 90, True),  # the wrong one first
        (attempt("network.no_link", "check_cable wait"), 80, True),
        (attempt("msr.dirty_head network.no_link network.host", "check_cable wait"), 90, True),
        (attempt("", "check_cable wait"), 60, False),
        (attempt("network.no_link network.host", "check_cable wait restart load_paper"), 90, True),
        (attempt("network.no_link network.host", "check_cable", left="b"), 80, False),  # not mended: not passed
        (attempt("network.no_link network.host", "", left="a b"), 40, False),
        (attempt("network.no_link network.host", "restart", left="a b c"), 55, False),
    ],
)
def test_points(given: Attempt, points: int, passed: bool) -> None:
    found: Score = score(exercise("E03"), given)
    assert (found.points, found.passed) == (points, passed)


def test_an_exercise_is_chosen_by_id_level_or_chance() -> None:
    assert choose("E07", "", None, load()).id == "E07"
    assert {choose("", "security", seed, load()).level for seed in range(20)} == {"security"}
    assert choose("", "", 5, load()) == choose("", "", 5, load())
    assert len({choose("", "", seed, load()).id for seed in range(40)}) > 5
    for name, level in (("E99", ""), ("E01", "security")):
        with pytest.raises(ToolError) as told:
            choose(name, level, None, load())
        assert told.value.name == "usage"


# -- the command line -----------------------------------------------------------------------------------------------


class Lesson(NamedTuple):
    """A training that is going on."""

    port: str
    control: str
    process: "subprocess.Popen[str]"

    def end(self) -> tuple[int, str]:
        out, _ = self.process.communicate(timeout=30)
        return self.process.returncode, out


@pytest.fixture
def lesson(tmp_path: pathlib.Path) -> Iterator[Callable[..., Lesson]]:
    running: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> Lesson:
        process = subprocess.Popen(
            [sys.executable, "-m", "fwtool", "train", "--state-dir", str(tmp_path / "state"), *arguments], cwd=tmp_path,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        running.append(process)
        assert process.stdout is not None
        assert process.stderr is not None
        assert select.select([process.stdout], [], [], 30)[0], "the exercise did not begin"
        port = process.stdout.readline().strip()
        return Lesson(port, process.stderr.readline().strip().removeprefix("control: "), process)

    yield start
    for process in running:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=30)


def test_a_whole_exercise_with_the_usual_commands(run: Fwtool, lesson: Callable[..., Lesson], tmp_path: pathlib.Path) -> None:
    """Clock and TLS: one act over the line, one at the terminal."""
    one = lesson("--exercise", "E06", "--technician", "Li", "--lang", "zh")
    causes = run("diagnose", "--port", one.port, "--json").result["data"]["causes"]
    assert causes[0]["id"] == "clock.wrong"
    for cause in ("clock.wrong", "network.tls"):
        assert run("sim-control", "--at", one.control, "answer", cause).code == 0
    assert run("clock", "set", "--port", one.port).code == 0
    assert run("sim-control", "--at", one.control, "renew-certificate").code == 0
    assert run("sim-control", "--at", one.control, "done").code == 0
    code, out = one.end()
    assert code == 0
    assert "得分 100/100" in out
    entries = [entry for entry in run("log", "show", "--json").result["data"]["entries"] if entry["act"] == "training"]
    assert [entry["kind"] for entry in entries] == ["started", "training", "finished"]
    training = entries[1]
    assert (training["technician"], training["score"]) == ("Li", 100)
    assert len(training["expires"]) == 10
    assert run("log", "verify").code == 0
    # The gate of a visit reads it, and so does the compliance check.
    gate = pytest.importorskip("fwtool.visit.history")
    found = gate.training_of(Records(tmp_path / "state").entries(), "Li")
    assert (found.course, found.expires) == ("fwtool train E06", training["expires"])
    items = run("compliance", "--port", "sim:", "--dev", "--technician", "Li", "--json").result["data"]["items"]
    assert next(item for item in items if item["id"] == "trained")["outcome"] == "pass"


def test_danger_is_recorded_and_does_not_count_as_training(run: Fwtool, lesson: Callable[..., Lesson]) -> None:
    one = lesson("--exercise", "E09", "--technician", "Li")
    run("sim-control", "--at", one.control, "clean-slot")
    run("sim-control", "--at", one.control, "tell-bank")
    run("sim-control", "--at", one.control, "done")
    code, out = one.end()
    assert code == 6
    assert "dangerous: clean_slot" in out
    entries = run("log", "show", "--json").result["data"]["entries"]
    assert [entry["kind"] for entry in entries] == ["started", "finished"]
    assert (entries[-1]["verdict"], entries[-1]["dangerous"]) == ("failed", True)


def test_time_that_is_over_ends_it_and_a_stop_does_not_count(run: Fwtool, lesson: Callable[..., Lesson]) -> None:
    assert lesson("--exercise", "E01", "--technician", "Li", "--minutes", "0.02").end()[0] == 6
    one = lesson("--exercise", "E01", "--technician", "Li")
    one.process.terminate()
    assert one.end()[0] == 130
    verdicts = [entry.get("verdict") for entry in run("log", "show", "--json").result["data"]["entries"]]
    assert verdicts == [None, "failed", None, "given_up"]


def test_the_list_and_wrong_use(run: Fwtool) -> None:
    assert [row["id"] for row in run("train", "--list", "--json").result["data"]["exercises"]] == IDS
    assert "磁条卡" in run("train", "--list", "--lang", "zh").out
    assert run("train").code == 2
    assert run("train", "--technician", "Li", "--exercise", "E99").code == 2
