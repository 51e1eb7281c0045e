"""A pipe that can be told to stop from another thread; an interrupt reaches only the main one."""

import threading
from typing import Final

from transports.pipe import Pipe
from transports.wrapped_pipe import WrappedPipe

NOTICE_S: Final = 0.2
"""It is noticed at the latest after so long."""


class InterruptiblePipe(WrappedPipe):
    """A pipe whose `exchange` raises KeyboardInterrupt once `stop` is set."""

    def __init__(self, pipe: Pipe, stop: threading.Event) -> None:
        super().__init__(pipe)
        self._stop = stop

    def exchange(self, out: bytes | memoryview, until: float) -> tuple[int, bytes]:
        if self._stop.is_set():
            raise KeyboardInterrupt
        return super().exchange(out, min(until, self.now() + NOTICE_S))
