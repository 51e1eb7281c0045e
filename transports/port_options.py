"""How to reach a device: what `--port` and the options beside it say."""

import dataclasses
import threading
from collections.abc import Callable

from formats.grant import Grant
from formats.signing import Signer
from transports.interruptible import InterruptiblePipe
from transports.pipe import LineOptions, Pipe
from transports.registry import open_pipe
from transports.trace import TraceFile


@dataclasses.dataclass(frozen=True)
class PortOptions:
    """How to reach a device."""

    port: str
    protocol: str = ""
    """What it speaks (`transports.dialects`); empty: as the port tells."""
    baud: int | None = None
    """Rate of a serial line; None: the dialect's own."""
    line: str = ""
    """Data bits, parity, stop bits; empty: the dialect's own."""
    flow: str = "auto"
    timeout_s: float = 5.0
    trace: TraceFile | None = None
    """Where every frame, or message, is written to."""
    grant: tuple[Grant, Signer] | None = None
    """What opens every session, and who holds it."""
    password: Callable[[str], str] | None = None
    """Gives the terminal's password, by what it is for (`cashier`, `service`); asked only if a dialect needs one."""
    stop: threading.Event | None = None
    """Set from another thread to end whatever goes on here."""


def open_line(options: PortOptions, own: LineOptions, port: str = "") -> Pipe:
    """The pipe that the options describe, stoppable. What is traced of it, the dialect knows.

    Args:
        own: How the dialect opens its lines.
        port: Where it is now, if it has moved.

    Raises:
        ToolError: as the openers of `transports.registry` do.
    """
    line = LineOptions(options.baud or own.baud, options.line or own.line, own.flow if options.flow == "auto" else options.flow)
    pipe: Pipe = open_pipe(port or options.port, line)
    if options.stop:
        pipe = InterruptiblePipe(pipe, options.stop)
    return pipe
