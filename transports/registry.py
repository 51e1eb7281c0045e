"""The table of pipes, by URL scheme. To add one: a file beside this one, and a line here.

The simulator stands one floor up and is named as text, loaded when it is asked for: nobody below knows it.
"""

import importlib
from collections.abc import Callable
from typing import Final, cast

from formats.errors import ToolError
from transports.pipe import LineOptions, Pipe

Opener = Callable[[str, LineOptions], Pipe]

SCHEMES: Final[dict[str, str]] = {
    "socket": "transports.tcp:open_tcp",
    "sim": "hwsim.pipe:open_sim",
    "sim-usb": "hwsim.usb_port:open_sim_usb",
    "usb": "transports.usb_bulk:open_usb_bulk",
    "sim-zvt": "hwsim.zvt_pipe:open_zvt",
    "replay": "transports.replay:open_replay",
    "": "transports.serial_port:open_serial",
}
"""Scheme -> module and function. The empty one takes all names and URLs that pyserial knows."""


def open_pipe(port: str, options: LineOptions = LineOptions()) -> Pipe:  # noqa: B008 - an immutable default
    """Open a port by its name or URL; see the openers for what they raise."""
    scheme = port.split(":", 1)[0].lower()
    module, name = SCHEMES.get(scheme, SCHEMES[""]).split(":")
    try:
        opener = cast("Opener", getattr(importlib.import_module(module), name))
    except ImportError as error:
        raise ToolError(f"{scheme}: needs a component that is not installed: {error.name}", name="missing_component") from error
    return opener(port, options)
