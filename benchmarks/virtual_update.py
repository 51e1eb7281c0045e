"""One update in virtual time: a terminal with old firmware in both slots, a line, a host."""

import io
import pathlib
import random
import tempfile
from typing import NamedTuple

from formats import algorithms, keys, raw, trust
from formats.fwp import build, package
from formats.fwp.manifest import ComponentType
from formats.fwp.package import Package
from formats.signing import Signature, message_for
from formats.sources import Flat
from formats.versions import Hardware, Version
from fwtool.packages import PackageSource
from hwsim.commands import SIGNATURE_S
from hwsim.factory import Order, make
from hwsim.faults import FAULTS, Fault
from hwsim.flash import BLOCK, PAGE, Timing
from hwsim.layout import CAPACITY, PAYLOAD_OFFSET, SLOTS
from hwsim.machine import LineModel, Machine
from hwsim.pipe import SimPipe
from transports.tsp_terminal import TspTerminal
from transports.tsp_update import Sent, send_update
from transports.virtual import Scheduler

KEY = keys.generate(algorithms.ED25519)
TRUST = trust.parse(KEY.public.pem())


def signed(data: bytes, version: str) -> Package:
    """A verified package of these bytes."""
    source = Flat(raw.read(io.BytesIO(data), 0x08000000))
    out = io.BytesIO()
    recipe = build.Recipe(Version.parse(version), Hardware.parse("VT-100"), 1, "Bench", "bench")
    build.write(recipe, [build.Part(ComponentType.APPLICATION, "app", source)], out)
    return package.seal(with_signature(out)).verify(TRUST)


def with_signature(unsigned: io.BytesIO) -> io.BytesIO:
    """A package, signed."""
    sealed = package.seal(unsigned)
    signature = Signature(KEY.public.key_id, KEY.sign(message_for("package", sealed.digest)))
    whole = io.BytesIO()
    build.rewrite(sealed, sealed.signatures.adding(signature), whole)
    return whole


def noise_bytes(size: int, seed: int = 1) -> bytes:
    """Bytes that do not compress, the same every time."""
    return random.Random(seed).randbytes(size)


class Line(NamedTuple):
    """The line of one run."""

    baud: int
    timer_ms: float = 0.0
    latency_ms: float = 0.0
    fault: str = ""
    rate: float = 0.0
    seed: int = 1


class Run(NamedTuple):
    """What an update took."""

    seconds: float
    """From opening the port to "all blocks are in flash and checked" of the device, without its signature check."""
    round_trip_s: float
    sent: Sent
    frame_payload: int


def flash_limit_s(size: int, timing: Timing = Timing()) -> float:  # noqa: B008 - immutable
    """Data-sheet time to erase (64 KiB at a time) and program so many bytes."""
    return -(-size // BLOCK) * timing.erase_block_s + -(-size // PAGE) * timing.program_page_s


def used_terminal(line: Line, factory: pathlib.Path) -> Machine:
    """A terminal that has been updated before: nothing in its spare slot is blank."""
    model = LineModel(line.baud, line.latency_ms / 1e3, line.timer_ms / 1e3)
    machine = make(Order(trust=TRUST.raw, firmware=factory, line=model), Scheduler())
    machine.terminal.flash.fill(SLOTS[1] + PAYLOAD_OFFSET, b"\x5a\x00\xa5\x3c" * (CAPACITY // 4))
    return machine


def update(new: Package, line: Line, *, old: Package | None = None) -> Run:
    """Run one."""
    with tempfile.TemporaryDirectory() as folder:
        factory = pathlib.Path(folder) / "factory.fwp"
        installed = old or signed(noise_bytes(50_000, 9), "1.0.0")
        installed.sealed.file.seek(0)
        factory.write_bytes(installed.sealed.file.read())
        machine = used_terminal(line, factory)
    pipe = SimPipe(machine)
    while pipe.now() < 4.0:  # the terminal starts, and tidies up
        pipe.exchange(b"", 4.0)
    host = TspTerminal(pipe, timeout_s=20)
    if line.fault:
        FAULTS[line.fault].plant(machine, Fault(line.fault, line.rate, line.seed))
    start = pipe.now()
    host.connect()
    sent = send_update(host, PackageSource(new), resume=True, progress=lambda done, written: None)
    end = pipe.now()
    round_trip = host.link.round_trip.least_s or 0.0
    return Run(end - start - SIGNATURE_S, round_trip, sent, host.link.payload_size)
