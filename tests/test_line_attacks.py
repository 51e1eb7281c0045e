"""Lines that lose, add and repeat bytes, somebody in the line who plays with frames, devices that never come to an end,
and terminals that are exchanged in the middle: the right image in the end, or a clear error in bounded time.
"""

import dataclasses
import itertools
import pathlib
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from formats.errors import ToolError
from fwtool.flashing import FlashJob, flash
from fwtool.records import Records
from hwsim.factory import Order, make
from hwsim.faults import FAULTS, Fault
from hwsim.machine import LineModel, Machine
from hwsim.pipe import SimPipe
from hwsim.slots import DEFAULT_IDENTITY
from hwsim.terminal import WINDOW
from tests.bench_parts import TRUST, Bench
from tests.support import make_package, pattern
from tests.test_cable_pull import Desk, never_stuck
from transports.errors import LinkError
from transports.pipe import LineOptions
from transports.tsp import frames, messages
from transports.tsp.hello import Hello
from transports.tsp.messages import Kind, Message, Opcode, Status
from transports.tsp_update import STALL_S

NEW = make_package([pattern(30_000, 1)], version="1.1.0", counter=8)
LONG = make_package([pattern(2 * WINDOW, 2)], version="1.1.0", counter=8)


def bounded(bench: Bench, seconds: float) -> None:
    """Fail if the test still runs after so much virtual time."""
    never_stuck(bench.pipe)
    bench.machine.scheduler.after(seconds, lambda: pytest.fail(f"still going on after {seconds} s"))


def life(bench: Bench, raw: bytes) -> None:
    """What is left to do of a whole job: send, restart, confirm."""
    bench.connect()
    if str(bench.info().version) != "1.1.0":
        bench.send(raw)
        bench.restart()
    bench.confirm(raw)


def noted(bench: Bench, event: str) -> int:
    return sum(entry.event == event for entry in bench.machine.terminal.journal.since(0))


def live_through(bench: Bench, raw: bytes) -> int:
    """The job on a bad line, and again on a good one if that ended in an error; get the number of tries."""
    tries = 1
    try:
        life(bench, raw)
    except ToolError:
        tries = 2
        bench.machine.to_terminal.disturb = bench.machine.to_host.disturb = None
        bench.wait(4.0)
        life(bench, raw)
    terminal = bench.machine.terminal
    assert (str(terminal.version), terminal.counter.value) == ("1.1.0", 8)
    assert terminal.booted is not None
    assert not terminal.booted.trial
    return tries


# -- F13: the line loses, repeats and adds bytes ------------------------------------------------------------------------


def bursts(chaos: random.Random, rate: float) -> Callable[[bytes], bytes]:
    """Replace runs of 200 bytes; the runs begin at the given rate."""
    left = 0

    def disturb(data: bytes) -> bytes:
        nonlocal left
        out = bytearray(data)
        for at in range(len(out)):
            if not left and chaos.random() < rate:
                left = 200
            if left:
                left -= 1
                out[at] = chaos.randrange(256)
        return bytes(out)

    return disturb


def per_byte(replacement: Callable[[random.Random, int], bytes]) -> Callable[[random.Random, float], Callable[[bytes], bytes]]:
    def make_disturb(chaos: random.Random, rate: float) -> Callable[[bytes], bytes]:
        return lambda data: b"".join(
            replacement(chaos, byte) if chaos.random() < rate else bytes((byte,)) for byte in data
        )  # fmt: skip

    return make_disturb


DISTURBANCES: dict[str, Callable[[random.Random, float], Callable[[bytes], bytes]]] = {
    "lost": per_byte(lambda chaos, byte: b""),
    "doubled": per_byte(lambda chaos, byte: bytes((byte, byte))),
    "inserted": per_byte(lambda chaos, byte: bytes((byte, chaos.randrange(256)))),
    "sync_inserted": per_byte(lambda chaos, byte: bytes((byte,)) + frames.SYNC),
    "200_inserted": per_byte(lambda chaos, byte: bytes((byte,)) + chaos.randbytes(200)),
    "burst": bursts,
}


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("rate", [1e-5, 1e-4, 1e-3])
@pytest.mark.parametrize("kind", DISTURBANCES)
def test_f13_bytes_lost_doubled_and_added_are_survived(tmp_path: pathlib.Path, kind: str, rate: float, seed: int) -> None:
    bench = Bench(tmp_path)
    bounded(bench, 600)
    chaos = random.Random(f"{kind} {rate} {seed}")
    bench.machine.to_terminal.disturb = DISTURBANCES[kind](chaos, rate)
    bench.machine.to_host.disturb = DISTURBANCES[kind](chaos, rate)
    tries = live_through(bench, NEW)
    print(f"{kind} at {rate}, seed {seed}: {tries} tries, {bench.pipe.now():.1f} s")


# -- A33: somebody in the line who plays with frames --------------------------------------------------------------------


class Tap:
    """Takes the host's frames apart and hands on, for frame number `target`, what `attack` makes of it."""

    def __init__(self, bench: Bench, attack: Callable[["Tap", bytes], bytes] | None = None, target: int = -1) -> None:
        self.seen: list[bytes] = []
        self.late = b""
        """Goes behind the next frame."""
        self._attack, self._target = attack, target
        self._buffer = b""
        bench.machine.to_terminal.disturb = self.disturb

    def disturb(self, data: bytes) -> bytes:
        self._buffer += data
        return b"".join(self._frames())

    def _frames(self) -> Iterator[bytes]:
        while len(self._buffer) >= frames.HEADER_SIZE:
            size = frames.OVERHEAD + int.from_bytes(self._buffer[4:6], "little")
            if len(self._buffer) < size:
                return
            frame, self._buffer = self._buffer[:size], self._buffer[size:]
            number = len(self.seen)
            self.seen.append(frame)
            late, self.late = self.late, b""
            if self._attack and number == self._target:
                frame = self._attack(self, frame)
            yield frame + late


def recorded(tmp_path: pathlib.Path) -> list[bytes]:
    """The host's frames of an undisturbed job."""
    bench = Bench(tmp_path)
    tap = Tap(bench)
    life(bench, NEW)
    return tap.seen


def swap(tap: Tap, frame: bytes) -> bytes:
    tap.late = frame
    return b""


def damaged_length(tap: Tap, frame: bytes) -> bytes:
    """A frame that says it is long, its header check right."""
    return frames.encode(frames.Kind.DATA, 1, 0, bytes(16000), 1)[:40] + frame


def foreign(kind: int, payload: bytes = b"") -> Callable[[Tap, bytes], bytes]:
    return lambda tap, frame: frames.encode(kind, 3, 0, payload, seed=4711) + frame


ATTACKS: dict[str, Callable[[Tap, bytes], bytes]] = {
    "dropped": lambda tap, frame: b"",
    "twice": lambda tap, frame: frame + frame,
    "swapped": swap,
    "cut": lambda tap, frame: frame[: len(frame) // 2],
    "first_bytes_cut": lambda tap, frame: frame[len(frame) // 2 :],
    "behind_all_earlier_ones": lambda tap, frame: b"".join(tap.seen),
    "foreign_data": foreign(frames.Kind.DATA, bytes(50)),
    "foreign_ping": foreign(frames.Kind.PING),
    "foreign_ack": foreign(frames.Kind.ACK, bytes(11)),
    "reset": foreign(frames.Kind.RESET),
    "unknown_kind": foreign(99, b"?"),
    "long_frame": damaged_length,
}
"""What is sent in place of a frame."""


def attack(tmp_path: pathlib.Path, count: int, made: Callable[[int], Callable[[Tap, bytes], bytes]]) -> None:
    """The attack on each of the host's frames in turn."""
    for target in range(count):
        bench = Bench(tmp_path)
        bounded(bench, 300)
        tap = Tap(bench, made(target), target)
        tries = live_through(bench, NEW)
        if len(tap.seen) <= target and tries == 1:
            continue  # this run took fewer frames
        for event in ("update_begun", "update_received", "reset"):
            assert 1 <= noted(bench, event) <= tries, f"frame {target}: {event}"
        assert noted(bench, "confirmed") == 1, f"frame {target}"


@pytest.mark.parametrize("name", ATTACKS)
def test_a33_an_attack_on_any_frame_carries_nothing_out_twice(tmp_path: pathlib.Path, name: str) -> None:
    count = len(recorded(tmp_path))
    assert count > 15
    attack(tmp_path, count, lambda target: ATTACKS[name])


@pytest.mark.parametrize("how", ["in_its_place", "before_it"])
def test_a33_a_frame_of_an_earlier_session_carries_nothing_out(tmp_path: pathlib.Path, how: str) -> None:
    earlier = recorded(tmp_path)
    attack(
        tmp_path, len(earlier), lambda target: lambda tap, frame: earlier[target] + (frame if how == "before_it" else b"")
    )  # fmt: skip


def test_a33_a_foreign_hello_ends_a_session_and_no_more(tmp_path: pathlib.Path) -> None:
    """Anybody on the line may open a session of his own; the host's ends, and its next try goes on."""
    earlier = recorded(tmp_path)
    attack(tmp_path, len(earlier), lambda target: lambda tap, frame: earlier[0] + frame)


def test_a33_a_whole_earlier_session_carries_nothing_out(tmp_path: pathlib.Path) -> None:
    """All that was sent once, sent again to a terminal in the same state that has drawn another nonce."""
    earlier = recorded(tmp_path)
    bench = Bench(tmp_path, seed=2)
    for frame in earlier:
        bench.machine.to_terminal.send(frame)
        bench.wait(0.1)
    assert noted(bench, "update_begun") == 0
    life(bench, NEW)


# -- A35: devices without end -------------------------------------------------------------------------------------------


def trickle(bench: Bench) -> None:
    """From now on a byte per second arrives at the host."""
    queue: list[int] = []

    def tick() -> None:
        bench.pipe.arrive(bytes((queue.pop(0),)))
        if queue:
            bench.machine.scheduler.after(1.0, tick)

    def put(data: bytes) -> None:
        if not queue:
            bench.machine.scheduler.after(1.0, tick)
        queue.extend(data)

    bench.machine.host = put


def babble(bench: Bench) -> None:
    """From now on the line is busy with a frame that never ends, however often it is given up."""
    bytes_of = itertools.cycle(frames.encode(frames.Kind.DATA, 1, 0, bytes(16000), 1)[:-4])
    bench.machine.host = lambda data: None

    def tick() -> None:
        bench.pipe.arrive(bytes(itertools.islice(bytes_of, 900)))
        bench.machine.scheduler.after(0.01, tick)

    tick()


def unending_answer(bench: Bench) -> None:
    """Acknowledge everything; answer each request with a body that comes a byte at a time and never ends."""
    terminal = bench.machine.terminal

    def drip() -> None:
        terminal.link.send(b"\0")
        terminal.flush()
        bench.machine.scheduler.after(0.5, drip)

    def answer(message: Message, status: Status, record: Any) -> None:
        body = messages.MAX_BODY.to_bytes(4, "little")
        terminal.link.send(bytes((message.opcode, Kind.RESPONSE)) + message.request_id.to_bytes(2, "little") + bytes(4) + body)
        drip()

    terminal.answer = answer  # type: ignore[method-assign]


def no_window(bench: Bench) -> None:
    """Announce a window of nothing; a new session is needed for it to be heard."""
    link = bench.machine.terminal.link
    link._hello = Hello(**{**link._hello.to_container(), "window": 0})
    bench.connect()


ENDLESS = {"trickle": trickle, "babble": babble, "unending_answer": unending_answer, "no_window": no_window}
WORK: dict[str, tuple[Callable[[Bench], Any], float]] = {
    "info": (lambda bench: bench.info(), 12.0),
    "update": (lambda bench: bench.send(NEW), STALL_S + 12.0),
}
"""What is asked, and the time in which it must have ended."""


@pytest.mark.parametrize("work", WORK)
@pytest.mark.parametrize("kind", ENDLESS)
def test_a35_a_device_without_end_is_given_up(tmp_path: pathlib.Path, kind: str, work: str) -> None:
    bench = Bench(tmp_path)
    bounded(bench, 600)
    bench.connect()
    ENDLESS[kind](bench)
    start = bench.pipe.now()
    run, bound = WORK[work]
    with pytest.raises(ToolError):
        run(bench)
    print(f"{kind}, {work}: {bench.pipe.now() - start:.1f} s")
    assert bench.pipe.now() - start < bound


@pytest.mark.parametrize("kind", ["trickle", "babble"])
def test_a35_a_line_without_end_does_not_hold_up_a_hello(tmp_path: pathlib.Path, kind: str) -> None:
    bench = Bench(tmp_path)
    bounded(bench, 600)
    ENDLESS[kind](bench)
    start = bench.pipe.now()
    with pytest.raises(LinkError):
        bench.host.connect(timeout_s=5)
    assert bench.pipe.now() - start < 6


@pytest.mark.parametrize("told", [[0], [1], [0, 1], [7, 2, 3], [2**32 - 1, 0]], ids=str)
def test_a35_progress_without_end_is_no_progress(tmp_path: pathlib.Path, told: list[int]) -> None:
    """A device that takes everything, does nothing, and tells of progress for ever."""
    bench = Bench(tmp_path)
    bounded(bench, 600)
    bench.connect()
    terminal = bench.machine.terminal
    terminal.update.work = lambda: None  # type: ignore[method-assign]
    terminal.update.finish_now = lambda message: None  # type: ignore[method-assign]
    numbers = itertools.cycle(told)

    def tell() -> None:
        terminal.send_event(Opcode.PROGRESS, Status.OK, messages.Progress(blocks_done=next(numbers)))
        bench.machine.scheduler.after(0.5, tell)

    bench.machine.scheduler.after(0.5, tell)
    start = bench.pipe.now()
    with pytest.raises(ToolError):
        bench.send(NEW)
    assert bench.pipe.now() - start < STALL_S + 12


def test_a35_no_credit_for_ever_is_given_up(tmp_path: pathlib.Path) -> None:
    """A device that is alive and takes a window full, then nothing more."""
    bench = Bench(tmp_path)
    bounded(bench, 600)
    bench.connect()
    bench.machine.terminal.link.consume = lambda count: None  # type: ignore[method-assign]
    start = bench.pipe.now()
    with pytest.raises(LinkError):
        bench.send(LONG)
    print(f"{bench.pipe.now() - start:.1f} s")
    assert bench.pipe.now() - start < STALL_S + 12


# -- A40: another terminal ----------------------------------------------------------------------------------------------


class Exchange(Desk):
    """Two terminals of the same kind at one desk; the second one has the same package on trial already."""

    def __init__(self, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, *, same_port: bool, baud: int = 921_600) -> None:
        super().__init__(tmp_path, monkeypatch, NEW)
        self.same_port = same_port
        identity = DEFAULT_IDENTITY._replace(serial_number="SIM-0002")
        order = Order(
            trust=TRUST.raw, firmware=tmp_path / "old.fwp", line=LineModel(baud), paper=tmp_path / "paper", identity=identity
        )
        self.first, self.second = self.machine, make(order, self.machine.scheduler)
        self.pipes: list[SimPipe] = []

    def second_on_trial(self) -> None:
        self.machine = self.second
        SimPipe(self.machine)
        self.wait(2.0)
        self.do(confirm=False)
        assert self.second.terminal.booted is not None
        assert self.second.terminal.booted.trial
        self.machine = self.first

    def open(self, port: str, options: LineOptions) -> SimPipe:
        self.pipes.append(super().open(port, options))
        return self.pipes[-1]

    def swap(self) -> None:
        """The cable goes from one terminal to the other: without a trace on a serial line, with a new port on USB."""
        self.first.unplug()
        self.machine = self.second
        if self.same_port:
            self.first.host = lambda data: None
            pipe = self.pipes[-1]
            pipe.machine, pipe._wire = self.second, self.second.to_terminal
            self.second.set_host_baud(self.first.host_baud)
            self.second.host = pipe.arrive

    def do(self, **options: Any) -> None:
        job = FlashJob(self.folder / "new.fwp", self.port, TRUST, max_baud=0, port_options={"baud": 921_600})
        flash(dataclasses.replace(job, **options), Records(self.folder))

    def assert_not_confirmed(self) -> None:
        for machine in (self.first, self.second):
            assert "confirmed" not in [entry.event for entry in machine.terminal.journal.since(0)]
            assert machine.terminal.counter.value == 7


def after_note(machine: Machine, event: str, monkeypatch: pytest.MonkeyPatch, call: Callable[[], None]) -> None:
    """Do something right after an entry of the journal."""
    note = machine.terminal.note

    def noting(what: str, detail: str = "") -> None:
        note(what, detail)
        if what == event:
            machine.scheduler.after(0.05, call)

    monkeypatch.setattr(machine.terminal, "note", noting)


@pytest.mark.parametrize("same_port", [True, False], ids=["serial_line", "usb"])
def test_a40_another_terminal_after_the_restart_is_noticed(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, same_port: bool
) -> None:
    desk = Exchange(tmp_path, monkeypatch, same_port=same_port)
    desk.second_on_trial()
    after_note(desk.first, "reset", monkeypatch, desk.swap)
    with pytest.raises(ToolError) as caught:
        desk.do()
    assert caught.value.name == "wrong_device"
    desk.assert_not_confirmed()


@pytest.mark.parametrize("event", ["update_begun", "update_received"])
@pytest.mark.parametrize("same_port", [True, False], ids=["serial_line", "usb"])
def test_a40_another_terminal_within_a_session_does_not_go_on_with_it(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, same_port: bool, event: str
) -> None:
    desk = Exchange(tmp_path, monkeypatch, same_port=same_port)
    desk.second_on_trial()
    after_note(desk.first, event, monkeypatch, desk.swap)
    with pytest.raises(ToolError):
        desk.do()
    desk.assert_not_confirmed()


@pytest.mark.parametrize("same_port", [True, False], ids=["serial_line", "usb"])
def test_a40_another_terminal_just_before_confirm_is_not_confirmed(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, same_port: bool
) -> None:
    desk = Exchange(tmp_path, monkeypatch, same_port=same_port)
    desk.second_on_trial()
    after_note(desk.first, "start_on_trial", monkeypatch, lambda: desk.machine.scheduler.after(0.3, desk.swap))
    with pytest.raises(ToolError):
        desk.do()
    desk.assert_not_confirmed()


def test_a40_another_terminal_while_the_rate_is_tried_is_noticed(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Exchange(tmp_path, monkeypatch, same_port=True)
    SimPipe(desk.second)
    desk.wait(2.0)
    desk.first.on_terminal_baud = lambda baud: desk.swap() if desk.machine is desk.first else None
    with pytest.raises(ToolError) as caught:
        desk.do(max_baud=3_000_000)
    assert desk.machine is desk.second
    assert caught.value.name == "wrong_device"
    desk.assert_not_confirmed()


@pytest.mark.parametrize("same_port", [True, False], ids=["serial_line", "usb"])
def test_a40_another_terminal_at_the_restart_of_a_bad_update_is_not_confirmed(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, same_port: bool
) -> None:
    """The health check got worse, the terminal is sent back to its old firmware, and another one comes back."""
    desk = Exchange(tmp_path, monkeypatch, same_port=same_port)
    desk.second_on_trial()

    def worse() -> None:
        FAULTS["keys_missing"].plant(desk.first, Fault("keys_missing"))
        after_note(desk.first, "reset", monkeypatch, desk.swap)

    after_note(desk.first, "start_on_trial", monkeypatch, worse)
    with pytest.raises(ToolError) as caught:
        desk.do()
    assert desk.machine is desk.second
    assert caught.value.name == "wrong_device"
    desk.assert_not_confirmed()
