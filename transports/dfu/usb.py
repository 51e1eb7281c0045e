"""DFU devices on a real USB bus, through pyusb and libusb, which are loaded when a bus is first looked at."""

import errno
import importlib
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple, NoReturn

from formats.errors import ToolError
from transports.dfu.descriptors import APPLICATION_SPECIFIC, CONFIGURATION, DFU_SUBCLASS, STRING, parse_string
from transports.dfu.device import DfuInfo, Identity, Stalled, describe
from transports.dfu.matching import Place, find_same
from transports.errors import LinkError, LinkLost

TIMEOUT_MS: Final = 5000
"""For one control transfer; a device that takes longer says so with bwPollTimeout."""
MAX_TRANSFER: Final = 4096
"""Linux and Windows take no more in one control transfer."""
TO_INTERFACE, FROM_INTERFACE = 0x21, 0xA1
ENGLISH: Final = 0x0409
_RIGHTS: Final = "On Linux a udev rule gives the right to use it; on Windows it needs the WinUSB driver."


class WallClock:
    """The time of this computer."""

    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class Wanted(NamedTuple):
    """A device as the user names it."""

    vendor: int
    product: int
    serial_number: str = ""
    """Empty: any."""

    @classmethod
    def parse(cls, port: str) -> "Wanted":
        """Read `usb:VID:PID[:SERIAL]`.

        Raises:
            ToolError: not of this form (`usage`).
        """
        _, *parts = port.split(":", 3)
        try:
            vendor, product = (int(part, 16) for part in parts[:2])
        except ValueError:
            vendor = product = -1
        if not (port.startswith("usb:") and 0 <= vendor <= 0xFFFF and 0 <= product <= 0xFFFF):
            raise ToolError(f"{port!r} is not a USB device", name="usage", hint="Write usb:VID:PID or usb:VID:PID:SERIAL.")
        return cls(vendor, product, parts[2] if len(parts) > 2 else "")

    def fits(self, info: DfuInfo) -> bool:
        numbers = (info.identity.vendor, info.identity.product) == (self.vendor, self.product)
        return numbers and self.serial_number in ("", info.serial_number)


class UsbDfu:
    """One DFU device that was found, as `transports.dfu.device.DfuDevice`."""

    max_transfer = MAX_TRANSFER

    def __init__(self, handle: Any, info: DfuInfo, place: Place, backend: Any) -> None:
        self.info, self.place = info, place
        self.others: tuple[Place, ...] = ()
        """Where other DFU devices sit."""
        self._handle, self._backend = handle, backend

    @property
    def name(self) -> str:
        return f"{self.info.identity} {self.info.serial_number}".rstrip()

    def control_out(self, request: int, value: int, data: bytes) -> None:
        with _translated(request):
            self._handle.ctrl_transfer(TO_INTERFACE, request, value, self.info.interface, data, TIMEOUT_MS)

    def control_in(self, request: int, value: int, length: int) -> bytes:
        with _translated(request):
            return bytes(self._handle.ctrl_transfer(FROM_INTERFACE, request, value, self.info.interface, length, TIMEOUT_MS))

    def select(self, alternate: int) -> None:
        with _translated():
            self._handle.set_interface_altsetting(self.info.interface, alternate)

    def string(self, index: int) -> str:
        return _string(self._handle, index)

    def reset(self) -> None:
        with _translated():
            self._handle.reset()

    def find_again(self) -> bool:
        here = (self.place.bus, self.place.ports)
        found = find_same(scan(self._backend, lambda handle: _seat(handle) == here), self.place, self.others)
        if found is None:
            return False
        self.close()
        self._handle, self.info, self.place = found._handle, found.info, found.place
        self.claim()
        return True

    def claim(self) -> None:
        """Take the interface, so that nobody else uses it."""
        with _translated():
            importlib.import_module("usb.util").claim_interface(self._handle, self.info.interface)

    def close(self) -> None:
        """Let go; may be called twice."""
        importlib.import_module("usb.util").dispose_resources(self._handle)


def open_usb(port: str, backend: Any = None) -> UsbDfu:
    """The device that `usb:VID:PID[:SERIAL]` names.

    Args:
        backend: A pyusb backend; None: libusb.

    Raises:
        ToolError: none (`no_device`), several (`several_devices`), in use (`device_busy`), no right to it (`permission`), or
            pyusb or libusb is not installed (`missing_component`).
        FormatError: its descriptors are damaged.
    """
    wanted = Wanted.parse(port)
    numbers = (wanted.vendor, wanted.product)
    devices = scan(backend, lambda handle: (handle.idVendor, handle.idProduct) == numbers)
    found = [device for device in devices if wanted.fits(device.info)]
    if len(found) != 1:
        hint = "; ".join(device.name for device in devices) or "none"
        raise LinkError(
            f"{len(found)} DFU devices fit {port}", name="several_devices" if found else "no_device",
            hint=f"DFU devices that are there: {hint}.",
        )  # fmt: skip
    device = found[0]
    device.others = tuple(one.place for one in devices if one is not device)
    device.claim()
    return device


def scan(backend: Any = None, matters: Callable[[Any], bool] = lambda handle: False) -> list[UsbDfu]:
    """All DFU devices on the bus that this user may look at; raises as `open_usb`.

    Args:
        matters: Given a pyusb device: whether trouble with it is to be raised. The others are left out then.
    """
    backend = backend or _libusb()
    found: list[UsbDfu] = []
    for handle in importlib.import_module("usb.core").find(find_all=True, backend=backend):
        try:
            found += _devices(handle, backend)
        except ToolError:
            if matters(handle):
                raise
    return found


def _libusb() -> Any:
    for name, function in (("libusb_package", "get_libusb1_backend"), ("usb.backend.libusb1", "get_backend")):
        try:
            backend = getattr(importlib.import_module(name), function)()
        except ImportError:
            continue
        if backend is not None:
            return backend
    raise ToolError("USB needs pyusb and libusb, which are not installed", name="missing_component",
                    hint="Install the packages pyusb and libusb-package.")  # fmt: skip


def _devices(handle: Any, backend: Any) -> Iterator[UsbDfu]:
    place = Place(*_seat(handle), handle.idVendor, "")
    identity = Identity(handle.idVendor, handle.idProduct, handle.bcdDevice)
    with _translated():
        for configuration in handle:
            if not _has_dfu(configuration):
                continue
            serial_number = _string(handle, handle.iSerialNumber)
            data = _descriptor(handle, CONFIGURATION, configuration.index, 0, configuration.wTotalLength)
            info = describe(identity, serial_number, data, lambda index: _string(handle, index))
            if info is not None:
                yield UsbDfu(handle, info, place._replace(serial_number=serial_number), backend)
            return


def _seat(handle: Any) -> tuple[int | None, tuple[int, ...]]:
    """Bus, and port numbers from the root hub down, where the system tells them."""
    return handle.bus, tuple(handle.port_numbers or ())


def _has_dfu(configuration: Iterable[Any]) -> bool:
    return any((one.bInterfaceClass, one.bInterfaceSubClass) == (APPLICATION_SPECIFIC, DFU_SUBCLASS) for one in configuration)


def _string(handle: Any, index: int) -> str:
    """A string as it stands; pyusb's own reader refuses those of some boot loaders."""
    if not index:
        return ""
    try:
        with _translated():
            return parse_string(_descriptor(handle, STRING, index, ENGLISH, 255))
    except (LinkError, ToolError):
        return ""


def _descriptor(handle: Any, kind: int, index: int, language: int, size: int) -> bytes:
    return bytes(handle.ctrl_transfer(0x80, 6, kind << 8 | index, language, size, TIMEOUT_MS))


@contextmanager
def _translated(request: int = -1) -> Iterator[None]:
    """Errors of pyusb in our words."""
    try:
        yield
    except importlib.import_module("usb.core").USBError as error:
        _raise(error, request)


def _raise(error: Any, request: int) -> NoReturn:
    if error.errno == errno.EPIPE:
        raise Stalled(request) from error
    if error.errno == errno.ETIMEDOUT:
        raise LinkError(f"the device did not answer within {TIMEOUT_MS / 1000:g} s") from error
    if error.errno == errno.EACCES:
        raise ToolError("this user may not use the device", name="permission", hint=_RIGHTS) from error
    if error.errno == errno.EBUSY:
        raise ToolError("another program uses the device", name="device_busy", hint="Close it and try again.") from error
    raise LinkLost(f"the device is gone: {error.strerror or error}", resumable=True) from error
