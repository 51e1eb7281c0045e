"""Serial ports, by any name or URL that pyserial knows.

pyserial opens and sets the line; on POSIX the bytes then move through the file descriptor, because its own `read` costs
a system call per byte (facts measured: 0.1 against 80 MB/s). Where there is no descriptor (Windows, rfc2217://) its
methods are used.
"""

import contextlib
import errno
import functools
import os
import pathlib
import time
from typing import TYPE_CHECKING, Any

from formats.errors import LocalError, ToolError
from transports.descriptor import Rate, raw_descriptor_pipe
from transports.errors import LinkError, LinkLost
from transports.pipe import LineOptions, Pipe

if TYPE_CHECKING:
    import serial

POLL_S = 0.02
LATENCY_FOLDER = pathlib.Path("/sys/bus/usb-serial/devices")


def open_serial(url: str, options: LineOptions) -> Pipe:
    """Open a port for us alone.

    Raises:
        LinkError: there is no such port (`no_device`).
        LocalError: it is in use (`port_busy`) or not allowed (`permission`).
        ToolError: the line setting or the URL makes no sense (`usage`).
    """
    import serial

    data_bits, parity, stop_bits = _line(options.line)
    try:
        port = serial.serial_for_url(
            url, do_not_open=True, baudrate=options.baud, bytesize=data_bits, parity=parity, stopbits=stop_bits,
            timeout=0, write_timeout=None, xonxoff=False,
        )  # fmt: skip
        if "://" not in url:
            port.exclusive = True
        port.open()
        _flow(port, options.flow)
        _low_latency(port)
    except (serial.SerialException, OSError, ValueError) as error:
        raise open_failed(url, error) from error
    rate = Rate(options.baud, 1 + data_bits + (0 if parity == "N" else 1) + stop_bits, functools.partial(_change, url, port))
    try:
        descriptor = port.fileno() if os.name == "posix" else None
    except (OSError, AttributeError, ValueError):
        descriptor = None
    if descriptor is None:
        return PolledPipe(url, port, rate)
    return raw_descriptor_pipe(url, descriptor, port.close, rate)


def _flow(port: Any, flow: str) -> None:
    """Use RTS/CTS where the other end does. A pty has no such lines and says so."""
    with contextlib.suppress(OSError, AttributeError):
        port.rtscts = flow == "rtscts" or (flow == "auto" and bool(port.cts))


def _low_latency(port: Any) -> None:
    """Ask the driver to pass bytes on at once (Linux: ASYNC_LOW_LATENCY sets an adapter's latency timer to 1 ms)."""
    with contextlib.suppress(OSError, AttributeError, ValueError, NotImplementedError):
        port.set_low_latency_mode(True)


def latency_timers(folder: pathlib.Path = LATENCY_FOLDER) -> dict[str, int]:
    """Latency timers of the USB-serial adapters here, by port name, milliseconds (Linux; elsewhere empty)."""
    found = {}
    for path in sorted(folder.glob("*/latency_timer")):
        with contextlib.suppress(OSError, ValueError):
            found[path.parent.name] = int(path.read_text())
    return found


def _change(url: str, port: "serial.SerialBase", baud: int) -> None:
    import serial

    try:
        port.flush()  # what was written goes out at the old rate
        port.baudrate = baud
    except (serial.SerialException, OSError, ValueError) as error:
        raise ToolError(f"{url} cannot be set to {baud} baud: {error}", name="usage") from error


class PolledPipe:
    """A port without a descriptor, through pyserial's own reads and writes."""

    def __init__(self, name: str, port: "serial.SerialBase", rate: Rate) -> None:
        self.name = name
        self._port, self._rate = port, rate

    @property
    def baud(self) -> int:
        return self._rate.baud

    @property
    def byte_time_s(self) -> float:
        return self._rate.byte_time_s

    def set_baud(self, baud: int) -> None:
        self._rate.change(baud)

    def now(self) -> float:
        return time.monotonic()

    def wall_clock(self) -> float:
        return time.time()

    def exchange(self, out: bytes | memoryview, until: float) -> tuple[int, bytes]:
        import serial

        try:
            written = self._port.write(out[:4096]) or 0 if out else 0
            self._port.timeout = 0 if written else min(POLL_S, max(0.0, until - time.monotonic()))
            received = self._port.read(max(1, int(getattr(self._port, "in_waiting", 1))))
        except (serial.SerialException, OSError, TypeError) as error:
            raise LinkLost(f"{self.name} is gone: {error}", resumable=True) from error
        return written, bytes(received)

    def close(self) -> None:
        with contextlib.suppress(Exception):
            self._port.close()


def _line(text: str) -> tuple[int, str, int]:
    """`8N1` -> data bits, parity, stop bits."""
    if len(text) == 3 and text[0] in "78" and text[1] in "NEO" and text[2] in "12":
        return int(text[0]), text[1], int(text[2])
    raise ToolError(f"{text!r} is not a line setting", name="usage", hint="Write data bits, parity, stop bits: 8N1, 8E1, 8N2.")


def open_failed(url: str, error: Exception) -> ToolError:
    """Why a port could not be opened, in words a user can act on."""
    if isinstance(error, ValueError) and not isinstance(error, OSError):
        return ToolError(f"{url!r} cannot be opened: {error}", name="usage")
    number = getattr(error, "errno", None)
    text = str(error)
    if number == errno.ENOENT or "FileNotFound" in text or "No such file" in text:
        return LinkError(
            f"there is no port {url}",
            name="no_device",
            hint="See `fwtool ports` for what is connected.",
            resumable=True,
        )
    if number in (errno.EACCES, errno.EPERM) or "PermissionError" in text or "Permission denied" in text:
        busy = os.name == "nt"  # Windows says "access denied" for a port that is in use
        return LocalError(
            f"{url} may not be opened" if not busy else f"{url} is in use by another program",
            name="port_busy" if busy else "permission",
            hint="Close the other program." if busy else "Run `fwtool doctor`: it says how to get the right to use it.",
        )
    if number in (errno.EBUSY, errno.EAGAIN) or "lock" in text.lower():
        return LocalError(f"{url} is in use by another program", name="port_busy", hint="Close it and run this again.")
    return LinkError(f"{url} cannot be opened: {text}", name="no_device", hint="See `fwtool ports`.", resumable=True)


def list_ports() -> list[Any]:
    """pyserial's port descriptions (device, description, vid, pid, serial_number, location)."""
    from serial.tools.list_ports import comports

    return sorted(comports(), key=lambda port: str(port.device))
