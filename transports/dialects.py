"""The table of dialects: what a device at a port may speak. To add one: a file beside this one, and a line in each table.

Which one it is follows from the name of the port, or the user says so with `--protocol`. Nothing is sent to find out: bytes
that a device does not expect can do harm.
"""

import importlib
from typing import Final, cast

from formats.errors import ToolError
from transports.device import Device
from transports.port_names import only_candidate
from transports.port_options import PortOptions

DIALECTS: Final[dict[str, str]] = {
    "tsp": "transports.tsp_device:TspDevice",
    "zvt": "transports.zvt_device:ZvtDevice",
    "dfu": "transports.dfu_device:DfuFlash",
}
"""Name -> module and class."""
BY_PORT: Final[tuple[tuple[str, str], ...]] = (
    ("sim-dfu:", "dfu"),
    ("sim-zvt:", "zvt"),
    ("usb:", "dfu"),
)
"""How the names of ports begin, and what is spoken there; elsewhere it is the first dialect."""


def protocol_of(port: str) -> str:
    """What is spoken at a port, if nobody says otherwise."""
    return next((protocol for start, protocol in BY_PORT if port.startswith(start)), next(iter(DIALECTS)))


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
