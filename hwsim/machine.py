"""A terminal with its line: two wires, counted bytes, and what may go wrong on them."""

import random
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from hwsim.storage import Storage
from hwsim.terminal import Settings, Terminal
from transports.virtual import Scheduler, Wire

if TYPE_CHECKING:
    from hwsim.stick_menu import StickMenu

DIRTY_RATE = 0.02
"""Share of bytes that arrive damaged on a line that is driven too fast."""


class LineModel(NamedTuple):
    """The line to the host. Zero baud: no limit."""

    baud: int = 0
    latency_s: float = 0.0
    timer_s: float = 0.0
    """Latency timer of the USB-serial adapter at the host's end."""

    @property
    def byte_time_s(self) -> float:
        return 10 / self.baud if self.baud else 0.0


class Trigger(NamedTuple):
    """Do something when so many bytes have passed."""

    at: int
    act: Callable[[], None]


class Machine:
    """Terminal, scheduler and wires together. `host` receives what arrives at the host's end."""

    def __init__(self, settings: Settings, storage: Storage, scheduler: Scheduler, line: LineModel) -> None:
        self.scheduler = scheduler
        self.terminal = Terminal(settings, storage, scheduler)
        self.host: Callable[[bytes], None] = lambda data: None
        self.plugged = True
        self.stick: StickMenu | None = None
        """A USB stick in the terminal."""
        self.line = line
        self.host_baud = self.terminal_baud = line.baud
        self.clean_baud = 0
        """Highest rate at which the line is clean; 0: any."""
        self.on_terminal_baud: Callable[[int], None] = lambda baud: None
        self._noise = random.Random(1)  # noqa: S311
        self.to_terminal = Wire(
            scheduler, self._at_terminal, byte_time_s=line.byte_time_s, latency_s=line.latency_s, garble=self._distort
        )
        self.to_host = Wire(
            scheduler, self._at_host, byte_time_s=line.byte_time_s, latency_s=line.latency_s, timer_s=line.timer_s,
            garble=self._distort,
        )  # fmt: skip
        self.terminal.transmit = self.to_host.send
        self.terminal.drained_at = lambda: self.to_host.idle_at
        self.terminal.set_baud = self.set_terminal_baud
        self.received = 0
        self.sent = 0
        self._triggers: dict[str, list[Trigger]] = {"rx": [], "tx": []}

    @property
    def start_baud(self) -> int:
        return self.line.baud

    def start(self) -> None:
        """Switch it on."""
        self.terminal.power_on()

    def on_bytes(self, direction: str, at: int, act: Callable[[], None]) -> None:
        """Call `act` when byte number `at` has passed; `rx` counts what the terminal receives, `tx` what it sends."""
        self._triggers[direction].append(Trigger(at, act))
        self._triggers[direction].sort(key=lambda trigger: trigger.at)

    def plug(self) -> None:
        self.plugged = True

    def unplug(self) -> None:
        """The cable goes: what is on it is lost, and the terminal hears nothing more."""
        self.plugged = False
        self.to_terminal.cut()
        self.to_host.cut()

    def set_host_baud(self, baud: int) -> None:
        """The host's end has another rate now."""
        self.host_baud = baud
        self.to_terminal.byte_time_s = 10 / baud

    def set_terminal_baud(self, baud: int) -> None:
        """The terminal's end has another rate now."""
        self.terminal_baud = baud
        self.to_host.byte_time_s = 10 / baud
        self.on_terminal_baud(baud)

    def _distort(self, data: bytes) -> bytes:
        """What two ends of different rates, or a line too long for its rate, make of bytes."""
        if self.host_baud != self.terminal_baud:
            return self._noise.randbytes(max(1, len(data) * min(self.host_baud, self.terminal_baud) // self.host_baud))
        if self.clean_baud and self.host_baud > self.clean_baud:
            return bytes(byte ^ (1 << self._noise.randrange(8)) * (self._noise.random() < DIRTY_RATE) for byte in data)
        return data

    def _at_terminal(self, data: bytes) -> None:
        self.received = self._pass("rx", self.received, data, self.terminal.receive)

    def _at_host(self, data: bytes) -> None:
        self.sent = self._pass("tx", self.sent, data, self.host)

    def _pass(self, direction: str, count: int, data: bytes, take: Callable[[bytes], None]) -> int:
        """Hand data on, stopping at each trigger in between."""
        triggers = self._triggers[direction]
        while self.plugged and data:
            step = len(data)
            if triggers and triggers[0].at <= count + step:
                step = max(0, triggers[0].at - count)
            take(data[:step])
            count, data = count + step, data[step:]
            if triggers and triggers[0].at <= count:
                triggers.pop(0).act()
        return count
