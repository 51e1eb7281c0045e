"""The main job as a user does it: real processes, a real pty, a real TCP port, an existing tty."""

import os
import pathlib
import subprocess
import sys
import tty
from collections.abc import Callable, Iterator

import pytest

import firmware_samples
from tests.conftest import Fwtool, Sim

Simulate = Callable[..., Sim]


@pytest.fixture
def packages(run: Fwtool, keys: pathlib.Path) -> pathlib.Path:
    for version, counter in (("1.4.2", "3"), ("1.5.0", "4")):
        elf = str(firmware_samples.path(f"built/vt100-{version}.elf"))
        built = run(
            "image", "build", f"app={elf}", "--version", version, "--hardware", "VT-100:1..9", "--security-counter",
            counter, "--out", f"{version}.fwp",
        )  # fmt: skip
        assert built.code == 0, built.err
        assert run("image", "sign", f"{version}.fwp", "--key", "maker.pem").code == 0
    return keys


@pytest.fixture
def null_modem() -> Iterator[tuple[str, str]]:
    """Two ttys joined back to back by a relay."""
    relay = subprocess.Popen([sys.executable, "-c", RELAY], stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)
    assert relay.stdout is not None
    first, second = relay.stdout.readline().split()
    yield first, second
    relay.kill()
    relay.wait()
    relay.stdout.close()


RELAY = """
import os, pty, select, tty
a, slave_a = pty.openpty(); b, slave_b = pty.openpty()
tty.setraw(slave_a); tty.setraw(slave_b)
print(os.ttyname(slave_a), os.ttyname(slave_b), flush=True)
while True:
    for end in select.select([a, b], [], [])[0]:
        data = os.read(end, 4096)
        while data:
            data = data[os.write(b if end == a else a, data):]
"""


@pytest.mark.parametrize("kind", ["pty", "tcp", "attached"])
def test_flash_and_look_over_every_kind_of_line(
    run: Fwtool, packages: pathlib.Path, null_modem: tuple[str, str], simulate: Simulate, kind: str
) -> None:
    how = ["--listen", "pty"]
    if kind == "tcp":
        how = ["--listen", "tcp:127.0.0.1:0"]
    host_end = ""
    if kind == "attached":
        host_end, terminal_end = null_modem
        how = ["--attach", terminal_end]
    sim = simulate(*how, "--firmware", "1.4.2.fwp", "--paper", "paper")
    port = host_end or sim.port
    info = run("info", "--port", port, "--json").result["data"]
    assert (info["model"], info["version"], info["slots"][0]["state"]) == ("VT-100", "1.4.2", "active")
    planned = run("flash", "1.5.0.fwp", "--port", port, "--trust", "maker.trust", "--dry-run", "--json").result
    assert planned["changed"] is False
    assert planned["data"]["devices"][0]["verdict"] == "planned"
    flashed = run("flash", "1.5.0.fwp", "--port", port, "--trust", "maker.trust", "--json").result
    device = flashed["data"]["devices"][0]
    assert (device["version_before"], device["version_after"], device["verdict"]) == ("1.4.2", "1.5.0", "updated")
    assert 0.4 * device["bytes_image"] < device["bytes_sent"] < device["bytes_image"], "compressed on the line"
    again = run("flash", "1.5.0.fwp", "--port", port, "--trust", "maker.trust", "--json").result
    assert (again["ok"], again["changed"]) == (True, False)
    older = run("flash", "1.4.2.fwp", "--port", port, "--trust", "maker.trust", "--json").result
    assert (older["exit_code"], older["error"]["name"]) == (6, "rollback")
    assert run("diagnose", "--port", port, "--json").result["ok"]
    slip = run("print-test", "--port", port, "--technician", "李伟", "--json").result["data"]
    assert (packages / slip["slip_path"]).read_bytes().startswith(b"\x89PNG")
    kinds = [entry["kind"] for entry in run("log", "show", "--json").result["data"]["entries"]]
    assert kinds == ["started", "finished", "finished", "refused", "started", "finished"]


def test_a_simulator_whose_tty_goes_away_says_so(packages: pathlib.Path) -> None:
    """At once if it is idle, or has something to say: a hung-up tty can be read for ever and gives nothing."""
    relay = subprocess.Popen([sys.executable, "-c", RELAY], stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)
    assert relay.stdout is not None
    _, end = relay.stdout.readline().split()
    simulator = subprocess.Popen(
        [sys.executable, "-m", "fwtool", "sim", "--trust", "maker.trust", "--firmware", "1.4.2.fwp", "--attach", end],
        cwd=packages, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert simulator.stdout is not None
    assert simulator.stdout.readline() == f"{end}\n"
    relay.kill()
    relay.wait()
    relay.stdout.close()
    _, said = simulator.communicate(timeout=15)
    assert simulator.returncode == 5
    assert said.startswith(f"error: {end} is gone\n  next: ")


def test_unsettled_batch_stops_the_update_until_it_is_settled(run: Fwtool, packages: pathlib.Path, simulate: Simulate) -> None:
    sim = simulate("--firmware", "1.4.2.fwp")
    assert run("sim-control", "--at", sim.control, "sale", "3").code == 0
    stopped = run("flash", "1.5.0.fwp", "--port", sim.port, "--trust", "maker.trust")
    assert stopped.code == 6
    assert "batch settle" in stopped.err
    shown = run("batch", "show", "--port", sim.port, "--json").result["data"]
    assert (shown["state"], shown["count"], shown["totals"][0]["amount"]) == ("open", 3, "385.50")
    assert run("batch", "settle", "--port", sim.port).code == 0
    assert run("flash", "1.5.0.fwp", "--port", sim.port, "--trust", "maker.trust").code == 0


def test_the_journal_and_state_survive_a_restart_of_the_simulator(
    run: Fwtool, packages: pathlib.Path, simulate: Simulate
) -> None:
    sim = simulate("--firmware", "1.4.2.fwp", "--state", "flash")
    assert run("flash", "1.5.0.fwp", "--port", sim.port, "--trust", "maker.trust").code == 0
    sim.process.terminate()
    sim.process.wait()
    sim = simulate("--firmware", "1.4.2.fwp", "--state", "flash")
    info = run("info", "--port", sim.port, "--json").result["data"]
    assert (info["version"], info["security_counter"]) == ("1.5.0", 4)
    events = [entry["event"] for entry in run("journal", "show", "--port", sim.port, "--json").result["data"]["entries"]]
    told = [event for event in events if event != "self_test"]
    assert told[:6] == ["start", "update_begun", "update_received", "reset", "start_on_trial", "confirmed"]


def test_slots_confirm_and_revert(run: Fwtool, packages: pathlib.Path, simulate: Simulate) -> None:
    sim = simulate("--firmware", "1.4.2.fwp")
    trial = run("flash", "1.5.0.fwp", "--port", sim.port, "--trust", "maker.trust", "--no-confirm", "--json").result
    assert trial["data"]["devices"][0]["verdict"] == "on_trial"
    assert run("slots", "revert", "--port", sim.port).code == 0
    assert run("info", "--port", sim.port, "--json").result["data"]["version"] == "1.4.2"
    assert run("flash", "1.5.0.fwp", "--port", sim.port, "--trust", "maker.trust", "--no-confirm").code == 0
    assert run("slots", "confirm", "--port", sim.port, "--json").result["changed"]
    assert run("reset", "restart", "--port", sim.port).code == 0
    assert run("info", "--port", sim.port, "--json").result["data"]["version"] == "1.5.0"
    factory = run("reset", "factory", "--port", sim.port, "--json").result
    assert factory["error"]["name"] == "not_authorised"


def test_a39_a_terminal_that_lies_about_its_version_is_found_out(run: Fwtool, packages: pathlib.Path, simulate: Simulate) -> None:
    sim = simulate("--firmware", "1.4.2.fwp")
    assert run("sim-control", "--at", sim.control, "plant", "lie_version").code == 0
    flashed = run("flash", "1.5.0.fwp", "--port", sim.port, "--trust", "maker.trust", "--json").result
    assert (flashed["exit_code"], flashed["error"]["name"]) == (10, "read_back_differs")


def test_a_busy_port_is_named_as_such(run: Fwtool, packages: pathlib.Path, simulate: Simulate) -> None:
    import fcntl

    sim = simulate("--firmware", "1.4.2.fwp")
    descriptor = os.open(sim.port, os.O_RDWR | os.O_NOCTTY)
    try:
        tty.setraw(descriptor)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        busy = run("info", "--port", sim.port, "--json").result
    finally:
        os.close(descriptor)
    assert (busy["exit_code"], busy["error"]["name"]) == (9, "port_busy")


def test_two_units_in_two_threads(packages: pathlib.Path, simulate: Simulate) -> None:
    example = pathlib.Path(__file__).parent.parent / "examples" / "line_station.py"
    if not example.is_file():
        example = pathlib.Path(os.environ["FWTOOL_TEST_EXAMPLES"]) / "line_station.py"
    ports = [simulate("--firmware", "1.4.2.fwp", "--serial", f"UNIT-{n}", "--listen", "tcp:127.0.0.1:0").port for n in (1, 2)]
    done = subprocess.run(
        [sys.executable, str(example), "1.5.0.fwp", "maker.trust", *ports], cwd=packages, capture_output=True, text=True,
        timeout=120, check=True,
    )  # fmt: skip
    assert [line.split()[1:] for line in done.stdout.splitlines()] == [
        ["UNIT-1", "1.5.0", "GREEN"],
        ["UNIT-2", "1.5.0", "GREEN"],
    ]


def test_ctrl_c_leaves_the_terminal_safe_and_the_job_resumable(run: Fwtool, packages: pathlib.Path, simulate: Simulate) -> None:
    import signal
    import time

    sim = simulate("--firmware", "1.4.2.fwp", "--pace", "115200")
    arguments = ["flash", "1.5.0.fwp", "--port", sim.port, "--trust", "maker.trust", "--max-baud", "0"]
    environment = {**os.environ, "FWTOOL_STATE_DIR": str(packages / "state")}
    flashing = subprocess.Popen(
        [sys.executable, "-m", "fwtool", *arguments], cwd=packages, env=environment, stderr=subprocess.PIPE, text=True
    )
    assert flashing.stderr is not None
    assert "sending" in flashing.stderr.readline()
    time.sleep(4)
    flashing.send_signal(signal.SIGINT)
    talk = flashing.stderr.read()
    flashing.stderr.close()
    assert flashing.wait(timeout=10) == 130
    assert "Traceback" not in talk
    assert "goes on where it stopped" in talk
    assert run("info", "--port", sim.port, "--json").result["data"]["version"] == "1.4.2"
    device = run(*arguments, "--json").result["data"]["devices"][0]
    assert device["resumed"]
    assert device["version_after"] == "1.5.0"


def test_garbage_on_the_line_ends_in_bounded_time(run: Fwtool, packages: pathlib.Path) -> None:
    import random
    import socket
    import threading

    listener = socket.create_server(("127.0.0.1", 0))

    def babble() -> None:
        chaos = random.Random(5)
        connection, _ = listener.accept()
        with connection:
            try:
                while True:
                    connection.sendall(chaos.randbytes(5000))
            except OSError:
                return

    thread = threading.Thread(target=babble)
    thread.start()
    port = f"socket://127.0.0.1:{listener.getsockname()[1]}"
    done = run("flash", "1.5.0.fwp", "--port", port, "--trust", "maker.trust", "--timeout", "2", "--json").result
    thread.join(timeout=10)
    listener.close()
    assert (done["exit_code"], done["error"]["name"]) == (5, "no_answer")
