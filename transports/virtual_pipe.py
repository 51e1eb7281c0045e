"""A pipe over a simulated wire, in virtual or in real time."""

import time

from formats.errors import ToolError
from transports.errors import LinkLost
from transports.virtual import Scheduler, Wire


class WirePipe:
    """One end of a line: what is written goes onto `wire`, what arrives is put in with `arrive`.

    In virtual time waiting runs the events of everything that shares the scheduler.
    """

    def __init__(self, name: str, scheduler: Scheduler, wire: Wire) -> None:
        self.name = name
        self.scheduler, self._wire = scheduler, wire
        self._received = bytearray()
        self._closed = False

    def arrive(self, data: bytes) -> None:
        """Bytes for this end."""
        self._received += data

    @property
    def plugged(self) -> bool:
        """Whether the cable sits."""
        return True

    @property
    def baud(self) -> int:
        return 0

    @property
    def byte_time_s(self) -> float:
        return self._wire.byte_time_s

    def set_baud(self, baud: int) -> None:
        raise ToolError(f"{self.name} has no line rate that can be set to {baud} baud", name="usage")

    def now(self) -> float:
        return self.scheduler.now()

    def wall_clock(self) -> float:
        return self.now()

    def exchange(self, out: bytes | memoryview, until: float) -> tuple[int, bytes]:
        if self._closed:
            raise LinkLost(f"{self.name} is closed")
        scheduler, wire = self.scheduler, self._wire
        scheduler.run_due()
        if out and wire.room:
            written = min(len(out), wire.room)
            if self.plugged:
                wire.send(bytes(out[:written]))
            return written, self._take()
        if out:
            until = min(until, max(wire.room_at, scheduler.now()))
        while not self._received and scheduler.now() < until:
            if not self.plugged:
                raise LinkLost(f"{self.name} was unplugged", resumable=True)
            if scheduler.virtual:
                if not scheduler.advance(until) and scheduler.now() < until:
                    break
            else:
                time.sleep(max(0.0, min(until, scheduler.next_time()) - scheduler.now(), 0.0001))
                scheduler.run_due()
        return 0, self._take()

    def _take(self) -> bytes:
        data = bytes(self._received)
        self._received.clear()
        return data

    def close(self) -> None:
        self._closed = True
