"""A pipe that can be told to stop from another thread; an interrupt reaches only the main one."""

import threading
from typing import Final

from transports.pipe import Pipe

NOTICE_S: Final = 0.2
"""It is noticed at the latest after so long."""


class InterruptiblePipe:
    """A pipe whose `exchange` raises KeyboardInterrupt once `stop` is set."""

    def __init__(self, pipe: Pipe, stop: threading.Event) -> None:
        self._pipe, self._stop = pipe, stop
        self.name = pipe.name

    @property
    def byte_time_s(self) -> float:
        return self._pipe.byte_time_s

    @property
    def baud(self) -> int:
        return self._pipe.baud

    def set_baud(self, baud: int) -> None:
        self._pipe.set_baud(baud)

    def now(self) -> float:
        return self._pipe.now()

    def wall_clock(self) -> float:
        return self._pipe.wall_clock()

    def exchange(self, out: bytes | memoryview, until: float) -> tuple[int, bytes]:
        if self._stop.is_set():
            raise KeyboardInterrupt
        return self._pipe.exchange(out, min(until, self._pipe.now() + NOTICE_S))

    def close(self) -> None:
        self._pipe.close()
