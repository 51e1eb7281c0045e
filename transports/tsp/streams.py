"""The two halves of a reliable byte stream over frames that may be lost: selective acknowledgement, credit, no order needed.

Offsets are absolute positions in the stream. Losses are found by order: the line keeps it, so a frame that is older
than one that has arrived, and has not arrived itself, is gone (no time-out needed except for the tail).
"""

import bisect
import itertools
import struct
from typing import Final, NamedTuple, Self

from transports.tsp.estimates import FrameSize
from transports.tsp.frames import MIN_PAYLOAD, OVERHEAD

_ACK: Final = struct.Struct("<HIIB")
_MORE: Final = 0x80
_LATER: Final = 0x40
MAX_ACK: Final = MIN_PAYLOAD
"""An acknowledgement fits the smallest frame; at 1e-3 bit errors every byte of it counts."""


GIVEN_UP_KEPT: Final = 64
MAX_ISLANDS: Final = 4096
"""More than any honest receiver can have with its window and frames of 64 bytes."""


class Ack(NamedTuple):
    """What a receiver has, and how far its sender may go."""

    sequence: int
    """Highest sequence number seen."""
    received: int
    """All bytes before this offset are there."""
    limit: int
    """Credit: bytes may be sent up to this offset."""
    ranges: tuple[tuple[int, int], ...] = ()
    """Received islands behind the first gap, ascending; what lies between two of them has not arrived."""
    later: bool = False
    """There are islands before the first range: nothing is said of what lies before it."""
    more: bool = False
    """There are islands behind the last range: nothing is said of what lies behind it."""

    def build(self) -> bytes:
        """The ranges as pairs of numbers: the gap before, and the length (LEB128)."""
        flags = (_MORE if self.more else 0) | (_LATER if self.later else 0)
        parts = [_ACK.pack(self.sequence & 0xFFFF, self.received, self.limit, len(self.ranges) | flags)]
        end = self.received
        for low, high in self.ranges:
            parts.append(_leb128(low - end) + _leb128(high - low))
            end = high
        return b"".join(parts)

    @classmethod
    def parse(cls, data: bytes) -> tuple[Self, bytes] | None:
        """An acknowledgement, and the bytes behind it; None if these bytes are none."""
        if len(data) < _ACK.size:
            return None
        sequence, received, limit, count = _ACK.unpack_from(data)
        ranges, at, end = [], _ACK.size, received
        for _ in range(count & ~(_MORE | _LATER)):
            gap, at = _read_leb128(data, at)
            length, at = _read_leb128(data, at)
            if at > MAX_ACK or not gap or not length:
                return None
            ranges.append((end + gap, end + gap + length))
            end += gap + length
        if limit < received or end > limit or at > len(data):
            return None
        return cls(sequence, received, limit, tuple(ranges), bool(count & _LATER), bool(count & _MORE)), data[at:]


def fitting(received: int, islands: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """As many of the islands, from the first one, as an acknowledgement has room for."""
    room, end = MAX_ACK - _ACK.size, received
    for number, (low, high) in enumerate(islands):
        room -= len(_leb128(low - end)) + len(_leb128(high - low))
        if room < 0:
            return islands[:number]
        end = high
    return islands


def _leb128(number: int) -> bytes:
    """A number in groups of seven bits, the lowest first; the top bit says that another group follows (DWARF 5, 7.6)."""
    found = bytearray()
    while number > 0x7F:
        found.append(0x80 | number & 0x7F)
        number >>= 7
    return bytes([*found, number])


def _read_leb128(data: bytes, at: int) -> tuple[int, int]:
    """A number of at most 32 bits, and where it ends; zero, and a place beyond the end, if there is none."""
    number = 0
    for shift in range(0, 35, 7):
        if at >= len(data):
            break
        number |= (data[at] & 0x7F) << shift
        at += 1
        if not data[at - 1] & 0x80:
            return number, at
    return 0, len(data) + 1


class Receiver:
    """Puts the stream back together within a bounded window."""

    def __init__(self, window: int) -> None:
        self.window = window
        self.received = 0
        self.consumed = 0
        self.highest = 0
        """Highest sequence number seen, unwrapped; 0 before the first frame, which has number 1."""
        self._islands: list[tuple[int, bytes]] = []
        self._told = 0
        """Islands from this offset on are told next."""

    @property
    def limit(self) -> int:
        return self.consumed + self.window

    def take(self, sequence: int, offset: int, data: bytes) -> bytes:
        """Note a frame; get the bytes that are in order now."""
        self.highest = max(self.highest, unwrap(sequence, self.highest))
        end = offset + len(data)
        if end <= self.received or end > self.limit or not data:
            return b""  # seen before, beyond the credit we gave, or nothing: a well-behaved sender does none often
        if offset > self.received:
            self._keep(offset, data)
            return b""
        if offset == self.received and not self._islands:
            self.received = end
            return data
        ready = bytearray(data[self.received - offset :])
        position = end
        while self._islands and self._islands[0][0] <= position:
            start, island = self._islands.pop(0)
            if start + len(island) > position:
                ready += island[position - start :]
                position = start + len(island)
        self.received = position
        return bytes(ready)

    def _keep(self, offset: int, data: bytes) -> None:
        at = bisect.bisect_left(self._islands, (offset, b""))
        if at < len(self._islands) and self._islands[at][0] == offset and len(self._islands[at][1]) >= len(data):
            return
        if sum(len(island) for _, island in self._islands) + len(data) > self.window:
            return  # overlapping islands of a hostile sender must not outgrow the window
        self._islands.insert(at, (offset, data))

    def ack(self) -> Ack:
        """What is there. Of more islands than fit, each acknowledgement tells those behind the ones told before."""
        islands = _merged([(start, start + len(island)) for start, island in self._islands])
        first = next((number for number, (low, _) in enumerate(islands) if low >= self._told), 0)
        ranges = fitting(self.received, islands[first:])
        more = first + len(ranges) < len(islands)
        self._told = ranges[-1][0] if more else 0  # the last one again: the gap behind it has not been told
        return Ack(self.highest, self.received, self.limit, tuple(ranges), first > 0, more)


def unwrap(sequence: int, near: int) -> int:
    """The full number whose low 16 bits are `sequence` and that is closest to `near`."""
    base = max(near, 0)
    candidate = (base & ~0xFFFF) | sequence
    if candidate - base > 0x8000:
        return candidate - 0x10000 if candidate >= 0x10000 else candidate
    return candidate + 0x10000 if base - candidate > 0x8000 else candidate


def _merged(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ascending ranges, those that touch joined."""
    joined: list[tuple[int, int]] = []
    for start, end in ranges:
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


class Sent(NamedTuple):
    """A frame on its way."""

    start: int
    end: int
    time: float
    position: int
    """Bytes that had been put on the line before it, framing included."""
    ahead: int
    """Bytes of ours that were in flight before it."""


class Sample(NamedTuple):
    """A round trip that an acknowledgement has measured."""

    seconds: float
    ahead: int
    """Bytes of ours that were in flight before the frame."""


class Sender:
    """Decides which bytes go next: lost ones first, then new ones within the credit."""

    def __init__(self, limit: int, frame_size: FrameSize | None = None) -> None:
        self.limit = limit
        self.frame_size = frame_size or FrameSize(4096)
        self.acked = 0
        """Everything before this offset has arrived."""
        self.sequence = 1
        """Sequence number of the next frame."""
        self.in_flight = 0
        """Bytes in frames that are on their way."""
        self.lost_frames = 0
        self.position = 0
        """Bytes put on the line so far, framing included."""
        self.more_coming = False
        """The user is about to push more: a frame that would not be full waits for it."""
        self._next = 0
        self._base = 0
        self._buffer = bytearray()
        self._flying: dict[int, Sent] = {}
        self._given_up: dict[int, Sent] = {}
        """Frames that a timer took for lost; if one is acknowledged after all, the timer was too short."""
        self._lost: list[tuple[int, int]] = []
        self._islands: list[tuple[int, int]] = []

    @property
    def end(self) -> int:
        return self._base + len(self._buffer)

    @property
    def backlog(self) -> int:
        """Bytes accepted from the user and not yet acknowledged."""
        return self.end - self.acked

    @property
    def unsent(self) -> int:
        """Bytes accepted from the user that have never been on the line."""
        return self.end - self._next

    @property
    def flying(self) -> bool:
        return bool(self._flying)

    @property
    def blocked(self) -> bool:
        """There are bytes to send, but no credit for them."""
        return not self._lost and self._next < self.end and self._next >= self.limit

    @property
    def ready(self) -> bool:
        return bool(self._lost) or self._next < min(self.end, self.limit)

    def push(self, data: bytes) -> None:
        self._buffer += data

    def take(self, size: int, now: float) -> tuple[int, int, bytes] | None:
        """Sequence number, offset and bytes of the next frame of at most `size` payload bytes; None if there is none."""
        if self._lost:
            start, end = self._lost.pop(0)
            if end - start > min(size + size // 2, self.frame_size.largest):  # no crumbs: each costs a whole overhead
                self._lost.insert(0, (start + size, end))
                end = start + size
        else:
            start = self._next
            end = min(start + size, self.end, self.limit)
            if end <= start or (self.more_coming and end == self.end and end - start < size):
                return None
            self._next = end
        sequence = self.sequence
        self.sequence += 1
        self._flying[sequence] = Sent(start, end, now, self.position, self.in_flight)
        self.in_flight += end - start
        self.position += end - start + OVERHEAD
        with memoryview(self._buffer) as whole:
            return sequence, start, bytes(whole[start - self._base : end - self._base])

    def acknowledge(self, ack: Ack, now: float) -> Sample | None:
        """Take in an acknowledgement; get the round trip it measures, if it measures one."""
        if max(ack.received, ack.ranges[-1][1] if ack.ranges else 0) > self._next:
            return None  # acknowledges what was never sent
        self.limit = max(self.limit, ack.limit)
        self.acked = max(self.acked, ack.received)
        known = [island for island in self._islands if island[1] > self.acked]
        self._islands = _merged(sorted([*known, *ack.ranges]))[:MAX_ISLANDS]
        highest = unwrap(ack.sequence, self.sequence)
        if highest >= self.sequence:
            highest -= 0x10000
        measured = self._flying.get(highest) or self._given_up.pop(highest, None)
        told_from = ack.ranges[0][0] if ack.later and ack.ranges else 0
        told_to = ack.ranges[-1][1] if ack.more and ack.ranges else self._next
        for sequence in list(itertools.takewhile(lambda number: number <= highest, self._flying)):
            if not told_from <= self._flying[sequence].start < told_to and self._flying[sequence].end > self.acked:
                continue  # there was no room to speak of it: the next acknowledgements will
            sent = self._land(sequence)
            self._lose_unless_covered(sent)
            self.frame_size.judged(sent.position + sent.end - sent.start + OVERHEAD)
        self._lost = [part for whole in self._lost for part in self._missing(*whole)]
        drop = self.acked - self._base
        if drop > max(1 << 16, len(self._buffer) // 2) or self.acked == self.end:
            del self._buffer[:drop]
            self._base = self.acked
        return Sample(now - measured.time, measured.ahead) if measured else None

    def lose_tail(self, size: int) -> None:
        """A timer ran out: the oldest frames in flight, about `size` bytes of them, are taken for lost, to be sent again."""
        while self._flying:
            sequence = next(iter(self._flying))
            sent = self._land(sequence)
            self._given_up[sequence] = sent
            if len(self._given_up) > GIVEN_UP_KEPT:
                del self._given_up[next(iter(self._given_up))]
            self._lose_unless_covered(sent)
            self.frame_size.judged(sent.position + sent.end - sent.start + OVERHEAD)
            size -= sent.end - sent.start
            if size <= 0:
                return

    def _land(self, sequence: int) -> Sent:
        sent = self._flying.pop(sequence)
        self.in_flight -= sent.end - sent.start
        return sent

    def _lose_unless_covered(self, sent: Sent) -> None:
        missing = self._missing(sent.start, sent.end)
        if not missing:
            self.frame_size.arrived()
        else:
            self.lost_frames += 1
            self.frame_size.lost(sent.position, sent.end - sent.start)
            self._lost = _merged(sorted([*self._lost, *missing]))

    def _missing(self, start: int, end: int) -> list[tuple[int, int]]:
        """The parts of a range that have not been acknowledged."""
        parts = []
        start = max(start, self.acked)
        for low, high in self._islands:
            if high <= start or low >= end:
                continue
            if low > start:
                parts.append((start, low))
            start = max(start, high)
        if start < end:
            parts.append((start, end))
        return parts
