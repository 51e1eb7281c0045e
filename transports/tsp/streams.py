"""The two halves of a reliable byte stream over frames that may be lost: selective acknowledgement, credit, no order needed.

Offsets are absolute positions in the stream. Losses are found by order: the line keeps it, so a frame that is older
than one that has arrived, and has not arrived itself, is gone (no time-out needed except for the tail).
"""

import bisect
import itertools
import struct
from typing import Final, NamedTuple, Self

_ACK: Final = struct.Struct("<HIIB")
_RANGE: Final = struct.Struct("<II")
MAX_RANGES: Final = 6
"""Six ranges make the largest acknowledgement 59 bytes, which fits the smallest frame."""


class Ack(NamedTuple):
    """What a receiver has, and how far its sender may go."""

    sequence: int
    """Highest sequence number seen."""
    received: int
    """All bytes before this offset are there."""
    limit: int
    """Credit: bytes may be sent up to this offset."""
    ranges: tuple[tuple[int, int], ...] = ()
    """Received islands behind the first gap, ascending."""

    def build(self) -> bytes:
        head = _ACK.pack(self.sequence & 0xFFFF, self.received, self.limit, len(self.ranges))
        return head + b"".join(_RANGE.pack(*pair) for pair in self.ranges)

    @classmethod
    def parse(cls, data: bytes) -> Self | None:
        """None if these bytes are no acknowledgement."""
        if len(data) < _ACK.size:
            return None
        sequence, received, limit, count = _ACK.unpack_from(data)
        if count > MAX_RANGES or len(data) != _ACK.size + count * _RANGE.size or limit < received:
            return None
        ranges = tuple(_RANGE.iter_unpack(data[_ACK.size :]))
        return cls(sequence, received, limit, ranges)


class Receiver:
    """Puts the stream back together within a bounded window."""

    def __init__(self, window: int) -> None:
        self.window = window
        self.received = 0
        self.consumed = 0
        self.highest = 0
        """Highest sequence number seen, unwrapped; 0 before the first frame, which has number 1."""
        self._islands: list[tuple[int, bytes]] = []

    @property
    def limit(self) -> int:
        return self.consumed + self.window

    def take(self, sequence: int, offset: int, data: bytes) -> bytes:
        """Note a frame; get the bytes that are in order now."""
        self.highest = max(self.highest, unwrap(sequence, self.highest))
        end = offset + len(data)
        if end <= self.received or end > self.limit:
            return b""  # seen before, or beyond the credit we gave: a well-behaved sender does neither often
        if offset > self.received:
            self._keep(offset, data)
            return b""
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
        ranges: list[tuple[int, int]] = []
        for start, island in self._islands:
            end = start + len(island)
            if ranges and start <= ranges[-1][1]:
                ranges[-1] = (ranges[-1][0], max(end, ranges[-1][1]))
            elif len(ranges) < MAX_RANGES:
                ranges.append((start, end))
        return Ack(self.highest, self.received, self.limit, tuple(ranges))


def unwrap(sequence: int, near: int) -> int:
    """The full number whose low 16 bits are `sequence` and that is closest to `near`."""
    base = max(near, 0)
    candidate = (base & ~0xFFFF) | sequence
    if candidate - base > 0x8000:
        return candidate - 0x10000 if candidate >= 0x10000 else candidate
    return candidate + 0x10000 if base - candidate > 0x8000 else candidate


class Sent(NamedTuple):
    """A frame on its way."""

    start: int
    end: int
    time: float


class Sender:
    """Decides which bytes go next: lost ones first, then new ones within the credit."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.acked = 0
        """Everything before this offset has arrived."""
        self.sequence = 1
        """Sequence number of the next frame."""
        self.in_flight = 0
        """Bytes in frames that are on their way."""
        self.lost_frames = 0
        self.bytes_sent = 0
        self.more_coming = False
        """The user is about to push more: a frame that would not be full waits for it."""
        self._next = 0
        self._base = 0
        self._buffer = bytearray()
        self._flying: dict[int, Sent] = {}
        self._lost: list[tuple[int, int]] = []
        self._islands: tuple[tuple[int, int], ...] = ()

    @property
    def end(self) -> int:
        return self._base + len(self._buffer)

    @property
    def backlog(self) -> int:
        """Bytes accepted from the user and not yet acknowledged."""
        return self.end - self.acked

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
            if end - start > size:
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
        self._flying[sequence] = Sent(start, end, now)
        self.in_flight += end - start
        self.bytes_sent += end - start
        return sequence, start, bytes(self._buffer[start - self._base : end - self._base])

    def acknowledge(self, ack: Ack, now: float) -> float | None:
        """Take in an acknowledgement; get the round trip it measures, if it measures one."""
        if ack.received > self._next:
            return None  # acknowledges what was never sent
        self.limit = max(self.limit, ack.limit)
        self.acked = max(self.acked, ack.received)
        self._islands = ack.ranges
        highest = unwrap(ack.sequence, self.sequence)
        if highest >= self.sequence:
            highest -= 0x10000
        round_trip = None
        for sequence in list(itertools.takewhile(lambda number: number <= highest, self._flying)):
            sent = self._land(sequence)
            if sequence == highest:
                round_trip = now - sent.time
            self._lose_unless_covered(sent)
        self._lost = [part for whole in self._lost for part in self._missing(*whole)]
        drop = self.acked - self._base
        if drop > 1 << 16 or self.acked == self.end:
            del self._buffer[:drop]
            self._base = self.acked
        return round_trip

    def lose_tail(self) -> None:
        """A timer ran out: the oldest frame in flight is taken for lost, to be sent again."""
        if self._flying:
            self._lose_unless_covered(self._land(next(iter(self._flying))))

    def _land(self, sequence: int) -> Sent:
        sent = self._flying.pop(sequence)
        self.in_flight -= sent.end - sent.start
        return sent

    def _lose_unless_covered(self, sent: Sent) -> None:
        missing = self._missing(sent.start, sent.end)
        if missing:
            self.lost_frames += 1
            self._lost.extend(missing)
            self._lost.sort()

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
