"""One end of a conversation; the role decides which. Touches no port and no clock: `now` is an argument.

The host opens with HELLO and repeats it until WELCOME comes; from then on both sides run one reliable byte stream in
each direction (`streams`). All timers are here; each wait has a bound.
"""

import enum
import math
from collections import deque
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from formats.errors import FormatError
from transports.tsp import frames
from transports.tsp.estimates import FrameSize, RoundTrip
from transports.tsp.frames import Frame, Kind
from transports.tsp.hello import VERSION, Hello, session_seed
from transports.tsp.streams import Ack, Receiver, Sender

HELLO_INTERVAL_S = 0.25
PING_INTERVAL_S = 1.0
STALL_S = 0.25
"""A frame that began and does not go on for so long was none."""
FRAME_S = 1.0
"""And a frame may take so long beyond its time on the line, even if something keeps coming (as repeated hellos do)."""
REPEATED_AT_ONCE = 2048
"""Bytes in flight that are sent again at once when even the repetition of a single frame brought no answer."""
FRAME_TIME_S = 0.1
SLOW_FRAME = 8192
"""A frame is at most as long as the line carries in `FRAME_TIME_S`, or this many bytes if that is less."""


class Role(enum.Enum):
    """Which end this is."""

    HOST = "host"
    DEVICE = "device"


class Opened(NamedTuple):
    """The session stands; what the other side said of itself."""

    peer: Hello


class Received(NamedTuple):
    """Bytes of the stream, in order."""

    data: bytes


class Lost(NamedTuple):
    """The session is over, and why."""

    reason: str


Event: TypeAlias = Opened | Received | Lost


class Link:
    """The engine.

    Args:
        hello: What this side says of itself; its nonces are filled in here.
        random: Source of nonces, `n -> n bytes`.
        byte_time_s: Seconds a byte takes on the line, 0 if unknown; keeps timers patient on slow lines.
        dead_after_s: Silence after which the other side is given up although it was asked.
    """

    def __init__(
        self,
        role: Role,
        hello: Hello,
        random: Callable[[int], bytes],
        *,
        byte_time_s: float = 0.0,
        dead_after_s: float = 5.0,
    ) -> None:
        self.role = role
        self.byte_time_s = byte_time_s
        """Set it with `set_byte_time` once the link is in use."""
        self.dead_after_s = dead_after_s
        self.peer: Hello | None = None
        self.round_trip = RoundTrip()
        self.frames_heard = 0
        """Good frames since the start."""
        self._hello = hello
        self._random = random
        self._decoder = frames.Decoder(hello.max_frame)
        self._events: deque[Event] = deque()
        self._out: deque[bytes] = deque()
        self._backoff = 0
        self._hello_bytes = b""
        self._hello_due: float | None = None
        self._last_heard = -math.inf
        self._last_asked = -math.inf
        self._last_activity = -math.inf
        self._waiting_since = -math.inf
        self._last_sent = -math.inf
        self._expecting = False
        self._first_wait = -math.inf
        self._reset_streams(0)

    def _reset_streams(self, limit: int) -> None:
        self.receiver = Receiver(self._hello.window)
        self.sender = Sender(limit, FrameSize(self._largest_frame(), clean=not self.byte_time_s))
        self._ack_due = False
        self._told_limit = self.receiver.limit

    # -- what the user calls ------------------------------------------------------------------------------------

    def connect(self, now: float) -> None:
        """Host: start saying hello. An earlier session is forgotten."""
        self.peer = None
        self._reset_streams(0)
        self._hello = self._replace(nonce=self._random(16), peer_nonce=bytes(16))
        self._hello_bytes = self._hello.build()
        self._hello_due = now
        self._last_heard = now

    def send(self, data: bytes) -> None:
        """Append to the outgoing stream."""
        self.sender.push(data)

    def consume(self, count: int) -> None:
        """Tell that `count` received bytes have left the buffer, which gives the other side credit for as many."""
        self.receiver.consumed += count
        room = self.receiver.limit - self._told_limit
        if room >= self._hello.window // 4 or self._told_limit - self.receiver.received < self._hello.max_frame:
            self._ack_due = True

    def set_byte_time(self, byte_time_s: float) -> None:
        """The line has another rate now: what was learned about it does not hold any more."""
        self.byte_time_s = byte_time_s
        self.round_trip = RoundTrip()
        self.sender.frame_size = FrameSize(self._largest_frame(), clean=not byte_time_s)

    def forget(self) -> None:
        """Drop the session without a word, as a restart does."""
        self.peer = None
        self._decoder = frames.Decoder(self._hello.max_frame)
        self._out.clear()
        self._hello_due = None
        self._reset_streams(0)

    @property
    def bad_frames(self) -> int:
        """Frames with a good header and a wrong CRC, since the session began."""
        return self._decoder.bad_frames

    def next_event(self) -> Event | None:
        return self._events.popleft() if self._events else None

    def _largest_frame(self) -> int:
        """What the receiver takes; less on a slow line, where a frame must not keep everything else waiting."""
        most = self.peer.max_frame if self.peer else frames.MIN_PAYLOAD
        return min(most, max(SLOW_FRAME, int(FRAME_TIME_S / self.byte_time_s))) if self.byte_time_s else most

    @property
    def payload_size(self) -> int:
        """Payload bytes of the next frame."""
        return self.sender.frame_size.best

    # -- bytes in -----------------------------------------------------------------------------------------------

    def receive_data(self, data: bytes, now: float) -> None:
        """Bytes from the line."""
        self._last_activity = now
        if not self._decoder.waiting:
            self._waiting_since = now
        bad = self._decoder.bad_frames
        before = self._decoder.taken
        for frame in self._decoder.feed(data):
            self._handle(frame, now)
        if self._decoder.taken > before or not self._decoder.waiting:
            self._waiting_since = now
        if self.peer is None and self._decoder.bad_frames > bad:
            self._refuse()  # good headers, foreign CRC seed: somebody still talks in a session that we have forgotten

    def _handle(self, frame: Frame, now: float) -> None:
        handlers = {
            Kind.HELLO: self._on_hello,
            Kind.WELCOME: self._on_welcome,
            Kind.DATA: self._on_data,
            Kind.ACK: self._on_ack,
            Kind.DATA_ACK: self._on_data_ack,
            Kind.PING: self._on_ping,
            Kind.RESET: self._on_reset,
        }
        handler = handlers.get(frame.kind)  # type: ignore[call-overload]
        if handler is None:
            return  # a kind of a later version: its sender falls back when nothing comes
        self._last_heard = now
        self.frames_heard += 1
        handler(frame, now)

    def _on_hello(self, frame: Frame, now: float) -> None:
        del now
        if self.role is not Role.DEVICE:
            return
        try:
            peer = Hello.parse(frame.payload, what="HELLO")
        except FormatError:
            return
        if self.peer is not None and peer.nonce == self.peer.nonce:
            self._queue(Kind.WELCOME, payload=self._hello_bytes)  # our first answer got lost
            return
        if self.peer is not None:
            self._events.append(Lost("the host opened a new session"))
        self._hello = self._replace(nonce=self._random(16), peer_nonce=peer.nonce)
        self._hello_bytes = self._hello.build()
        self._queue(Kind.WELCOME, payload=self._hello_bytes)
        if peer.speaks(VERSION):
            self._open(peer, session_seed(peer.nonce, self._hello.nonce))
        else:
            self.peer = None

    def _on_welcome(self, frame: Frame, now: float) -> None:
        if self.role is not Role.HOST or self._hello_due is None:
            return
        try:
            peer = Hello.parse(frame.payload, what="WELCOME")
        except FormatError:
            return
        if peer.peer_nonce != self._hello.nonce:
            return  # an answer to somebody else, or to an earlier hello
        self._hello_due = None
        if not peer.speaks(VERSION):
            self._lose(f"the device speaks protocol versions {peer.version_min} to {peer.version_max}, not {VERSION}")
            return
        self._open(peer, session_seed(self._hello.nonce, peer.nonce))
        self.round_trip = RoundTrip()
        self.round_trip.measure(now - self._last_asked)
        self._last_asked = now

    def _open(self, peer: Hello, seed: int) -> None:
        self.peer = peer
        self._decoder.seed = seed
        self._reset_streams(peer.window)
        self._backoff = 0
        self._events.append(Opened(peer))

    def _on_data(self, frame: Frame, now: float) -> None:
        del now
        if self.peer is None:
            self._refuse()
        else:
            self._take_data(frame, frame.payload)

    def _take_data(self, frame: Frame, data: bytes) -> None:
        ready = self.receiver.take(frame.sequence, frame.offset, data)
        self._ack_due = True
        if ready:
            self._events.append(Received(ready))

    def _on_ping(self, frame: Frame, now: float) -> None:
        del frame, now
        if self.peer is None:
            self._refuse()
        else:
            self._ack_due = True

    def _on_ack(self, frame: Frame, now: float) -> None:
        if self.peer is None:
            self._refuse()
        elif (parsed := Ack.parse(frame.payload)) is not None and not parsed[1]:
            self._take_ack(parsed[0], now)

    def _on_data_ack(self, frame: Frame, now: float) -> None:
        if self.peer is None:
            self._refuse()
        elif (parsed := Ack.parse(frame.payload)) is not None:
            self._take_ack(parsed[0], now)
            self._take_data(frame, parsed[1])

    def _take_ack(self, ack: Ack, now: float) -> None:
        before = self.sender.acked
        sample = self.sender.acknowledge(ack, now)
        if sample is not None:
            self.round_trip.measure(sample.seconds, sample.ahead * self.byte_time_s)
        if self.sender.acked > before or sample is not None:
            self._backoff = 0
            self._last_asked = now

    def _on_reset(self, frame: Frame, now: float) -> None:
        del frame, now
        if self.role is Role.HOST and self.peer is not None:
            self._lose("the device restarted and has forgotten the session")

    def _refuse(self) -> None:
        """Device without a session: tell the host at once instead of letting it wait. Not needed twice in a row."""
        if self.role is Role.DEVICE and not self._out:
            self._queue(Kind.RESET)

    # -- bytes out ----------------------------------------------------------------------------------------------

    def data_to_send(self, now: float, room: int = 1 << 16) -> bytes:
        """Whole frames, about `room` bytes of them: at least one if there is anything to say."""
        chunks: list[bytes] = []
        size = 0
        if self._hello_due is not None and now >= self._hello_due:
            self._queue(Kind.HELLO, payload=self._hello_bytes)
            self._last_asked = now
            self._hello_due = now + HELLO_INTERVAL_S + 2 * (len(self._hello_bytes) + frames.OVERHEAD) * self.byte_time_s
        while size < room and (chunk := self._next_frame(now)):
            chunks.append(chunk)
            size += len(chunk)
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def _next_frame(self, now: float) -> bytes:
        if self._out:
            return self._out.popleft()
        if self.peer is None:
            return b""
        ack = b""
        if self._ack_due:
            self._ack_due = False
            told = self.receiver.ack()
            self._told_limit = told.limit
            ack = told.build()
        taken = self.sender.take(max(frames.MIN_PAYLOAD - len(ack), self.payload_size - len(ack)), now)
        if taken is None:
            return self._encode(Kind.ACK, payload=ack) if ack else b""
        if not self._waiting:
            self._last_asked = now
            self._first_wait = now
        sequence, offset, payload = taken
        self._last_sent = now
        return self._encode(Kind.DATA_ACK if ack else Kind.DATA, sequence, offset, ack + payload)

    def _queue(self, kind: Kind, payload: bytes = b"") -> None:
        self._out.append(self._encode(kind, payload=payload))

    def _encode(self, kind: Kind, sequence: int = 0, offset: int = 0, payload: bytes = b"") -> bytes:
        return frames.encode(kind, sequence, offset, payload, self._decoder.seed)

    # -- time ---------------------------------------------------------------------------------------------------

    def next_deadline(self) -> float | None:
        """When `handle_deadline` wants to be called, on the clock of `now`."""
        times = [due for due in (self._hello_due, self._stall_due(), self._repeat_due(), self._ping_due()) if due]
        return min(times) if times else None

    def handle_deadline(self, now: float) -> None:
        """Time has passed."""
        if (due := self._stall_due()) is not None and now >= due:
            self._last_activity = self._waiting_since = now
            for frame in self._decoder.give_up():
                self._handle(frame, now)
        if (due := self._repeat_due()) is not None and now >= due:
            self._last_sent = now
            self.sender.lose_tail(REPEATED_AT_ONCE if self._backoff else 1)
            self._backoff += 1
        if (due := self._ping_due()) is not None and now >= due:
            if now - max(self._last_heard, self._first_wait) >= self.dead_after_s:
                self._lose(f"nothing was heard for {self.dead_after_s:g} s")
                return
            self._last_asked = now
            self._queue(Kind.PING)

    def expect_answer(self, expected: bool, now: float) -> None:
        """Host: while an answer is expected, ask now and then whether the other side is still there."""
        if expected and not self._expecting:
            self._first_wait = now
            self._last_asked = now
        self._expecting = expected

    @property
    def _waiting(self) -> bool:
        return self.sender.flying or self.sender.blocked or self._expecting

    def _stall_due(self) -> float | None:
        if not self._decoder.waiting:
            return None
        silent = self._last_activity + STALL_S + 256 * self.byte_time_s
        longest = self._waiting_since + FRAME_S + 1.5 * self._decoder.max_payload * self.byte_time_s
        return min(silent, longest)

    def _repeat_due(self) -> float | None:
        if not self.sender.flying or self.peer is None:
            return None
        return max(self._last_sent, self._last_asked) + self._patience()

    def _ping_due(self) -> float | None:
        if self.peer is None or not self._waiting:
            return None
        return max(self._last_asked, self._last_heard) + max(PING_INTERVAL_S, self._patience())

    def _patience(self) -> float:
        """How long an answer may take: the measured round trip and its spread, plus what is still queued before it."""
        queued: float = self.sender.in_flight * self.byte_time_s
        return (self.round_trip.patience_s + queued) * (1.5 ** min(self._backoff, 8))

    def _lose(self, reason: str) -> None:
        self.peer = None
        self._hello_due = None
        self._out.clear()
        self._reset_streams(0)
        self._events.append(Lost(reason))

    @property
    def nonces(self) -> tuple[bytes, bytes]:
        """Of the open session: the host's and the device's."""
        assert self.peer is not None
        pair = (self._hello.nonce, self.peer.nonce)
        return pair if self.role is Role.HOST else (pair[1], pair[0])

    def _replace(self, *, nonce: bytes, peer_nonce: bytes) -> Hello:
        return Hello(**{**self._hello.to_container(), "nonce": nonce, "peer_nonce": peer_nonce})
