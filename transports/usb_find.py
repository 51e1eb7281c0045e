"""Which of several USB devices is meant: by numbers and serial number, or by the socket it sits in."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

from formats.errors import ToolError
from transports.dfu.matching import Place
from transports.errors import LinkError


class Wanted(NamedTuple):
    """A device as the user names it."""

    vendor: int
    product: int
    serial_number: str = ""
    """Empty: any. `@BUS-PORT[.PORT]`: where it sits, for devices without a serial number of their own."""

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

    def has_numbers_of(self, handle: object) -> bool:
        """Whether a pyusb device goes by these numbers."""
        return (getattr(handle, "idVendor", -1), getattr(handle, "idProduct", -1)) == (self.vendor, self.product)

    def fits(self, product: int, place: Place) -> bool:
        numbers = (place.vendor, product) == (self.vendor, self.product)
        return numbers and self.serial_number in ("", place.serial_number, socket_name(place) or None)


def socket_name(place: Place) -> str:
    """`@3-2.1`: bus 3, port 2 of the root hub, port 1 of the hub there; empty where the system does not tell."""
    return f"@{place.bus}-{'.'.join(map(str, place.ports))}" if place.ports else ""


def port_name(product: int, place: Place, others: Sequence[Place] = ()) -> str:
    """The port that names one device and no other.

    Args:
        others: Where devices with the same numbers sit.
    """
    unique = place.serial_number and place.serial_number not in [other.serial_number for other in others]
    which = place.serial_number if unique else socket_name(place) or place.serial_number
    return f"usb:{place.vendor:04x}:{product:04x}" + (f":{which}" if which else "")


class Candidate(Protocol):
    """A device that was found."""

    @property
    def name(self) -> str: ...
    @property
    def place(self) -> Place: ...


Device = TypeVar("Device", bound=Candidate)


def find_one(
    port: str, kind: str, scan: Callable[[Callable[[Any], bool]], list[Device]], product: Callable[[Device], int]
) -> tuple[Device, list[Device]]:
    """The one device that a port names, and the others of its kind.

    Args:
        kind: What sort of device it is, for messages.
        scan: Looks for devices; is told for which ones (`usb.core.Device`) trouble is to be raised.
        product: A device's product number.

    Raises:
        ToolError: the port is no USB device's name (`usage`), or the device cannot be used.
        LinkError: none fits (`no_device`), or several do (`several_devices`).
    """
    wanted = Wanted.parse(port)
    # With a serial number, one of the same numbers that somebody else uses is not in the way, unless no other fits.
    devices = scan(wanted.has_numbers_of if not wanted.serial_number else lambda handle: False)
    found = [device for device in devices if wanted.fits(product(device), device.place)]
    if len(found) == 1:
        return found[0], [device for device in devices if device is not found[0]]
    scan(wanted.has_numbers_of)
    there = "; ".join(f"{device.name} {socket_name(device.place)}".rstrip() for device in devices) or "none"
    name = "several_devices" if found else "no_device"
    advice = "Name one by its serial number, or by where it sits. " if found else ""
    raise LinkError(f"{len(found)} {kind} devices fit {port}", name=name, hint=f"{advice}{kind} devices that are there: {there}.")
