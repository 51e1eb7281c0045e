"""An update rehearsed in virtual time: the same host code, the same engine at both ends, and a terminal reduced to the
times it has told of its flash. What comes out is how long it will take.
"""

import random
from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple

from formats.record import Record
from transports.offer import BlockSource
from transports.scheduled_link import ScheduledLink
from transports.tsp import messages
from transports.tsp.hello import Hello
from transports.tsp.link import Event, Link, Received, Role
from transports.tsp.messages import Kind, Message, Opcode, Status
from transports.tsp_terminal import TspTerminal
from transports.tsp_update import Sent, send_update
from transports.virtual import Scheduler, Wire
from transports.virtual_pipe import WirePipe

HELLO_BYTES = 138
"""HELLO and WELCOME, which the round trip at the start of a session includes."""


class LineFacts(NamedTuple):
    """What is known of a line."""

    byte_time_s: float
    round_trip_s: float
    """The shortest one seen, of a HELLO and its WELCOME."""


class Rehearsed(NamedTuple):
    """What an update will take."""

    seconds: float
    sent: Sent
    flash_s: float
    """Of it, the time in which the flash is busy; the line is the limit where this is shorter."""
    erases: int
    programs: int


class ReducedTerminal:
    """A terminal that takes everything, in the time it would take."""

    def __init__(
        self, scheduler: Scheduler, wire: Wire, hello: Hello, info: messages.Info, begun: messages.Begun,
        block_bytes: Callable[[int], int],
    ) -> None:  # fmt: skip
        self._scheduler, self._info = scheduler, info
        self._begun, self._block_bytes = begun, block_bytes
        generator = random.Random(1)  # noqa: S311 - a simulation that must be repeatable
        link = Link(Role.DEVICE, hello, generator.randbytes, byte_time_s=wire.byte_time_s, dead_after_s=60.0)
        self._line = ScheduledLink(link, scheduler, wire.send, self._hear)
        self._splitter = messages.Splitter()
        self._jobs: deque[tuple[int, int]] = deque()
        """Blocks that wait for the flash: number, and the credit they give back."""
        self._free = 0
        """Payload bytes for which there is erased space, ready or under way."""
        self._busy = False
        self._finish: Message | None = None
        self.busy_s = 0.0
        self.erases = self.programs = 0

    @property
    def link(self) -> Link:
        """Its engine."""
        return self._line.link

    def receive(self, data: bytes) -> None:
        """Bytes from the line."""
        self._line.receive(data)

    def _hear(self, event: Event) -> None:
        if isinstance(event, Received):
            for message in self._splitter.feed(event.data):
                self._take(message)

    def _take(self, message: Message) -> None:
        size = messages.HEADER_SIZE + len(message.body)
        if message.opcode == Opcode.DATA:
            number = messages.Chunk.parse(message.body).at
            self._jobs.append((number, size))
            self._work()
            return
        self.link.consume(size)
        if message.opcode == Opcode.BEGIN:
            self._scheduler.after(self._info.verify_time_us / 1e6, lambda: self._answer(message, self._begun))
        elif message.opcode == Opcode.TABLE:
            self._work()  # it is known now what may be erased
        elif message.opcode == Opcode.FINISH:
            self._finish = message
            self._work()

    def _program_s(self, number: int) -> float:
        pages = -(-self._block_bytes(number) // self._info.program_size)
        self.programs += pages
        return pages * self._info.program_time_us / 1e6

    def _work(self) -> None:
        if self._busy:
            return
        if self._jobs and self._free >= self._block_bytes(self._jobs[0][0]):
            number, size = self._jobs.popleft()
            self._free -= self._block_bytes(number)
            self._occupy(self._program_s(number), lambda: self.link.consume(size))
        elif self._jobs or (self._finish is None and self._free < self._info.erase_size):
            self._free += self._info.erase_size
            self.erases += 1
            self._occupy(self._info.erase_time_us / 1e6, lambda: None)
        elif self._finish:
            message, self._finish = self._finish, None
            self._answer(message, messages.Empty())

    def _occupy(self, seconds: float, then: Callable[[], None]) -> None:
        self._busy = True
        self.busy_s += seconds

        def done() -> None:
            self._busy = False
            then()
            self._work()
            self._line.flush()

        self._scheduler.after(seconds, done)

    def _answer(self, message: Message, body: Record) -> None:
        self.link.send(Message(message.opcode, Kind.RESPONSE, message.request_id, Status.OK, body.build()).build())
        self._line.flush()


class _Without:
    """A block source without the blocks that the terminal holds."""

    def __init__(self, source: BlockSource, held: frozenset[int]) -> None:
        self._source, self._held = source, held
        self.signed, self.signatures, self.block_count = source.signed, source.signatures, source.block_count
        self.index, self.page_for, self.pack = source.index, source.page_for, source.pack

    def blocks(self, first: int) -> Iterator[tuple[int, bytes]]:
        return (block for block in self._source.blocks(first) if block[0] not in self._held)


def rehearse(
    source: BlockSource,
    block_bytes: Callable[[int], int],
    info: messages.Info,
    peer: Hello,
    line: LineFacts,
    held: frozenset[int] = frozenset(),
) -> Rehearsed:
    """How long this update will take.

    Args:
        block_bytes: Installed bytes of a block.
        info, peer: What the terminal said of itself.
        held: Blocks that need not be sent.
    """
    scheduler = Scheduler()
    latency = max(0.0, line.round_trip_s - HELLO_BYTES * line.byte_time_s) / 2
    there = Wire(scheduler, lambda data: None, byte_time_s=line.byte_time_s, latency_s=latency)
    pipe = WirePipe("rehearsal", scheduler, there)
    back = Wire(scheduler, pipe.arrive, byte_time_s=line.byte_time_s, latency_s=latency)
    prefix = next((number for number in range(source.block_count) if number not in held), source.block_count)
    begun = messages.Begun(blocks_total=source.block_count, blocks_held=prefix)
    device = ReducedTerminal(scheduler, back, peer, info, begun, block_bytes)
    there.deliver = device.receive
    host = TspTerminal(pipe, timeout_s=60)
    host.connect(timeout_s=60)
    start = pipe.now()
    sent = send_update(host, _Without(source, held), resume=True, progress=lambda done, written: None)
    return Rehearsed(pipe.now() - start, sent, device.busy_s, device.erases, device.programs)
