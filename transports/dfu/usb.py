"""DFU devices on a real USB bus, through pyusb and libusb, which are loaded when a bus is first looked at."""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from transports import usb_bus
from transports.dfu.descriptors import APPLICATION_SPECIFIC, DFU_SUBCLASS
from transports.dfu.device import DfuInfo, Identity, Stalled, describe
from transports.dfu.matching import Place, find_same
from transports.usb_bus import TIMEOUT_MS, translated
from transports.usb_find import Wanted, find_one

__all__ = ["UsbDfu", "WallClock", "Wanted", "open_usb", "scan"]

MAX_TRANSFER: Final = 4096
"""Linux and Windows take no more in one control transfer."""
TO_INTERFACE, FROM_INTERFACE = 0x21, 0xA1


class WallClock:
    """The time of this computer."""

    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


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
        with translated(_stalls(request)):
            self._handle.ctrl_transfer(TO_INTERFACE, request, value, self.info.interface, data, TIMEOUT_MS)

    def control_in(self, request: int, value: int, length: int) -> bytes:
        with translated(_stalls(request)):
            return bytes(self._handle.ctrl_transfer(FROM_INTERFACE, request, value, self.info.interface, length, TIMEOUT_MS))

    def select(self, alternate: int) -> None:
        with translated(_stalls()):
            self._handle.set_interface_altsetting(self.info.interface, alternate)

    def string(self, index: int) -> str:
        return usb_bus.read_string(self._handle, index)

    def reset(self) -> None:
        with translated(_stalls()):
            self._handle.reset()

    def find_again(self) -> bool:
        here = (self.place.bus, self.place.ports)
        found = find_same(scan(self._backend, lambda handle: usb_bus.seat(handle) == here), self.place, self.others)
        if found is None:
            return False
        self.close()
        self._handle, self.info, self.place = found._handle, found.info, found.place
        self.claim()
        return True

    def claim(self) -> None:
        """Take the interface, so that nobody else uses it."""
        usb_bus.claim(self._handle, self.info.interface)

    def close(self) -> None:
        """Let go; may be called twice."""
        usb_bus.release(self._handle)


def open_usb(port: str, backend: Any = None) -> UsbDfu:
    """The device that `usb:VID:PID[:SERIAL]` names.

    Args:
        backend: A pyusb backend; None: libusb.

    Raises:
        ToolError: none (`no_device`), several (`several_devices`), in use (`device_busy`), no right to it (`permission`), or
            pyusb or libusb is not installed (`missing_component`).
        FormatError: its descriptors are damaged.
    """
    device, others = find_one(port, "DFU", lambda matters: scan(backend, matters), lambda one: one.info.identity.product)
    device.others = tuple(one.place for one in others)
    for one in others:
        one.close()
    device.claim()
    return device


def scan(backend: Any = None, matters: Callable[[Any], bool] = lambda handle: False) -> list[UsbDfu]:
    """All DFU devices on the bus that this user may look at; raises as `open_usb`.

    Args:
        matters: Given a pyusb device: whether trouble with it is to be raised. The others are left out then.
    """
    backend = backend or usb_bus.usb_backend()
    return usb_bus.scan(lambda handle: _devices(handle, backend), backend, matters)


def _devices(handle: Any, backend: Any) -> Iterator[UsbDfu]:
    identity = Identity(handle.idVendor, handle.idProduct, handle.bcdDevice)
    with usb_bus.translated():
        for configuration in handle:
            if not _has_dfu(configuration):
                continue
            place = usb_bus.place_of(handle)
            data = usb_bus.read_configuration(handle, configuration)
            info = describe(identity, place.serial_number, data, lambda index: usb_bus.read_string(handle, index))
            if info is not None:
                yield UsbDfu(handle, info, place, backend)
            return


def _has_dfu(configuration: Iterable[Any]) -> bool:
    return any((one.bInterfaceClass, one.bInterfaceSubClass) == (APPLICATION_SPECIFIC, DFU_SUBCLASS) for one in configuration)


def _stalls(request: int = -1) -> Callable[[], Stalled]:
    return lambda: Stalled(request)
