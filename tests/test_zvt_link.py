"""The links of ZVT in virtual time: repetitions, time-outs, every single damaged byte of a conversation, and lines of noise."""

import itertools
import math
import random
from collections.abc import Callable
from typing import Final

import pytest

from tests.zvt_examples import ALL_MESSAGES, EXAMPLES, raw
from transports.virtual import Scheduler, Wire
from transports.zvt import frames, service, session
from transports.zvt.apdu import MAX_SIZE, OK, Apdu, refuse
from transports.zvt.commands import COMMANDS, Context
from transports.zvt.files import FileBlock, FilePart, FileRequest
from transports.zvt.link import Event, Failed, Link, Malformed, Received
from transports.zvt.opcodes import Opcode, Timer
from transports.zvt.outcome import Aborted, Completion
from transports.zvt.serial_link import SerialLink
from transports.zvt.tcp_link import TcpLink
from transports.zvt.timers import Timers

PRINTED: Final = [Apdu(Opcode.PRINT_LINE, b"\0" + line) for line in (b" ", b" ", b"Summe", b" ")]
"""Equal lines in a row: none of them is a repetition."""
WORK: Final[dict[int, list[Apdu]]] = {
    Opcode.REGISTRATION: [Apdu(Opcode.COMPLETION, raw("1900"))],
    Opcode.SELF_TEST: [*PRINTED, Apdu(Opcode.COMPLETION)],
    Opcode.END_OF_DAY: [Apdu(Opcode.INTERMEDIATE_STATUS, b"\x04"), Apdu.parse(EXAMPLES["totals"][0]), Apdu(Opcode.COMPLETION)],
    Opcode.WRITE_FILE: [
        *[Apdu.parse(EXAMPLES["ask for a block"][0])] * 2, Apdu(Opcode.FILE_REQUEST, raw("060B2D091D01101E0400001010")),
        Apdu(Opcode.COMPLETION),
    ],
    Opcode.DISPLAY_TEXT: [],
}  # fmt: skip
"""What the terminal of these tests says after its answer, one after the other."""
COMMANDS_SENT: Final = [
    Apdu.parse(EXAMPLES["registration"][0]), Apdu(Opcode.SELF_TEST), Apdu(Opcode.DISPLAY_TEXT, raw("F1F0F241 42")),
    Apdu(Opcode.DISPLAY_TEXT, raw("F1F0F24142")), Apdu(Opcode.END_OF_DAY, raw("246813")),
    Apdu.parse(EXAMPLES["write file"][0]),
]  # fmt: skip


class Station:
    """One end: a link, the wire from it, and somebody who reacts."""

    def __init__(self, link: Link, scheduler: Scheduler, react: Callable[["Station", Apdu], None]) -> None:
        self.link, self.scheduler, self.react = link, scheduler, react
        self.wire: Wire | None = None
        self.events: list[Event] = []

    def say(self, apdu: Apdu) -> None:
        self.link.send(apdu, self.scheduler.now())

    def take(self, data: bytes) -> None:
        self.link.receive(data, self.scheduler.now())
        self.work()

    def work(self) -> None:
        while (event := self.link.next_event()) is not None:
            self.events.append(event)
            if isinstance(event, Received):
                self.react(self, event.apdu)
        if data := self.link.outgoing():
            assert self.wire
            self.wire.send(data)
        if (deadline := self.link.deadline) < math.inf:
            self.scheduler.at(max(deadline, self.scheduler.now()), lambda: self.wake(deadline))

    def wake(self, deadline: float) -> None:
        if self.link.deadline <= self.scheduler.now():
            self.link.tick(self.scheduler.now())
            self.work()

    @property
    def heard(self) -> list[Apdu]:
        return [event.apdu for event in self.events if isinstance(event, Received)]

    @property
    def failures(self) -> list[Failed]:
        return [event for event in self.events if isinstance(event, Failed)]


class Pair:
    """Host and terminal on a line of 9600 8N2, in virtual time."""

    def __init__(self, make: Callable[[], Link] | None = None, sends: list[Apdu] | None = None) -> None:
        byte_time_s = 11 / 9600
        make = make or (lambda: SerialLink(byte_time_s=byte_time_s))
        self.scheduler = Scheduler()
        self.todo = list(COMMANDS_SENT if sends is None else sends)
        self.done: list[Apdu] = []
        self.script: list[Apdu] = []
        self.current: Apdu | None = None
        self.host = Station(make(), self.scheduler, self.host_hears)
        self.terminal = Station(make(), self.scheduler, self.terminal_hears)
        self.host.wire = Wire(self.scheduler, self.terminal.take, byte_time_s=byte_time_s)
        self.terminal.wire = Wire(self.scheduler, self.host.take, byte_time_s=byte_time_s)
        self.answered = 0

    def host_hears(self, host: Station, apdu: Apdu) -> None:
        if apdu.is_answer:
            if self.current and COMMANDS[self.current.opcode].ends is Timer.T3:
                self.proceed()
        else:
            block = FileBlock(file=FilePart(file_id=0x10, offset=4096, block=bytes(40) + b"\x10\x03" * 9))
            host.say(Apdu(0x8000, block.build()) if apdu.opcode == Opcode.FILE_REQUEST else OK)
            if apdu.opcode in (Opcode.COMPLETION, Opcode.ABORTED):
                self.proceed()

    def terminal_hears(self, terminal: Station, apdu: Apdu) -> None:
        if not apdu.is_answer:
            self.done.append(apdu)
            self.script = list(WORK[apdu.opcode])
            terminal.say(OK)
        if self.script and (apdu.is_answer or COMMANDS[apdu.opcode].ends is Timer.T4):
            terminal.say(self.script.pop(0))

    def proceed(self) -> None:
        self.current = self.todo.pop(0) if self.todo else None
        if self.current:
            self.host.say(self.current)

    def run(self, limit_s: float = 3600.0) -> "Pair":
        self.proceed()
        self.host.work()
        while self.scheduler.advance(limit_s) and self.scheduler.now() < limit_s:
            pass
        return self

    @property
    def complete(self) -> bool:
        return self.current is None and not self.todo


@pytest.fixture(scope="module", name="clean")
def _clean() -> Pair:
    return Pair().run()


def test_a_clean_line(clean: Pair) -> None:
    assert clean.complete
    assert clean.done == COMMANDS_SENT
    said = [apdu for command in COMMANDS_SENT for apdu in (OK, *WORK[command.opcode])]
    assert clean.host.heard == said
    assert not clean.host.failures
    assert not clean.terminal.failures


def test_the_bytes_of_a_short_dialogue() -> None:
    """Who says what: command, 06, answer, 06, completion, 06, answer, 06 (X 3.1)."""
    pair = Pair(sends=[Apdu.parse(EXAMPLES["registration"][0])])
    log: list[tuple[str, bytes]] = []
    for name, station in (("H", pair.host), ("T", pair.terminal)):
        assert station.wire
        station.wire.disturb = listener(log, name)
    pair.run()
    joined = [(name, b"".join(data for _, data in group)) for name, group in itertools.groupby(log, key=lambda entry: entry[0])]
    done = frames.encode(Apdu(Opcode.COMPLETION, raw("1900")).build())
    answer = frames.encode(OK.build())
    assert joined == [
        ("H", frames.encode(EXAMPLES["registration"][0])), ("T", b"\x06" + answer), ("H", b"\x06"), ("T", done),
        ("H", b"\x06" + answer), ("T", b"\x06"),
    ]  # fmt: skip


def listener(log: list[tuple[str, bytes]], name: str) -> Callable[[bytes], bytes]:
    def write_down(data: bytes) -> bytes:
        log.append((name, data))
        return data

    return write_down


@pytest.mark.parametrize("side", ["host", "terminal"])
@pytest.mark.parametrize("damage", ["drop", "flip", "insert"])
def test_every_single_damaged_byte_is_repaired(side: str, damage: str, clean: Pair) -> None:
    """For each byte of a conversation: lost, changed, or another before it. All is delivered, in order, and once."""
    wire = getattr(clean, side).wire
    for at in range(wire.bytes_carried):
        pair = Pair()
        getattr(pair, side).wire.disturb = disturbance(at, damage)
        pair.run()
        assert pair.complete, at
        assert pair.done == clean.done, at
        assert pair.host.heard == clean.host.heard, at
        assert not pair.host.failures, at
        assert not pair.terminal.failures, at


def disturbance(at: int, damage: str) -> Callable[[bytes], bytes]:
    position = 0

    def disturb(data: bytes) -> bytes:
        nonlocal position
        start, position = position, position + len(data)
        if not start <= at < position:
            return data
        place = at - start
        changed = {"drop": b"", "flip": bytes([data[place] ^ 0x20]), "insert": b"\x00" + data[place : place + 1]}[damage]
        return data[:place] + changed + data[place + 1 :]

    return disturb


def test_a_line_full_of_noise() -> None:
    """Whatever noise does, nothing is executed that was not sent, and nothing twice without need; else both give up."""
    finished = 0
    for seed in range(60):
        pair = Pair()
        chance = random.Random(seed)
        for station in (pair.host, pair.terminal):
            assert station.wire
            station.wire.disturb = lambda data, chance=chance: bytes(
                one ^ (1 << chance.randrange(8)) if chance.random() < 0.002 else one for one in data
            )
        pair.run(2000.0)
        finished += pair.complete
        assert pair.complete or pair.host.failures or pair.terminal.failures
        assert pair.done == COMMANDS_SENT[: len(pair.done)]
        assert not [event for event in (*pair.host.events, *pair.terminal.events) if isinstance(event, Malformed)]
    assert finished > 40


def acknowledged(link: Link, now: float) -> None:
    link.outgoing()
    link.receive(b"\x06", now)


def listen(link: Link, frame: bytes, now: float) -> tuple[bytes, list[Event]]:
    """Let a frame in; what goes back, and what comes up."""
    link.receive(frame, now)
    events = []
    while (event := link.next_event()) is not None:
        events.append(event)
    return link.outgoing(), events


def framed(opcode: int, data: bytes = b"") -> bytes:
    return frames.encode(Apdu(opcode, data).build())


def test_a_repeated_frame_is_acknowledged_and_not_delivered() -> None:
    """Its acknowledgement was lost, so the other side sends it again 5 s later (X 3.3)."""
    link = SerialLink()
    command = framed(Opcode.END_OF_DAY, raw("246813"))
    assert listen(link, command, 0.0) == (b"\x06", [Received(Apdu(Opcode.END_OF_DAY, raw("246813")))])
    assert listen(link, command, 5.0) == (b"\x06", [])
    assert len(listen(link, command, 6.1)[1]) == 1  # too late for a repetition: somebody means it
    link.send(OK, 6.2)
    assert link.outgoing() == frames.encode(OK.build())
    assert listen(link, command, 11.0) == (b"\x06", [])  # our answer is not there yet
    assert len(listen(link, command, 7.0)[1]) == 1  # and this is no time for a repetition
    link.send(OK, 7.1)
    link.receive(b"\x06", 7.2)
    assert len(listen(link, command, 12.0)[1]) == 1  # our answer is there: a new command


@pytest.mark.parametrize(
    ("opcode", "silent", "sent"),
    [(Opcode.INTERMEDIATE_STATUS, True, True), (Opcode.PRINT_LINE, False, True), (Opcode.PRINT_TEXT_BLOCK, False, True),
     (Opcode.FILE_REQUEST, False, True), (0x8000, False, True), (Opcode.STATUS_INFORMATION, False, False),
     (Opcode.COMPLETION, False, False)],
)  # fmt: skip
def test_what_may_come_twice(opcode: int, silent: bool, sent: bool) -> None:
    """Delivered again before, and after, something of ours was sent."""
    link = SerialLink()
    listen(link, framed(opcode), 0.0)
    assert bool(listen(link, framed(opcode), 1.0)[1]) == silent
    link.send(OK if opcode != 0x8000 else Apdu(Opcode.COMPLETION), 1.5)
    assert bool(listen(link, framed(opcode), 5.0)[1]) == sent


def test_an_answer_proves_the_command() -> None:
    link = SerialLink()
    link.send(Apdu(Opcode.SELF_TEST), 0.0)
    link.outgoing()
    sent, events = listen(link, frames.encode(OK.build()), 1.0)
    assert (sent, events) == (b"\x06", [Received(OK)])
    link.send(OK, 1.0)
    assert link.outgoing() == frames.encode(OK.build())  # nothing is in its way
    link.send(Apdu(Opcode.LOG_OFF), 1.05)
    assert link.outgoing() == b""  # one at a time
    command = listen(link, framed(Opcode.ABORT), 1.1)
    assert command[0] == b"\x06" + framed(Opcode.LOG_OFF)
    link.receive(b"\x06", 1.15)
    assert command[1] == [Received(Apdu(Opcode.ABORT))]
    link.send(Apdu(Opcode.INTERMEDIATE_STATUS, b"\x04"), 1.2)
    link.outgoing()
    listen(link, framed(Opcode.ABORT, b"\xd2\x00"), 1.3)  # command against command: proves nothing
    link.tick(6.3)
    assert link.outgoing() == framed(Opcode.INTERMEDIATE_STATUS, b"\x04")


@pytest.mark.parametrize("reply", [b"\x15", b""])
def test_a_frame_is_sent_three_times(reply: bytes) -> None:
    """NAK: at once. Silence: after 5 s. Then it is over (X 3.3)."""
    link = SerialLink()
    link.send(Apdu(Opcode.SELF_TEST), 0.0)
    link.send(Apdu(Opcode.LOG_OFF), 0.0)
    frame = framed(Opcode.SELF_TEST)
    times = []
    now = 0.0
    while not (event := link.next_event()):
        if link.outgoing() == frame:
            times.append(now)
            link.receive(reply, now)
        if not reply:
            assert link.deadline == pytest.approx(now + 5.0)
            now = link.deadline
            link.tick(now)
    assert isinstance(event, Failed)
    assert event.timer is Timer.T2
    assert times == [0.0, 0.0, 0.0] if reply else times == [0.0, 5.0, 10.0]
    assert now == (0.0 if reply else 15.0)
    assert link.outgoing() == b""  # what was to follow is forgotten
    assert link.deadline == math.inf


def test_damaged_frames_are_refused_three_times() -> None:
    link = SerialLink()
    damaged = framed(Opcode.SELF_TEST)[:-1] + b"\x00"
    assert listen(link, damaged, 0.0) == (b"\x15", [])
    assert listen(link, damaged, 0.1) == (b"\x15", [])
    sent, events = listen(link, damaged, 0.2)
    assert sent == b"\x15"
    assert isinstance(events[0], Failed)
    assert events[0].timer is Timer.T1
    assert link.bad_frames == 3
    assert listen(link, framed(Opcode.SELF_TEST), 0.3)[1] == [Received(Apdu(Opcode.SELF_TEST))]
    for _ in range(5):  # a good one in between sets the count back
        assert listen(link, damaged, 0.4) == (b"\x15", [])
        assert listen(link, damaged, 0.4) == (b"\x15", [])
        listen(link, framed(Opcode.SELF_TEST), 0.5)
    assert link.bad_frames == 13


def test_a_pause_ends_a_frame() -> None:
    """T1 is 200 ms (X 3.2): at the deadline the rest is refused; before it, it is taken."""
    frame = framed(Opcode.SELF_TEST)
    for pause, taken in ((0.15, True), (0.2, False)):
        link = SerialLink()
        link.receive(frame[:4], 1.0)
        assert link.deadline == pytest.approx(1.2)
        link.tick(1.0 + pause)
        assert link.outgoing() == (b"" if taken else b"\x15")
        assert bool(listen(link, frame[4:], 1.0 + pause)[1]) == taken
    link = SerialLink()
    link.receive(b"\x10\x02\x06\x79\x10\x41", 0.0)  # 10 and then neither 10 nor 03: wait for a silence
    link.receive(frame, 0.1)
    assert link.outgoing() == b""
    link.tick(link.deadline)
    assert link.outgoing() == b"\x15"
    assert listen(link, frame, 0.5)[1] == [Received(Apdu(Opcode.SELF_TEST))]


def test_a_frame_that_never_ends() -> None:
    link = SerialLink(max_size=512)
    link.receive(b"\x10\x02", 0.0)
    now = 0.0
    while now < 30.0:
        now += 0.1
        link.receive(b"\x11", now)
        link.tick(now)
    assert link.deadline == pytest.approx(now + 0.2)
    link.tick(now + 0.2)
    assert link.outgoing() == b"\x15"


def dialogue(link: Link, opcode: int, now: float) -> None:
    """Say a command and let it be acknowledged."""
    link.send(Apdu(opcode), now)
    acknowledged(link, now)


LINKS: Final = [SerialLink, TcpLink]


def wrapped(link: Link, opcode: int, data: bytes = b"") -> bytes:
    whole = Apdu(opcode, data).build()
    return frames.encode(whole) if isinstance(link, SerialLink) else whole


def failure(link: Link, now: float) -> Failed | None:
    link.tick(now)
    events = [event for event in iter(link.next_event, None) if isinstance(event, Failed)]
    return events[0] if events else None


@pytest.fixture(name="link", params=LINKS, ids=["serial", "tcp"])
def _link(request: pytest.FixtureRequest) -> Link:
    link: Link = request.param()
    return link


def begin(link: Link, opcode: int, now: float, **options: float) -> None:
    link.send(Apdu(opcode), now, **options)
    link.outgoing()
    if isinstance(link, SerialLink):
        link.receive(b"\x06", now)


def later(link: Link) -> float:
    """On a serial line an answer whose first bytes were lost comes again after T2: T3 waits for it, and a second."""
    return 6.0 if isinstance(link, SerialLink) else 0.0


def test_no_answer(link: Link) -> None:
    begin(link, Opcode.SELF_TEST, 10.0)
    assert link.deadline == 15.0 + later(link)
    assert failure(link, link.deadline - 0.1) is None
    failed = failure(link, link.deadline)
    assert failed
    assert failed.timer is Timer.T3
    assert link.deadline == math.inf
    begin(link, Opcode.DISPLAY_TEXT_KEY, 20.0, answer_s=30.0)
    assert link.deadline == 50.0 + later(link)
    link.receive(wrapped(link, 0x8000, b"\x0d"), 40.0)
    assert link.deadline == math.inf


def test_no_completion(link: Link) -> None:
    """180 s; each command of the terminal starts it anew; 04 FF sets it; the completion sets it back (S 1.4)."""
    begin(link, Opcode.SELF_TEST, 0.0)
    link.receive(wrapped(link, 0x8000), 1.0)
    assert link.deadline == 181.0
    link.receive(wrapped(link, Opcode.PRINT_LINE, b"\0A"), 100.0)
    assert link.deadline == 280.0
    link.receive(wrapped(link, Opcode.INTERMEDIATE_STATUS, raw("E210")), 200.0)
    assert link.deadline == 800.0
    link.receive(wrapped(link, Opcode.INTERMEDIATE_STATUS, raw("1700")), 210.0)
    assert link.deadline == 810.0
    link.receive(wrapped(link, Opcode.INTERMEDIATE_STATUS, raw("17FF")), 211.0)
    assert link.deadline == 811.0
    link.receive(wrapped(link, Opcode.COMPLETION), 300.0)
    assert link.deadline == math.inf
    begin(link, Opcode.SELF_TEST, 400.0)
    link.receive(wrapped(link, 0x8000), 401.0)
    assert link.deadline == 581.0
    failed = failure(link, 581.0)
    assert failed
    assert failed.timer is Timer.T4


@pytest.mark.parametrize(
    ("opcode", "answer"), [(Opcode.SELF_TEST, 0x8483), (Opcode.LOG_OFF, 0x8000), (Opcode.COMPLETION, 0x8000)]
)
def test_nothing_to_wait_for(link: Link, opcode: int, answer: int) -> None:
    """A refusal, a command that the answer ends, and a terminal's command."""
    begin(link, opcode, 0.0)
    assert link.deadline == 5.0 + later(link)
    link.receive(wrapped(link, answer), 1.0)
    assert link.deadline == math.inf


def test_abort_in_between(link: Link) -> None:
    begin(link, Opcode.SELF_TEST, 0.0)
    link.receive(wrapped(link, 0x8000), 1.0)
    begin(link, Opcode.ABORT, 10.0)
    assert link.deadline == 15.0 + later(link)
    link.receive(wrapped(link, 0x8000), 11.0)
    assert link.deadline == 181.0
    link.receive(wrapped(link, Opcode.ABORTED, b"\x6c"), 12.0)
    assert link.deadline == math.inf


def test_other_times() -> None:
    link = TcpLink(Timers(t3_s=2.0, t4_s=60.0))
    begin(link, Opcode.SELF_TEST, 0.0)
    assert link.deadline == 2.0
    link.receive(OK.build(), 1.0)
    assert link.deadline == 61.0


def test_tcp_segments_end_anywhere() -> None:
    whole = [message for _, message, _ in ALL_MESSAGES]
    stream = b"".join(whole)
    for step in (1, 2, 3, 7, 100, len(stream)):
        link = TcpLink()
        for at in range(0, len(stream), step):
            link.receive(stream[at : at + step], at / 1e6)
        assert [event.apdu.build() for event in iter(link.next_event, None) if isinstance(event, Received)] == whole
        assert link.deadline == math.inf
        assert link.outgoing() == b""  # no acknowledgements


def test_tcp_messages_that_dribble() -> None:
    link = TcpLink()
    link.receive(EXAMPLES["block"][0][:100], 0.0)
    assert link.deadline == 5.0
    link.receive(EXAMPLES["block"][0][100:], 4.0)
    assert isinstance(link.next_event(), Received)
    link.receive(raw("0600FF"), 10.0)
    link.receive(raw("FFFF"), 14.0)
    failed = failure(link, 15.0)
    assert failed
    assert failed.timer is Timer.T1
    link = TcpLink(max_size=1024)
    link.receive(raw("8000FFFFFF"), 0.0)
    assert isinstance(link.next_event(), Failed)


def test_tcp_pair() -> None:
    pair = Pair(TcpLink).run()
    assert pair.complete
    assert pair.done == COMMANDS_SENT
    assert not pair.host.failures


def test_a_frame_without_a_message() -> None:
    """A right CRC around a wrong length: acknowledged, and told (X 4.1)."""
    link = SerialLink()
    sent, events = listen(link, frames.encode(raw("060005123456DE")), 0.0)
    assert sent == b"\x06"
    assert [type(event) for event in events] == [Malformed]
    assert listen(link, frames.encode(b""), 0.1) == (b"\x06", [Malformed("an APDU of 0 bytes has no length")])


def test_reset() -> None:
    for kind in LINKS:
        link = kind()
        begin(link, Opcode.SELF_TEST, 0.0)
        link.send(Apdu(Opcode.LOG_OFF), 0.0)
        link.receive(wrapped(link, 0x8000)[:3], 0.0)
        link.reset()
        assert link.outgoing() == b""
        assert link.deadline == math.inf
        link.receive(wrapped(link, 0x8000), 9.0)
        assert isinstance(link.next_event(), Received)


def test_slow_lines() -> None:
    """T2 begins when the line has carried the frame: 4 KiB take 4.7 s at 9600."""
    byte_time_s = 11 / 9600
    link = SerialLink(byte_time_s=byte_time_s)
    link.send(Apdu(0x8000, bytes(4096)), 0.0)
    assert link.deadline == pytest.approx(5.0 + len(link.outgoing()) * byte_time_s)
    receiver = SerialLink(byte_time_s=byte_time_s)
    begin(receiver, Opcode.FILE_REQUEST, 0.0)
    frame = framed(0x8000, bytes(16384))
    for at in range(0, len(frame), 10):
        receiver.tick(at * byte_time_s)
        receiver.receive(frame[at : at + 10], at * byte_time_s)  # T3 passes while the answer comes in
    assert receiver.next_event() == Received(Apdu(0x8000, bytes(16384)))


def test_context_without_a_beginning() -> None:
    """A trace may begin anywhere."""
    context = Context()
    assert context.record(OK) is service.Empty
    assert context.record(Apdu(Opcode.COMPLETION)) is Completion
    assert context.record(Apdu(0x0601)) is None
    assert context.record(Apdu(Opcode.STATUS_ENQUIRY)) is session.StatusEnquiry
    assert context.record(refuse(0x9C)) is service.Empty
    assert context.record(Apdu(Opcode.FILE_REQUEST)) is FileRequest
    assert context.record(OK) is FileBlock
    assert context.record(Apdu(Opcode.ABORTED)) is Aborted
    assert MAX_SIZE == 65540
