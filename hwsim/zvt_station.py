"""The terminal's end of a ZVT line on a clock of events."""

import math
from collections.abc import Callable

from transports.virtual import Scheduler
from transports.zvt.apdu import Apdu
from transports.zvt.link import Event, Link


class Station:
    """Feeds a link, sends what it has to say, and wakes it at its deadlines.

    Args:
        transmit: Takes the bytes that are to go out.
        take: Takes the events that come up.
        later: Runs something after a delay, unless the power goes in between.
    """

    def __init__(
        self, link: Link, scheduler: Scheduler, transmit: Callable[[bytes], None], take: Callable[[Event], None],
        later: Callable[[float, Callable[[], None]], None],
    ) -> None:  # fmt: skip
        self.link = link
        self._scheduler, self._transmit, self._take, self._later = scheduler, transmit, take, later
        self._armed = math.inf
        self._when_idle: Callable[[], None] | None = None

    def say(self, apdu: Apdu) -> None:
        """Send a message."""
        self.link.send(apdu, self._scheduler.now())
        self._flush()

    def receive(self, data: bytes) -> None:
        """Bytes from the line."""
        self.link.receive(data, self._scheduler.now())
        self._work()

    def when_idle(self, call: Callable[[], None]) -> None:
        """Call once all that was said has arrived."""
        self._when_idle = call
        self._flush()

    def forget(self) -> None:
        """The power goes: nothing is under way any more."""
        self.link.reset()
        self._armed, self._when_idle = math.inf, None

    def _work(self) -> None:
        while (event := self.link.next_event()) is not None:
            self._take(event)
        self._flush()

    def _flush(self) -> None:
        now = self._scheduler.now()
        while data := self.link.outgoing():
            self._transmit(data)
        deadline = self.link.deadline
        if deadline < self._armed or (self._armed <= now and deadline < math.inf):
            self._armed = deadline
            self._later(max(0.0, deadline - now), self._alarm)
        if deadline == math.inf and self._when_idle:
            call, self._when_idle = self._when_idle, None
            call()

    def _alarm(self) -> None:
        self._armed = math.inf
        if self._scheduler.now() >= self.link.deadline:
            self.link.tick(self._scheduler.now())
        self._work()
