"""One end of a ZVT line on a pipe: messages out, messages in. The only place of the host's side that waits."""

import contextlib
import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

from transports.errors import LinkLost
from transports.pipe import Pipe
from transports.zvt.apdu import Apdu
from transports.zvt.describe import Teller
from transports.zvt.link import Failed, Link, Malformed, Received
from transports.zvt.opcodes import Timer
from transports.zvt.serial_link import SerialLink
from transports.zvt.tcp_link import TcpLink
from transports.zvt.timers import Timers

STALE_S = 0.05
"""What still arrives after so long belongs to what comes next."""


class Passed(NamedTuple):
    """A message that went by, without passwords and card numbers."""

    time_s: float
    """On the pipe's clock."""
    outbound: bool
    text: str
    """One line."""
    apdu: Apdu


Watch = Callable[[Passed], None]


class Silent(LinkLost):
    """A timer has run out; the pipe itself is there."""

    def __init__(self, message: str, timer: Timer) -> None:
        super().__init__(message, hint=_HINTS[timer], resumable=True)
        self.timer = timer


_HINTS = {
    Timer.T1: "Too much of what comes is damaged: check the cable, and rate and format of the line (ZVT: 9600 8N2).",
    Timer.T2: "Check that the terminal is switched on, that the cable sits, and its ZVT setting (serial or network).",
    Timer.T3: "It may be busy with something else: look at its display, then run the same command again.",
    Timer.T4: "Look at the terminal's display, then run the same command again.",
}


class ZvtLine:
    """Messages over a pipe.

    Args:
        serial: The form with frames; None: if the pipe has a rate. TCP has the other form.
        watch: Is told every message.
    """

    def __init__(self, pipe: Pipe, timers: Timers, *, serial: bool | None = None, watch: Watch | None = None) -> None:
        self.pipe, self.timers = pipe, timers
        self.serial = bool(pipe.baud) if serial is None else serial
        self._watch, self._teller = watch, Teller()
        self._out = bytearray()
        self.link = self._new_link()

    def _new_link(self) -> Link:
        return SerialLink(self.timers, byte_time_s=self.pipe.byte_time_s) if self.serial else TcpLink(self.timers)

    def renew(self) -> None:
        """Begin anew: nothing is waited for, what is still under way is forgotten."""
        self._out.clear()
        self._teller = Teller()
        self.link = self._new_link()

    @contextlib.contextmanager
    def impatient(self) -> Iterator[None]:
        """Meanwhile a frame is sent only once: somebody is looked for who may not be there."""
        patient = self.timers
        self.timers = patient._replace(repeats=0)
        self.renew()
        try:
            yield
        finally:
            self.timers = patient
            self.renew()

    def move_to(self, pipe: Pipe) -> None:
        """Go on at another pipe."""
        self.pipe = pipe
        self.renew()

    def set_baud(self, baud: int) -> None:
        """Another rate from now on; raises as the pipe does."""
        self.pipe.set_baud(baud)
        self.renew()

    def say(self, apdu: Apdu, *, answer_s: float | None = None) -> None:
        """Queue a message; `hear` and `finish` send it.

        Args:
            answer_s: How long its answer may take, in place of T3.
        """
        self.link.send(apdu, self.pipe.now(), answer_s=answer_s)
        self._tell(apdu, outbound=True)

    def hear(self, until: float) -> Received | Malformed | None:
        """The next message; None if there is none until the time has come.

        Raises:
            Silent: a timer of the protocol has run out.
            LinkLost: the pipe broke.
        """
        more = True
        while True:
            event = self.link.next_event()
            if isinstance(event, Failed):
                raise Silent(f"{self.pipe.name}: {event.reason}", event.timer)
            if isinstance(event, Received):
                self._tell(event.apdu, outbound=False)
            if event is not None:
                return event
            if not more:
                return None
            more = self._step(until)

    def _step(self, until: float) -> bool:
        """Move some bytes, or wait; False if the time has come."""
        now = self.pipe.now()
        if self.link.deadline <= now:
            self.link.tick(now)
            return True
        self._out += self.link.outgoing()
        written, received = self.pipe.exchange(bytes(self._out), min(until, self.link.deadline))
        del self._out[:written]
        if received:
            self.link.receive(received, self.pipe.now())
        return now < until

    def finish(self, within_s: float) -> None:
        """Have what was said arrive. If it does not, that shows with the next command."""
        until = self.pipe.now() + within_s
        with contextlib.suppress(LinkLost):
            while self._busy and self.pipe.now() < until:
                self.hear(min(until, self.pipe.now() + STALE_S))

    @property
    def _busy(self) -> bool:
        self._out += self.link.outgoing()
        return bool(self._out) or self.link.deadline < math.inf

    def pause(self, seconds: float) -> None:
        """Let time pass, whatever comes.

        Raises:
            LinkLost: the pipe broke.
        """
        until = self.pipe.now() + seconds
        while self.pipe.now() < until:
            try:
                self.hear(until)
            except Silent:
                continue

    def _tell(self, apdu: Apdu, *, outbound: bool) -> None:
        if self._watch:
            told = self._teller.tell(apdu)
            self._watch(Passed(self.pipe.now(), outbound, told.text, told.apdu))
