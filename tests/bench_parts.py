"""A simulated terminal in virtual time with a host at its other end, for the tests of transfer, installation and faults."""

import contextlib
import io
import pathlib
from typing import Any

from formats.fwp import package as fwp
from formats.fwp.package import Package
from fwtool.packages import PackageSource
from hwsim.factory import Order, make
from hwsim.flash import Timing
from hwsim.machine import LineModel, Machine
from hwsim.pipe import SimPipe
from tests.support import KEY, make_package, trust_of
from transports.errors import LinkLost
from transports.tsp import messages
from transports.tsp.messages import Opcode, ResetKind
from transports.tsp_device import TspDevice
from transports.tsp_terminal import TspTerminal
from transports.tsp_update import Sent, send_update
from transports.virtual import Scheduler

TRUST = trust_of(KEY)


def opened(raw: bytes) -> Package:
    return fwp.seal(io.BytesIO(raw)).verify(TRUST)


class Bench:
    """Terminal, line, host."""

    def __init__(
        self, tmp_path: pathlib.Path, *, installed: bytes | None = None, baud: int = 921600, timer_ms: float = 0,
        scenario: dict[str, Any] | None = None, timing: Timing | None = None, seed: int = 1,
    ) -> None:  # fmt: skip
        firmware = tmp_path / "factory.fwp"
        firmware.write_bytes(make_package(version="1.0.0", counter=7) if installed is None else installed)
        order = Order(
            trust=TRUST.raw, firmware=firmware, line=LineModel(baud, 0.0, timer_ms / 1e3), scenario=scenario,
            timing=timing, seed=seed, paper=tmp_path / "paper",
        )  # fmt: skip
        self.machine: Machine = make(order, Scheduler())
        self.pipe = SimPipe(self.machine)
        self.host = TspTerminal(self.pipe)
        self.wait(2.0)

    def wait(self, seconds: float) -> None:
        """Let virtual time pass, whatever arrives."""
        until = self.pipe.now() + seconds
        while self.pipe.now() < until:
            self.pipe.exchange(b"", until)

    def connect(self) -> None:
        self.host.connect(timeout_s=10)

    def device(self) -> TspDevice:
        """The terminal, connected, as use cases see it."""
        device = TspDevice.__new__(TspDevice)
        device.terminal = self.host
        device._clock_offset = self.pipe.wall_clock() - self.pipe.now()
        self.connect()
        return device

    def send(self, raw: bytes, *, resume: bool = True) -> Sent:
        return send_update(self.host, PackageSource(opened(raw)), resume=resume, progress=lambda done, written: None)

    def restart(self) -> None:
        with contextlib.suppress(LinkLost):  # on a bad line its answer may get lost
            self.host.request(Opcode.RESET, messages.ResetRequest(reset=ResetKind.RESTART), messages.Empty)
        self.wait(3.0)
        self.connect()

    def info(self) -> messages.Info:
        return self.host.request(Opcode.INFO, messages.Empty(), messages.Info)

    def slots(self) -> tuple[messages.Slot, ...]:
        return self.host.request(Opcode.SLOTS, messages.Empty(), messages.Slots).slots

    def confirm(self, raw: bytes) -> None:
        digest = opened(raw).sealed.digest
        self.host.request(Opcode.CONFIRM, messages.Confirm(digest=digest), messages.Empty)
