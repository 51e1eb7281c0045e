"""The table of dialects: what a device at a port may speak. To add one: a file beside this one, and a line in each table.

Which one it is follows from the name of the port, of a USB device from its descriptors, or the user says so with
`--protocol`. Nothing is sent to find out: bytes that a device does not expect can do harm.
"""

import importlib
import re
from collections.abc import Callable
from typing import Final, cast

from formats.errors import ToolError
from transports.device import Device
from transports.port_names import only_candidate
from transports.port_options import PortOptions
from transports.usb_list import spoken_at

DIALECTS: Final[dict[str, str]] = {
    "tsp": "transports.tsp_device:TspDevice",
    "zvt": "transports.zvt_device:ZvtDevice",
    "dfu": "transports.dfu_device:DfuFlash",
}
"""Name -> module and class."""
BY_PORT: Final[tuple[tuple[str, str | Callable[[str], str]], ...]] = (
    (r"sim-dfu:", "dfu"),
    (r"sim-zvt:", "zvt"),
    (r"socket://.*:20007\b", "zvt"),  # the port that ZVT is served on (facts: payment terminals 2.1)
    (r"usb:", spoken_at),
)
"""How the names of ports begin, and what is spoken there, or who knows; elsewhere it is the first dialect."""


def protocol_of(port: str) -> str:
    """What is spoken at a port, if nobody says otherwise; raises as `transports.usb_list.spoken_at`."""
    found = next((protocol for start, protocol in BY_PORT if re.match(start, port)), next(iter(DIALECTS)))
    return found if isinstance(found, str) else found(port)


def open_device(options: PortOptions) -> Device:
    """Connect to a device, in the dialect that the options name.

    Raises:
        ToolError: there is no such dialect (`usage`); no device, several candidates, or no answer; the port is busy or not
            allowed.
    """
    name = options.protocol or protocol_of(options.port)
    if name not in DIALECTS:
        raise ToolError(f"there is no protocol {name!r}", name="usage", hint=f"Known: {', '.join(DIALECTS)}.")
    module, kind = DIALECTS[name].split(":")
    return cast("type[Device]", getattr(importlib.import_module(module), kind))(options)  # type: ignore[call-arg]


def connect(port: str, **options: object) -> Device:
    """Open a device.

    Args:
        port: Name or URL as for `--port`; `auto` takes the only candidate.
        options: Fields of `PortOptions`.

    Raises:
        ToolError: as `open_device`.
    """
    chosen = only_candidate() if port == "auto" else port
    return open_device(PortOptions(chosen, **options))  # type: ignore[arg-type]
