"""The TSP dialect, host side: commands as calls, an update as a stream of blocks."""

import os
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol, TypeVar

from formats.errors import FormatError
from formats.record import Record
from transports.errors import DeviceRefused, LinkError, LinkLost
from transports.pipe import Pipe
from transports.pump import Pump
from transports.tsp import messages
from transports.tsp.hello import VERSION, Feature, Hello
from transports.tsp.link import Link, Lost, Opened, Received, Role
from transports.tsp.messages import COMMANDS, Chunk, Kind, Message, Opcode, Status

HOST_WINDOW = 64 * 1024
ANSWER_S = 10.0
"""How long a device that is alive may take for an ordinary answer."""
STALL_S = 60.0
"""How long an update may stand still although the device is alive."""
AHEAD = 64 * 1024
"""Bytes handed to the engine beyond what has been acknowledged."""

R = TypeVar("R", bound=Record)


class BlockSource(Protocol):
    """A verified package, as an update needs it: small parts whole, blocks one by one."""

    @property
    def signed(self) -> bytes: ...
    @property
    def signatures(self) -> bytes: ...
    @property
    def block_count(self) -> int: ...
    def index(self) -> bytes: ...
    def page_for(self, block: int) -> tuple[int, bytes]:
        """Offset in the table section, and bytes, of the page that covers a block."""
        ...

    def blocks(self, first: int) -> Iterator[tuple[int, bytes]]: ...


class Sent(NamedTuple):
    """What an update moved."""

    blocks_held: int
    """Blocks the device had already."""
    bytes_written: int
    """Bytes that went over the line, all framing included."""


class TspTerminal:
    """One terminal at the end of a pipe.

    Args:
        timeout_s: Silence after which the device is given up.
    """

    def __init__(self, pipe: Pipe, *, timeout_s: float = 5.0) -> None:
        self.pipe = pipe
        self.timeout_s = timeout_s
        hello = Hello(
            version_min=VERSION, version_max=VERSION, max_frame=4096, features=int(Feature.UPDATE | Feature.RESUME),
            max_block=65536, max_manifest=messages.MAX_BODY, window=HOST_WINDOW, nonce=bytes(16), peer_nonce=bytes(16),
            public_key=b"",
        )  # fmt: skip
        self.link = Link(Role.HOST, hello, os.urandom, byte_time_s=pipe.byte_time_s, dead_after_s=timeout_s)
        self.pump = Pump(self.link, pipe)
        self._splitter = messages.Splitter()
        self._inbox: list[Message] = []
        self._request_id = 0

    @property
    def peer(self) -> Hello:
        assert self.link.peer is not None
        return self.link.peer

    def connect(self, timeout_s: float | None = None) -> Hello:
        """Open a session.

        Raises:
            LinkError: nobody answers in time, or only in another protocol version.
            LinkLost: the pipe broke.
        """
        now = self.pipe.now()
        until = now + (self.timeout_s if timeout_s is None else timeout_s)
        self._splitter = messages.Splitter()
        self._inbox.clear()
        self.link.connect(now)
        while (now := self.pipe.now()) < until:
            event = self.pump.step(until)
            if isinstance(event, Opened):
                return event.peer
            if isinstance(event, Lost):
                raise LinkError(event.reason, name="protocol", hint="Update fwtool, or the terminal's firmware.")
        heard = self.pump.bytes_received
        raise LinkError(
            f"no terminal answers at {self.pipe.name}"
            + (f" ({heard} bytes came that are no answer: another device, or another baud rate?)" if heard else ""),
            hint="Check that it is switched on, that the cable sits, and the port (`fwtool ports`).",
            resumable=True,
        )

    # -- commands ---------------------------------------------------------------------------------------------------

    def request(self, opcode: Opcode, request: Record, answer: type[R], *, timeout_s: float = ANSWER_S) -> R:
        """One command and its answer.

        Raises:
            DeviceRefused: the device said no, with its reason.
            LinkLost: it went silent or restarted.
            LinkError: the answer makes no sense.
        """
        assert COMMANDS[opcode].response is answer
        self._request_id = (self._request_id + 1) & 0xFFFF
        self._send(Message(opcode, Kind.REQUEST, self._request_id, 0, request.build()))
        until = self.pipe.now() + timeout_s + len(request.build()) * self.pipe.byte_time_s
        while self.pipe.now() < until:
            for message in self._collect(until):
                if message.kind == Kind.RESPONSE and message.request_id == self._request_id:
                    return self._answer(message, answer)
                self._inbox.append(message)
        raise LinkLost(f"the terminal did not answer {opcode.name} within {timeout_s:g} s", resumable=True)

    def _answer(self, message: Message, answer: type[R]) -> R:
        if message.status != Status.OK:
            raise refusal(message)
        try:
            return answer.parse(message.body, what=f"the answer to {Opcode(message.opcode).name}")
        except FormatError as error:
            raise LinkError(error.message, name="protocol") from error

    def _send(self, message: Message) -> None:
        self.link.send(message.build())

    def _collect(self, until: float, *, waiting: bool = True) -> list[Message]:
        """Let the pump run one step; get the messages that came."""
        self.link.expect_answer(waiting, self.pipe.now())
        event = self.pump.step(until)
        if isinstance(event, Lost):
            raise LinkLost(event.reason, resumable=True)
        if not isinstance(event, Received):
            return []
        self.link.consume(len(event.data))
        try:
            return self._splitter.feed(event.data)
        except FormatError as error:
            raise LinkError(error.message, name="protocol") from error

    # -- update -----------------------------------------------------------------------------------------------------

    def send_update(self, source: BlockSource, *, resume: bool, progress: Callable[[int, int], None]) -> Sent:
        """Begin (or continue), stream all blocks, and let the device check and accept the whole.

        Args:
            progress: Told blocks that are safely in the flash, and bytes written to the line so far.

        Raises:
            DeviceRefused: the device does not want it, or found damage.
            LinkLost: the connection broke; what the device holds, it holds.
        """
        before = self.pump.bytes_written
        begin = messages.Begin(resume=resume, signed=source.signed, signatures=source.signatures)
        begun = self.request(Opcode.BEGIN, begin, messages.Begun, timeout_s=STALL_S)
        if begun.blocks_total != source.block_count or begun.blocks_held > begun.blocks_total:
            raise LinkError("the terminal counts the blocks of this package differently", name="protocol")
        progress(begun.blocks_held, self.pump.bytes_written - before)
        try:
            self._stream(source, begun.blocks_held, lambda done: progress(done, self.pump.bytes_written - before))
        finally:
            self.link.sender.more_coming = False
        self.request(Opcode.FINISH, messages.Empty(), messages.Empty, timeout_s=STALL_S)
        return Sent(begun.blocks_held, self.pump.bytes_written - before)

    def _stream(self, source: BlockSource, held: int, progress: Callable[[int], None]) -> None:
        outgoing = _outgoing(source, held)
        more = True
        done, moved = held, self.link.sender.acked
        stalled_at = self.pipe.now() + STALL_S
        while done < source.block_count:
            while more and self.link.sender.backlog < AHEAD:
                chunk = next(outgoing, None)
                more = chunk is not None
                if chunk is not None:
                    self._send(chunk)
            self.link.sender.more_coming = more
            for message in self._collect(stalled_at):
                if message.opcode == Opcode.PROGRESS:
                    done = messages.Progress.parse(message.body).blocks_done
                    progress(done)
                elif message.opcode == Opcode.FAILED:
                    raise refusal(message)
            now = self.pipe.now()
            if (position := done + self.link.sender.acked) != moved:
                moved, stalled_at = position, now + STALL_S
            elif now >= stalled_at:
                raise LinkLost(f"the terminal took no data for {STALL_S:g} s", resumable=True)

    def close(self) -> None:
        self.pipe.close()


def _outgoing(source: BlockSource, held: int) -> Iterator[Message]:
    """The parts of an update in the order they flow: index, then each page just before its first block."""
    yield Message(Opcode.TABLE, Kind.ONE_WAY, 0, 0, Chunk(0, source.index()).build())
    sent_page = -1
    for number, data in source.blocks(held):
        at, page = source.page_for(number)
        if at != sent_page:
            sent_page = at
            yield Message(Opcode.TABLE, Kind.ONE_WAY, 0, 0, Chunk(at, page).build())
        yield Message(Opcode.DATA, Kind.ONE_WAY, 0, 0, Chunk(number, data).build())


def refusal(message: Message) -> DeviceRefused:
    """The device's refusal as an error with our name for it."""
    try:
        detail = messages.Detail.parse(message.body).text
    except FormatError:
        detail = ""
    try:
        status = Status(message.status)
        name, said = messages.STATUS_NAMES[status], status.name.lower().replace("_", " ")
    except (ValueError, KeyError):
        name, said = "protocol", f"status {message.status}"
    return DeviceRefused(f"the terminal refuses: {detail or said}", status=message.status, name=name)
