"""A simulated ZVT terminal in real time, behind a pty or a TCP port (`fwtool sim-zvt`)."""

import time
from collections.abc import Callable, Sequence

from formats.errors import ToolError
from hwsim.server import Line, Server, TcpLine, pty_line
from hwsim.terminal import Settings
from hwsim.zvt_faults import ZVT_FAULTS, plant
from hwsim.zvt_machine import ZvtMachine, make_zvt
from transports.virtual import Scheduler


class ZvtTcpLine(TcpLine):
    """A TCP port whose connection the terminal can end, and whose end it notices."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(host, port)
        self.on_closed: Callable[[], None] = lambda: None

    def hang_up(self) -> None:
        """End the connection, if there is one."""
        super()._drop()

    def _drop(self) -> None:
        super()._drop()
        self.on_closed()


def make_real(profile: str, settings: Settings, *, serial: bool, pace: int = 0, unsettled: int = 0) -> ZvtMachine:
    """A terminal that lives in the time of this computer.

    Args:
        pace: Rate of a line that is as slow as a real one; 0: as fast as it goes.
        unsettled: Transactions that it starts with.
    """
    scheduler = Scheduler(time.monotonic)
    machine = make_zvt(profile, baud=pace, serial=serial, scheduler=scheduler, settings=settings)
    machine.terminal.account.open_with(unsettled)
    return machine


def plant_all(machine: ZvtMachine, faults: Sequence[str]) -> None:
    """Plant faults, each as NAME or NAME=VALUE.

    Raises:
        ToolError: there is no such fault, or the value is no number (`usage`).
    """
    for fault in faults:
        name, _, value = fault.partition("=")
        try:
            plant(machine.terminal.knobs, name, float(value or 0))
        except (KeyError, ValueError) as error:
            raise ToolError(f"{fault!r} is no fault", name="usage", hint=f"Known: {', '.join(ZVT_FAULTS)}.") from error


def serve(machine: ZvtMachine, address: tuple[str, int] | None, ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        address: Of a TCP port; None: behind a pty.
        ready: Is told the name of the port.

    Raises:
        ToolError: the port cannot be had.
    """
    line = _line(machine, address)
    Server(machine, line, None).serve(lambda: ready(line.port))


def _line(machine: ZvtMachine, address: tuple[str, int] | None) -> Line:
    if address is None:
        return pty_line()
    tcp = ZvtTcpLine(*address)
    machine.on_hang_up, tcp.on_closed = tcp.hang_up, machine.terminal.abandoned
    return tcp
