"""What sits on the USB bus and may be of use: devices that speak TSP or DFU, and devices of makers of payment terminals.

Only descriptors are read; nothing is sent to an interface.
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from formats.errors import ToolError
from transports import usb_bus
from transports.dfu.descriptors import APPLICATION_SPECIFIC, DFU_SUBCLASS
from transports.dfu.matching import Place
from transports.errors import LinkError
from transports.usb_bulk_descriptors import is_tsp
from transports.usb_find import Wanted, port_name

MAKERS: Final[dict[int, str]] = {
    0x0801: "MagTek",
    0x0AB1: "Feig",
    0x0ACD: "ID TECH",
    0x0B00: "Ingenico",
    0x0CA6: "Castles",
    0x0F14: "Ingenico",
    0x11CA: "Verifone",
    0x1753: "Gertec",
    0x1EAB: "Newland",
}
"""Makers of payment terminals and readers by vendor number (the hardware database of systemd, 20-usb-vendor-model.hwdb)."""
COMMUNICATIONS: Final = 0x02
"""bInterfaceClass of CDC: the system shows such a device as a serial port."""
TSP, DFU, MAKER = "tsp", "dfu", ""
SPEAKS: Final = {TSP: "the terminal protocol (TSP)", DFU: "DFU", MAKER: "its maker's own protocol"}


class UsbSeen(NamedTuple):
    """A device on the bus."""

    vendor: int
    product: int
    place: Place
    speaks: str
    """`tsp`, `dfu`, or nothing that we know."""
    problem: str = ""
    """Why it cannot be used."""

    @property
    def maker(self) -> str:
        return MAKERS.get(self.vendor, "")

    def port(self, all_seen: list["UsbSeen"]) -> str:
        """The name that `--port` takes for it."""
        like = [one.place for one in all_seen if one is not self and one[:2] == self[:2] and one.place != self.place]
        return port_name(self.product, self.place, like)


def list_usb(backend: Any = None) -> list[UsbSeen]:
    """Devices that may be of use, those included that this user may not open.

    Raises:
        ToolError: pyusb or libusb is not installed (`missing_component`).
    """
    return usb_bus.scan(_look, backend or usb_bus.usb_backend())


def spoken_at(port: str, backend: Any = None) -> str:
    """Which dialect the device at `usb:VID:PID[:SERIAL]` speaks; the terminal protocol, where it has that and DFU.

    Raises:
        ToolError: pyusb or libusb is not installed (`missing_component`); a device that speaks neither (`not_supported_here`);
            not the name of a USB device (`usage`).
        LinkError: no such device (`no_device`).
    """
    wanted = Wanted.parse(port)
    found = [one.speaks for one in list_usb(backend) if wanted.fits(one.product, one.place)]
    if not found:
        raise LinkError(f"no USB device fits {port}", name="no_device", hint="See `fwtool ports` for what is there.")
    known = [dialect for dialect in (TSP, DFU) if dialect in found]
    if not known:
        hint = "It may have a setting for a serial line (CDC, ZVT); then it shows up as a serial port."
        raise ToolError(f"the device at {port} speaks {SPEAKS[MAKER]}", name="not_supported_here", hint=hint)
    return known[0]


def _look(handle: Any) -> Iterator[UsbSeen]:
    kinds = _kinds(handle)
    if kinds:
        place, problem = _place(handle)
        for kind in kinds:
            yield UsbSeen(handle.idVendor, handle.idProduct, place, kind, problem)


def _kinds(handle: Any) -> list[str]:
    """What it speaks; empty: nothing of use."""
    with usb_bus.translated():
        classes = {(one.bInterfaceClass, one.bInterfaceSubClass, one.bInterfaceProtocol) for setting in handle for one in setting}
    found = [TSP] if any(is_tsp(*numbers) for numbers in classes) else []
    found += [DFU] if any(numbers[:2] == (APPLICATION_SPECIFIC, DFU_SUBCLASS) for numbers in classes) else []
    serial = any(numbers[0] == COMMUNICATIONS for numbers in classes)
    return found or ([MAKER] if handle.idVendor in MAKERS and not serial else [])


def _place(handle: Any) -> tuple[Place, str]:
    """Where it sits, and why it cannot be opened, if so."""
    try:
        with usb_bus.translated():
            handle.get_active_configuration()
        return usb_bus.place_of(handle), ""
    except ToolError as error:
        return Place(*usb_bus.seat(handle), handle.idVendor, ""), error.message
    finally:
        usb_bus.release(handle)
