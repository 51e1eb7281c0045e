"""The 1200-baud touch: a serial port at USB (CDC-ACM) is opened at 1200 baud and closed again, DTR going off, whereupon many
boards start their boot loader: SAM-BA, UF2 and Caterina boot loaders, RP2040 with stdio over USB.
"""

import contextlib
import time
from typing import Final

from transports.serial_port import open_failed

TOUCH_BAUD: Final = 1200
SETTLE_S: Final = 0.05
"""So long the device sees the rate with DTR on: it gets both in control transfers, one after the other."""
GO_S: Final = 0.4
"""How long a board may take until it leaves the bus; an early look would still see the old port."""


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
