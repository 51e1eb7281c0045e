"""A clock made of events, and a serial line on it: baud rate, latency, the latency timer of USB-serial adapters, noise.

With no real clock behind it, time jumps from event to event: an hour at 9,600 baud takes a second, the same on every
machine. With one, the same events happen when the world says so.
"""

import heapq
import itertools
import math
from collections.abc import Callable

USB_PACKET = 62
"""Payload of a full-speed packet of the usual USB-serial adapter (64 bytes less two of status): sent at once when full."""
PIECE_S = 0.01
"""A line brings bytes as they come; the model brings those of ten milliseconds at a time."""
TRANSMIT_BUFFER = 4096
"""What an operating system's serial driver takes ahead."""


class Scheduler:
    """Events in order of time.

    Args:
        clock: The real clock, or None for virtual time.
    """

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        self._clock = clock
        self._start = clock() if clock else 0.0
        self._now = 0.0
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._count = itertools.count()

    @property
    def virtual(self) -> bool:
        return self._clock is None

    def now(self) -> float:
        """Seconds since the start."""
        if self._clock:
            self._now = max(self._now, self._clock() - self._start)
        return self._now

    def at(self, time: float, call: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (time, next(self._count), call))

    def after(self, delay: float, call: Callable[[], None]) -> None:
        self.at(self.now() + delay, call)

    def next_time(self) -> float:
        return self._queue[0][0] if self._queue else math.inf

    def run_due(self) -> None:
        """Run every event whose time has come."""
        while self._queue and self._queue[0][0] <= self.now():
            heapq.heappop(self._queue)[2]()

    def advance(self, until: float) -> bool:
        """Virtual time: jump to the next event and run it, or to `until` if that is earlier. False: no event was left."""
        if self._queue and self._queue[0][0] <= until:
            time, _, call = heapq.heappop(self._queue)
            self._now = max(self._now, time)
            call()
            return True
        if until < math.inf:
            self._now = max(self._now, until)
        return False


class Wire:
    """One direction of a line.

    Args:
        deliver: Called with the bytes when they have arrived.
        byte_time_s: Time a byte takes, 0 for a line without limit.
        latency_s: One-way delay behind the line.
        timer_s: Latency timer of the adapter at the receiving end; short packets wait for it.
        garble: What rates that do not fit make of bytes. What else the line does to them is set as `disturb`.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        deliver: Callable[[bytes], None],
        *,
        byte_time_s: float = 0.0,
        latency_s: float = 0.0,
        timer_s: float = 0.0,
        garble: Callable[[bytes], bytes] = lambda data: data,
    ) -> None:
        self.scheduler, self.deliver = scheduler, deliver
        self.byte_time_s, self.latency_s, self.timer_s = byte_time_s, latency_s, timer_s
        self.garble = garble
        self.disturb: Callable[[bytes], bytes] | None = None
        self.bytes_carried = 0
        self._busy_until = 0.0
        self._held = bytearray()
        self._epoch = 0

    @property
    def room(self) -> int:
        """Bytes that the sender's driver would take now."""
        if not self.byte_time_s:
            return 1 << 16
        queued = max(0.0, self._busy_until - self.scheduler.now()) / self.byte_time_s
        return max(0, TRANSMIT_BUFFER - math.ceil(queued))

    @property
    def idle_at(self) -> float:
        """When all that was sent will be on the line."""
        return self._busy_until

    @property
    def room_at(self) -> float:
        """When half of the driver's buffer will be free."""
        return self._busy_until - TRANSMIT_BUFFER / 2 * self.byte_time_s

    def send(self, data: bytes) -> None:
        """Put bytes on the line behind those that are there."""
        step = max(64, int(PIECE_S / self.byte_time_s)) if self.byte_time_s else len(data)
        for start in range(0, len(data), step):
            self._carry(data[start : start + step])

    def _carry(self, data: bytes) -> None:
        self.bytes_carried += len(data)
        self._busy_until = max(self.scheduler.now(), self._busy_until) + len(data) * self.byte_time_s
        data = self.garble(data)
        if self.disturb:
            data = self.disturb(data)
        epoch = self._epoch
        self.scheduler.at(self._busy_until + self.latency_s, lambda: self._arrive(data, epoch))

    def cut(self) -> None:
        """What is on the line is lost."""
        self._epoch += 1
        self._held.clear()
        self._busy_until = self.scheduler.now()

    def _arrive(self, data: bytes, epoch: int) -> None:
        if epoch != self._epoch:
            return
        if not self.timer_s:
            self.deliver(data)
            return
        waiting = bool(self._held)
        self._held += data
        full = len(self._held) // USB_PACKET * USB_PACKET
        if full:
            packet = bytes(self._held[:full])
            del self._held[:full]
            self.deliver(packet)
        if self._held and (full or not waiting):
            self.scheduler.after(self.timer_s, lambda: self._flush(epoch))

    def _flush(self, epoch: int) -> None:
        if epoch == self._epoch and self._held:
            data = bytes(self._held)
            self._held.clear()
            self.deliver(data)
