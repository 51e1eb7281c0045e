"""What a simulated terminal's plug sits on where the system is POSIX: a pty, or a tty that is there."""

import os
import pty
import re
import sys
import termios
import tty
from typing import Any

import serial

from formats.errors import LocalError
from transports.errors import LinkLost

assert sys.platform != "win32"  # `hwsim.server` loads this only elsewhere

READ_SIZE = 4096


class PtyLine:
    """A pseudo-terminal; its slave side is the port. The slave is held open so that hosts may come and go."""

    def __init__(self) -> None:
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        self.port = os.ttyname(self._slave)
        os.set_blocking(self._master, False)

    def host_baud(self) -> int:
        speeds = {getattr(termios, name): int(name[1:]) for name in dir(termios) if re.fullmatch(r"B\d+", name)}
        return speeds.get(termios.tcgetattr(self._slave)[4], 0)

    def files(self) -> list[Any]:
        return [self._master]

    def readable(self, file: Any) -> bytes:
        return os.read(file, READ_SIZE)

    def write(self, data: bytes) -> int:
        return os.write(self._master, data)

    def close(self) -> None:
        os.close(self._master)
        os.close(self._slave)


class TtyLine:
    """An existing tty (the far end of a null-modem cable, or one side of a pty pair). It can go away: LinkLost."""

    def __init__(self, path: str, baud: int) -> None:
        try:
            self._port = serial.Serial(path, baudrate=baud or 115200, timeout=0, exclusive=True)
        except (serial.SerialException, OSError) as error:
            raise LocalError(f"{path} cannot be opened: {error}", name="port_busy") from error
        self.port = path
        os.set_blocking(self._port.fileno(), False)

    def host_baud(self) -> int:
        return 0

    def files(self) -> list[Any]:
        return [self._port.fileno()]

    def readable(self, file: Any) -> bytes:
        try:
            data = os.read(file, READ_SIZE)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise self._gone() from error
        if not data:  # something to read, and nothing read: nobody holds the other end
            raise self._gone()
        return data

    def write(self, data: bytes) -> int:
        try:
            return os.write(self._port.fileno(), data)
        except BlockingIOError:
            raise
        except OSError as error:
            raise self._gone() from error

    def _gone(self) -> LinkLost:
        return LinkLost(
            f"{self.port} is gone", hint="Put the cable in again, or start its other end; then start the simulator again."
        )

    def close(self) -> None:
        self._port.close()
