"""The link on a serial line: each frame is acknowledged, or sent again (X 3).

The specification does not say how to tell a repeated frame from a new one when an acknowledgement was lost, and not what
happens when an answer comes in place of the acknowledgement. Here: an answer proves that the command has arrived, and a
command that the answer has. A frame equal to the last one is a repetition as long as we have said nothing since; if we have,
and do not know whether it arrived, it is one only at the time when a repetition is due (`_is_repetition`).
"""

import enum
import math
from collections import deque
from typing import Final, NamedTuple

from formats.errors import FormatError
from transports.zvt import frames
from transports.zvt.apdu import MAX_SIZE, Apdu
from transports.zvt.frames import Bad, Control, Decoder, Frame
from transports.zvt.link import Link
from transports.zvt.opcodes import Opcode, Timer
from transports.zvt.timers import Timers

REPETITION_S: Final = 1.0
"""A frame is sent again T2 after the first time, and may take so much longer. As an answer whose first bytes were lost comes
only then, T3 waits for it: it is as long as T2, and would always run out first."""
NEVER_REPETITION: Final = frozenset({Opcode.INTERMEDIATE_STATUS})
"""Harmless when taken twice, and some terminals send it without waiting for the answer."""
COMES_TWICE: Final = frozenset({Opcode.FILE_REQUEST, Opcode.PRINT_LINE, Opcode.PRINT_TEXT_BLOCK})
"""Once answered, the same may be meant again: a block that did not please, an empty line."""
FRAME_S: Final = 5.0
"""A frame may take so long beyond twice its longest time on the line."""


class _Ours(enum.Enum):
    """What became of our side since the last frame came."""

    SILENT = 0
    SENT = 1
    ARRIVED = 2


class _Outgoing(NamedTuple):
    apdu: Apdu
    frame: bytes
    answer_s: float | None


class SerialLink(Link):
    """One end of a serial line.

    Args:
        byte_time_s: Seconds a byte takes on the line, 0 if unknown; keeps timers patient on slow lines.
        max_size: Longest message that is taken.
    """

    def __init__(self, timers: Timers | None = None, *, byte_time_s: float = 0.0, max_size: int = MAX_SIZE) -> None:
        super().__init__(timers)
        self.byte_time_s = byte_time_s
        self.bad_frames = 0
        """Since the start."""
        self._decoder = Decoder(max_size)
        self._forget()

    def _forget(self) -> None:
        self._queue: deque[_Outgoing] = deque()
        self._flying: _Outgoing | None = None
        self._sends = 0
        self._acknowledge_due = math.inf
        self._last_byte = -math.inf
        self._frame_begun = -math.inf
        self._bad_in_a_row = 0
        self._last_payload: bytes | None = None
        self._last_at = -math.inf
        self._ours = _Ours.SILENT

    def reset(self) -> None:
        self._out.clear()
        self._watch.stop()
        self._decoder = Decoder(self._decoder.max_size)
        self._forget()

    # -- bytes out ----------------------------------------------------------------------------------------------

    def send(self, apdu: Apdu, now: float, *, answer_s: float | None = None) -> None:
        self._queue.append(_Outgoing(apdu, frames.encode(apdu.build()), answer_s))
        self._send_next(now)

    def _send_next(self, now: float) -> None:
        if self._flying is None and self._queue:
            self._flying = self._queue.popleft()
            self._sends = 0
            self._ours = _Ours.SENT
            self._transmit(now)

    def _transmit(self, now: float) -> None:
        assert self._flying is not None
        self._sends += 1
        self._out += self._flying.frame
        self._acknowledge_due = now + len(self._flying.frame) * self.byte_time_s + self.timers.t2_s

    def _repeat(self, now: float, reason: str) -> None:
        if self._sends > self.timers.repeats:
            self._fail(Timer.T2, f"{reason}, {self._sends} times")
        else:
            self._transmit(now)

    def _arrived(self, now: float) -> None:
        """Our frame is there."""
        flying, self._flying = self._flying, None
        assert flying is not None
        self._acknowledge_due = math.inf
        self._ours = _Ours.ARRIVED
        answer_s = self.timers.t3_s if flying.answer_s is None else flying.answer_s
        self._watch.sent(flying.apdu, now, answer_s + self.timers.t2_s + REPETITION_S)

    # -- bytes in -----------------------------------------------------------------------------------------------

    def receive(self, data: bytes, now: float) -> None:
        if data:
            self._last_byte = now
        was_in_frame = self._decoder.in_frame
        items = self._decoder.feed(data)
        if self._decoder.in_frame and (items or not was_in_frame):
            self._frame_begun = now
        for item in items:
            if isinstance(item, Frame):
                self._on_frame(item.payload, now)
            elif isinstance(item, Bad):
                self._on_bad(item.reason)
            else:
                self._on_control(item, now)

    def _on_control(self, control: Control, now: float) -> None:
        if self._flying is None:
            return
        if control is Control.NAK:
            self._repeat(now, "the other side did not understand a frame")
        else:
            self._arrived(now)
            self._send_next(now)

    def _on_bad(self, reason: str) -> None:
        self.bad_frames += 1
        self._bad_in_a_row += 1
        if self._bad_in_a_row > self.timers.repeats:
            self._fail(Timer.T1, f"{reason}, {self._bad_in_a_row} times in a row")
        self._out.append(Control.NAK)

    def _on_frame(self, payload: bytes, now: float) -> None:
        self._bad_in_a_row = 0
        self._out.append(Control.ACK)
        if self._is_repetition(payload, now):
            return
        if self._flying is not None and _is_answer(payload) != self._flying.apdu.is_answer:
            self._arrived(now)
        self._last_payload, self._last_at, self._ours = payload, now, _Ours.SILENT
        self._deliver(payload, now)
        self._send_next(now)

    def _is_repetition(self, payload: bytes, now: float) -> bool:
        opcode = int.from_bytes(payload[:2], "big")
        due = self._last_at + self.timers.t2_s + len(payload) * self.byte_time_s
        if payload != self._last_payload or now > due + REPETITION_S or opcode in NEVER_REPETITION:
            return False
        if self._ours is _Ours.SENT:
            return now >= due - REPETITION_S and opcode not in COMES_TWICE and not _is_answer(payload)
        return self._ours is _Ours.SILENT

    # -- time ---------------------------------------------------------------------------------------------------

    @property
    def deadline(self) -> float:
        if self._decoder.in_frame:
            return min(self._silence_due, self._frame_due)
        if self._decoder.waiting:
            return min(self._silence_due, self._acknowledge_due, self._watch.deadline)
        return min(self._acknowledge_due, self._watch.deadline)

    def tick(self, now: float) -> None:
        """While a frame comes in, other timers wait for its end: it may be what they wait for."""
        if self._decoder.waiting and now >= self._silence_due:
            for item in self._decoder.give_up():
                if isinstance(item, Bad):
                    self._on_bad(item.reason)
        elif self._decoder.in_frame and now >= self._frame_due:
            self._decoder.break_off()
        if self._decoder.in_frame:
            return
        if now >= self._acknowledge_due:
            self._repeat(now, f"a frame was not acknowledged within {self.timers.t2_s:g} s")
        self._tick_watch(now)

    @property
    def _silence_due(self) -> float:
        return self._last_byte + self.timers.t1_s + 2 * self.byte_time_s

    @property
    def _frame_due(self) -> float:
        """Even a frame that goes on and on must end."""
        return self._frame_begun + FRAME_S + 2 * self._decoder.max_size * self.byte_time_s


def _is_answer(payload: bytes) -> bool:
    try:
        return Apdu.parse(payload).is_answer
    except FormatError:
        return False
