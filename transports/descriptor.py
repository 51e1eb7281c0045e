"""A pipe over a file descriptor: a serial port or pty on POSIX, and a socket anywhere."""

import contextlib
import os
import selectors
import time
from collections.abc import Callable

from transports.errors import LinkLost

READ_SIZE = 1 << 16


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
        write: Callable[[bytes], int],
        close: Callable[[], None],
        byte_time_s: float = 0.0,
    ) -> None:
        self.name = name
        self.byte_time_s = byte_time_s
        self._read, self._write, self._close = read, write, close
        self._closed = False
        self._selector = selectors.DefaultSelector()
        self._key = self._selector.register(descriptor, selectors.EVENT_READ)

    def now(self) -> float:
        return time.monotonic()

    def wall_clock(self) -> float:
        return time.time()

    def exchange(self, out: bytes, until: float) -> tuple[int, bytes]:
        if self._closed:
            raise LinkLost(f"{self.name} is closed")
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if out else 0)
        if self._key.events != wanted:
            self._key = self._selector.modify(self._key.fd, wanted)
        written, received = 0, b""
        for _, ready in self._selector.select(max(0.0, until - time.monotonic())):
            try:
                if ready & selectors.EVENT_READ:
                    received = self._read(READ_SIZE)
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


def raw_descriptor_pipe(name: str, descriptor: int, close: Callable[[], None], byte_time_s: float = 0.0) -> DescriptorPipe:
    """A pipe over a plain POSIX descriptor."""
    os.set_blocking(descriptor, False)
    return DescriptorPipe(
        name, descriptor, lambda n: os.read(descriptor, n), lambda data: os.write(descriptor, data), close, byte_time_s
    )
