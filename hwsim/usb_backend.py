"""A bus of simulated devices as a pyusb backend (`usb.backend.IBackend`)."""

import array
import errno
import importlib
import struct
import time
import types
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple, TypeVar

from hwsim.usb_device import IN, Setup, UsbDevice
from transports.dfu.device import Stalled
from transports.errors import LinkError, LinkLost

BUS: Final = 3
LOOK_S: Final = 0.05
"""A change that nobody tells of is noticed after so long."""
DEVICE_FIELDS: Final = (
    "bLength bDescriptorType bcdUSB bDeviceClass bDeviceSubClass bDeviceProtocol bMaxPacketSize0 idVendor idProduct "
    "bcdDevice iManufacturer iProduct iSerialNumber bNumConfigurations"
)
CONFIGURATION_FIELDS: Final = (
    "bLength bDescriptorType wTotalLength bNumInterfaces bConfigurationValue iConfiguration bmAttributes bMaxPower"
)
INTERFACE_FIELDS: Final = (
    "bLength bDescriptorType bInterfaceNumber bAlternateSetting bNumEndpoints bInterfaceClass bInterfaceSubClass "
    "bInterfaceProtocol iInterface"
)
ENDPOINT_FIELDS: Final = (
    "bLength bDescriptorType bEndpointAddress bmAttributes wMaxPacketSize bInterval"
)  # fmt: skip
INTERFACE, ENDPOINT = 4, 5
T = TypeVar("T")


class Opened(NamedTuple):
    """A device that was opened, and for which of its stays on the bus."""

    device: UsbDevice
    session: object


class SimulatedBus:
    """The backend."""

    def __init__(self, *devices: UsbDevice) -> None:
        self._core = importlib.import_module("usb.core")
        self.devices = list(devices)
        self.errors: dict[int, int] = {}
        """Product number -> errno of everything done with such a device."""
        self.claimed: list[int] = []

    # --- descriptors

    def enumerate_devices(self) -> Iterator[UsbDevice]:
        return iter([one for one in self.devices if one.on_bus])

    def get_device_descriptor(self, device: UsbDevice) -> types.SimpleNamespace:
        fields = struct.unpack("<BBHBBBBHHHBBBB", device.device_descriptor())
        return types.SimpleNamespace(
            **dict(zip(DEVICE_FIELDS.split(), fields, strict=True)), address=2 + self.devices.index(device), bus=BUS, speed=3,
            port_number=device.ports[-1] if device.ports else None, port_numbers=device.ports or None,
        )  # fmt: skip

    def get_configuration_descriptor(self, device: UsbDevice, _number: int) -> types.SimpleNamespace:
        return _record("<BBHBBBBB", CONFIGURATION_FIELDS, device.configuration())

    def get_interface_descriptor(self, device: UsbDevice, index: int, alternate: int, _number: int) -> types.SimpleNamespace:
        return _record("<9B", INTERFACE_FIELDS, _setting(device, index, alternate)[0])

    def get_endpoint_descriptor(
        self, device: UsbDevice, index: int, interface: int, alternate: int, _number: int
    ) -> types.SimpleNamespace:
        endpoints = [one for one in _setting(device, interface, alternate)[1:] if one[1] == ENDPOINT]
        found = _record("<BBBBHB", ENDPOINT_FIELDS, endpoints[index])
        found.bRefresh = found.bSynchAddress = 0
        return found

    # --- handles

    def open_device(self, device: UsbDevice) -> Opened:
        self._check(device)
        return Opened(device, device.session)

    def close_device(self, opened: Opened) -> None:
        """There is nothing to let go of."""

    def claim_interface(self, opened: Opened, interface: int) -> None:
        self._check(opened.device)
        self.claimed.append(interface)

    def release_interface(self, _opened: Opened, interface: int) -> None:
        self.claimed.remove(interface)

    def get_configuration(self, _opened: Opened) -> int:
        return 1

    def set_configuration(self, opened: Opened, value: int) -> None:
        self._now(opened, lambda: opened.device.control(Setup(0, 9, value, 0, 0)))

    def set_interface_altsetting(self, opened: Opened, interface: int, alternate: int) -> None:
        self._now(opened, lambda: opened.device.control(Setup(1, 11, alternate, interface, 0)))

    def clear_halt(self, opened: Opened, endpoint: int) -> None:
        self._now(opened, lambda: opened.device.control(Setup(2, 1, 0, endpoint, 0)))

    def reset_device(self, opened: Opened) -> None:
        self._now(opened, opened.device.reset)

    # --- transfers

    def ctrl_transfer(
        self, opened: Opened, kind: int, request: int, value: int, index: int, data: "array.array[int]", timeout: int
    ) -> int:
        setup = Setup(kind, request, value, index, len(data))
        told = self._until(opened, lambda: opened.device.control(setup, b"" if kind & IN else data.tobytes()), timeout)
        return _fill(data, told) if kind & IN else len(data)

    def bulk_write(self, opened: Opened, endpoint: int, _interface: int, data: "array.array[int]", timeout: int) -> int:
        raw = data.tobytes()
        return self._until(opened, lambda: opened.device.bulk_out(endpoint, raw), timeout)

    def bulk_read(self, opened: Opened, endpoint: int, _interface: int, data: "array.array[int]", timeout: int) -> int:
        told = self._until(opened, lambda: opened.device.bulk_in(endpoint, len(data)), timeout)
        if len(told) > len(data):
            raise self._core.USBError("overflow", errno=errno.EOVERFLOW)
        return _fill(data, told)

    intr_write = iso_write = bulk_write  # pyusb asks for all kinds, and then takes that of the endpoint
    intr_read = iso_read = bulk_read

    def _until(self, opened: Opened, act: Callable[[], T | None], timeout_ms: int) -> T:
        """Try until the device answers, or time is up."""
        device, until = opened.device, time.monotonic() + (timeout_ms or 1e9) / 1000
        with device.changed:
            while True:
                self._check(device)
                pause = device.run()
                done = self._now(opened, act)
                if done is not None:
                    device.changed.notify_all()
                    return done
                left = until - time.monotonic()
                if left <= 0:
                    raise self._core.USBTimeoutError("time-out", errno=errno.ETIMEDOUT)
                device.changed.wait(min(left, pause, LOOK_S))

    def _now(self, opened: Opened, act: Callable[[], T]) -> T:
        try:
            with opened.device.changed:
                if opened.session is None or opened.device.session is not opened.session:
                    raise LinkLost("no such device any more")
                return act()
        except Stalled as error:
            raise self._core.USBError("stall", errno=errno.EPIPE) from error
        except LinkLost as error:
            raise self._core.USBError("no device", errno=errno.ENODEV) from error
        except LinkError as error:
            raise self._core.USBTimeoutError("time-out", errno=errno.ETIMEDOUT) from error

    def _check(self, device: UsbDevice) -> None:
        if number := self.errors.get(device.identity.product):
            raise self._core.USBError("trouble", errno=number)


def _record(layout: str, names: str, data: bytes) -> types.SimpleNamespace:
    fields = struct.unpack_from(layout, data.ljust(struct.calcsize(layout), b"\0"))
    return types.SimpleNamespace(**dict(zip(names.split(), fields, strict=True)), extra_descriptors=[])


def _setting(device: UsbDevice, index: int, alternate: int) -> list[bytes]:
    """The descriptors of one alternate setting of the interface that comes at this place; IndexError: there is none."""
    groups: dict[int, list[list[bytes]]] = {}
    current: list[bytes] = []
    data = device.configuration()
    at = data[0] if data else 0
    while at + 2 <= len(data) and data[at] >= 2:
        one = data[at : at + data[at]]
        at += data[at]
        if one[1] == INTERFACE and len(one) > 2:
            current = []
            groups.setdefault(one[2], []).append(current)
        current.append(one)
    return list(groups.values())[index][alternate]


def _fill(data: "array.array[int]", told: bytes) -> int:
    size = min(len(told), len(data))
    memoryview(data).cast("B")[:size] = told[:size]
    return size
