"""The link over TCP: bare messages (X 2.2, 4). Who fails closes the connection, and the whole dialogue counts as aborted."""

import math

from formats.errors import FormatError
from transports.zvt.apdu import MAX_SIZE, Apdu
from transports.zvt.frames import Splitter
from transports.zvt.link import Link
from transports.zvt.opcodes import Timer
from transports.zvt.timers import Timers


class TcpLink(Link):
    """One end of a connection.

    Args:
        max_size: Longest message that is taken.
    """

    def __init__(self, timers: Timers | None = None, *, max_size: int = MAX_SIZE) -> None:
        super().__init__(timers)
        self._max_size = max_size
        self._splitter = Splitter(max_size)
        self._begun: float | None = None
        """When the message began that is not complete."""

    def send(self, apdu: Apdu, now: float, *, answer_s: float | None = None) -> None:
        self._out += apdu.build()
        self._watch.sent(apdu, now, self.timers.t3_s if answer_s is None else answer_s)

    def receive(self, data: bytes, now: float) -> None:
        try:
            whole = self._splitter.feed(data)
        except FormatError as error:
            self._fail(Timer.T1, error.message)
            return
        for payload in whole:
            self._deliver(payload, now)
        if not self._splitter.waiting:
            self._begun = None
        elif whole or self._begun is None:
            self._begun = now

    @property
    def deadline(self) -> float:
        """While a message comes in, other timers wait for its end."""
        return self._watch.deadline if self._begun is None else self._cut_off

    def tick(self, now: float) -> None:
        if now >= self._cut_off:
            self._fail(Timer.T1, f"a message was not complete after {self.timers.t3_s:g} s")
        elif self._begun is None:
            self._tick_watch(now)

    def reset(self) -> None:
        self._out.clear()
        self._watch.stop()
        self._splitter = Splitter(self._max_size)
        self._begun = None

    @property
    def _cut_off(self) -> float:
        """A message that dribbles in slower than T3 is none (X 4)."""
        return math.inf if self._begun is None else self._begun + self.timers.t3_s
