"""Names of ports: which of them may have a device, and which name a device has that came back."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

from formats.errors import ToolError
from transports.errors import LinkError

T = TypeVar("T")
RETRY_S: Final = 0.3
_NOT_USB: Final = ("sim:", "sim-", "replay:", "/dev/pts/", "usb:")


def candidates() -> list[str]:
    """Ports that may have a terminal: all USB-serial ones, and USB devices that speak the terminal protocol.

    Raises:
        LinkError: there are none.
    """
    from transports.serial_port import list_ports

    names = [str(port.device) for port in list_ports() if port.vid is not None] + _terminals_on_usb()
    if not names:
        raise LinkError("no terminal is connected", name="no_device", hint="Plug it in, then see `fwtool ports`.")
    return names


def _terminals_on_usb() -> list[str]:
    from transports.usb_list import TSP, list_usb

    try:
        seen = list_usb()
    except ToolError:
        return []  # without libusb there are the serial ports
    return [one.port(seen) for one in seen if one.speaks == TSP]


def only_candidate() -> str:
    """The one port that `auto` stands for.

    Raises:
        LinkError: there is none, or there are several.
    """
    names = candidates()
    if len(names) == 1:
        return names[0]
    raise LinkError(f"several candidates: {', '.join(names)}", name="several_devices", hint="Name one with --port.")


class Home:
    """Where a device lives: its port, and the USB serial number behind it, by which it is found under another name."""

    def __init__(self, port: str) -> None:
        self._port, self._usb_serial = port, _usb_serial_of(port)

    def reopen(self, opener: Callable[[str], T], patience_s: float) -> tuple[str, T]:
        """Open the port again as soon as it is there; get its name now.

        Raises:
            LinkError: it is not there in time (`install_failed`).
        """
        until = time.monotonic() + patience_s
        name = self._port
        while True:
            try:
                name = self._name_now(early=time.monotonic() < until - patience_s / 2)
                return name, opener(name)
            except ToolError as error:
                if time.monotonic() >= until:
                    raise LinkError(
                        f"the port {name} did not come back: {error.message}", name="install_failed", resumable=True
                    ) from error
                time.sleep(RETRY_S)

    def _name_now(self, *, early: bool) -> str:
        """The name the device has now. Its old one may belong to another device, so it is used only where no USB serial
        number was known, or late, for a device that does not show it in its boot loader.

        Raises:
            LinkError: it is not there yet.
        """
        found = _renamed(self._usb_serial)
        if not found and self._usb_serial and early:
            raise LinkError(f"USB device {self._usb_serial} is not there", name="no_device", resumable=True)
        return found or self._port


def _usb_serial_of(port: str) -> str:
    """USB serial number behind a port name, if it has one."""
    if "://" in port or port.startswith(_NOT_USB):
        return ""
    from transports.serial_port import list_ports

    return next((str(found.serial_number or "") for found in list_ports() if found.device == port), "")


def _renamed(usb_serial: str) -> str:
    if not usb_serial:
        return ""
    from transports.serial_port import list_ports

    return next((str(found.device) for found in list_ports() if found.serial_number == usb_serial), "")
