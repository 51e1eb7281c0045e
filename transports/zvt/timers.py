"""T3 and T4: how long an answer and a completion may take (X 3, S 1.4). Touches no clock: `now` is an argument."""

import math
from typing import NamedTuple

from formats.errors import FormatError
from transports.zvt.apdu import Apdu
from transports.zvt.commands import COMMANDS
from transports.zvt.opcodes import Opcode, Timer
from transports.zvt.outcome import IntermediateStatus


class Timers(NamedTuple):
    """Times of the specification, seconds."""

    t1_s: float = 0.2
    t2_s: float = 5.0
    t3_s: float = 5.0
    t4_s: float = 180.0
    repeats: int = 2
    """How often a frame is sent again."""


class Watch:
    """What is waited for. The same on both sides: only commands to a terminal end with a completion.

    Args:
        timers: Times; T4 is set by 04 FF and goes back with each completion.
    """

    def __init__(self, timers: Timers) -> None:
        self._timers = timers
        self._asked: int | None = None
        self._due = {Timer.T3: math.inf, Timer.T4: math.inf}
        self._t4_s = timers.t4_s

    @property
    def deadline(self) -> float:
        """When `tick` wants to be called; infinite while nothing is waited for."""
        return min(self._due.values())

    def stop(self) -> None:
        """Nothing is waited for any more."""
        self._asked = None
        self._due = {Timer.T3: math.inf, Timer.T4: math.inf}
        self._t4_s = self._timers.t4_s

    def sent(self, apdu: Apdu, now: float, answer_s: float) -> None:
        """A message of ours has arrived there.

        Args:
            answer_s: How long its answer may take.
        """
        if not apdu.is_answer:
            self._asked = apdu.opcode
            self._due[Timer.T3] = now + answer_s

    def received(self, apdu: Apdu, now: float) -> None:
        """A message of the other side has come."""
        if apdu.is_answer:
            self._answered(apdu, now)
        elif apdu.opcode in (Opcode.COMPLETION, Opcode.ABORTED):
            self.stop()
        elif self._due[Timer.T4] < math.inf:
            if apdu.opcode == Opcode.INTERMEDIATE_STATUS:
                self._t4_s = _announced_s(apdu) or self._t4_s
            self._due[Timer.T4] = now + self._t4_s

    def tick(self, now: float) -> Timer | None:
        """The timer that has run out, if one has."""
        for timer, due in self._due.items():
            if now >= due:
                self.stop()
                return timer
        return None

    def _answered(self, apdu: Apdu, now: float) -> None:
        row = COMMANDS.get(self._asked) if self._asked is not None else None
        self._asked = None
        self._due[Timer.T3] = math.inf
        if row and row.ends is Timer.T4 and apdu.positive:
            self._due[Timer.T4] = now + self._t4_s


def _announced_s(apdu: Apdu) -> float:
    """The T4 in 04 FF, seconds; 0 for none. A 0 has been seen, and since it cannot mean that no time is left, it is none."""
    try:
        return 60.0 * (IntermediateStatus.parse(apdu.data).minutes or 0)
    except FormatError:
        return 0.0
