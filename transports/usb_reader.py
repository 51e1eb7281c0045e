"""Reading from a bulk endpoint: a thread that keeps one read pending, and a box for what has come."""

import array
import threading
import time
from typing import Any, Final

from formats.errors import ToolError
from transports.errors import LinkError, LinkLost
from transports.usb_bus import UsbStall, translated

TRANSFER_SIZE: Final = 64 << 10
"""Bytes of a read or write: a whole number of packets of any size (`python -m benchmarks usb` compares sizes)."""
INBOX_LIMIT: Final = 4 * TRANSFER_SIZE
"""Bytes kept for a caller that does not read; the device has to wait then."""
READ_MS: Final = 100
"""How long one read is pending; then it is looked whether the pipe was closed."""
JOIN_S: Final = 2.0


class BulkReader:
    """Keeps a read pending, and what has come until it is fetched."""

    def __init__(self, handle: Any, endpoint: int) -> None:
        self._handle, self._endpoint = handle, endpoint
        self._changed = threading.Condition()
        self._inbox: list[bytes] = []
        self._held = 0
        self._stopped = False
        self._failure: ToolError | None = None
        self._thread = threading.Thread(target=self._run, name=f"read endpoint {endpoint:#04x}", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        buffer = array.array("B", bytes(TRANSFER_SIZE))
        view = memoryview(buffer)
        try:
            stalled = False
            while self._may_read():
                try:
                    with translated():
                        size = self._handle.read(self._endpoint, buffer, READ_MS)
                except UsbStall:
                    clear_once(self._handle, self._endpoint, again=stalled)
                    stalled = True
                    continue
                except LinkLost:
                    raise
                except LinkError:  # nothing came
                    continue
                stalled = False
                self._put(bytes(view[:size]))
        except ToolError as failure:
            self._fail(failure)
        finally:
            self._fail(LinkLost("the device is no longer read"))

    def _may_read(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._held < INBOX_LIMIT or self._stopped)
            return not self._stopped

    def _put(self, data: bytes) -> None:
        if not data:
            return
        with self._changed:
            self._inbox.append(data)
            self._held += len(data)
            self._changed.notify_all()

    def _fail(self, failure: ToolError) -> None:
        with self._changed:
            self._failure = self._failure or failure
            self._changed.notify_all()

    def take(self, until: float) -> bytes:
        """What has come; waits for it at most until `until`. Raises as soon as nothing more can come."""
        with self._changed:
            if not self._held and not self._failure:
                self._changed.wait(max(0.0, until - time.monotonic()))
            if not self._held and self._failure:
                raise self._failure
            data = self._inbox[0] if len(self._inbox) == 1 else b"".join(self._inbox)
            self._inbox.clear()
            self._held = 0
            self._changed.notify_all()
            return data

    def stop(self) -> bool:
        """End it; whether that worked in time."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        self._thread.join(JOIN_S)
        return not self._thread.is_alive()


def clear_once(handle: Any, endpoint: int, *, again: bool) -> None:
    """Answer a stall: clear it (USB 2.0, 9.4.5), but not one that comes back at once.

    Raises:
        LinkLost: it came back.
    """
    if again:
        raise LinkLost("the device refuses to talk: its endpoint is stalled again", resumable=True,
                       hint="Replug the device and run the same command again.")  # fmt: skip
    try:
        with translated():
            handle.clear_halt(endpoint)
    except LinkLost:
        raise
    except LinkError as error:
        raise LinkLost(f"the device refuses to talk: {error.message}", resumable=True) from error
