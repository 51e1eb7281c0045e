"""What passes on a line, as records for a trace: every frame in both directions with its time, and the bytes between frames.

Card numbers, authentication fields and proofs of passwords are scrubbed before a record leaves. A number may cross the
border of two frames, so frames wait here until the message they belong to is whole.
"""

from collections import deque
from typing import Any, Final

from formats.errors import FormatError
from transports.scrub import scrub_text
from transports.tsp import frames
from transports.tsp.frames import Decoder, Frame, Kind
from transports.tsp.hello import Hello, session_seed
from transports.tsp.messages import HEADER_SIZE, MAX_AUTHENTICATION, MAX_BODY, Message, Opcode, Splitter
from transports.tsp.streams import Ack, Receiver

DIRECTIONS: Final = ("tx", "rx")
"""tx: from the host to the device."""
KEPT: Final = 1 << 18
"""Bytes of a stream that are kept for frames that come again."""
LONGEST_WAIT: Final = 4096
"""Records that may wait; a message that is never finished must not hold back the trace."""
NOISE_KEPT: Final = 4096
NOISE_TAIL: Final = 64
"""Bytes between frames that are held back, because a number may go on in those that follow."""
NOISE_PAUSE_S: Final = 1.0

SECRETS: Final = tuple(bytes((opcode, 0)) for opcode in (Opcode.PASSWORD_LOGIN, Opcode.PASSWORD_SET))
"""Requests whose bodies help to find a password."""


class _Scrubbed:
    """One direction's stream, in order and scrubbed as far as its messages are whole."""

    def __init__(self) -> None:
        self._receiver = Receiver(1 << 24)
        self._raw = bytearray()
        """Bytes in order behind the last whole message."""
        self._clean = bytearray()
        self._base = 0
        """Offset of the first byte of `_clean`."""

    @property
    def clean_to(self) -> int:
        return self._base + len(self._clean)

    def take(self, frame: Frame, data: bytes) -> None:
        self._receiver.consumed = self._receiver.received
        self._raw += self._receiver.take(frame.sequence, frame.offset, data)
        while (size := self._whole()) is not None:
            self._settle(size)

    def _whole(self) -> int | None:
        """Size of the message at the start, if all of it is there; of all there is, if it makes no sense."""
        if len(self._raw) < HEADER_SIZE:
            return None
        authentication, size = int.from_bytes(self._raw[6:8], "little"), int.from_bytes(self._raw[8:12], "little")
        if authentication > MAX_AUTHENTICATION or size > MAX_BODY:
            return len(self._raw)
        whole = HEADER_SIZE + authentication + size
        return whole if len(self._raw) >= whole else None

    def _settle(self, size: int) -> None:
        raw = bytes(self._raw[:size])
        del self._raw[:size]
        secret = HEADER_SIZE + min(int.from_bytes(raw[6:8], "little"), MAX_AUTHENTICATION) if size >= HEADER_SIZE else 0
        body = raw[max(secret, HEADER_SIZE) :]
        told = bytes(len(body)) if raw[:2] in SECRETS else scrub_text(body)
        self._clean += raw[:HEADER_SIZE] + bytes(len(raw[HEADER_SIZE:secret])) + told
        if len(self._clean) > 2 * KEPT:
            drop = len(self._clean) - KEPT
            del self._clean[:drop]
            self._base += drop

    def settle_all(self) -> None:
        """Nothing more will come."""
        if self._raw:
            self._settle(len(self._raw))

    def get(self, start: int, end: int) -> bytes:
        """Scrubbed bytes, as far as they are known; what is not is zero."""
        known = bytes(self._clean[max(0, start - self._base) : max(0, end - self._base)])
        return known.rjust(min(end, self.clean_to) - start, b"\0") if end > start else b""


class Tap:
    """Turns bytes into records; `feed` gives those that are ready, `close` the rest."""

    def __init__(self) -> None:
        self._decoders = {direction: Decoder(frames.MAX_PAYLOAD) for direction in DIRECTIONS}
        for decoder in self._decoders.values():
            decoder.noise = bytearray()
        self._streams = {direction: _Scrubbed() for direction in DIRECTIONS}
        self._waiting: deque[tuple[dict[str, Any], Frame | None, bytes]] = deque()
        self._nonce = bytes(16)
        self._noise = {direction: bytearray() for direction in DIRECTIONS}
        self._noise_at = dict.fromkeys(DIRECTIONS, 0.0)

    def feed(self, direction: str, data: bytes, time_s: float) -> list[dict[str, Any]]:
        """Bytes of one direction; get the records that are final now."""
        if time_s > self._noise_at[direction] + NOISE_PAUSE_S:
            self._tell_noise(direction, time_s)
        for frame in self._decoders[direction].feed(data):
            self._hold_noise(direction, time_s)
            self._tell_noise(direction, time_s)
            self._take(direction, frame, time_s)
        self._hold_noise(direction, time_s)
        return self._ready()

    def close(self) -> list[dict[str, Any]]:
        """The records that still wait."""
        for direction in DIRECTIONS:
            self._tell_noise(direction, self._noise_at[direction])
        return self._ready(final=True)

    def _hold_noise(self, direction: str, time_s: float) -> None:
        """Bytes between frames come in small pieces, and are told when a frame or a pause ends them."""
        noise = self._decoders[direction].noise
        if not noise:
            return
        held = self._noise[direction]
        held += noise
        noise.clear()
        self._noise_at[direction] = time_s
        if len(held) > NOISE_KEPT:
            tail = bytes(held[-NOISE_TAIL:])
            self._tell_noise(direction, time_s, len(held) - NOISE_TAIL)
            held += tail

    def _tell_noise(self, direction: str, time_s: float, size: int | None = None) -> None:
        held = self._noise[direction]
        if held:
            data = scrub_text(bytes(held))[:size]
            self._waiting.append(({"t": time_s, "dir": direction, "noise": data.hex()}, None, b""))
            held.clear()

    def _take(self, direction: str, frame: Frame, time_s: float) -> None:
        record = {"t": time_s, "dir": direction, "frame": _name(frame.kind), "seq": frame.sequence, "offset": frame.offset}
        if frame.kind in (Kind.DATA, Kind.DATA_ACK):
            head, data = _split(frame)
            self._streams[direction].take(frame, data)
            self._waiting.append((record, frame, head))
            return
        if frame.kind in (Kind.HELLO, Kind.WELCOME):
            self._open(frame)
        self._waiting.append((record | {"data": frame.payload.hex()}, None, b""))

    def _open(self, frame: Frame) -> None:
        """A session begins: what waits is of the one before."""
        try:
            hello = Hello.parse(frame.payload)
        except FormatError:
            return
        if frame.kind == Kind.HELLO:
            self._nonce = hello.nonce
            return
        if hello.peer_nonce == self._nonce:
            self._finish()
            seed = session_seed(self._nonce, hello.nonce)
            for direction in DIRECTIONS:
                self._decoders[direction].seed = seed
                self._streams[direction] = _Scrubbed()

    def _finish(self) -> None:
        """Make all that waits final."""
        for stream in self._streams.values():
            stream.settle_all()
        self._waiting = deque((self._final(*entry), None, b"") for entry in self._waiting)

    def _final(self, record: dict[str, Any], frame: Frame | None, head: bytes) -> dict[str, Any]:
        if frame is None:
            return record
        size = len(frame.payload) - len(head)
        data = self._streams[record["dir"]].get(frame.offset, frame.offset + size)
        return record | {"data": (head + data).hex()}

    def _ready(self, *, final: bool = False) -> list[dict[str, Any]]:
        if final or len(self._waiting) > LONGEST_WAIT:
            self._finish()
        ready = []
        while self._waiting:
            record, frame, head = self._waiting[0]
            if frame is not None:
                end = frame.offset + len(frame.payload) - len(head)
                if end > self._streams[record["dir"]].clean_to:
                    break
            ready.append(self._final(record, frame, head))
            self._waiting.popleft()
        return ready


def _split(frame: Frame) -> tuple[bytes, bytes]:
    """Acknowledgement and data of a DATA or DATA_ACK frame."""
    parsed = Ack.parse(frame.payload) if frame.kind == Kind.DATA_ACK else None
    data = parsed[1] if parsed else frame.payload
    return frame.payload[: len(frame.payload) - len(data)], data


def _name(kind: int) -> str:
    return Kind(kind).name if kind in set(Kind) else f"KIND_{kind}"


def frame_of(record: dict[str, Any]) -> Frame | None:
    """The frame of a record, None for noise.

    Raises:
        FormatError: not a record of a trace.
    """
    if "noise" in record:
        return None
    try:
        name = str(record["frame"])
        kind = int(name[5:]) if name.startswith("KIND_") else Kind[name]
        frame = Frame(kind, record["seq"], record["offset"], bytes.fromhex(record["data"]))
    except (KeyError, ValueError, TypeError) as error:
        raise FormatError(f"a frame of the trace is damaged: {error!r}") from error
    limits = ((frame.kind, 0xFF), (frame.sequence, 0xFFFF), (frame.offset, 0xFFFFFFFF), (len(frame.payload), 0xFFFF))
    if not all(type(value) in (int, Kind) and 0 <= value <= most for value, most in limits):
        raise FormatError("a frame of the trace has a field that does not exist")
    return frame


class Reader:
    """Puts the messages of a trace together again, session by session."""

    def __init__(self) -> None:
        self.sessions = 0
        self._start()

    def _start(self) -> None:
        self._receivers = {direction: Receiver(1 << 24) for direction in DIRECTIONS}
        self._splitters = {direction: Splitter() for direction in DIRECTIONS}

    def take(self, direction: str, frame: Frame) -> list[Message]:
        """Messages that this frame completes.

        Raises:
            FormatError: a size beyond the bounds.
        """
        if frame.kind == Kind.WELCOME:
            self.sessions += 1
            self._start()
        if frame.kind not in (Kind.DATA, Kind.DATA_ACK):
            return []
        receiver = self._receivers[direction]
        receiver.consumed = receiver.received
        return self._splitters[direction].feed(receiver.take(frame.sequence, frame.offset, _split(frame)[1]))
