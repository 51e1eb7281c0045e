"""What both link layers have in common. A link touches no port and no clock: bytes and `now` go in, bytes and events come out.

```
link.send(apdu, now)             queue a message
link.outgoing()                  bytes to write now
link.receive(data, now)          bytes that were read
link.deadline, link.tick(now)    time passes
link.next_event()                what came of it
```

Host and simulated terminal use the same link: what differs between them is who may send which command, and when.
"""

import abc
from collections import deque
from typing import NamedTuple, TypeAlias

from formats.errors import FormatError
from transports.zvt.apdu import Apdu
from transports.zvt.opcodes import Timer
from transports.zvt.timers import Timers, Watch


class Received(NamedTuple):
    """A message."""

    apdu: Apdu


class Malformed(NamedTuple):
    """Something came through undamaged that is no message; a command is answered with 84 9A."""

    reason: str


class Failed(NamedTuple):
    """The other side cannot be reached, or is too slow. Nothing is waited for, and nothing will be sent, any more."""

    timer: Timer
    """T1: what comes is damaged again and again, or cut off. T2: our frame is not acknowledged. T3, T4: no answer, no
    completion."""
    reason: str


Event: TypeAlias = Received | Malformed | Failed

_SILENT = {
    Timer.T3: "no answer came in the time for it",
    Timer.T4: "no completion came in the time that was announced",
}


class Link(abc.ABC):
    """One end of a line."""

    def __init__(self, timers: Timers | None = None) -> None:
        self.timers = timers or Timers()
        self._watch = Watch(self.timers)
        self._out = bytearray()
        self._events: deque[Event] = deque()

    @abc.abstractmethod
    def send(self, apdu: Apdu, now: float, *, answer_s: float | None = None) -> None:
        """Queue a message.

        Args:
            answer_s: How long its answer may take, in place of T3, for a command that tells its own time (06 E1).

        Raises:
            FormatError: too long.
        """

    @abc.abstractmethod
    def receive(self, data: bytes, now: float) -> None:
        """Bytes from the line."""

    @property
    @abc.abstractmethod
    def deadline(self) -> float:
        """When `tick` wants to be called, on the clock of `now`; infinite while there is nothing to wait for."""

    @abc.abstractmethod
    def tick(self, now: float) -> None:
        """Time has passed."""

    @abc.abstractmethod
    def reset(self) -> None:
        """Begin anew: the line was closed, or its rate has changed."""

    def outgoing(self) -> bytes:
        """Bytes to write now; they count as written."""
        data = bytes(self._out)
        self._out.clear()
        return data

    def next_event(self) -> Event | None:
        """What happened, oldest first."""
        return self._events.popleft() if self._events else None

    def _deliver(self, payload: bytes, now: float) -> None:
        try:
            apdu = Apdu.parse(payload)
        except FormatError as error:
            self._events.append(Malformed(error.message))
            return
        self._watch.received(apdu, now)
        self._events.append(Received(apdu))

    def _fail(self, timer: Timer, reason: str) -> None:
        self.reset()
        self._events.append(Failed(timer, reason))

    def _tick_watch(self, now: float) -> None:
        timer = self._watch.tick(now)
        if timer is not None:
            self._fail(timer, _SILENT[timer])
