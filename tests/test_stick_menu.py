"""The terminal's own USB stick menu: an update without a computer, by keys, with the result on the stick."""

import json
import os
import pathlib
from collections.abc import Callable

import pytest

from hwsim.control import act
from tests.bench_parts import Bench
from tests.conftest import Fwtool, Sim
from tests.support import STRANGER, make_package, pattern

NEW = make_package([pattern(40_000, 2)], version="1.1.0", counter=8)


@pytest.fixture
def bench(tmp_path: pathlib.Path) -> Bench:
    (tmp_path / "stick" / "FWTOOL").mkdir(parents=True)
    return Bench(tmp_path)


class Person:
    """Somebody at the terminal."""

    def __init__(self, bench: Bench, stick: pathlib.Path) -> None:
        self.bench, self.stick = bench, stick

    def does(self, name: str, argument: str = "") -> bool:
        request = json.dumps({"act": name, "argument": argument}).encode()
        return bool(act(self.bench.machine, request)["ok"])

    def inserts(self) -> str:
        assert self.does("insert-stick", str(self.stick))
        return self.display

    @property
    def display(self) -> str:
        return self.bench.machine.terminal.display

    def waits_for(self, text: str, seconds: float = 120) -> None:
        until = self.bench.pipe.now() + seconds
        while text not in self.display:
            assert self.bench.pipe.now() < until, self.display
            self.bench.wait(0.25)

    @property
    def results(self) -> list[dict[str, object]]:
        return [json.loads(path.read_text()) for path in sorted((self.stick / "FWTOOL").glob("RESULT_*"))]


@pytest.fixture
def person(bench: Bench, tmp_path: pathlib.Path) -> Person:
    return Person(bench, tmp_path / "stick")


def version(bench: Bench) -> str:
    return str(bench.machine.terminal.version)


def test_an_update_by_three_keys(bench: Bench, person: Person) -> None:
    (person.stick / "FWTOOL" / "x.fwp").write_bytes(NEW)
    (person.stick / "old.fwp").write_bytes(make_package(version="1.0.5", counter=8))
    assert person.inserts() == "USB STICK - 1.1.0 FOUND  OK=INSTALL CANCEL=NO"
    person.does("press", "ok")
    person.waits_for("% - KEEP THE POWER ON")
    person.waits_for("OK=KEEP")
    assert version(bench) == "1.1.0"
    assert bench.machine.terminal.counter.value == 7
    person.does("press", "OK")
    assert person.display == "1.1.0 INSTALLED - REMOVE THE STICK"
    assert bench.machine.terminal.counter.value == 8
    (result,) = person.results
    assert (result["outcome"], result["version_before"], result["version_after"]) == ("updated", "1.0.0", "1.1.0")
    person.does("remove-stick")
    person.does("power-off")
    person.does("power-on")
    bench.wait(5)
    assert version(bench) == "1.1.0"


def test_what_is_not_kept_goes_away(bench: Bench, person: Person) -> None:
    (person.stick / "x.fwp").write_bytes(NEW)
    person.inserts()
    person.does("press", "OK")
    person.waits_for("OK=KEEP")
    person.does("press", "CANCEL")
    bench.wait(10)
    assert version(bench) == "1.0.0"
    assert [result["outcome"] for result in person.results] == ["reverted"]


def test_nobody_answers_and_the_old_firmware_returns_with_the_next_start(bench: Bench, person: Person) -> None:
    (person.stick / "x.fwp").write_bytes(NEW)
    person.inserts()
    person.does("press", "OK")
    person.waits_for("OK=KEEP")
    person.does("power-off")
    person.does("power-on")
    bench.wait(10)
    assert version(bench) == "1.0.0"
    assert [result["outcome"] for result in person.results] == ["reverted"]


@pytest.mark.parametrize("what", [
    make_package(version="1.1.0", counter=8, signers=[STRANGER]), make_package(version="1.1.0", counter=6),
    make_package(version="1.1.0", counter=8, hardware="VT-200"), make_package(version="0.9.0", counter=8), NEW[:-150], b"",
    NEW[:9000] + bytes([NEW[9000] ^ 1]) + NEW[9001:],
], ids=["stranger", "counter", "other model", "older", "cut off", "empty", "flipped"])  # fmt: skip
def test_what_the_line_would_refuse_does_not_come_in_by_the_stick(bench: Bench, person: Person, what: bytes) -> None:
    (person.stick / "x.fwp").write_bytes(what)
    if "FOUND" in person.inserts():  # a damaged block is found when its turn comes
        person.does("press", "OK")
        person.waits_for("UPDATE FAILED")
        assert [result["outcome"] for result in person.results] == ["failed"]
    else:
        assert person.display == "USB STICK - NOTHING FOR THIS TERMINAL"
    person.does("power-off")
    person.does("power-on")
    bench.wait(10)
    assert version(bench) == "1.0.0"


def test_a41_links_and_pipes_are_not_followed(bench: Bench, person: Person, tmp_path: pathlib.Path) -> None:
    (tmp_path / "outside.fwp").write_bytes(NEW)
    (person.stick / "link.fwp").symlink_to(tmp_path / "outside.fwp")
    os.mkfifo(person.stick / "pipe.fwp")
    assert "NOTHING" in person.inserts()


def test_an_open_batch_is_refused(bench: Bench, person: Person) -> None:
    bench.machine.terminal.account.open_with(2)
    (person.stick / "x.fwp").write_bytes(NEW)
    person.inserts()
    person.does("press", "OK")
    assert person.display.startswith("REFUSED: 2 TRANSACTIONS")
    assert [result["outcome"] for result in person.results] == ["refused"]


def test_f20_the_stick_is_pulled_or_the_power_goes_and_it_goes_on_later(bench: Bench, person: Person) -> None:
    (person.stick / "x.fwp").write_bytes(NEW)
    for trouble in ("remove-stick", "power-off"):
        person.inserts()
        person.does("press", "OK")
        person.waits_for("% - KEEP THE POWER ON")
        person.does(trouble)
        bench.wait(2)
        person.does("power-on")
        bench.wait(5)
        assert version(bench) == "1.0.0"
        person.does("remove-stick")
    person.inserts()
    person.does("press", "OK")
    person.waits_for("OK=KEEP")
    person.does("press", "OK")
    assert version(bench) == "1.1.0"


def test_from_the_command_line(run: Fwtool, keys: pathlib.Path, simulate: Callable[..., Sim]) -> None:
    (keys / "app.bin").write_bytes(pattern(60_000, 3))
    for number, release in ((1, "1.0.0"), (2, "1.1.0")):
        build = ("image", "build", "app=app.bin@0x200000", "--version", release, "--hardware", "VT-100:1..9")
        assert run(*build, "--security-counter", str(number), "--out", f"{release}.fwp").code == 0
        assert run("image", "sign", f"{release}.fwp", "--key", "maker.pem").code == 0
    (keys / "stick").mkdir()
    assert run("trust", "install", "maker.trust").code == 0
    assert run("stick", "write", "1.1.0.fwp", "stick").code == 0
    sim = simulate("--firmware", "1.0.0.fwp")
    assert run("info", "--port", sim.port).code == 0
    shown = run("sim-control", "--at", sim.control, "insert-stick", str(keys / "stick"), "--json").result["data"]
    assert "1.1.0 FOUND" in json.dumps(shown)
    assert run("sim-control", "--at", sim.control, "insert-stick", "missing").code == 2
