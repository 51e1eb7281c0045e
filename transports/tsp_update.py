"""An update over TSP, host side: a stream of table pages and blocks that never waits for an answer until its end.

The device says what it holds already while the first blocks are under way; those are left out. FINISH follows the last
block at once, and its answer comes when all is in flash and checked.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from formats.errors import FormatError
from formats.fwp.table import ENTRIES_PER_PAGE
from transports.errors import LinkError, LinkLost
from transports.offer import BlockSource
from transports.shrink import Shrinker
from transports.tsp import messages
from transports.tsp.hello import Feature
from transports.tsp.messages import Chunk, Encoding, Kind, Message, Opcode
from transports.tsp.refusals import refusal
from transports.tsp_terminal import TspTerminal

STALL_S = 60.0
"""How long an update may stand still although the device is alive."""
LEAST_MOVE = 256
"""Bytes that must be acknowledged in that time, or a block done, to count as moving: a tenth of a line at 300 baud."""
AHEAD = 64 * 1024
"""Bytes kept ready for a line without limit; elsewhere two frames do, and what turns out to be held can still be left out."""


class Sent(NamedTuple):
    """What an update moved."""

    blocks_resumed: int
    """Blocks from the start that an earlier run had brought."""
    blocks_sent: int
    payload_sent: int
    """Bytes of these blocks, before compression."""
    bytes_written: int
    """Bytes that went over the line, all framing included."""
    stream_s: float
    """From the answer to BEGIN until all parts were acknowledged; what the flash still does after that is not in it."""


Progress = Callable[[int, int], None]
"""Told the number of blocks that are in flash and checked, and the bytes written so far."""


def send_update(terminal: TspTerminal, source: BlockSource, *, resume: bool, progress: Progress) -> Sent:
    """Stream a package, or what the terminal does not hold of it.

    Args:
        resume: False: send all of it.

    Raises:
        DeviceRefused: the terminal does not want it, or its flash fails.
        LinkLost: the conversation ended; calling again goes on.
        LinkError: the terminal makes no sense.
    """
    return _Upload(terminal, source, progress).run(resume=resume)


class _Upload:
    def __init__(self, terminal: TspTerminal, source: BlockSource, progress: Progress) -> None:
        self._terminal, self._source, self._progress = terminal, source, progress
        self._written_before = terminal.pump.bytes_written
        self._held: set[int] = set()
        self._sent = self._payload = 0
        packs = Feature.DEFLATE in Feature(terminal.peer.features)
        self._shrinker = Shrinker(terminal.pipe.now, self._line_byte_s, source.pack) if packs else None
        self._started = terminal.pipe.now()
        self._acked_before = terminal.link.sender.acked

    def run(self, *, resume: bool) -> Sent:
        terminal, source = self._terminal, self._source
        begin = messages.Begin(resume=resume, signed=source.signed, signatures=source.signatures)
        begun = terminal.request(Opcode.BEGIN, begin, messages.Begun, timeout_s=STALL_S)
        if begun.blocks_total != source.block_count or begun.blocks_held > begun.blocks_total:
            raise LinkError("the terminal counts the blocks of this package differently", name="protocol")
        self._tell(begun.blocks_held)
        self._started, self._acked_before = terminal.pipe.now(), terminal.link.sender.acked
        try:
            stream_s = self._stream(begun.blocks_held)
        finally:
            terminal.link.sender.more_coming = False
        written = terminal.pump.bytes_written - self._written_before
        return Sent(begun.blocks_held, self._sent, self._payload, written, stream_s)

    def _tell(self, done: int) -> None:
        self._progress(done, self._terminal.pump.bytes_written - self._written_before)

    def _stream(self, first: int) -> float:
        """Send the parts; get the seconds until all of them were acknowledged."""
        terminal = self._terminal
        outgoing = self._parts(first)
        finish: int | None = None
        acknowledged: float | None = None
        done, moved = first, first * LEAST_MOVE + terminal.link.sender.acked
        stalled_at = terminal.pipe.now() + STALL_S
        while True:
            ahead = 2 * terminal.link.payload_size if terminal.pipe.byte_time_s else AHEAD
            while finish is None and terminal.link.sender.unsent < ahead:
                part = next(outgoing, None)
                if part is not None:
                    terminal.send(part)
                else:
                    finish = terminal.ask(Opcode.FINISH, messages.Empty())
            terminal.link.sender.more_coming = finish is None
            for message in terminal.collect(stalled_at):
                if message.kind == Kind.RESPONSE and message.request_id == finish:
                    terminal.answer(message, messages.Empty)
                    return (terminal.pipe.now() if acknowledged is None else acknowledged) - self._started
                if message.kind == Kind.EVENT:
                    done = self._take_event(message, done)
            now = terminal.pipe.now()
            if acknowledged is None and finish is not None and not terminal.link.sender.backlog:
                acknowledged = now
            if (position := done * LEAST_MOVE + terminal.link.sender.acked) >= moved + LEAST_MOVE:
                moved, stalled_at = position, now + STALL_S
            elif now >= stalled_at:
                raise LinkLost(f"the terminal took no data for {STALL_S:g} s", resumable=True)

    def _take_event(self, message: Message, done: int) -> int:
        """What the device says meanwhile; get the number of blocks it has done.

        Raises:
            DeviceRefused: it gave the update up.
            LinkError: it makes no sense.
        """
        if message.opcode == Opcode.FAILED:
            raise refusal(message)
        try:
            if message.opcode == Opcode.PROGRESS:
                done = max(done, min(messages.Progress.parse(message.body).blocks_done, self._source.block_count))
                self._tell(done)
            elif message.opcode == Opcode.HELD:
                held = messages.Held.parse(message.body)
                self._held.update(held.first + bit for bit in range(64) if held.blocks >> bit & 1)
        except FormatError as error:
            raise LinkError(error.message, name="protocol") from error
        return done

    def _parts(self, first: int) -> Iterator[Message]:
        """The parts of an update in the order they flow: index; each page one page ahead of its blocks; blocks."""
        source = self._source
        yield _table(0, source.index())
        if first < source.block_count:
            yield _table(*source.page_for(first))
        for number, data in source.blocks(first):
            following = (number // ENTRIES_PER_PAGE + 1) * ENTRIES_PER_PAGE
            if (number == first or number % ENTRIES_PER_PAGE == 0) and following < source.block_count:
                yield _table(*source.page_for(following))
            if number in self._held:
                continue
            encoding, packed = self._shrinker.encode(data) if self._shrinker else (Encoding.RAW, data)
            self._sent += 1
            self._payload += len(data)
            yield Message(Opcode.DATA, Kind.ONE_WAY, 0, 0, Chunk(number, packed, encoding).build())

    def _line_byte_s(self) -> float:
        """Seconds a byte takes: by the line's rate, or as observed where it says nothing (a network, a pty)."""
        moved = self._terminal.link.sender.acked - self._acked_before
        elapsed = self._terminal.pipe.now() - self._started
        return max(self._terminal.pipe.byte_time_s, elapsed / moved if moved > AHEAD else 0.0)


def _table(at: int, data: bytes) -> Message:
    return Message(Opcode.TABLE, Kind.ONE_WAY, 0, 0, Chunk(at, data).build())
