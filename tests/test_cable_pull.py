"""What ends a transfer without ill will: a pulled cable, a terminal that resets, a clock that jumps, a port with a new name.

Whatever it was, the same job run again ends with the new image, and nothing that stands in flash is sent a second time.
"""

import contextlib
import functools
import pathlib
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from formats.errors import ToolError
from fwtool.flashing import FlashJob, FlashResult, flash
from fwtool.packages import PackageSource
from fwtool.records import Records
from hwsim.factory import Order, make
from hwsim.flash import NorFlash
from hwsim.installer import Installer
from hwsim.layout import FLASH_SIZE
from hwsim.machine import LineModel, Machine
from hwsim.pipe import SimPipe
from hwsim.slots import DEFAULT_IDENTITY
from hwsim.terminal import WINDOW
from hwsim.update import DeviceUpdate
from tests.bench_parts import TRUST, Bench, opened
from tests.support import make_package, pattern
from transports.errors import LinkError
from transports.pipe import LineOptions
from transports.tsp_terminal import TspTerminal
from transports.tsp_update import Sent, send_update
from transports.virtual import Scheduler

BLOCK = 4096
BAUD = 921_600
SMALL = make_package([pattern(BLOCK + 200, 1)], version="1.1.0", counter=8)
LARGE = make_package([pattern(4 * WINDOW, 2)], version="1.1.0", counter=8)
PARTS = 16
YEAR_S = 365 * 86400


def never_stuck(pipe: SimPipe) -> SimPipe:
    """Fail where the host asks for ever without letting time pass; in virtual time that would never end."""
    exchange, last, turns = pipe.exchange, -1.0, 0

    def watched(out: bytes, until: float) -> tuple[int, bytes]:
        nonlocal last, turns
        now = pipe.now()
        last, turns = now, turns + 1 if now == last else 0
        if turns > 10_000:
            pytest.fail(f"time stands still at {now} s")
        return exchange(out, until)

    pipe.exchange = watched  # type: ignore[method-assign]
    return pipe


# -- F12: the cable -----------------------------------------------------------------------------------------------------


class Cells(bytearray):
    """Flash that knows which of its cells were written to, so that it can be set back without copying 16 MiB."""

    written: list[slice]

    def __setitem__(self, where: Any, data: Any) -> None:
        self.written.append(where)
        super().__setitem__(where, data)


class QuickFlash(NorFlash):
    """As the real one; looks at a range at once instead of page by page."""

    def blank(self, address: int, size: int) -> bool:
        return self.read(address, size).count(0xFF) == size


class Rewound(Bench):
    """A terminal as it comes from the factory, over and over again at little cost."""

    def __init__(self, tmp_path: pathlib.Path, raw: bytes) -> None:
        super().__init__(tmp_path)
        terminal = self.machine.terminal
        self._settings, self._storage, self._line = terminal.settings, terminal.storage, self.machine.line
        self._pristine = terminal.flash.read(0, FLASH_SIZE)
        self._cells = Cells(self._pristine)
        self._cells.written = []
        self.source = PackageSource(opened(raw))

    def rewind(self) -> None:
        for where in self._cells.written:
            bytearray.__setitem__(self._cells, where, self._pristine[where])
        self._cells.written.clear()
        self._storage.flash = QuickFlash(self._cells, FLASH_SIZE)
        self.machine = Machine(self._settings, self._storage, Scheduler(), self._line)
        self.pipe = never_stuck(SimPipe(self.machine))
        self.host = TspTerminal(self.pipe)
        self.wait(1.6)

    def update(self) -> Sent:
        return send_update(self.host, self.source, resume=True, progress=lambda done, written: None)

    def session(self) -> None:
        """Hello, info, update."""
        self.connect()
        self.info()
        self.update()

    def passed(self, direction: str) -> int:
        return self.machine.received if direction == "rx" else self.machine.sent


@functools.cache
def _offsets(bench: Rewound) -> list[tuple[str, int]]:
    """Every byte of a whole session, both ways."""
    bench.rewind()
    before = {direction: bench.passed(direction) for direction in ("rx", "tx")}
    bench.session()
    return [(direction, at) for direction in before for at in range(bench.passed(direction) - before[direction])]


@pytest.fixture(scope="module")
def rewound(tmp_path_factory: pytest.TempPathFactory) -> Rewound:
    return Rewound(tmp_path_factory.mktemp("cable"), SMALL)


def pull_and_go_on(bench: Rewound, direction: str, at: int) -> None:
    """Pull the cable at one byte of a session, put it in again, run the same update again."""
    where = f"{direction} byte {at}"
    bench.rewind()
    machine = bench.machine
    in_flash: list[int] = []

    def pull() -> None:
        machine.unplug()
        installer = machine.terminal.update.installer
        in_flash.append(installer.blocks_done if installer else 0)

    machine.on_bytes(direction, bench.passed(direction) + at, pull)
    with contextlib.suppress(LinkError):
        bench.session()
    assert in_flash, f"{where}: the cable was never pulled"
    machine.plug()
    bench.connect()
    sent = bench.update()
    assert sent.blocks_resumed >= in_flash[0], where
    assert sent.blocks_sent == bench.source.block_count - sent.blocks_resumed, where
    machine.terminal.restart()
    bench.wait(1.6)
    booted = machine.terminal.booted
    assert booted is not None, where
    assert booted.offered is not None, where
    assert booted.offered.signed == bench.source.signed, where
    assert booted.trial, where


@pytest.mark.parametrize("chunk", range(PARTS))
def test_f12_a_cable_pulled_at_any_byte_of_a_session_costs_no_more_than_that(rewound: Rewound, chunk: int) -> None:
    """The image that starts then was checked byte by byte by the boot loader; no block in flash is sent again."""
    offsets = _offsets(rewound)
    assert len(offsets) > BLOCK + 1000
    for direction, at in offsets[chunk::PARTS]:
        pull_and_go_on(rewound, direction, at)


def test_f12_at_most_a_window_and_a_block_are_sent_twice(tmp_path: pathlib.Path) -> None:
    bench = Bench(tmp_path)
    bench.connect()
    whole = bench.send(LARGE).bytes_written
    for at in range(5_000, whole, whole // 9):
        bench = Bench(tmp_path)
        never_stuck(bench.pipe)
        bench.connect()
        before = bench.machine.received
        bench.machine.on_bytes("rx", before + at, bench.machine.unplug)
        with pytest.raises(LinkError):
            bench.send(LARGE)
        bench.machine.plug()
        bench.connect()
        sent = bench.send(LARGE)
        assert sent.bytes_written <= whole - at + WINDOW + BLOCK, f"byte {at}"
        bench.restart()
        assert str(bench.info().version) == "1.1.0", f"byte {at}"


# -- whole jobs ---------------------------------------------------------------------------------------------------------


class Desk:
    """A computer with one terminal at one port, and the whole job as `fwtool flash` does it; all in virtual time."""

    def __init__(self, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, raw: bytes, port: str = "sim:desk") -> None:
        self.port, self.folder = port, tmp_path
        (tmp_path / "new.fwp").write_bytes(raw)
        (tmp_path / "old.fwp").write_bytes(make_package(version="1.0.0", counter=7))
        order = Order(
            trust=TRUST.raw, firmware=tmp_path / "old.fwp", line=LineModel(BAUD), paper=tmp_path / "paper",
            identity=DEFAULT_IDENTITY,
        )  # fmt: skip
        self.machine = make(order, Scheduler())
        SimPipe(self.machine)
        self.wait(2.0)
        monkeypatch.setattr("transports.port_options.open_pipe", self.open)

    def open(self, port: str, options: LineOptions) -> SimPipe:
        if port != self.port:
            raise LinkError(f"there is no port {port}")
        self.machine.plug()
        self.machine.set_host_baud(options.baud)
        return never_stuck(SimPipe(self.machine, port))

    def wait(self, seconds: float) -> None:
        until = self.machine.scheduler.now() + seconds
        while self.machine.scheduler.advance(until):
            pass

    def flash(self) -> FlashResult:
        job = FlashJob(self.folder / "new.fwp", self.port, TRUST, max_baud=0, port_options={"baud": BAUD})
        return flash(job, Records(self.folder))

    def assert_done(self) -> None:
        terminal = self.machine.terminal
        assert (str(terminal.version), terminal.counter.value) == ("1.1.0", 8)
        assert terminal.booted is not None
        assert not terminal.booted.trial


# -- F14: the terminal resets by itself ---------------------------------------------------------------------------------


class State(NamedTuple):
    """A state of an update: which call marks it, the how-manieth, and how many bytes behind it."""

    mark: str
    number: int = 1
    bytes_behind: int = 0


BLOCKS = 3
PAGE = 64
SHORT = make_package([pattern((BLOCKS - 1) * BLOCK + 3000, 3)], version="1.1.0", counter=8)
LONG = make_package([pattern((PAGE + 2) * BLOCK + 100, 4)], version="1.1.0", counter=8)


def middle_of(raw: bytes, block: int) -> State:
    """When half of a block has come."""
    source = PackageSource(opened(raw))
    pages = [source.page_for(first)[1] for first in range(0, source.block_count, PAGE)]
    before = sum(MESSAGE + len(part) for part in (source.index(), *pages)) + block * (MESSAGE + BLOCK)
    return State("update_begun", bytes_behind=before + BLOCK // 2)


MESSAGE = 12 + 8
"""Header of a message, and of a part."""
STATES = [
    State("hello"),
    State("update_begun"),
    State("table", 1),
    State("table", 2),
    *(middle_of(SHORT, block) for block in range(BLOCKS)),
    *(State("block", number) for number in range(1, BLOCKS + 1)),
    State("finish_waits"),
    State("update_received"),
    State("reset"),
    State("start_on_trial"),
    State("confirmed"),
]
LONG_STATES = [
    *(State("table", number) for number in range(1, 4)),
    *(State("block", number) for number in (1, 2, PAGE - 1, PAGE, PAGE + 1, PAGE + 2, PAGE + 3)),
    *(middle_of(LONG, block) for block in (0, PAGE - 1, PAGE, PAGE + 1)),
]


def reset_at(machine: Machine, state: State, monkeypatch: pytest.MonkeyPatch) -> list[State]:
    """Let the terminal reset once in this state; the list says afterwards whether it did."""
    terminal, fired, seen = machine.terminal, list[State](), list[str]()

    def reset() -> None:
        fired.append(state)
        terminal.restart()

    def mark(name: str) -> None:
        seen.append(name)
        if name != state.mark or seen.count(name) != state.number:
            return
        if state.bytes_behind:
            machine.on_bytes("rx", machine.received + state.bytes_behind, reset)
        else:
            machine.scheduler.after(0.0, reset)

    def marked(name: Callable[..., str], call: Callable[..., Any]) -> Callable[..., Any]:
        def both(*given: Any, **options: Any) -> Any:
            found = call(*given, **options)
            mark(name(*given))
            return found

        return both

    monkeypatch.setattr(terminal, "note", marked(lambda event, detail="": event, terminal.note))
    monkeypatch.setattr(DeviceUpdate, "finish_later", marked(lambda *given: "finish_waits", DeviceUpdate.finish_later))
    monkeypatch.setattr(Installer, "take_table", marked(lambda *given: "table", Installer.take_table))
    monkeypatch.setattr(Installer, "take_block", marked(lambda *given: "block", Installer.take_block))
    hello = 53 + 16
    machine.on_bytes("rx", machine.received + hello, lambda: mark("hello"))
    return fired


def survive_reset(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, raw: bytes, state: State) -> None:
    desk = Desk(tmp_path, monkeypatch, raw)
    fired = reset_at(desk.machine, state, monkeypatch)
    start = desk.machine.scheduler.now()
    with contextlib.suppress(ToolError):
        desk.flash()
    assert fired == [state]
    assert desk.machine.scheduler.now() - start < 60
    desk.wait(4.0)
    booted = desk.machine.terminal.booted
    assert booted is not None
    assert booted.offered is not None
    assert str(desk.machine.terminal.version) in ("1.0.0", "1.1.0")
    result = desk.flash()
    assert result.verdict in ("updated", "unchanged")
    desk.assert_done()


@pytest.mark.parametrize("state", STATES, ids=lambda state: "-".join(map(str, state)))
def test_f14_a_reset_in_any_state_of_an_update_is_made_good(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, state: State
) -> None:
    survive_reset(tmp_path, monkeypatch, SHORT, state)


@pytest.mark.parametrize("state", LONG_STATES, ids=lambda state: "-".join(map(str, state)))
def test_f14_a_reset_around_a_page_of_the_table_is_made_good(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, state: State
) -> None:
    survive_reset(tmp_path, monkeypatch, LONG, state)


# -- F18: the wall clock ------------------------------------------------------------------------------------------------


SIXTY = make_package([pattern(60_000, 5)], version="1.1.0", counter=8)


def with_jump(machine: Machine, patch: pytest.MonkeyPatch, jump_s: int) -> list[int]:
    """Let this computer's clock jump in the middle of the transfer; get what it is off by."""
    shift = [0]
    patch.setattr(time, "time", lambda real=time.time: real() + shift[0])
    patch.setattr(SimPipe, "wall_clock", lambda pipe: pipe.machine.terminal.settings.epoch + pipe.now() + shift[0])
    machine.on_bytes("rx", machine.received + 30_000, lambda: shift.__setitem__(0, jump_s))
    return shift


@pytest.mark.parametrize("jump_s", [YEAR_S, -YEAR_S])
def test_f18_a_jump_of_the_wall_clock_does_not_touch_the_transfer(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, jump_s: int
) -> None:
    sent = []
    for jump in (0, jump_s):
        bench = Bench(tmp_path)
        with monkeypatch.context() as patch:
            shift = with_jump(bench.machine, patch, jump)
            bench.connect()
            sent.append(bench.send(SIXTY))
            assert shift == [jump]
            bench.restart()
        assert str(bench.info().version) == "1.1.0"
    assert sent[0] == sent[1]


@pytest.mark.parametrize("jump_s", [YEAR_S, -YEAR_S])
def test_f18_a_jump_of_the_wall_clock_does_not_touch_the_job(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, jump_s: int
) -> None:
    """The clock of this computer is not a matter of the terminal's health: the new firmware is confirmed all the same."""
    desk = Desk(tmp_path, monkeypatch, SIXTY)
    shift = with_jump(desk.machine, monkeypatch, jump_s)
    assert desk.flash().verdict == "updated"
    assert shift == [jump_s]
    desk.assert_done()


@pytest.mark.parametrize("jump_s", [YEAR_S, -YEAR_S])
def test_f18_a_jump_of_the_terminals_clock_does_not_touch_the_transfer(tmp_path: pathlib.Path, jump_s: int) -> None:
    sent = []
    for jump in (0, jump_s):
        bench = Bench(tmp_path)
        bench.connect()
        peripherals = bench.machine.terminal.peripherals

        def leap(peripherals: Any = peripherals, jump: int = jump) -> None:
            peripherals.clock_offset_s += jump

        bench.machine.on_bytes("rx", bench.machine.received + 30_000, leap)
        sent.append(bench.send(SIXTY))
        assert peripherals.clock_offset_s == jump
        bench.restart()
        assert str(bench.info().version) == "1.1.0"
    assert sent[0] == sent[1]


# -- F19: the port ------------------------------------------------------------------------------------------------------


class UsbPort(NamedTuple):
    """As `transports.serial_port.list_ports` tells it."""

    device: str
    serial_number: str


@pytest.mark.parametrize("neighbour", [False, True], ids=["alone", "its_old_name_goes_to_another_device"])
def test_f19_a_terminal_that_comes_back_under_another_name_is_found(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, neighbour: bool
) -> None:
    desk = Desk(tmp_path, monkeypatch, SMALL, port="/dev/ttyUSB0")
    monkeypatch.setattr(
        "transports.serial_port.list_ports",
        lambda: [UsbPort("/dev/ttyUSB0", "OTHER")] * neighbour * (desk.port != "/dev/ttyUSB0") + [UsbPort(desk.port, "USB-1")],
    )
    restart = desk.machine.terminal.restart

    def elsewhere() -> None:
        desk.machine.unplug()
        desk.port = "/dev/ttyUSB7"
        restart()

    monkeypatch.setattr(desk.machine.terminal, "restart", elsewhere)
    result = desk.flash()
    assert (result.verdict, result.port) == ("updated", "/dev/ttyUSB7")
    desk.assert_done()


def test_f19_a_name_that_goes_to_another_device_is_not_taken_for_the_terminal(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mute device gets the terminal's old name at once; the terminal itself appears two seconds later."""
    desk = Desk(tmp_path, monkeypatch, SMALL, port="/dev/ttyUSB0")
    mute = make(Order(line=LineModel(BAUD)), desk.machine.scheduler)
    mute.terminal.hung = True
    appears = [0.0]

    def list_ports() -> list[UsbPort]:
        there = [UsbPort(desk.port, "USB-1")] if desk.machine.scheduler.now() >= appears[0] else []
        return there + [UsbPort("/dev/ttyUSB0", "OTHER")] * bool(appears[0])

    def open_port(port: str, options: LineOptions) -> SimPipe:
        return never_stuck(SimPipe(mute, port)) if appears[0] and port == "/dev/ttyUSB0" else desk.open(port, options)

    restart = desk.machine.terminal.restart

    def elsewhere() -> None:
        desk.machine.unplug()
        desk.port = "/dev/ttyUSB7"
        appears[0] = desk.machine.scheduler.now() + 2.0
        restart()

    monkeypatch.setattr("transports.serial_port.list_ports", list_ports)
    monkeypatch.setattr("transports.port_options.open_pipe", open_port)
    monkeypatch.setattr(desk.machine.terminal, "restart", elsewhere)
    monkeypatch.setattr(time, "sleep", desk.wait)
    result = desk.flash()
    assert (result.verdict, result.port) == ("updated", "/dev/ttyUSB7")
    desk.assert_done()
