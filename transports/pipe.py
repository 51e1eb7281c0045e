"""A pipe: bytes both ways, and the clock that belongs to it. Nothing above asks which kind it is."""

from typing import NamedTuple, Protocol


class LineOptions(NamedTuple):
    """How to open a line."""

    baud: int = 115200
    line: str = "8N1"
    flow: str = "auto"
    """RTS/CTS: `rtscts`, `none`, or `auto`: if the other end holds CTS when the port is opened. Never XON/XOFF: firmware
    contains these bytes."""


class Pipe(Protocol):
    """One open connection.

    The clock is the pipe's, because a simulated line may run faster than the world.
    """

    @property
    def name(self) -> str:
        """What to call it in messages."""
        ...

    @property
    def byte_time_s(self) -> float:
        """Seconds one byte takes on the line; 0 if the line is not the limit."""
        ...

    @property
    def baud(self) -> int:
        """Rate of the line in bits per second; 0 if it has none that could be changed."""
        ...

    def set_baud(self, baud: int) -> None:
        """Change the rate, once all that was written has gone out.

        Raises:
            ToolError: this end cannot (`usage`).
        """
        ...

    def now(self) -> float:
        """Monotonic seconds."""
        ...

    def wall_clock(self) -> float:
        """Time of day, seconds since 1970 UTC; a simulated line has its own."""
        ...

    def exchange(self, out: bytes | memoryview, until: float) -> tuple[int, bytes]:
        """Write what fits of `out`, wait until something was written or received, or the time `until` has come.

        Returns:
            Bytes written, and what was received.

        Raises:
            LinkLost: the other end is gone.
        """
        ...

    def close(self) -> None:
        """Let go; may be called twice."""
        ...
