"""`usb:VID:PID[:SERIAL]`: a pipe over the bulk interface of a terminal (docs/protocol/tsp.md, section 8).

One thread keeps a read of 64 KiB pending, so that the device is never made to wait for the host; what is written goes out in
transfers of 64 KiB from the thread that calls.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from formats.errors import FormatError, ToolError
from transports import usb_bus
from transports.dfu.matching import Place, find_same
from transports.errors import LinkError, LinkLost
from transports.pipe import LineOptions
from transports.usb_bulk_descriptors import BulkInterface, is_tsp, parse_bulk
from transports.usb_bus import UsbStall, translated
from transports.usb_find import find_one, port_name
from transports.usb_reader import BulkReader, clear_once

WRITE_SIZE: Final = 256 << 10
"""Most bytes of a write: all that the pump gives, so that the bus waits for the host as seldom as may be."""
WRITE_MS: Final = 250
"""How long a write may block; a device that takes nothing must not hold up the one who calls."""


class BulkDevice(NamedTuple):
    """A device with a TSP interface, found on the bus."""

    handle: Any
    product: int
    place: Place
    interface: BulkInterface

    @property
    def name(self) -> str:
        return f"{self.place.vendor:04x}:{self.product:04x} {self.place.serial_number}".rstrip()


class UsbIdentity(NamedTuple):
    """What a device is known by when it comes back, perhaps with other numbers."""

    place: Place
    others: tuple[Place, ...]
    """Where its like sat at the same time."""


def open_usb_bulk(port: str, options: LineOptions, backend: Any = None) -> "UsbBulkPipe":
    """Open the device that a port names; the line's options mean nothing to it.

    Args:
        backend: A pyusb backend; None: libusb.

    Raises:
        ToolError: none (`no_device`), several (`several_devices`), in use (`device_busy`), no right to it (`permission`), or
            pyusb or libusb is not installed (`missing_component`).
        FormatError: its descriptors are damaged.
    """
    del options
    device, others = _find(port, backend)
    for one in others:
        usb_bus.release(one.handle)
    return open_found(port, device)


def open_found(name: str, device: BulkDevice) -> "UsbBulkPipe":
    """A pipe over a device that was found; raises as `open_usb_bulk`."""
    number, alternate = device.interface[:2]
    usb_bus.claim(device.handle, number)
    try:
        if alternate:
            with translated():
                device.handle.set_interface_altsetting(number, alternate)
        return UsbBulkPipe(name, device)
    except BaseException:
        usb_bus.release(device.handle)
        raise


def scan(backend: Any = None, matters: Callable[[Any], bool] = lambda handle: False) -> list[BulkDevice]:
    """All devices on the bus that carry TSP and that this user may look at; raises as `open_usb_bulk`.

    Args:
        matters: Given a pyusb device: whether trouble with it is to be raised. The others are left out then.
    """
    return usb_bus.scan(_look, backend or usb_bus.usb_backend(), matters)


def _look(handle: Any) -> Iterator[BulkDevice]:
    with translated():
        for configuration in handle:
            if any(is_tsp(one.bInterfaceClass, one.bInterfaceSubClass, one.bInterfaceProtocol) for one in configuration):
                interface = parse_bulk(usb_bus.read_configuration(handle, configuration))
                if interface is None:
                    raise FormatError("the device's descriptors contradict one another")
                yield BulkDevice(handle, handle.idProduct, usb_bus.place_of(handle), interface)
                return


def identify(port: str, backend: Any = None) -> UsbIdentity:
    """What the device at a port is known by; raises as `open_usb_bulk`."""
    device, others = _find(port, backend)
    for one in (device, *others):
        usb_bus.release(one.handle)
    return UsbIdentity(device.place, tuple(one.place for one in others))


def _find(port: str, backend: Any) -> tuple[BulkDevice, list[BulkDevice]]:
    return find_one(port, "TSP", lambda matters: scan(backend, matters), lambda one: one.product)


def find_again(identity: UsbIdentity, backend: Any = None) -> str:
    """Look once for a device that has restarted: by its serial number, else where it sat.

    Returns:
        The port that it has now; empty: it is not there.

    Raises:
        ToolError: something sits in its place that cannot be used, perhaps because the system has not set its rights yet.
    """
    place = identity.place
    devices = scan(backend, lambda handle: usb_bus.seat(handle) == (place.bus, place.ports))
    for one in devices:
        usb_bus.release(one.handle)
    found = find_same(devices, place, identity.others)
    if found is None:
        return ""
    like = [one.place for one in devices if one is not found and one.product == found.product]
    return port_name(found.product, found.place, like)


class UsbBulkPipe:
    """The pipe."""

    baud = 0
    byte_time_s = 0.0

    def __init__(self, name: str, device: BulkDevice) -> None:
        self.name = name
        self._handle, self._endpoint = device.handle, device.interface.out_of_host
        self._reader = BulkReader(device.handle, device.interface.into_host.address)
        self._closed = self._stalled = self._end_due = False

    def set_baud(self, baud: int) -> None:
        raise ToolError(f"{self.name} has no line rate that can be set to {baud} baud", name="usage")

    def now(self) -> float:
        return time.monotonic()

    def wall_clock(self) -> float:
        return time.time()

    def exchange(self, out: bytes | memoryview, until: float) -> tuple[int, bytes]:
        if self._closed:
            raise LinkLost(f"{self.name} is closed")
        written = self._write(out[:WRITE_SIZE]) if out else 0
        if written:
            self._end_due = written == len(out) and written % self._endpoint.packet_size == 0
        if self._end_due and (written or not out):
            self._end_due = self._write(b"") is None
        return written or 0, self._reader.take(0.0 if out else until)

    def _write(self, data: bytes | memoryview) -> int | None:
        """Bytes that the device took; None: it took no transfer at all."""
        try:
            with translated():
                written = int(self._handle.write(self._endpoint.address, bytes(data), WRITE_MS))
        except UsbStall:
            clear_once(self._handle, self._endpoint.address, again=self._stalled)
            self._stalled = True
            return None
        except LinkLost:
            raise
        except LinkError:  # it is not ready
            return None
        self._stalled = False
        return written

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        if self._reader.stop():  # else the system lets go of it when this process ends
            usb_bus.release(self._handle)
