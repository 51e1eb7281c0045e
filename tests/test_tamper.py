"""What a terminal does when its case is opened, and what it finds out about itself."""

import json
import pathlib
import subprocess
import sys
from collections.abc import Callable

import pytest

from hwsim.factory import Order, make
from hwsim.faults import FAULTS, Fault
from hwsim.key_cells import KEYS, KeyCells
from hwsim.layout import DEFAULT
from hwsim.machine import Machine
from hwsim.service_acts import SERVICE_ACTS
from hwsim.slots import SlotStore
from tests.bench_parts import Bench
from tests.conftest import Fwtool, Sim
from tests.support import KEY, make_package, pattern, trust_of
from transports.errors import DeviceRefused, LinkLost
from transports.tsp import messages
from transports.tsp.messages import COMMANDS, Kind, Mode, Opcode, Rights, Status
from transports.virtual import Scheduler

DAY_S = 24 * 3600


@pytest.fixture
def bench(tmp_path: pathlib.Path) -> Bench:
    bench = Bench(tmp_path)
    bench.connect()
    return bench


def opened(bench: Bench) -> None:
    FAULTS["tamper"].plant(bench.machine, Fault("tamper"))


def status(bench: Bench) -> messages.TerminalStatus:
    return bench.host.request(Opcode.STATUS, messages.Empty(), messages.TerminalStatus)


def readings(bench: Bench) -> dict[str, int]:
    answer = bench.host.request(Opcode.HEALTH, messages.HealthRequest(level=1), messages.Readings)
    return {reading.name: reading.value for reading in answer.readings}


def events(bench: Bench, event: str) -> list[str]:
    return [entry.detail for entry in bench.machine.terminal.journal.since(1, 10_000) if entry.event == event]


def machine_of(state: pathlib.Path, tmp_path: pathlib.Path) -> Machine:
    firmware = tmp_path / "factory.fwp"
    firmware.write_bytes(make_package(version="1.0.0", counter=7))
    return make(Order(trust=trust_of(KEY).raw, firmware=firmware, state=state), Scheduler())


# -- tamper -------------------------------------------------------------------------------------------------------------


def test_opened_it_shows_it_and_is_out_of_service(bench: Bench) -> None:
    assert all(bench.machine.terminal.storage.key_cells.key(number) != bytes(32) for number in range(KEYS))
    opened(bench)
    found = status(bench)
    assert (found.tampered, found.mode, found.display) == (True, Mode.OUT_OF_SERVICE, "DEVICE OUT OF SERVICE")
    told = readings(bench)
    assert (told["tamper.open"], told["keys.present"]) == (1, 0)
    assert all(bench.machine.terminal.storage.key_cells.key(number) == bytes(32) for number in range(KEYS))
    assert events(bench, "tamper") == ["the case was opened; keys erased"]


def test_a34_opened_it_does_nothing_but_answer(bench: Bench) -> None:
    """A census: every opcode; what needs more than inspection is refused as tampered, and noted."""
    opened(bench)
    for opcode, command in COMMANDS.items():
        if command.request is None or opcode in (Opcode.AUTHORISE, Opcode.BEGIN):
            continue
        number = bench.host.ask(opcode, _smallest(opcode))
        answer = next(
            message for _ in range(200) for message in bench.host.collect(bench.pipe.now() + 5)
            if message.kind == Kind.RESPONSE and message.request_id == number
        )  # fmt: skip
        if command.rights is Rights.INSPECT:
            assert answer.status not in (Status.TAMPERED, Status.NOT_AUTHORISED), opcode.name
        else:
            wanted = Status.NOT_AUTHORISED if command.rights is Rights.FACTORY else Status.TAMPERED
            assert answer.status == wanted, opcode.name
    with pytest.raises(DeviceRefused) as caught:
        bench.send(make_package(version="1.1.0", counter=8))
    assert caught.value.status == Status.TAMPERED
    assert any("RESET" in detail for detail in events(bench, "refused"))
    assert any("BEGIN" in detail for detail in events(bench, "refused"))


def _smallest(opcode: Opcode):  # type: ignore[no-untyped-def]
    wanted = {
        Opcode.HEALTH: messages.HealthRequest(level=1), Opcode.PRINT_TEST: messages.PrintRequest(lines=()),
        Opcode.RESET: messages.ResetRequest(reset=messages.ResetKind.RESTART), Opcode.CLOCK_SET: messages.Clock(time=1),
        Opcode.JOURNAL: messages.JournalRequest(first=1), Opcode.CONFIRM: messages.Confirm(digest=bytes(32)),
        Opcode.SERIAL_SET: messages.SerialNumber(serial_number="X"),
    }  # fmt: skip
    return wanted.get(opcode, messages.Empty())


def test_no_restart_and_no_power_cut_heals_it(bench: Bench) -> None:
    opened(bench)
    for _ in range(2):
        bench.machine.terminal.cut_power()
        bench.wait(6.0)
        bench.connect()
        assert status(bench).tampered
        assert status(bench).display == "DEVICE OUT OF SERVICE"
    assert len(events(bench, "tamper")) == 1
    with pytest.raises(DeviceRefused):
        bench.host.request(Opcode.PRINT_TEST, messages.PrintRequest(lines=()), messages.PrintResult)


def test_it_says_so_on_the_line_when_it_starts(bench: Bench) -> None:
    opened(bench)
    said = bytearray()
    send = bench.machine.terminal.transmit
    bench.machine.terminal.transmit = lambda data: (said.extend(data), send(data))[1]
    bench.machine.terminal.cut_power()
    bench.wait(6.0)
    assert b"OUT OF SERVICE: TAMPERED" in said


def test_opened_while_it_is_off_or_while_it_erases(tmp_path: pathlib.Path) -> None:
    """The circuit needs no firmware; the power may go between latch and keys; files and all, nothing of a key is left."""
    state = tmp_path / "state"
    state.mkdir()
    keys = KeyCells(state / "keys.bin")
    secrets = [keys.key(number) for number in range(KEYS)]
    keys.erase = lambda: None  # type: ignore[method-assign]
    keys.trip()
    assert keys.key(0) == secrets[0], "the power went before the keys were erased"
    machine = machine_of(state, tmp_path)
    machine.start()
    while machine.scheduler.now() < 5:
        machine.scheduler.advance(5.0)
    assert machine.terminal.peripherals.tampered
    stored = b"".join(file.read_bytes() for file in state.iterdir())
    assert not any(secret[at : at + 8] in stored for secret in secrets for at in range(0, 32, 8))
    assert [one.event for one in machine.terminal.journal.since(1)].count("tamper") == 1


def test_opened_during_an_update_it_ends_it(bench: Bench) -> None:
    raw = make_package([pattern(200_000, 1)], version="1.1.0", counter=8)
    bench.machine.on_bytes("rx", bench.machine.received + 60_000, lambda: opened(bench))
    with pytest.raises((DeviceRefused, LinkLost)) as caught:
        bench.send(raw)
    assert getattr(caught.value, "status", None) == Status.TAMPERED
    assert bench.machine.terminal.update.installer is None


def test_opened_on_trial_the_image_is_never_confirmed(bench: Bench) -> None:
    raw = make_package(version="1.1.0", counter=8)
    bench.send(raw)
    bench.restart()
    opened(bench)
    with pytest.raises(DeviceRefused):
        bench.confirm(raw)
    bench.machine.terminal.cut_power()
    bench.wait(6.0)
    bench.connect()
    assert (str(bench.info().version), bench.info().security_counter) == ("1.0.0", 7)


def test_keys_are_not_injected_into_one_that_was_opened_but_the_maker_can_mend_it(bench: Bench) -> None:
    opened(bench)
    SERVICE_ACTS["inject-keys"][1](bench.machine)
    assert readings(bench)["keys.present"] == 0
    FAULTS["tamper"].mend(bench.machine)
    bench.restart()
    assert (status(bench).tampered, readings(bench)["keys.present"]) == (False, 1)


def test_by_hand_from_the_command_line(
    run: Fwtool, simulate: Callable[..., Sim], keys: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    """Across two processes with the same state."""
    state = str(tmp_path / "terminal")
    sim = simulate("--state", state)
    control = [sys.executable, "-m", "fwtool", "sim-control", "--at", sim.control, "plant", "tamper"]
    assert subprocess.run(control, capture_output=True, check=False).returncode == 0
    sim.process.terminate()
    sim.process.wait(timeout=15)
    again = simulate("--state", state)
    info = run("info", "--port", again.port, "--json").result
    assert "tampered" in json.dumps(info)
    done = run("print-test", "--port", again.port, "--json").result
    assert done["error"]["name"] == "tampered"
    journal = json.dumps(run("journal", "show", "--port", again.port, "--json").result["data"])
    assert "the case was opened; keys erased" in journal
    assert "refused" in journal


# -- self-test ----------------------------------------------------------------------------------------------------------


def test_the_self_test_runs_at_the_start_and_every_24_hours(bench: Bench) -> None:
    assert events(bench, "self_test") == ["passed"]
    assert (readings(bench)["self_test.hours_ago"], readings(bench)["self_test.passed"]) == (0, 1)
    bench.wait(5 * 3600)
    bench.connect()
    assert readings(bench)["self_test.hours_ago"] == 5
    bench.wait(2 * DAY_S)
    bench.connect()
    assert events(bench, "self_test") == ["passed"] * 3
    assert readings(bench)["self_test.hours_ago"] == 5


def test_f8_the_self_test_finds_what_has_decayed(bench: Bench) -> None:
    terminal = bench.machine.terminal
    assert terminal.booted is not None
    assert terminal.booted.offered is not None
    at = SlotStore(terminal.flash, 0).block_span(terminal.booted.offered.manifest, 0)[0] + 7
    terminal.flash.fill(at, bytes([terminal.flash.cells[at] ^ 4]))
    for place in DEFAULT.trust:
        terminal.flash.fill(place.address + 20, bytes([terminal.flash.cells[place.address + 20] ^ 4]))
    bench.wait(DAY_S)
    bench.connect()
    assert events(bench, "self_test")[-1] == "failed: firmware, trust"
    assert readings(bench)["self_test.passed"] == 0


def test_one_that_was_opened_does_not_pass(bench: Bench) -> None:
    opened(bench)
    bench.wait(DAY_S)
    bench.connect()
    assert events(bench, "self_test")[-1] == "failed: keys, tamper"


# -- the journal --------------------------------------------------------------------------------------------------------


def test_what_is_refused_and_what_is_done_is_in_the_journal(bench: Bench) -> None:
    host = bench.host
    host.request(Opcode.PRINT_TEST, messages.PrintRequest(lines=()), messages.PrintResult)
    host.request(Opcode.CLOCK_SET, messages.Clock(time=1_800_000_000), messages.Empty)
    host.request(Opcode.STATISTICS_RESET, messages.Empty(), messages.Empty)
    with pytest.raises(DeviceRefused):
        host.request(Opcode.FINISH, messages.Empty(), messages.Empty)
    with pytest.raises(DeviceRefused):
        bench.send(make_package(version="0.9.0", counter=6))
    with pytest.raises(DeviceRefused):
        host.request(Opcode.AUTHORISE, messages.Authorise(grant=b"x", host_key=bytes(32), proof=b""), messages.Authorised)
    noted = [(entry.event, entry.detail) for entry in bench.machine.terminal.journal.since(1)]
    assert {"print_test", "clock_set", "statistics_reset"} <= {event for event, _ in noted}
    refusals = " ".join(detail for event, detail in noted if event == "refused")
    assert all(name in refusals for name in ("FINISH", "BEGIN", "AUTHORISE"))
