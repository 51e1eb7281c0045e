"""Frames: delimited bytes with a CRC.

```
 0  sync A5 5A       2  kind        3  header check     4  u16 payload size     6  u16 sequence number
 8  u32 stream offset                12  payload ...     then u32 CRC-32 over header and payload
```

The header has its own check (low byte of the CRC-32 over its other 11 bytes), so that a damaged length is not believed:
a parser that waits for 60,000 bytes that never come is how other protocols hang. The CRC-32 starts from a seed that both
sides derive from the session's nonces, so a frame of another session does not fit.
"""

import enum
import struct
import zlib
from collections.abc import Iterator
from typing import Final, NamedTuple

SYNC: Final = b"\xa5\x5a"
_HEADER: Final = struct.Struct("<2sBBHHI")
_CRC: Final = struct.Struct("<I")
HEADER_SIZE: Final = _HEADER.size
OVERHEAD: Final = HEADER_SIZE + _CRC.size
MIN_PAYLOAD: Final = 64
MAX_PAYLOAD: Final = 65535


class Kind(enum.IntEnum):
    """What a frame is for."""

    HELLO = 1
    WELCOME = 2
    DATA = 3
    ACK = 4
    PING = 5
    RESET = 6
    DATA_ACK = 7
    """An acknowledgement, then data: what goes back while data flows costs no frame of its own."""


SEEDLESS: Final = frozenset({Kind.HELLO, Kind.WELCOME, Kind.RESET})
"""Kinds that are exchanged before (or after) there is a session; their CRC starts from zero."""


class Frame(NamedTuple):
    """One frame. `offset` is the stream position of the first data byte in DATA and DATA_ACK frames, else zero."""

    kind: int
    sequence: int
    offset: int
    payload: bytes


def _header_check(header: bytes | bytearray | memoryview) -> int:
    return zlib.crc32(header[4:12], zlib.crc32(header[:3])) & 0xFF


def encode(kind: int, sequence: int, offset: int, payload: bytes, seed: int) -> bytes:
    """A frame as bytes, ready for the line."""
    header = bytearray(_HEADER.pack(SYNC, kind, 0, len(payload), sequence & 0xFFFF, offset & 0xFFFFFFFF))
    header[3] = _header_check(header)
    crc = zlib.crc32(payload, zlib.crc32(header, 0 if kind in SEEDLESS else seed))
    return b"".join((header, payload, _CRC.pack(crc)))


class Decoder:
    """Finds frames in a stream of bytes and finds back into step after any garbage.

    Args:
        max_payload: Longest payload that is believed; bounds the buffer.
    """

    def __init__(self, max_payload: int) -> None:
        self.max_payload = max_payload
        self.seed = 0
        self.skipped = 0
        """Bytes that belonged to no good frame, since the start."""
        self.bad_frames = 0
        """Frames with a good header and a wrong CRC, since the start."""
        self.taken = 0
        """Steps taken through the input, since the start: frames and skips. While it stands still, one frame is awaited."""
        self.noise: bytearray | None = None
        """Set to a buffer to get the skipped bytes themselves."""
        self._buffer = bytearray()
        self._need = 0

    @property
    def waiting(self) -> int:
        """Bytes held back because the frame they seem to start is not complete."""
        return len(self._buffer)

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Add bytes; get the frames that are complete now."""
        self._buffer += data
        if len(self._buffer) < self._need:
            return
        self._need = 0
        at = 0
        while (found := self._next(at)) is not None:
            at, frame = found
            self.taken += 1
            if frame is not None:
                yield frame
        return

    def give_up(self) -> Iterator[Frame]:
        """Nothing more came for a frame that seemed to have started: it was none. Look behind its first byte."""
        self._need = 0
        if self._buffer:
            self._skip(0, 1)
            del self._buffer[:1]
        yield from self.feed(b"")

    def _skip(self, at: int, count: int) -> int:
        self.skipped += count
        if self.noise is not None:
            self.noise += self._buffer[at : at + count]
        return at + count

    def _next(self, at: int) -> tuple[int, Frame | None] | None:
        """Take the next step from `at`: past garbage, or over one frame. None: more bytes are needed."""
        buffer = self._buffer
        start = buffer.find(SYNC, at)
        if start < 0:
            start = len(buffer) - (1 if buffer[-1:] == SYNC[:1] and len(buffer) > at else 0)
        self._skip(at, start - at)
        if len(buffer) - start < HEADER_SIZE:
            del buffer[:start]
            return None
        _, kind, check, size, sequence, offset = _HEADER.unpack_from(buffer, start)
        view = buffer[start : start + HEADER_SIZE]
        if check != _header_check(view) or size > self.max_payload:
            return self._skip(start, 1), None
        end = start + HEADER_SIZE + size
        if len(buffer) < end + _CRC.size:
            self._need = end + _CRC.size - start
            del buffer[:start]
            return None
        with memoryview(buffer) as whole:
            crc = zlib.crc32(whole[start:end], 0 if kind in SEEDLESS else self.seed)
            payload = bytes(whole[start + HEADER_SIZE : end])
        if crc != _CRC.unpack_from(buffer, end)[0]:
            # The header may have been right, or pure chance inside other data: only its first byte is given up.
            self.bad_frames += 1
            return self._skip(start, 1), None
        return end + _CRC.size, Frame(kind, sequence, offset, payload)
