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
from hwsim.slots import DEFAULT_IDENTITY, Refused
from transports.errors import LinkLost
from transports.pipe import LineOptions
from transports.virtual import Scheduler

OPTIONS = (
    "baud", "latency_ms", "timer_ms", "clock", "trust", "firmware", "state", "paper", "scenario", "model", "revision",
    "serial", "seed",
)  # fmt: skip


class SimPipe:
    """The host's end of a simulated line."""

    def __init__(self, machine: Machine, name: str = "sim:") -> None:
        self.name = name
        self.machine = machine
        self.byte_time_s = machine.line.byte_time_s
        self._received = bytearray()
        self._closed = False
        machine.host = self._received.extend
        machine.terminal.power_on()

    def now(self) -> float:
        return self.machine.scheduler.now()

    def wall_clock(self) -> float:
        return self.machine.terminal.settings.epoch + self.now()

    def exchange(self, out: bytes, until: float) -> tuple[int, bytes]:
        if self._closed:
            raise LinkLost(f"{self.name} is closed")
        scheduler, wire = self.machine.scheduler, self.machine.to_terminal
        scheduler.run_due()
        if out and wire.room:
            written = min(len(out), wire.room)
            if self.machine.plugged:
                wire.send(out[:written])
            return written, self._take()
        if out:
            until = min(until, max(wire.room_at, scheduler.now()))
        while not self._received and scheduler.now() < until:
            if not self.machine.plugged:
                raise LinkLost(f"{self.name} was unplugged", resumable=True)
            if scheduler.virtual:
                if not scheduler.advance(until) and scheduler.now() < until:
                    break
            else:
                time.sleep(max(0.0, min(until, scheduler.next_time()) - scheduler.now(), 0.0001))
                scheduler.run_due()
        return 0, self._take()

    def _take(self) -> bytes:
        data = bytes(self._received)
        self._received.clear()
        return data

    def close(self) -> None:
        self._closed = True


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
