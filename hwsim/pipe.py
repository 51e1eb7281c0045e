"""`sim:[?option=value&...]`: a simulated terminal inside this process, as a pipe.

In virtual time (the default) an update at 9,600 baud takes a second; with `clock=real` it takes what it takes.
"""

import pathlib
import time
from urllib.parse import parse_qsl

from formats.errors import ToolError
from hwsim import scenario as scenario_module
from hwsim.factory import Order, make
from hwsim.machine import LineModel, Machine
from hwsim.peripherals import EPOCH
from hwsim.refusal import Refused
from hwsim.slots import DEFAULT_IDENTITY
from transports.pipe import LineOptions
from transports.virtual import Scheduler
from transports.virtual_pipe import WirePipe

OPTIONS = (
    "baud", "latency_ms", "timer_ms", "clock", "trust", "firmware", "state", "paper", "scenario", "model", "revision",
    "serial", "seed",
)  # fmt: skip


class SimPipe(WirePipe):
    """The host's end of a simulated line."""

    def __init__(self, machine: Machine, name: str = "sim:") -> None:
        super().__init__(name, machine.scheduler, machine.to_terminal)
        self.machine = machine
        machine.host = self.arrive
        machine.terminal.power_on()

    @property
    def plugged(self) -> bool:
        return self.machine.plugged

    @property
    def baud(self) -> int:
        return self.machine.host_baud

    def set_baud(self, baud: int) -> None:
        if not self.baud:
            super().set_baud(baud)
        idle = self.machine.to_terminal.idle_at
        while self.now() < idle and self.scheduler.virtual:
            self.scheduler.advance(idle)
        self.machine.set_host_baud(baud)

    def wall_clock(self) -> float:
        return self.machine.terminal.settings.epoch + self.now()


_machines: dict[str, Machine] = {}
"""A terminal stays the same while the process lives, so that a second opening finds the first one's work."""


def open_sim(url: str, options: LineOptions) -> SimPipe:
    """Open a simulated terminal; see `OPTIONS`.

    Raises:
        ToolError: an unknown option or a bad value (`usage`).
    """
    del options
    if url not in _machines:
        _machines[url] = _machine(url)
    machine = _machines[url]
    machine.plug()
    if machine.start_baud:
        machine.set_host_baud(machine.start_baud)  # a port is opened at its starting rate, whatever the last one did
    return SimPipe(machine, url)


def _machine(url: str) -> Machine:
    query = url.split(":", 1)[1].lstrip("?")
    values = dict(parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query)))
    for key in values.keys() - set(OPTIONS):
        raise ToolError(f"sim: has no option {key!r}", name="usage", hint=f"Known: {', '.join(OPTIONS)}.")

    def path(key: str) -> pathlib.Path | None:
        return pathlib.Path(values[key]) if key in values else None

    trust, scenario = path("trust"), path("scenario")
    try:
        order = Order(
            trust=trust.read_bytes() if trust else None,
            firmware=path("firmware"),
            state=path("state"),
            paper=path("paper"),
            line=LineModel(
                int(values.get("baud", 115200)),
                float(values.get("latency_ms", 0)) / 1e3,
                float(values.get("timer_ms", 1)) / 1e3,
            ),
            scenario=scenario_module.load(scenario) if scenario else None,
            seed=int(values.get("seed", 1)),
            epoch=int(time.time()) if values.get("clock") == "real" else EPOCH,
            identity=DEFAULT_IDENTITY._replace(
                model=values.get("model", "VT-100"),
                revision=int(values.get("revision", 3)),
                serial_number=values.get("serial", "SIM-0001"),
            ),
        )
        return make(order, Scheduler(time.monotonic if values.get("clock") == "real" else None))
    except ValueError as error:
        raise ToolError(f"{url}: {error}", name="usage") from error
    except OSError as error:
        raise ToolError(f"{url}: {error}", name="file_unreadable") from error
    except Refused as refused:
        raise ToolError(f"{url}: the terminal does not take its firmware: {refused.reason}", name="usage") from refused
