"""A pipe around a pipe: passes everything on; those who add something override what they add."""

from transports.pipe import Pipe


class WrappedPipe:
    """Base of pipes that watch or steer another one."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
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
        return self._pipe.exchange(out, until)

    def close(self) -> None:
        self._pipe.close()
