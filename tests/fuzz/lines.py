"""Targets: what comes over a line from a terminal (TSP) or from USB (DFU)."""

import struct
import zlib
from typing import Final

from formats.errors import FormatError
from formats.record import Record
from tests.fuzz.target import Target, harmless, numbers, pieces
from tests.support import pattern
from transports.dfu import descriptors, layout
from transports.tsp import describe, messages
from transports.tsp.frames import HEADER_SIZE, OVERHEAD, SEEDLESS, SYNC, Decoder, Frame, encode
from transports.tsp.hello import Hello
from transports.tsp.messages import COMMANDS, EVENTS, Chunk, Message, Reading, Splitter
from transports.tsp.streams import Ack, Receiver, Sender
from transports.tsp.tap import DIRECTIONS, Reader, Tap, frame_of

MAX_PAYLOAD: Final = 1024
SEED: Final = 0x1234ABCD
STREAM: Final = pattern(1 << 14, 9)
BODIES: Final[tuple[type[Record], ...]] = tuple(
    dict.fromkeys(
        record for row in (*COMMANDS.values(),) for record in (row.request, row.response, *EVENTS.values()) if record is not None
    )
)
"""Every record that a message can have as its body."""


def find_frames(data: bytes) -> None:
    """In whatever pieces it comes: the same frames, as they stand in the data, and every byte is accounted for."""
    once, found = _decoded([data])
    slowly, again = _decoded(pieces(data))
    assert found == again
    assert (once.skipped, once.bad_frames, once.waiting) == (slowly.skipped, slowly.bad_frames, slowly.waiting)
    for decoder, frames in ((once, found), (slowly, again)):
        while decoder.waiting:
            before = decoder.waiting
            frames += decoder.give_up()
            assert decoder.waiting < before
        assert decoder.skipped + sum(len(frame.payload) + OVERHEAD for frame in frames) == len(data)
    assert found == again
    assert all(encode(*frame, SEED) in data for frame in found)
    assert all(harmless(describe.frame_text(frame)) for frame in found)


def _decoded(chunks: object) -> tuple[Decoder, list[Frame]]:
    decoder = Decoder(MAX_PAYLOAD)
    decoder.seed = SEED
    return decoder, [frame for chunk in chunks for frame in decoder.feed(chunk)]  # type: ignore[attr-defined]


def mend_frames(data: bytes) -> bytes:
    """Whatever begins like a frame becomes one."""
    return _mended(data, SEED)


def _mended(data: bytes, seed: int) -> bytes:
    out, at = bytearray(data), data.find(SYNC)
    while 0 <= at <= len(out) - OVERHEAD:
        kind, size = out[at + 2], min(int.from_bytes(out[at + 4 : at + 6], "little"), len(out) - at - OVERHEAD, MAX_PAYLOAD)
        out[at + 4 : at + 6] = size.to_bytes(2, "little")
        out[at + 3] = zlib.crc32(out[at + 4 : at + 12], zlib.crc32(out[at : at + 3])) & 0xFF
        end = at + HEADER_SIZE + size
        struct.pack_into("<I", out, end, zlib.crc32(out[at:end], 0 if kind in SEEDLESS else seed))
        at = out.find(SYNC, end + 4)
    return bytes(out)


def tap_line(data: bytes) -> None:
    """A trace holds what passed: every record is a frame or noise, and as many bytes as came are in there."""
    tap, reader, size = Tap(), Reader(), 0
    records = []
    for number, chunk in enumerate(pieces(_mended(data, 0))):
        records += tap.feed(DIRECTIONS[number // 4 % 2], chunk, number / 10)
    for record in records + tap.close():
        frame = frame_of(record)
        size += len(record.get("noise", "")) // 2 if frame is None else len(frame.payload) + OVERHEAD
        if frame is not None:
            for message in _taken(reader, record["dir"], frame):
                assert harmless(describe.message_text(message))
    assert size <= len(data)


def _taken(reader: Reader, direction: str, frame: Frame) -> list[Message]:
    try:
        return reader.take(direction, frame)
    except FormatError:
        return []


def read_message(data: bytes) -> None:
    """The first byte chooses the kind of body: it is written again as it was read, or (flags) read again as the same."""
    if not data:
        raise FormatError("nothing")
    record = BODIES[data[0] % len(BODIES)].parse(data[1:])
    built = record.build()
    assert type(record).parse(built) == record
    assert built == data[1:] or (len(built) == len(data) - 1 and record.build() == built and _has_flags(record))
    for reading in getattr(record, "readings", ()):
        assert isinstance(reading, Reading)
        assert reading.number * 0 == 0


def read_or_none(record: type[Record], body: bytes) -> Record | None:
    """A body, if it is one."""
    try:
        return record.parse(body)
    except FormatError:
        return None


def _has_flags(record: Record) -> bool:
    """A flag is true for every byte but zero."""
    return any(isinstance(value, bool) for value in _values(record))


def _values(record: Record) -> list[object]:
    found: list[object] = []
    for value in record.to_container().values():
        found += [one for item in value for one in _values(item)] if _nested(value) else [value]
    return found


def _nested(value: object) -> bool:
    return isinstance(value, tuple) and bool(value) and isinstance(value[0], Record)


def split_stream(data: bytes) -> None:
    """In whatever pieces it comes: the same messages; written again, they are the data."""
    once, slowly, found = Splitter(MAX_PAYLOAD), Splitter(MAX_PAYLOAD), []
    for chunk in pieces(data):
        found += slowly.feed(chunk)
    assert b"".join(message.build() for message in found) == data[: sum(len(message.build()) for message in found)]
    assert once.feed(data) == found
    for message in found:
        assert harmless(describe.message_text(message))
        if message.kind == messages.Kind.ONE_WAY:
            assert Chunk.parse(message.body).build() == message.body


def read_hello(data: bytes) -> None:
    """A hello has one spelling."""
    assert Hello.parse(data).build() == data


def read_ack(data: bytes) -> None:
    """An acknowledgement is the same after it was written, and is no longer than it may be."""
    found = Ack.parse(data)
    if found is None:
        raise FormatError("no acknowledgement")
    ack, rest = found
    assert data.endswith(rest)
    assert Ack.parse(ack.build() + rest) == (ack, rest)
    assert ack.received <= ack.limit
    assert all(low < high <= ack.limit for low, high in ack.ranges)


def receive_stream(data: bytes) -> None:
    """Frames in any order, twice, or beyond the window: what comes out is the stream from its beginning, and no byte else."""
    receiver, out = Receiver(4096), b""
    for number, word in enumerate(numbers(data, size=4)):
        at, size = word & 0x3FFF, 1 + (word >> 14 & 0xFF)  # frames without data: see tests/test_fuzz_corpus.py
        out += receiver.take(number if word >> 31 else word >> 16, at, STREAM[at : at + size])
        receiver.consumed = len(out) if word >> 30 & 1 else receiver.consumed
        assert out == STREAM[: receiver.received]
        assert sum(len(island) for _, island in receiver._islands) <= receiver.window
        built = receiver.ack().build()
        assert Ack.parse(built) is not None


def send_stream(data: bytes) -> None:
    """Acknowledgements of any content: what is sent is the stream, within the credit, and nothing that has arrived."""
    sender, now = Sender(1024), 0.0
    sender.push(STREAM)
    while data:
        kind, data, now = data[0], data[1:], now + 0.1
        found = Ack.parse(data[:64]) if kind & 1 else None
        if found:
            data = found[1] + data[64:]
            sender.acknowledge(found[0], now)
        if kind & 2:
            sender.lose_tail(kind)
        taken = sender.take(1 + kind, now)
        if taken:
            _, at, sent = taken
            assert sent == STREAM[at : at + len(sent)] != b""
            assert sender.acked <= at
            assert at + len(sent) <= sender.limit
        assert 0 <= sender.acked <= sender.end
        assert sender.in_flight >= 0


def read_descriptors(data: bytes) -> None:
    """Interfaces have settings, and strings can be printed."""
    assert descriptors.parse_string(data).isprintable()
    found = descriptors.parse_configuration(data)
    assert all(one.settings for one in found)
    assert sum(len(one.settings) for one in found) <= len(data) // 9


def mend_descriptors(data: bytes) -> bytes:
    """With the header of a configuration."""
    return b"\x09\x02" + len(data).to_bytes(2, "little") + data[4:] if len(data) >= 9 else data


def read_layout(data: bytes) -> None:
    """Groups are in order and apart; a range is covered if its sectors are in a row."""
    found = layout.parse_layout(data.decode("latin-1"))
    for one, other in zip(found.groups, found.groups[1:], strict=False):
        assert one.end <= other.address
    for group in found.groups[:8]:
        start, end = group.address, min(group.end, group.address + 4 * group.sector_size)
        for right in layout.Right:
            sectors = list(found.sectors(start, end, right))
            assert bool(sectors) == found.covers(start, end, right) == bool(group.rights & right)
            assert all(one.address + one.size == two.address for one, two in zip(sectors, sectors[1:], strict=False))


TARGETS: Final = {
    "tsp-frames": Target(find_frames, (), mend_frames),
    "tsp-tap": Target(tap_line, ()),
    "tsp-messages": Target(read_message, max_len=1024),
    "tsp-splitter": Target(split_stream),
    "tsp-hello": Target(read_hello, max_len=128),
    "tsp-ack": Target(read_ack, max_len=128),
    "tsp-receiver": Target(receive_stream, (), max_len=512),
    "tsp-sender": Target(send_stream, (), max_len=512),
    "dfu-descriptors": Target(read_descriptors, mend=mend_descriptors, max_len=512),
    "dfu-layout": Target(read_layout, max_len=300),
}
