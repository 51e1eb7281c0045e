"""How an APDU travels: framed on a serial line, bare on TCP (X 2.1, 2.2).

```
serial   10 02   APDU, each 10 doubled   10 03   CRC-16/KERMIT over undoubled APDU and 03, low byte first, not doubled
```

A good frame is answered with the byte 06, a bad one with 15; these are never answered themselves.
"""

import enum
from typing import Final, NamedTuple, TypeAlias

from formats.checksums import crc_function
from formats.errors import FormatError
from transports.zvt.apdu import MAX_SIZE, declared_size

STX: Final = 0x02
ETX: Final = 0x03
DLE: Final = 0x10
NO_CLASS: Final = b"\0"
"""No command has it. A CRC that begins with 0 does not see zeros in front of a message, so they count as damage."""
_DLE: Final = bytes([DLE])
_START: Final = bytes([DLE, STX])
_END: Final = bytes([DLE, ETX])


class Control(enum.IntEnum):
    """A byte between frames."""

    ACK = 0x06
    NAK = 0x15


class Frame(NamedTuple):
    """A frame whose CRC is right; whether it holds an APDU is not known yet."""

    payload: bytes


class Bad(NamedTuple):
    """Something began like a frame and was none."""

    reason: str


Item: TypeAlias = Frame | Bad | Control


def checksum(payload: bytes | bytearray) -> int:
    """CRC of a frame; X calls it XModem, in fact it is CRC-16/KERMIT."""
    return crc_function("CRC-16/KERMIT")(bytes(payload) + bytes([ETX]))


def encode(payload: bytes) -> bytes:
    """A frame as bytes, ready for the line."""
    return _START + payload.replace(_DLE, _DLE * 2) + _END + checksum(payload).to_bytes(2, "little")


class _State(enum.Enum):
    IDLE = 0
    DATA = 1
    CRC = 2
    BROKEN = 3
    """Some frame went wrong; where the next begins shows only after a silence."""


class Decoder:
    """Finds frames and control bytes in what comes from a serial line; skips the rest.

    Args:
        max_size: Longest APDU that is believed; bounds the buffer.
    """

    def __init__(self, max_size: int = MAX_SIZE) -> None:
        self.max_size = max_size
        self.skipped = 0
        """Bytes that belonged to no frame, since the start."""
        self._state = _State.IDLE
        self._escaped = False
        """The byte before was a DLE with a meaning."""
        self._payload = bytearray()
        self._crc = bytearray()

    @property
    def in_frame(self) -> bool:
        """A frame has begun and may still become a good one."""
        return self._state in (_State.DATA, _State.CRC)

    @property
    def waiting(self) -> bool:
        """A silence would tell something: the frame is cut off, or the broken one is over."""
        return self._state is not _State.IDLE

    def feed(self, data: bytes) -> list[Item]:
        """Add bytes; get what is complete now."""
        items: list[Item] = []
        at = 0
        while at < len(data):
            if self._state is _State.IDLE:
                at = self._idle(data, at, items)
            elif self._state is _State.DATA:
                at = self._data(data, at)
            elif self._state is _State.CRC:
                at = self._check(data, at, items)
            else:
                self.skipped += len(data) - at
                break
        return items

    def give_up(self) -> list[Item]:
        """There was a silence: what began is over."""
        was = self._state
        self._reset()
        if was is _State.IDLE:
            return []
        return [Bad("a frame was broken" if was is _State.BROKEN else "a frame was cut off")]

    def break_off(self) -> None:
        """The frame takes too long: it is none, whatever still comes without a silence."""
        self._break()

    def _idle(self, data: bytes, at: int, items: list[Item]) -> int:
        byte = data[at]
        if self._escaped and byte == STX:
            self.skipped -= 1
            self._reset()
            self._state = _State.DATA
            return at + 1
        self._escaped = byte == DLE
        if byte in (Control.ACK, Control.NAK):
            items.append(Control(byte))
        else:
            self.skipped += 1
        return at + 1

    def _data(self, data: bytes, at: int) -> int:
        if self._escaped:
            self._escaped = False
            if data[at] == ETX:
                self._state = _State.CRC
            elif data[at] == DLE and len(self._payload) < self.max_size:
                self._payload.append(DLE)
            else:
                self._break()
            return at + 1
        end = data.find(DLE, at)
        part = data[at : end if end >= 0 else len(data)]
        room = self.max_size - len(self._payload)
        if len(part) > room:
            self._break()
            return at + room + 1
        self._payload += part
        self._escaped = end >= 0
        return end + 1 if end >= 0 else len(data)

    def _check(self, data: bytes, at: int, items: list[Item]) -> int:
        self._crc.append(data[at])
        if len(self._crc) == 2:
            right = checksum(self._payload) == int.from_bytes(self._crc, "little") and self._payload[:1] != NO_CLASS
            items.append(Frame(bytes(self._payload)) if right else Bad("the CRC of a frame is wrong"))
            self._reset()
        return at + 1

    def _break(self) -> None:
        self._reset()
        self._state = _State.BROKEN

    def _reset(self) -> None:
        self._state = _State.IDLE
        self._escaped = False
        self._payload.clear()
        self._crc.clear()


class Splitter:
    """Cuts what comes over TCP into APDUs by their lengths; segments may end anywhere."""

    def __init__(self, max_size: int = MAX_SIZE) -> None:
        self.max_size = max_size
        self._buffer = bytearray()

    @property
    def waiting(self) -> bool:
        """An APDU has begun and is not complete."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> list[bytes]:
        """Add bytes; get the APDUs that are complete now.

        Raises:
            FormatError: one is longer than was agreed; nothing behind it can be understood any more.
        """
        self._buffer += data
        whole: list[bytes] = []
        at = 0
        while (size := declared_size(self._buffer[at : at + 5])) is not None:
            if size > self.max_size:
                raise FormatError(f"an APDU of {size} bytes comes, at most {self.max_size} were agreed")
            if len(self._buffer) - at < size:
                break
            whole.append(bytes(self._buffer[at : at + size]))
            at += size
        del self._buffer[:at]
        return whole
