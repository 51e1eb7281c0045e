"""A ZVT terminal with its line: eleven bits to a byte, or a TCP connection that ends when the terminal restarts."""

import dataclasses
from collections.abc import Callable
from typing import Final

from hwsim.machine import LineModel, Machine
from hwsim.pipe import SimPipe
from hwsim.storage import Storage
from hwsim.terminal import Settings
from hwsim.zvt_profile import PROFILES, Profile
from hwsim.zvt_terminal import BITS, ZvtTerminal
from transports.virtual import Scheduler

CLOSED_S: Final = 0.5
"""So long a connection that was ended cannot be opened again; a host that waits on it notices."""


class ZvtMachine(Machine):
    """Terminal, scheduler and wires; everything that `hwsim.faults` and `hwsim.server` do with a machine they do with this one.

    Args:
        line: Without a rate it has no limit.
        serial: The form with frames; False: as on TCP.
    """

    terminal: ZvtTerminal

    def __init__(
        self, settings: Settings, storage: Storage, scheduler: Scheduler, line: LineModel, profile: Profile, *, serial: bool
    ) -> None:  # fmt: skip
        super().__init__(settings, storage, scheduler, line)
        self.on_hang_up: Callable[[], None] = lambda: None
        """Told when the terminal ends the connection."""
        self.terminal = ZvtTerminal(settings, storage, scheduler, profile, serial=serial)
        self.terminal.speak = self.to_host.send
        self.terminal.transmit = self.to_host.send if serial else lambda data: None
        self.terminal.drained_at = lambda: self.to_host.idle_at
        self.terminal.set_baud = self.set_terminal_baud
        self.terminal.hang_up = self._hang_up
        self.to_terminal.byte_time_s = self.to_host.byte_time_s = BITS / line.baud if line.baud else 0.0

    def set_host_baud(self, baud: int) -> None:
        super().set_host_baud(baud)
        self.to_terminal.byte_time_s = BITS / baud

    def set_terminal_baud(self, baud: int) -> None:
        super().set_terminal_baud(baud)
        self.to_host.byte_time_s = BITS / baud

    def _hang_up(self) -> None:
        """A serial line stays as it is."""
        if self.terminal.serial:
            return
        if self.plugged:
            self.unplug()
            self.scheduler.after(CLOSED_S, self.plug)
        self.on_hang_up()


def make_zvt(
    profile: str = "full", *, baud: int = 9600, serial: bool = True, scheduler: Scheduler | None = None,
    settings: Settings = Settings(),  # noqa: B008 - an immutable default
) -> ZvtMachine:  # fmt: skip
    """A terminal, switched off.

    Args:
        profile: A key of `PROFILES`.
        baud: Rate of the line; 0: without limit.
    """
    line = LineModel(baud if serial else 0)
    return ZvtMachine(
        dataclasses.replace(settings, baud=line.baud), Storage(), scheduler or Scheduler(), line, PROFILES[profile],
        serial=serial,
    )  # fmt: skip


def pipe_to(machine: ZvtMachine, name: str = "sim:") -> SimPipe:
    """The host's end; the terminal is switched on."""
    return SimPipe(machine, name)
