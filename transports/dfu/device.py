"""What the host needs of a device and of time, and nothing else: the rest of this package is free of ports and clocks."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

from transports.dfu.descriptors import Functional, Mode, parse_configuration
from transports.dfu.status import Request
from transports.errors import LinkError


class Stalled(LinkError):
    """The device refused a control transfer."""

    default_name = "device_fault"

    def __init__(self, request: int) -> None:
        name = Request(request).name if request in set(Request) else "a request"
        super().__init__(f"the device refused {name}", hint="Replug the device and run the same command again.")


class Identity(NamedTuple):
    """By which numbers a device goes in one mode."""

    vendor: int
    product: int
    release: int
    """bcdDevice."""

    def __str__(self) -> str:
        return f"{self.vendor:04x}:{self.product:04x} release {self.release:04x}"


class Alternate(NamedTuple):
    """One alternate setting and its name."""

    number: int
    name: str


class DfuInfo(NamedTuple):
    """What is known of a device without asking its DFU interface."""

    identity: Identity
    serial_number: str
    interface: int
    """Number of its DFU interface."""
    mode: Mode
    functional: Functional
    alternates: tuple[Alternate, ...]


def describe(identity: Identity, serial_number: str, configuration: bytes, string: Callable[[int], str]) -> DfuInfo | None:
    """What a device is, by the bytes of its configuration descriptor.

    Args:
        string: Reads one of its string descriptors.

    Returns:
        None if it has no DFU interface. Of several the first counts: DFU 1.1 (4.1, 4.2) allows one.

    Raises:
        FormatError: as `descriptors.parse_configuration`.
    """
    interfaces = parse_configuration(configuration)
    if not interfaces:
        return None
    number, mode, functional, settings = interfaces[0]
    alternates = tuple(Alternate(one.alternate, string(one.string_index) if one.string_index else "") for one in settings)
    return DfuInfo(identity, serial_number, number, mode, functional, alternates)


class DfuDevice(Protocol):
    """A device that was opened. After a reset or detach it may be away; `find_again` looks for it."""

    @property
    def name(self) -> str:
        """What to call it in messages."""
        ...

    @property
    def info(self) -> DfuInfo:
        """As of the last time it was found."""
        ...

    @property
    def max_transfer(self) -> int:
        """Most bytes in one control transfer that this computer can do."""
        ...

    def control_out(self, request: int, value: int, data: bytes) -> None:
        """A class request to the DFU interface, from host to device.

        Raises:
            Stalled: the device refused it.
            LinkLost: the device is gone.
            LinkError: it did not answer in time.
        """
        ...

    def control_in(self, request: int, value: int, length: int) -> bytes:
        """A class request from device to host, of at most `length` bytes; raises as `control_out`."""
        ...

    def select(self, alternate: int) -> None:
        """Choose an alternate setting; raises as `control_out`."""
        ...

    def string(self, index: int) -> str:
        """A string descriptor; empty if it cannot be read."""
        ...

    def reset(self) -> None:
        """A USB bus reset.

        Raises:
            LinkLost: the device is gone.
        """
        ...

    def find_again(self) -> bool:
        """Look once whether the device, in whatever mode, is on the bus, and open it.

        Raises:
            ToolError: it is there and cannot be opened.
        """
        ...

    def close(self) -> None:
        """Let go; may be called twice."""
        ...


class Clock(Protocol):
    """Time as the device lives in it."""

    def now(self) -> float:
        """Monotonic seconds."""
        ...

    def sleep(self, seconds: float) -> None: ...
