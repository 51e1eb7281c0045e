"""`sim-usb:[?option=value&...]`: the terminal of `sim:` in this process, at a USB bus made of software, in real time."""

import time
from typing import Final

from hwsim.pipe import open_sim
from hwsim.usb_backend import SimulatedBus
from hwsim.usb_bulk import TerminalUsb
from transports.errors import LinkError
from transports.pipe import LineOptions
from transports.usb_bulk import UsbBulkPipe, open_found, scan

ENUMERATION_S: Final = 5.0
"""How long it may take until the terminal has started and is on the bus."""
LOOK_EVERY_S: Final = 0.1

_buses: dict[str, SimulatedBus] = {}


def open_sim_usb(url: str, options: LineOptions) -> UsbBulkPipe:
    """Open the terminal's bulk interface.

    Raises:
        ToolError: an unknown option or a bad value (`usage`).
        LinkError: it is not on the bus (`no_device`).
    """
    bus = bus_of(url, options)
    until = time.monotonic() + ENUMERATION_S
    while time.monotonic() < until:
        found = scan(bus)
        if found:
            return open_found(url, found[0])
        time.sleep(LOOK_EVERY_S)
    raise LinkError(f"{url}: the terminal is not on the bus", name="no_device", resumable=True)


def bus_of(url: str, options: LineOptions) -> SimulatedBus:
    """The bus with the terminal that a URL names, the same one each time; raises as `open_sim_usb`."""
    query = url.partition(":")[2].lstrip("?")
    line = open_sim(f"sim:?{query}&baud=0&clock=real".replace("?&", "?"), options)
    if url not in _buses:
        _buses[url] = SimulatedBus(TerminalUsb(line.machine))
    for device in _buses[url].devices:
        if isinstance(device, TerminalUsb):
            line.machine.host = device.put
            device.deliver = line.machine.to_terminal.send
    return _buses[url]
