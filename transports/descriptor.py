"""A pipe over a file descriptor: a serial port or pty on POSIX, and a socket anywhere."""

import contextlib
import os
import selectors
import sys
import time
from collections.abc import Callable

from formats.errors import ToolError
from transports.errors import LinkLost

READ_SIZE = 96 << 10
"""Bytes asked for at once where the line has no limit: a whole frame, yet below the size (128 KiB) from which on memory is
fetched from the system for every read."""
PACED_READ_SIZE = 1 << 12
"""The same on a line with a rate, which never has more waiting."""


class Rate:
    """The rate of a serial line, and how to change it.

    Args:
        bits: Bits on the line for each byte: start, data, parity, stop.
        change: Sets the port to a rate, after what was written has gone out.
    """

    def __init__(self, baud: int, bits: int, change: Callable[[int], None]) -> None:
        self.baud = baud
        self._bits, self._change = bits, change

    @property
    def byte_time_s(self) -> float:
        return self._bits / self.baud

    def change(self, baud: int) -> None:
        self._change(baud)
        self.baud = baud


class DescriptorPipe:
    """Non-blocking reads and writes on one descriptor.

    Args:
        read: Returns what is there, at most the given number of bytes; b"" means end of file.
        write: Returns how many bytes were taken.
    """

    def __init__(
        self,
        name: str,
        descriptor: int,
        read: Callable[[int], bytes],
        write: Callable[[bytes | memoryview], int],
        close: Callable[[], None],
        rate: "Rate | None" = None,
    ) -> None:
        self.name = name
        self._rate = rate
        self._read_size = PACED_READ_SIZE if rate else READ_SIZE
        self._read, self._write, self._close = read, write, close
        self._closed = False
        self._selector = selectors.DefaultSelector()
        self._key = self._selector.register(descriptor, selectors.EVENT_READ)

    @property
    def baud(self) -> int:
        return self._rate.baud if self._rate else 0

    @property
    def byte_time_s(self) -> float:
        return self._rate.byte_time_s if self._rate else 0.0

    def set_baud(self, baud: int) -> None:
        if self._rate is None:
            raise ToolError(f"{self.name} has no line rate", name="usage")
        self._rate.change(baud)

    def now(self) -> float:
        return time.monotonic()

    def wall_clock(self) -> float:
        return time.time()

    def exchange(self, out: bytes | memoryview, until: float) -> tuple[int, bytes]:
        if self._closed:
            raise LinkLost(f"{self.name} is closed")
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if out else 0)
        if self._key.events != wanted:
            self._key = self._selector.modify(self._key.fd, wanted)
        written, received = 0, b""
        for _, ready in self._selector.select(max(0.0, until - time.monotonic())):
            try:
                if ready & selectors.EVENT_READ:
                    received = self._read(self._read_size)
                    if not received:
                        raise LinkLost(f"{self.name} was unplugged or closed by the other end", resumable=True)
                if ready & selectors.EVENT_WRITE:
                    written = self._write(out)
            except BlockingIOError:
                continue
            except OSError as error:
                raise LinkLost(f"{self.name} is gone: {error.strerror or error}", resumable=True) from error
        return written, received

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        with contextlib.suppress(OSError, ValueError):
            self._selector.close()
        with contextlib.suppress(OSError):
            self._close()


def raw_descriptor_pipe(name: str, descriptor: int, close: Callable[[], None], rate: Rate | None = None) -> DescriptorPipe:
    """A pipe over a plain POSIX descriptor."""
    if sys.platform != "win32":
        os.set_blocking(descriptor, False)
    return DescriptorPipe(
        name, descriptor, lambda n: os.read(descriptor, n), lambda data: os.write(descriptor, data), close, rate
    )
