"""Where a printer is, and a line to it through python-escpos. The library's own errors end here.

```
serial:/dev/ttyUSB0[?baud=19200&flow=dsrdtr|xonxoff|none]    usb:04b8:0e15[?in=82&out=01]
net:192.0.2.7[:9100]                                         file:/dev/usb/lp0
```
"""

import contextlib
import importlib
import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import parse_qsl

from formats.errors import LocalError, ToolError
from transports.usb_bus import usb_backend

ANSWER_S: Final = 1.0
"""How long an answer to a real-time command may take."""
WRITE_S: Final = 20.0
"""How long a printer may hold the line."""
MAX_ANSWER: Final = 128
"""Bytes of one answer."""
_USB: Final = re.compile(r"([0-9A-Fa-f]{4}):([0-9A-Fa-f]{4})")
_FLOWS: Final = {"dsrdtr": (True, False), "xonxoff": (False, True), "none": (False, False)}
FORMS: Final = "serial:DEVICE[?baud=N], usb:VID:PID, net:HOST[:PORT] or file:PATH"
Options = dict[str, str]


class Printer:
    """An open printer: the library's object for printing, and questions with answers.

    Raises:
        ToolError: the line failed (`no_answer`).
    """

    def __init__(self, device: Any, name: str, *, answers: bool) -> None:
        self.escpos, self.name = device, name
        self.answers = answers
        """Whether anything can come back on this way at all."""

    def ask(self, question: bytes, seconds: float = ANSWER_S) -> bytes:
        """What comes back within the time; empty: nothing."""
        if not self.answers:
            return b""
        with told(self.name):
            self._wait(seconds)
            self.escpos._raw(question)
            return self._read()

    def more(self) -> bytes:
        """What else comes back."""
        with told(self.name):
            return self._read() if self.answers else b""

    def send(self, data: bytes) -> None:
        """Bytes as they are."""
        with told(self.name):
            self.escpos._raw(data)

    def _wait(self, seconds: float) -> None:
        """Each kind of line has its own way to say how long a read may take."""
        line = self.escpos.device
        if hasattr(line, "settimeout"):
            line.settimeout(seconds)
        elif hasattr(line, "write_timeout"):
            line.timeout = seconds
        else:
            self.escpos.timeout = int(seconds * 1000)

    def _read(self) -> bytes:
        try:
            return bytes(self.escpos._read())[:MAX_ANSWER]
        except TimeoutError:
            return b""
        except OSError as error:
            if type(error).__name__ == "USBTimeoutError":  # of pyusb, which need not be there
                return b""
            raise


@contextlib.contextmanager
def told(name: str) -> Iterator[None]:
    """Errors of the library and of the line as ours."""
    try:
        yield
    except (OSError, AssertionError, NotImplementedError) as error:
        hint = "See whether it is switched on and the cable is in, then run the command again."
        raise ToolError(f"the printer at {name} does not take what is sent: {error}", name="no_answer", hint=hint) from error


@contextlib.contextmanager
def open_printer(name: str) -> Iterator[Printer]:
    """Open a printer; it is closed at the end.

    Raises:
        ToolError: the name is none (`usage`); there is no such printer (`no_device`).
        LocalError: python-escpos is not installed (`missing_component`).
    """
    kind, rest, options = split(name)
    library, errors = _library("escpos.printer"), _library("escpos.exceptions")
    device = _KINDS[kind](library, rest, options)
    try:
        _open(device, name, errors.Error)
        if kind == "net":
            device.device.settimeout(WRITE_S)
        elif kind == "serial":
            device.device.write_timeout = WRITE_S
        yield Printer(device, name, answers=kind != "file")
    finally:
        with contextlib.suppress(OSError):
            device.close()


def _open(device: Any, name: str, errors: type[Exception]) -> None:
    try:
        device.open()
    except (errors, OSError, ValueError, AssertionError) as error:  # ValueError: no libusb, or a rate that the port has not
        hint = "See whether it is switched on and the cable is in; on Linux, whether you may use it (group lp or dialout)."
        raise ToolError(f"there is no printer at {name}: {error}".replace("\n", " "), name="no_device", hint=hint) from error


def split(name: str) -> tuple[str, str, Options]:
    """Kind, place and options; raises ToolError (`usage`)."""
    kind, colon, rest = name.partition(":")
    place, _, query = rest.partition("?")
    options = dict(parse_qsl(query))
    known = _OPTIONS.get(kind)
    if not colon or known is None or not place:
        raise ToolError(f"{name!r} is no printer", name="usage", hint=f"Write {FORMS}.")
    unknown = options.keys() - known.keys()
    if unknown:
        raise ToolError(f"{name!r}: {kind} has no option {min(unknown)!r}", name="usage", hint=f"Known: {', '.join(known)}.")
    for option, value in options.items():
        if not known[option].fullmatch(value):
            raise ToolError(f"{name!r}: {option}={value!r} makes no sense", name="usage", hint=f"Write {FORMS}.")
    if kind == "usb" and not _USB.fullmatch(place):
        raise ToolError(f"{name!r}: expected usb:VID:PID", name="usage", hint="Four hexadecimal digits each: `fwtool ports`.")
    return kind, place, options


def _serial(library: Any, place: str, options: Options) -> Any:
    dsrdtr, xonxoff = _FLOWS[options.get("flow", "dsrdtr")]
    return library.Serial(
        devfile=place, baudrate=int(options.get("baud", "9600")), timeout=ANSWER_S, dsrdtr=dsrdtr, xonxoff=xonxoff
    )


def _usb(library: Any, place: str, options: Options) -> Any:
    vendor, product = place.split(":")
    return library.Usb(
        int(vendor, 16), int(product, 16), usb_args={"backend": usb_backend()}, timeout=int(WRITE_S * 1000),
        in_ep=int(options.get("in", "82"), 16), out_ep=int(options.get("out", "01"), 16),
    )  # fmt: skip


def _net(library: Any, place: str, options: Options) -> Any:
    del options
    host, colon, port = place.rpartition(":") if re.search(r":\d+$", place) and not place.endswith("]") else (place, "", "9100")
    del colon
    if int(port) > 0xFFFF:
        raise ToolError(f"net:{place}: there is no port {port}", name="usage")
    return library.Network(host.strip("[]"), int(port), timeout=5)


def _file(library: Any, place: str, options: Options) -> Any:
    del options
    return library.File(place)


_KINDS: Final = {"serial": _serial, "usb": _usb, "net": _net, "file": _file}
_OPTIONS: Final[dict[str, dict[str, re.Pattern[str]]]] = {
    "serial": {"baud": re.compile(r"[1-9]\d{1,6}"), "flow": re.compile("|".join(_FLOWS))},
    "usb": {"in": re.compile("[0-9A-Fa-f]{2}"), "out": re.compile("[0-9A-Fa-f]{2}")},
    "net": {},
    "file": {},
}


def _library(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise LocalError(
            "printing to attached receipt printers needs the library python-escpos", name="missing_component",
            hint='Install it: pip install "fwtool-terminal[escpos]"',
        ) from error  # fmt: skip
