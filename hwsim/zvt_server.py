"""A simulated ZVT terminal in real time: `python -m hwsim.zvt_server --listen pty|tcp:HOST:PORT`.

The first line of stdout is its port, alone. It serves until SIGTERM or SIGINT.
"""

import argparse
import functools
import pathlib
import signal
import sys
import time
from collections.abc import Callable, Sequence
from typing import NoReturn

from formats.errors import ToolError
from hwsim.server import Line, PtyLine, Server, TcpLine
from hwsim.terminal import Settings
from hwsim.zvt_faults import ZVT_FAULTS, plant
from hwsim.zvt_machine import ZvtMachine, make_zvt
from hwsim.zvt_profile import PROFILES
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve as told; get the exit code."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        machine, line = _set_up(options)
        Server(machine, line, None).serve(functools.partial(_tell, line.port))
    except ToolError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        return 0
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m hwsim.zvt_server", description="A simulated ZVT terminal.")
    parser.add_argument("--listen", default="pty", help="pty, or tcp:HOST:PORT (port 0: any free one)")
    parser.add_argument("--profile", default="full", choices=sorted(PROFILES))
    parser.add_argument(
        "--pace", type=int, default=0, metavar="BAUD", help="make a pty as slow as a line that starts at this rate"
    )
    parser.add_argument("--unsettled", type=int, default=0, metavar="COUNT", help="transactions that are not settled")
    parser.add_argument("--paper", type=pathlib.Path, metavar="DIR", help="folder for slip-NNNN.png")
    faults = ", ".join(ZVT_FAULTS)
    parser.add_argument("--fault", action="append", default=[], metavar="NAME[=VALUE]", help=f"repeatable; one of {faults}")
    return parser


def _set_up(options: argparse.Namespace) -> tuple[ZvtMachine, Line]:
    """Raises ToolError: an address or a fault that makes no sense (`usage`), or a port that cannot be had."""
    serial = options.listen == "pty"
    machine = make_zvt(
        options.profile, baud=options.pace, serial=serial, scheduler=Scheduler(time.monotonic),
        settings=Settings(paper=options.paper, epoch=int(time.time())),
    )  # fmt: skip
    machine.terminal.account.open_with(options.unsettled)
    for fault in options.fault:
        name, _, value = fault.partition("=")
        try:
            plant(machine.terminal.knobs, name, float(value or 0))
        except (KeyError, ValueError) as error:
            raise ToolError(f"{fault!r} is no fault", name="usage", hint=f"Known: {', '.join(ZVT_FAULTS)}.") from error
    if serial:
        return machine, PtyLine()
    tcp = ZvtTcpLine(*_address(options.listen))
    machine.on_hang_up, tcp.on_closed = tcp.hang_up, machine.terminal.abandoned
    return machine, tcp


def _address(text: str) -> tuple[str, int]:
    scheme, _, rest = text.partition(":")
    host, _, port = rest.rpartition(":")
    if scheme != "tcp" or not host or not port.isdecimal() or int(port) > 65535:
        raise ToolError(f"{text!r} is not an address", name="usage", hint="Write pty, or tcp:127.0.0.1:0.")
    return host, int(port)


def _tell(port: str) -> None:
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()


def _interrupt(number: int, frame: object) -> NoReturn:
    del number, frame
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
