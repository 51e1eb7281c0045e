"""From `--port` to a terminal that answers, and back to it after a restart."""

import contextlib
import dataclasses
import threading
import time
from typing import Self, TypeVar

from formats.errors import ToolError
from formats.grant import Grant
from formats.record import Record
from formats.signing import Signer
from transports.errors import LinkError, LinkLost
from transports.interruptible import InterruptiblePipe
from transports.pipe import LineOptions, Pipe
from transports.registry import open_pipe
from transports.trace import TracedPipe, TraceFile
from transports.tsp import messages
from transports.tsp.messages import Opcode
from transports.tsp_rate import lower_rate
from transports.tsp_terminal import TspTerminal

R = TypeVar("R", bound=Record)
RETRY_S = 0.3
RETURN_S = 60.0
"""How long a terminal may take to come back from a restart."""


@dataclasses.dataclass(frozen=True)
class PortOptions:
    """How to reach a terminal."""

    port: str
    baud: int = 115200
    line: str = "8N1"
    flow: str = "auto"
    timeout_s: float = 5.0
    trace: TraceFile | None = None
    """Where every frame is written to."""
    grant: tuple[Grant, Signer] | None = None
    """What opens every session, and who holds it."""
    stop: threading.Event | None = None
    """Set from another thread to end whatever goes on here."""


class Connection:
    """A terminal that has answered, and the means to find it again."""

    def __init__(self, options: PortOptions) -> None:
        self.options = options
        self.port = options.port
        self.terminal = self._open(options.port)
        self._clock_offset = self.terminal.pipe.wall_clock() - self.terminal.pipe.now()
        self._usb_serial = _usb_serial_of(options.port)
        try:
            self.terminal.connect()
            self._authorise()
        except BaseException:
            self.terminal.close()
            raise

    def _open(self, port: str) -> TspTerminal:
        pipe: Pipe = open_pipe(port, LineOptions(self.options.baud, self.options.line, self.options.flow))
        if self.options.trace:
            pipe = TracedPipe(pipe, self.options.trace)
        if self.options.stop:
            pipe = InterruptiblePipe(pipe, self.options.stop)
        return TspTerminal(pipe, timeout_s=self.options.timeout_s)

    def _authorise(self) -> None:
        if self.options.grant is not None:
            self.terminal.authorise(*self.options.grant)

    def now(self) -> float:
        """Seconds on the line's own clock, which is virtual for a simulated one."""
        return self.terminal.pipe.now()

    def wall_clock(self) -> int:
        """Time of day at this end, seconds since 1970 UTC. Looked up once: what the computer's clock does after that must
        not make a good terminal look bad."""
        return int(self._clock_offset + self.terminal.pipe.now())

    def ask(self, opcode: Opcode, answer: type[R], request: Record | None = None, *, timeout_s: float = 10.0) -> R:
        """One command; see `TspTerminal.request`."""
        return self.terminal.request(opcode, request or messages.Empty(), answer, timeout_s=timeout_s)

    def info(self) -> messages.Info:
        return self.ask(Opcode.INFO, messages.Info)

    def slots(self) -> tuple[messages.Slot, ...]:
        return self.ask(Opcode.SLOTS, messages.Slots).slots

    def restart(self) -> None:
        """Tell it to restart, and wait until it is back; see `return_after_restart`."""
        with contextlib.suppress(LinkLost):  # its answer may get lost on a bad line; whether it restarted is seen next
            self.ask(Opcode.RESET, messages.Empty, messages.ResetRequest(reset=messages.ResetKind.RESTART))
        self.return_after_restart()

    def return_after_restart(self) -> None:
        """Find the terminal again: on the same port, or under another name with the same USB serial number.

        Raises:
            LinkError: it did not come back in time.
        """
        self._wait(0.5)  # it answers once more before it goes down
        until = self.now() + RETURN_S
        while True:
            try:
                self.terminal.connect(timeout_s=self.options.timeout_s)
            except LinkLost:
                self._reopen()
            except LinkError:
                pass
            else:
                self._authorise()
                return
            if self.now() >= until:
                raise LinkError(
                    f"the terminal did not come back within {RETURN_S:g} s",
                    name="install_failed",
                    hint="Look at its display; if it is off, switch it on. Then run the same command again.",
                    resumable=True,
                )

    def _wait(self, seconds: float) -> None:
        until = self.now() + seconds
        try:
            while self.now() < until:
                self.terminal.pipe.exchange(b"", until)
        except LinkLost:
            return

    def _reopen(self) -> None:
        self.terminal.close()
        until = time.monotonic() + RETURN_S
        while True:
            try:
                self.port = self._name_now(time.monotonic() < until - RETURN_S / 2)
                self.terminal = self._open(self.port)
            except (LinkError, ToolError) as error:
                if time.monotonic() >= until:
                    raise LinkError(
                        f"the port {self.port} did not come back: {error.message}",
                        name="install_failed",
                        resumable=True,
                    ) from error
                time.sleep(RETRY_S)
            else:
                return

    def _name_now(self, early: bool) -> str:
        """The port that the terminal has now. Its old name may belong to another device, so it is used only where no USB
        serial number was known, or late, for a device that does not show it in its boot loader.

        Raises:
            LinkError: it is not there yet.
        """
        found = _renamed(self._usb_serial)
        if not found and self._usb_serial and early:
            raise LinkError(f"USB device {self._usb_serial} is not there", name="no_device", resumable=True)
        return found or self.options.port

    def close(self) -> None:
        """Let go. A line that was made faster goes back first, so that the next one to call need not wait for that."""
        with contextlib.suppress(ToolError):
            if self.terminal.connected:
                lower_rate(self.terminal, self.options.baud)
        self.terminal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def connect(port: str, **options: object) -> Connection:
    """Open a terminal.

    Args:
        port: Name or URL as for `--port`; `auto` takes the only candidate.
        options: Fields of `PortOptions`.

    Raises:
        LinkError: no device, several candidates, or no answer.
        LocalError: the port is busy or not allowed.
    """
    chosen = _only_candidate() if port == "auto" else port
    return Connection(PortOptions(chosen, **options))  # type: ignore[arg-type]


def candidates() -> list[str]:
    """Ports that may have a terminal: all USB-serial ones.

    Raises:
        LinkError: there are none.
    """
    from transports.serial_port import list_ports

    names = [str(port.device) for port in list_ports() if port.vid is not None]
    if not names:
        raise LinkError("no terminal is connected", name="no_device", hint="Plug it in, then see `fwtool ports`.")
    return names


def _only_candidate() -> str:
    names = candidates()
    if len(names) == 1:
        return names[0]
    raise LinkError(f"several candidates: {', '.join(names)}", name="several_devices", hint="Name one with --port.")


def _usb_serial_of(port: str) -> str:
    """USB serial number behind a port name, if it has one."""
    if "://" in port or port.startswith(("sim:", "/dev/pts/")):
        return ""
    from transports.serial_port import list_ports

    return next((str(found.serial_number or "") for found in list_ports() if found.device == port), "")


def _renamed(usb_serial: str) -> str:
    if not usb_serial:
        return ""
    from transports.serial_port import list_ports

    return next((str(found.device) for found in list_ports() if found.serial_number == usb_serial), "")
