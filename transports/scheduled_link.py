"""A link whose clock is made of events: what a device's end needs to keep its engine running."""

import math
from collections.abc import Callable

from transports.tsp.link import Event, Link
from transports.virtual import Scheduler


class ScheduledLink:
    """Feeds a link, sends what it has to say, and wakes it at its deadlines.

    Args:
        transmit: Takes the bytes that are to go out.
        take: Takes the events that come up.
        later: Runs something after a delay; the scheduler's own `after` where nothing can come in between.
        active: Whether there is anybody at home; a hung device lets its deadlines pass.
    """

    def __init__(
        self,
        link: Link,
        scheduler: Scheduler,
        transmit: Callable[[bytes], None],
        take: Callable[[Event], None],
        later: Callable[[float, Callable[[], None]], None] | None = None,
        active: Callable[[], bool] = lambda: True,
    ) -> None:
        self.link = link
        self._scheduler, self._transmit, self._take = scheduler, transmit, take
        self._later, self._active = later or scheduler.after, active
        self._armed = math.inf

    def receive(self, data: bytes) -> None:
        """Bytes from the line."""
        self.link.receive_data(data, self._scheduler.now())
        self._work_off()
        self.flush()

    def _work_off(self) -> None:
        while (event := self.link.next_event()) is not None:
            self._take(event)

    def flush(self) -> None:
        """Send what the engine has to say, and set the alarm for its next deadline."""
        now = self._scheduler.now()
        while data := self.link.data_to_send(now):
            self._transmit(data)
        deadline = self.link.next_deadline()
        if deadline is not None and (deadline < self._armed or self._armed <= now):
            self._armed = deadline
            self._later(max(0.0, deadline - now), self._alarm)

    def _alarm(self) -> None:
        self._armed = math.inf
        if not self._active():
            return
        now, deadline = self._scheduler.now(), self.link.next_deadline()
        if deadline is not None and now >= deadline:
            self.link.handle_deadline(now)
            self._work_off()
        self.flush()
