"""A trace played back as a device: `--port replay:FILE`. What a terminal said in the field it says again.

Messages are replayed, not frames: the host of today cuts its bytes differently and draws other nonces. Answers come when
the host asks the same question again, events when it has sent as many parts, each after the time it took then. Where
the recording ends without an answer, there is silence, as there was then.
"""

import functools
import pathlib
import random
from collections.abc import Callable
from typing import Final, NamedTuple

from formats.errors import FormatError, ToolError
from transports.errors import LinkError
from transports.pipe import LineOptions
from transports.scheduled_link import ScheduledLink
from transports.trace import Entry, load, started_at
from transports.tsp.describe import message_text
from transports.tsp.frames import Kind as FrameKind
from transports.tsp.hello import Hello
from transports.tsp.link import Event, Link, Opened, Received, Role
from transports.tsp.messages import Detail, Kind, Message, Splitter, Status
from transports.virtual import Scheduler, Wire
from transports.virtual_pipe import WirePipe

FROM_HOST: Final = "tx"


class Step(NamedTuple):
    """One message of the recording."""

    time_s: float
    from_host: bool
    message: Message


class Recording(NamedTuple):
    """What a trace holds of one device."""

    hello: Hello
    sessions: tuple[tuple[Step, ...], ...]
    started: float
    """Time of day of its start, seconds since 1970 UTC."""


def read_recording(path: pathlib.Path, port: str = "") -> Recording:
    """Read a trace for replay.

    Args:
        port: Which one, if the trace holds several.

    Raises:
        LocalError, FormatError: not readable, not a trace, or without a session.
        ToolError: several ports and none named (`usage`).
    """
    entries: list[Entry] = list(load(path, port))
    ports = list(dict.fromkeys(entry.port for entry in entries))
    if len(ports) > 1:
        hint = "Choose one: replay:FILE?port=PORT, or fwtool trace replay --port PORT."
        raise ToolError(f"this trace holds several ports: {', '.join(ports)}", name="usage", hint=hint)
    if any(entry.apdu for entry in entries):
        raise FormatError(f"{path} is of a ZVT terminal; only TSP is replayed", hint="`sim-zvt:` is a ZVT terminal to try with.")
    welcome = next((e.frame for e in entries if e.frame and e.frame.kind == FrameKind.WELCOME), None)
    if welcome is None:
        raise FormatError(f"{path} holds no session: no terminal has answered in it")
    count = max(entry.session for entry in entries)
    sessions = tuple(
        tuple(Step(e.time_s, e.direction == FROM_HOST, m) for e in entries if e.session == number for m in e.messages)
        for number in range(1, count + 1)
    )
    return Recording(Hello.parse(welcome.payload, what="WELCOME"), sessions, started_at(path))


class ReplayDevice:
    """The device of a recording, on a line without limit."""

    start_baud = host_baud = 0
    plugged = True

    def __init__(self, recording: Recording, scheduler: Scheduler) -> None:
        self.scheduler = scheduler
        self.problem = ""
        """Why the recording cannot go on; the host does something else than the one that was recorded."""
        self.on_problem: Callable[[str], None] = lambda problem: None
        self.host: Callable[[bytes], None] = lambda data: None
        self.to_terminal = Wire(scheduler, self._line_in)
        self._to_host = Wire(scheduler, self._deliver)
        generator = random.Random(1)  # noqa: S311 - a replay is the same every time
        link = Link(Role.DEVICE, recording.hello, generator.randbytes, dead_after_s=30.0)
        self._line = ScheduledLink(link, scheduler, self._transmit, self._take)
        self._sessions = recording.sessions
        self._session = -1
        self._at = 0
        self._time_s = 0.0
        """Time of the last step, on the recording's clock."""
        self._due = 0.0
        """When the last answer that is on its way will be sent."""
        self._request_ids: dict[int, int] = {}
        """Request ids of the recording -> those of the host of today."""
        self._splitter = Splitter()
        self._silent = False

    def start(self) -> None:
        """Nothing to do: it has no power switch."""

    def _deliver(self, data: bytes) -> None:
        self.host(data)

    def set_host_baud(self, baud: int) -> None:
        """Its line has no rate."""
        self.host_baud = baud

    @property
    def _script(self) -> tuple[Step, ...]:
        return self._sessions[self._session] if 0 <= self._session < len(self._sessions) else ()

    def _line_in(self, data: bytes) -> None:
        self._line.receive(data)

    def _transmit(self, data: bytes) -> None:
        if not self._silent:
            self._to_host.send(data)

    def _take(self, event: Event) -> None:
        if isinstance(event, Opened):
            self._open()
        elif isinstance(event, Received):
            self._line.link.consume(len(event.data))
            for message in self._splitter.feed(event.data):
                self._hear(message)

    def _open(self) -> None:
        self._session = (self._session + 1) % len(self._sessions)  # after the last one it begins again
        self._at, self._silent = 0, False
        self._splitter = Splitter()
        self._due = self.scheduler.now()
        if self._script:
            self._time_s = self._script[0].time_s
        self._play()

    def _hear(self, message: Message) -> None:
        """Find the step that this message is, and go on from there."""
        for at in range(self._at, len(self._script)):
            step = self._script[at]
            if not step.from_host or step.message.kind != message.kind:
                continue
            if message.kind == Kind.REQUEST and step.message.opcode != message.opcode:
                continue
            self._request_ids[step.message.request_id] = message.request_id
            self._at, self._time_s = at + 1, step.time_s
            self._play()
            return
        if message.kind == Kind.REQUEST:
            self.problem = f"the recording has no answer to this any more: {message_text(message)}"
            self.on_problem(self.problem)
            body = Detail(text="the recording has no answer to this").build()
            self._say(self._session, message._replace(kind=Kind.RESPONSE, status=Status.WRONG_STATE, body=body))

    def _play(self) -> None:
        """Have everything sent that the terminal said before the host's next message."""
        while self._at < len(self._script) and not self._script[self._at].from_host:
            step = self._script[self._at]
            self._due = max(self._due, self.scheduler.now()) + max(0.0, step.time_s - self._time_s)
            self._time_s = step.time_s
            self._at += 1
            self.scheduler.at(self._due, functools.partial(self._say, self._session, step.message))
        self._silent = bool(self._script) and self._at == len(self._script) and self._script[-1].from_host

    def _say(self, session: int, message: Message) -> None:
        if session == self._session:
            number = self._request_ids.get(message.request_id, message.request_id)
            self._line.link.send(message._replace(request_id=number).build())
            self._line.flush()


class ReplayPipe(WirePipe):
    """The host's end, in virtual time."""

    def __init__(self, name: str, recording: Recording) -> None:
        self._device = ReplayDevice(recording, Scheduler())
        super().__init__(name, self._device.scheduler, self._device.to_terminal)
        self._device.host = self.arrive
        self._started = recording.started

    def wall_clock(self) -> float:
        return self._started + self.now()

    def exchange(self, out: bytes | memoryview, until: float) -> tuple[int, bytes]:
        found = super().exchange(out, until)
        if self._device.problem:
            hint = "The trace was made by another command or another fwtool; `fwtool trace show` lists what is in it."
            raise LinkError(self._device.problem, name="protocol", hint=hint)
        return found


def open_replay(url: str, options: LineOptions) -> ReplayPipe:
    """Open `replay:FILE[?port=PORT]`; raises as `read_recording` does."""
    del options
    path, _, port = url.split(":", 1)[1].partition("?port=")
    return ReplayPipe(url, read_recording(pathlib.Path(path), port))
