"""The pump joins an engine and a pipe: read what is there, hand it over, write what comes back, sleep until the earlier
of data and deadline. The only place that waits.
"""

import math

from transports.pipe import Pipe
from transports.tsp.link import Event, Link

WRITE_AHEAD = 1 << 17
"""Bytes asked from the engine at a time where the line is not the limit."""
WRITE_AHEAD_S = 0.02
"""The same as time on a line with a rate: an acknowledgement must not wait behind more than this, and a frame."""


class Pump:
    """Moves bytes between one link and one pipe."""

    def __init__(self, link: Link, pipe: Pipe) -> None:
        self.link, self.pipe = link, pipe
        self.bytes_received = 0
        self.bytes_written = 0
        self._pending = memoryview(b"")
        self._room = min(WRITE_AHEAD, int(WRITE_AHEAD_S / pipe.byte_time_s)) if pipe.byte_time_s else WRITE_AHEAD

    def discard(self) -> None:
        """Forget bytes that were to be written: a new session begins."""
        self._pending = memoryview(b"")

    def step(self, until: float) -> Event | None:
        """Move some bytes, or wait at most until `until`; get the next event, if there is one.

        Raises:
            LinkLost: the pipe broke.
        """
        event = self.link.next_event()
        if event is not None:
            return event
        now = self.pipe.now()
        deadline = self.link.next_deadline()
        if deadline is not None and now >= deadline:
            self.link.handle_deadline(now)
            deadline = self.link.next_deadline()
        if not self._pending:
            self._pending = memoryview(self.link.data_to_send(now, max(1, self._room)))
            deadline = self.link.next_deadline()
        event = self.link.next_event()
        if event is not None:
            return event
        if deadline is None or (self._pending and deadline <= now):
            deadline = math.inf  # what is due can only be said behind what is still to be written
        written, received = self.pipe.exchange(self._pending, min(until, deadline))
        self._pending = self._pending[written:]
        self.bytes_written += written
        if received:
            self.bytes_received += len(received)
            self.link.receive_data(received, self.pipe.now())
        return self.link.next_event()
