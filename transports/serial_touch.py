"""The 1200-baud touch: a serial port at USB (CDC-ACM) is opened at 1200 baud and closed again, DTR going off, whereupon many
boards start their boot loader: SAM-BA, UF2 and Caterina boot loaders, RP2040 with stdio over USB.
"""

import contextlib
import pathlib
import time
from typing import Final

from transports.errors import LinkError
from transports.serial_port import list_ports, open_failed
from transports.usb_find import Wanted
from transports.usb_list import list_usb

TOUCH_BAUD: Final = 1200
SETTLE_S: Final = 0.05
"""So long the device sees the rate with DTR on: it gets both in control transfers, one after the other."""
GO_S: Final = 0.4
"""How long a board may take until it leaves the bus; an early look would still see the old port."""
RETURN_S: Final = 10.0
"""How long its boot loader may take until it is there."""
LOOK_S: Final = 0.2


def touch(port: str, *, wait_s: float = GO_S) -> None:
    """Touch a port. Its device leaves the bus if it knows the touch; look for what comes back.

    Raises:
        LinkError: there is no such port (`no_device`).
        LocalError: it is in use (`port_busy`) or not allowed (`permission`).
        ToolError: the name makes no sense (`usage`).
    """
    import serial

    try:
        line = serial.serial_for_url(port, do_not_open=True, baudrate=TOUCH_BAUD)
        line.dtr = True
        line.open()
    except (serial.SerialException, OSError, ValueError) as error:
        raise open_failed(port, error) from error
    with contextlib.suppress(serial.SerialException, OSError):  # it may go at any moment now; a pty has no DTR
        time.sleep(SETTLE_S)
        line.dtr = False
    with contextlib.suppress(serial.SerialException, OSError):
        line.close()
    time.sleep(wait_s)


def touch_and_find(port: str, then: str, *, patience_s: float = RETURN_S) -> None:
    """Touch a port, and wait until another one is there.

    Args:
        then: The port of what comes back.

    Raises:
        LinkError: it does not come (`no_device`).
        ToolError, LocalError: as `touch`.
    """
    touch(port)
    until = time.monotonic() + patience_s
    while not _is_there(then):
        if time.monotonic() >= until:
            hint = "Its boot loader may have other numbers, or another name: see `fwtool ports` now."
            raise LinkError(f"{port} was touched at {TOUCH_BAUD} baud, but {then} did not come", name="no_device", hint=hint)
        time.sleep(LOOK_S)


def _is_there(port: str) -> bool:
    if port.startswith("usb:"):
        wanted = Wanted.parse(port)
        return any(wanted.fits(one.product, one.place) for one in list_usb())
    return ":" in port or pathlib.Path(port).exists() or port in [str(one.device) for one in list_ports()]
