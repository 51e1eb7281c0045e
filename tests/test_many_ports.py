"""Many terminals at once, and a station: one bad unit never stops the others, each has its result and its record."""

import fcntl
import json
import os
import pathlib
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable

import pytest

import firmware_samples
from formats.errors import ToolError
from fwtool.line.station_file import NEEDS, load_station
from fwtool.line.steps import STEPS
from fwtool.locks import device_lock
from fwtool.many import GRACE_S, RollCall, side_by_side
from tests.conftest import Done, Fwtool, Sim
from transports.terminal_records import Facts

Simulate = Callable[..., Sim]


@pytest.fixture
def packages(run: Fwtool, keys: pathlib.Path) -> pathlib.Path:
    """Two releases signed by `maker.pem`."""
    for version in ("1.4.2", "1.5.0"):
        source = firmware_samples.path(f"built/vt100-{version}.elf")
        built = ("--version", version, "--hardware", "VT-100", "--security-counter", "3", "--out", f"{version}.fwp")
        assert run("image", "build", f"app={source}", *built).code == 0
        assert run("image", "sign", f"{version}.fwp", "--key", "maker.pem").code == 0
    return keys


def ports_of(sims: list[Sim]) -> list[str]:
    return [argument for sim in sims for argument in ("--port", sim.port)]


def flash(run: Fwtool, *ports: str) -> Done:
    return run("flash", "1.5.0.fwp", "--trust", "maker.trust", "--timeout", "2", *ports, "--json")


def test_a_failing_port_does_not_touch_the_others(run: Fwtool, packages: pathlib.Path, simulate: Simulate) -> None:
    sims = [simulate("--listen", "pty", "--firmware", "1.4.2.fwp", "--serial", f"S{n}") for n in range(3)]
    (packages / "low.toml").write_text("[terminal]\nbattery_percent = 3\nmains = false\n")
    low = simulate("--listen", "pty", "--firmware", "1.4.2.fwp", "--serial", "S9", "--scenario", "low.toml")
    done = flash(run, *ports_of([*sims, low]), "--port", "/dev/ttyNOTHERE")
    assert done.code == 12
    devices = done.result["data"]["devices"]
    assert [device["verdict"] for device in devices] == ["updated"] * 3 + ["failed"] * 2
    assert [device.get("serial_number") for device in devices[:3]] == ["S0", "S1", "S2"]
    assert [device["error"]["name"] for device in devices[3:]] == ["low_power", "no_device"]
    events = [line for line in done.lines if line["type"] == "task_begin" and line["task"] == "transfer"]
    assert {line["port"] for line in events} == {sim.port for sim in sims}
    records = run("log", "show", "--last", "50", "--json").result["data"]["entries"]
    assert sum(entry["kind"] == "finished" for entry in records) == 3
    assert sorted(entry["error"] for entry in records if entry["kind"] == "refused") == ["low_power", "no_device"]


def test_all_alike_have_one_exit_code(run: Fwtool, packages: pathlib.Path) -> None:
    assert packages
    assert flash(run, "--port", "/dev/ttyNOT1", "--port", "/dev/ttyNOT2").code == 5


def test_two_units_with_one_serial_number_are_both_refused(run: Fwtool, packages: pathlib.Path, simulate: Simulate) -> None:
    assert packages
    sims = [simulate("--listen", "pty", "--firmware", "1.4.2.fwp", "--serial", name) for name in ("S1", "S1", "S2")]
    done = flash(run, *ports_of(sims))
    devices = done.result["data"]["devices"]
    assert [device["verdict"] for device in devices] == ["failed", "failed", "updated"]
    for device in devices[:2]:
        assert device["error"]["name"] == "duplicate_serial_number"
        assert sims[0].port in device["error"]["message"]
        assert sims[1].port in device["error"]["message"]
    assert run("info", "--port", sims[0].port, "--json").result["data"]["version"] == "1.4.2"


def test_an_interrupt_ends_all_of_them_cleanly(run: Fwtool, packages: pathlib.Path, simulate: Simulate) -> None:
    how = ("--listen", "tcp:127.0.0.1:0", "--pace", "19200", "--firmware", "1.4.2.fwp", "--serial")
    sims = [simulate(*how, f"S{n}") for n in (1, 2)]
    process = subprocess.Popen(
        [sys.executable, "-m", "fwtool", "flash", "1.5.0.fwp", "--trust", "maker.trust", *ports_of(sims), "--json"],
        cwd=packages, env={**os.environ, "FWTOOL_STATE_DIR": str(packages / "state")}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    seen: set[str] = set()
    lines = []
    for line in process.stdout:
        lines.append(json.loads(line))
        if lines[-1]["type"] == "task_progress":
            seen.add(lines[-1]["port"])
        if len(seen) == 2:
            break
    for _ in range(5):  # as an impatient person does
        process.send_signal(signal.SIGINT)
        time.sleep(0.02)
    out, err = process.communicate(timeout=20)
    assert "Traceback" not in err
    assert process.returncode == 130, err
    assert json.loads(out.splitlines()[-1])["error"]["name"] == "interrupted"
    records = run("log", "show", "--json").result["data"]["entries"]
    assert [entry.get("error") for entry in records if entry["kind"] == "finished"] == ["interrupted"] * 2


def test_a_port_that_never_answers_holds_nobody_up() -> None:
    roll = RollCall(["a", "b", "c"])
    info = Facts(vendor="V", model="M", serial_number="1", version="1.0.0")
    start = time.monotonic()
    roll.admit("a", info)
    assert time.monotonic() - start < GRACE_S + 1
    roll.leave("b")
    roll.leave("c")
    with pytest.raises(ToolError):
        roll.admit("b", info)


def test_each_port_has_a_bar_of_its_own(run: Fwtool, packages: pathlib.Path, simulate: Simulate) -> None:
    """In a terminal of 100 columns; what is drawn is read back from the other side of a pty."""
    assert run
    how = ("--listen", "pty", "--pace", "460800", "--firmware", "1.4.2.fwp", "--serial")
    sims = [simulate(*how, f"S{n}") for n in (1, 2)]
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    arguments = ["flash", "1.5.0.fwp", "--trust", "maker.trust", "--max-baud", "0", *ports_of(sims)]
    process = subprocess.Popen(
        [sys.executable, "-m", "fwtool", *arguments], cwd=packages, stderr=slave, stdout=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "FWTOOL_STATE_DIR": str(packages / "state"), "COLUMNS": "100"},
    )  # fmt: skip
    os.close(slave)
    seen = b""
    while True:
        try:
            data = os.read(master, 65536)
        except OSError:  # the other side is closed
            break
        seen += data
        if not data:
            break
    os.close(master)
    assert process.wait(20) == 0
    drawn = seen.decode(errors="replace")
    for sim in sims:
        assert re.search(rf"{sim.port}: +\d+%", drawn), drawn[-800:]


def test_what_one_raises_stays_its_own() -> None:
    def work(key: str) -> str:
        if key == "bad":
            raise ValueError(key)
        return key

    found = side_by_side(["one", "bad", "two"], work, threading.Event())
    assert found[0] == "one"
    assert isinstance(found[1], ValueError)
    assert found[2] == "two"


def test_f16_one_job_at_a_time_on_a_device(tmp_path: pathlib.Path) -> None:
    """In this process, in another one, and after that one was killed."""
    with device_lock(tmp_path, "Acme/VT-100/1"):
        with pytest.raises(ToolError) as caught, device_lock(tmp_path, "Acme/VT-100/1"):
            pass
        assert caught.value.name == "device_busy"
        with device_lock(tmp_path, "Acme/VT-100/2"):
            pass
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(ToolError), device_lock(tmp_path, "Acme/VT-100/1"):
        pass
    holder.kill()
    holder.wait()
    holder.stdout.close()
    with device_lock(tmp_path, "Acme/VT-100/1"):
        pass


@pytest.mark.parametrize("evil", ["../../../../etc/cron.d/x", "a\0b", "CON", "x" * 300, "\u202egnp", "a\nb"])
def test_a36_a_serial_number_never_chooses_a_path(tmp_path: pathlib.Path, evil: str) -> None:
    with device_lock(tmp_path / "state", evil):
        made = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(made) == 1
    assert made[0].parent == tmp_path / "state" / "locks"
    assert made[0].name.removesuffix(".lock").isalnum()


HOLDER = """
import pathlib, sys, time
from fwtool.locks import device_lock
with device_lock(pathlib.Path(sys.argv[1]), "Acme/VT-100/1"):
    print("held", flush=True)
    time.sleep(60)
"""
STATION = """
[station]
name = "bench 3"
package = "1.5.0.fwp"
trust = "maker.trust"
steps = ["serial", "flash", "diagnose", "label"]
serial_numbers = "numbers.txt"
labels = "labels.csv"

[limits."battery.charge"]
low = 50
"""


def station_file(folder: pathlib.Path, ports: list[str], text: str = STATION) -> None:
    (folder / "numbers.txt").write_text("VT1-0001\nVT1-0002\nVT1-0003\n")
    slots = "".join(f'[[slot]]\nname = "A{n}"\nport = "{port}"\n' for n, port in enumerate(ports, 1))
    (folder / "station.toml").write_text(text + slots)


def test_a_station_takes_units_from_blank_to_labelled(run: Fwtool, packages: pathlib.Path, simulate: Simulate) -> None:
    (packages / "low.toml").write_text("[terminal]\nbattery_percent = 40\n")
    blank = [simulate("--listen", "pty", "--firmware", "1.4.2.fwp", "--serial", "") for _ in range(2)]
    low = simulate("--listen", "pty", "--firmware", "1.4.2.fwp", "--serial", "OLD-7", "--scenario", "low.toml")
    station_file(packages, [*(sim.port for sim in blank), low.port, "/dev/ttyEMPTY"])
    done = run("line", "run", "station.toml", "--json", "--technician", "Li")
    assert done.code == 12
    units = done.result["data"]["units"]
    assert [unit["verdict"] for unit in units] == ["green", "green", "red", "empty"]
    assert {unit["serial_number"] for unit in units[:2]} == {"VT1-0001", "VT1-0002"}
    assert units[2]["error"]["name"] == "diagnostic_failed"
    assert "battery.charge is 40" in units[2]["error"]["message"]
    assert units[3]["error"]["name"] == "no_device"
    assert done.result["data"]["first_pass_yield"] == 0.6667
    assert set(done.result["data"]["step_s"]) == set(STEPS)
    measured = [line for line in done.lines if line["type"] == "measurement" and line["name"] == "battery.charge"]
    assert {(line["outcome"], line["low"]) for line in measured} == {("pass", 50), ("fail", 50)}
    labels = (packages / "labels.csv").read_text().splitlines()
    assert labels[0] == "serial_number,version,digest,slot"
    assert len(labels) == 3
    assert all(",1.5.0," in line for line in labels[1:])
    text = run("line", "run", "station.toml")
    assert "GREEN A1" in text.out
    assert "RED   A3" in text.out
    assert "first-pass yield 2 of 3 (67%)" in text.out
    assert "EMPTY A4" in text.out
    assert "next: " in text.out
    quiet = run("line", "run", "station.toml", "--quiet")
    assert "GREEN" not in quiet.out
    assert "RED   A3" in quiet.out
    assert run("log", "show", "--last", "100").code == 0
    kinds = {entry["act"] for entry in run("log", "show", "--last", "100", "--json").result["data"]["entries"]}
    assert kinds == {"station", "flash", "serial"}
    assert run("info", "--port", blank[0].port, "--json").result["data"]["serial_number"].startswith("VT1-")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('steps = ["serial"', 'steps = ["polish"'), "unknown step 'polish'"),
        (('serial_numbers = "numbers.txt"\n', ""), "needs serial_numbers"),
        (('name = "bench 3"', 'nmae = "bench 3"'), "nmae"),
        (('"battery.charge"', '"battery.colour"'), "no such check"),
        (("low = 50", 'low = "much"'), "low"),
        (("low = 50", "low = nan"), "no numbers"),
        (('"flash", ', '"flash", "flash", '), "twice"),
        (('package = "1.5.0.fwp"', "package = 5"), "package"),
        (('labels = "labels.csv"', 'labels = "labels.csv"\nlevel = "deep"'), "level"),
    ],
)
def test_a_station_file_that_means_nothing_is_refused(
    run: Fwtool, keys: pathlib.Path, change: tuple[str, str], said: str
) -> None:
    station_file(keys, ["/dev/ttyX"], STATION.replace(*change))
    done = run("line", "run", "station.toml", "--json")
    assert done.code == 2
    assert said in done.result["error"]["message"]


@pytest.mark.parametrize(
    ("numbers", "said"), [("A-1\nBAD NUMBER\n", "line 2"), ("A-1\n\nA-1\n", "line 3"), ("# comment\n", "line 1")]
)
def test_a_list_of_numbers_is_checked_before_it_is_used(run: Fwtool, keys: pathlib.Path, numbers: str, said: str) -> None:
    station_file(keys, ["/dev/ttyX"])
    (keys / "numbers.txt").write_text(numbers)
    done = run("line", "run", "station.toml", "--json")
    assert done.code == 2
    assert said in done.result["error"]["message"]


def test_two_stations_never_give_the_same_number(tmp_path: pathlib.Path) -> None:
    """From many processes at once."""
    (tmp_path / "n.txt").write_text("".join(f"N-{n}\n" for n in range(40)))
    code = (
        "import pathlib, sys\nfrom fwtool.line.steps import _next_number\n"
        "print(*[_next_number(pathlib.Path(sys.argv[1])) for _ in range(10)])"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "n.txt")]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    given = [number for process in running for number in process.communicate(timeout=60)[0].split()]
    assert sorted(given) == sorted(f"N-{n}" for n in range(40))


def test_a_unit_that_is_swapped_between_steps_is_noticed(keys: pathlib.Path) -> None:
    from fwtool.line.station_file import Slot
    from fwtool.line.steps import UnitRun, check_unit

    unit = UnitRun(Slot("A", "p"), vendor="V", model="M", serial_number="1")
    same = type("Info", (), {"vendor": "V", "model": "M", "serial_number": "1"})
    other = type("Info", (), {"vendor": "V", "model": "M", "serial_number": "2"})
    check_unit(unit, same)  # type: ignore[arg-type]
    with pytest.raises(ToolError) as caught:
        check_unit(unit, other)  # type: ignore[arg-type]
    assert caught.value.name == "wrong_device"
    assert keys


def test_slots_are_told_apart(keys: pathlib.Path) -> None:
    (keys / "numbers.txt").write_text("N-1\n")
    for slots in ("", '[[slot]]\nname="A"\n', '[[slot]]\nport="p"\nusb="1-1"\n', '[[slot]]\nport="p"\n[[slot]]\nport="p"\n'):
        (keys / "station.toml").write_text(STATION + slots)
        with pytest.raises(ToolError) as caught:
            load_station(keys / "station.toml")
        assert caught.value.name == "usage"


def test_every_step_is_known_to_both_tables() -> None:
    assert list(NEEDS) == list(STEPS)
