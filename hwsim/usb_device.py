"""A USB device made of software: what every device answers on endpoint 0 (USB 2.0, 9.4), and what else it may have.

It is seen through a pyusb backend (`hwsim.usb_backend`) or through USB/IP (`hwsim.usbip_line`). Errors are those of the host:
`Stalled` for a stall, `LinkLost` for a device that is gone, `LinkError` for one that does not answer.
"""

import abc
import math
import struct
import threading
from collections.abc import Callable
from typing import Final, NamedTuple

from transports.dfu.device import Identity, Stalled

DEVICE, CONFIGURATION, STRING = 1, 2, 3
LANGUAGES: Final = bytes.fromhex("04030904")
SERIAL_STRING: Final = 1
IN: Final = 0x80
ENDPOINT_HALT, PORT_RESET = 0, 4


class Setup(NamedTuple):
    """The eight bytes that begin a control transfer (USB 2.0, 9.3)."""

    kind: int
    request: int
    value: int
    target: int
    """wIndex: the interface or endpoint, or a language."""
    length: int

    @classmethod
    def parse(cls, data: bytes) -> "Setup":
        return cls(*struct.unpack("<BBHHH", data))


class UsbDevice(abc.ABC):
    """A device with one configuration. `changed` guards it, and tells those who wait that something may have happened."""

    def __init__(self, ports: tuple[int, ...] = (1,)) -> None:
        self.ports = ports
        """Port numbers from the root hub down."""
        self.changed = threading.Condition(threading.RLock())
        self.halted: set[int] = set()
        """Endpoints that are stalled until the host clears them."""

    @property
    @abc.abstractmethod
    def identity(self) -> Identity:
        """What it calls itself in its device descriptor."""

    @property
    def on_bus(self) -> bool:
        """Whether it can be seen now."""
        return True

    @property
    def session(self) -> object:
        """Another object each time that it came onto the bus; None while it is not there."""
        return self

    def run(self) -> float:
        """Do what is due; get the seconds until there is more to do."""
        return math.inf

    @abc.abstractmethod
    def configuration(self) -> bytes:
        """Its configuration descriptor, with all that belongs to it."""

    @abc.abstractmethod
    def string(self, index: int) -> str:
        """The text of a string descriptor; empty: it has none."""

    def select(self, alternate: int) -> None:
        """SET_INTERFACE."""
        if alternate:
            raise Stalled(-1)

    def reset(self) -> None:
        """A bus reset."""
        self.halted.clear()

    def other_request(self, setup: Setup, data: bytes) -> bytes:
        """A class or vendor request."""
        del setup, data
        raise Stalled(-1)

    def bulk_out(self, endpoint: int, data: bytes) -> int | None:
        """Bytes that it takes; None: it answers NAK."""
        del endpoint, data
        raise Stalled(-1)

    def bulk_in(self, endpoint: int, size: int) -> bytes | None:
        """What it sends in one transfer; None: it answers NAK."""
        del endpoint, size
        raise Stalled(-1)

    def device_descriptor(self) -> bytes:
        return struct.pack("<BBHBBBBHHHBBBB", 18, DEVICE, 0x0200, 0, 0, 0, 64, *self.identity, 0, 0, SERIAL_STRING, 1)

    def control(self, setup: Setup, data: bytes = b"") -> bytes:
        """A control transfer: what it answers, cut to the length asked for."""
        standard = STANDARD.get((setup.kind, setup.request))
        if standard is None:
            return self.other_request(setup, data)[: setup.length]
        return standard(self, setup)[: setup.length]

    def descriptor(self, setup: Setup) -> bytes:
        kind, index = setup.value >> 8, setup.value & 0xFF
        if kind == DEVICE:
            return self.device_descriptor()
        if kind == CONFIGURATION and not index:
            return self.configuration()
        text = self.string(index) if kind == STRING and index else ""
        if kind == STRING and (text or not index):
            raw = text.encode("utf-16-le")[:252]
            return bytes([2 + len(raw), STRING]) + raw if index else LANGUAGES
        raise Stalled(-1)

    def halt(self, setup: Setup, *, on: bool) -> bytes:
        """SET_FEATURE or CLEAR_FEATURE of an endpoint."""
        if setup.value != ENDPOINT_HALT:
            raise Stalled(-1)
        (self.halted.add if on else self.halted.discard)(setup.target & 0xFF)
        return b""

    def choose_setting(self, setup: Setup) -> bytes:
        self.select(setup.value)
        return b""

    def port_feature(self, setup: Setup) -> bytes:
        if setup.value == PORT_RESET:
            self.reset()
        return b""


Standard = Callable[[UsbDevice, Setup], bytes]
_NOTHING: Final[Standard] = lambda device, setup: b""  # noqa: E731
_TWO_ZEROS: Final[Standard] = lambda device, setup: bytes(2)  # noqa: E731
STANDARD: Final[dict[tuple[int, int], Standard]] = {
    (0x80, 6): UsbDevice.descriptor,
    (0x00, 5): _NOTHING,
    (0x00, 9): _NOTHING,
    (0x80, 8): lambda device, setup: b"\1",
    (0x01, 11): UsbDevice.choose_setting,
    (0x81, 10): lambda device, setup: b"\0",
    (0x80, 0): _TWO_ZEROS,
    (0x81, 0): _TWO_ZEROS,
    (0x82, 0): lambda device, setup: bytes([setup.target & 0xFF in device.halted, 0]),
    (0x02, 1): lambda device, setup: device.halt(setup, on=False),
    (0x02, 3): lambda device, setup: device.halt(setup, on=True),
    (0x00, 1): _NOTHING,
    (0x00, 3): _NOTHING,
    (0x23, 3): UsbDevice.port_feature,
}
"""bmRequestType and bRequest -> what the device does (USB 2.0, table 9-3); the last one is how USB/IP tells of a bus reset."""
