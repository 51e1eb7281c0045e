"""Many ports at once, in real time: 921,600 baud each, all through one pacer process that holds the devices' ends.

A port's rate is compared with what a raw writer gets through the same pacer in the same run. CPU is that of the host
process alone: user and system time over wall time, 100 % is one core.
"""

import contextlib
import multiprocessing
import multiprocessing.connection
import os
import select
import threading
import time
import tty
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from benchmarks.virtual_update import noise_bytes, signed
from formats.errors import ToolError
from fwtool.packages import PackageSource
from transports.descriptor import Rate, raw_descriptor_pipe
from transports.rehearsal import ReducedTerminal
from transports.tsp import messages
from transports.tsp.hello import VERSION, Feature, Hello
from transports.tsp_terminal import TspTerminal
from transports.tsp_update import send_update
from transports.virtual import Scheduler, Wire

BAUD = 921_600
TICK_S = 0.015
"""The pacer passes so much time's bytes at once; a pty holds about three times that."""
SECONDS = 8.0
"""Time a port's payload takes at the line rate."""
FAIL_AFTER = 100_000
"""Bytes after which a fault of the transfer comes."""
SLOW = 0.4
"""Rate of a slow line, as a share of what it should be."""
FAULTS = ("unplugged", "silent", "garbage", "slow", "reset", "flood", "refuses", "half answer")


class Device:
    """One device's end of a pty: takes bytes at the line's rate, answers at once."""

    def __init__(self, master: int, fault: str, blocks: int, raw: bool) -> None:
        self.master, self.fault, self.raw = master, fault, raw
        self.budget = 0.0
        self.bytes_taken = 0
        self.scheduler = Scheduler(time.monotonic)
        hello = Hello(
            version_min=VERSION, version_max=VERSION, max_frame=16384, features=int(Feature.UPDATE), max_block=65536,
            max_manifest=1 << 17, window=1 << 17, nonce=bytes(16), peer_nonce=bytes(16), public_key=b"",
        )  # fmt: skip
        begun = messages.Begun(blocks_total=blocks, blocks_held=0)
        self.terminal = ReducedTerminal(self.scheduler, Wire(self.scheduler, self._write), hello, INFO, begun, lambda n: 16384)

    def _write(self, data: bytes) -> None:
        if self.fault == "silent":
            return
        if self.fault == "garbage":
            data = os.urandom(len(data))
        if self.fault == "half answer" and self.failing:
            data = data[: len(data) // 2]
        with contextlib.suppress(BlockingIOError, OSError):
            os.write(self.master, data)

    @property
    def failing(self) -> bool:
        """The faults of a transfer come in its middle."""
        return self.bytes_taken > FAIL_AFTER

    def tick(self, seconds: float) -> None:
        """Pass what the line would have passed in this time."""
        rate = BAUD / 10 * (SLOW if self.fault == "slow" else 1)
        self.budget = min(self.budget + rate * seconds, rate * 4 * TICK_S)
        if self.fault == "flood":
            with contextlib.suppress(BlockingIOError, OSError):
                os.write(self.master, os.urandom(1024))
        try:
            data = os.read(self.master, int(self.budget)) if self.budget >= 1 else b""
        except (BlockingIOError, OSError):
            data = b""
        self.budget -= len(data)
        self.bytes_taken += len(data)
        self.scheduler.run_due()
        if data and not self.raw:
            if self.failing and self.fault:
                self._fail()
            self.terminal.receive(data)

    def _fail(self) -> None:
        if self.fault == "unplugged" and self.master >= 0:
            os.close(self.master)
            self.master = -1
        elif self.fault == "reset":
            self.terminal.link.forget()
        elif self.fault == "refuses":
            body = messages.Detail(text="the flash is worn out").build()
            said = messages.Message(messages.Opcode.FAILED, messages.Kind.EVENT, 0, messages.Status.FLASH_FAULT, body)
            self.terminal.link.send(said.build())


INFO = messages.Info(
    vendor="Bench", model="VT-100", revision=1, serial_number="B-1", version=messages.Version(1, 0, 0),
    bootloader=messages.Version(1, 0, 0), security_counter=0, trust_version=1, capacity=1 << 24, erase_size=65536,
    erase_time_us=0, program_size=256, program_time_us=0, verify_time_us=0, restart_time_ms=1500,
)  # fmt: skip


def pace(ports: int, blocks: int, faults: dict[int, str], raw: bool, pipe: "multiprocessing.connection.Connection") -> None:
    """The pacer process: makes the ptys, tells their names, passes bytes until it is told to stop."""
    devices, names, slaves = [], [], []
    for number in range(ports):
        master, slave = os.openpty()
        tty.setraw(slave)
        os.set_blocking(master, False)
        devices.append(Device(master, faults.get(number, ""), blocks, raw))
        names.append(os.ttyname(slave))
        slaves.append(slave)
    pipe.send(names)
    last = time.monotonic()
    while not pipe.poll():
        now = time.monotonic()
        for device in devices:
            if device.master >= 0:
                device.tick(now - last)
        last = now
        time.sleep(max(0.0, TICK_S - (time.monotonic() - now)))
    pipe.send([device.bytes_taken for device in devices])


@contextlib.contextmanager
def pacer(ports: int, blocks: int, faults: dict[int, str], raw: bool) -> Iterator[list[str]]:
    """The names of so many paced ports."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=pace, args=(ports, blocks, faults, raw, there), daemon=True)
    process.start()
    try:
        yield here.recv()
    finally:
        here.send("stop")
        process.join(10)


class Port(NamedTuple):
    """How one port did."""

    seconds: float
    error: str


def send_one(name: str, source: Any) -> Port:
    """An update over one port."""
    descriptor = os.open(name, os.O_RDWR | os.O_NOCTTY)
    pipe = raw_descriptor_pipe(name, descriptor, lambda: os.close(descriptor), Rate(BAUD, 10, lambda baud: None))
    host = TspTerminal(pipe, timeout_s=3)
    start = time.monotonic()
    try:
        host.connect(timeout_s=30)
        start = time.monotonic()
        send_update(host, source(), resume=True, progress=lambda done, written: None)
        return Port(time.monotonic() - start, "")
    except ToolError as error:
        return Port(time.monotonic() - start, error.name)
    finally:
        host.close()


def write_raw(name: str, size: int) -> Port:
    """The same number of bytes from a writer that does nothing else."""
    descriptor = os.open(name, os.O_RDWR | os.O_NOCTTY)
    os.set_blocking(descriptor, False)
    data, start = memoryview(bytes(65536)), time.monotonic()
    while size > 0:
        select.select([], [descriptor], [])
        size -= os.write(descriptor, data[: min(size, len(data))])
    os.close(descriptor)
    return Port(time.monotonic() - start, "")


def in_threads(names: list[str], one: Callable[[str], Port]) -> tuple[list[Port], float, float]:
    """All ports at once, a thread each: how each did, and the process's CPU and wall time."""
    found: dict[str, Port] = {}
    threads = [threading.Thread(target=lambda name=name: found.update({name: one(name)})) for name in names]
    cpu, wall = time.process_time(), time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [found[name] for name in names], time.process_time() - cpu, time.monotonic() - wall


def run(ports: int, *, failing: int = 0) -> dict[str, Any]:
    """One row."""
    size = int(SECONDS * BAUD / 10) // 16384 * 16384
    package = signed(noise_bytes(size), "2.0.0")
    faults = {number: FAULTS[number % len(FAULTS)] for number in range(failing)}
    with pacer(ports, size // 16384, {}, raw=True) as names:
        raw, _, _ = in_threads(names, lambda name: write_raw(name, size))
    with pacer(ports, size // 16384, faults, raw=False) as names:
        found, cpu, wall = in_threads(names, lambda name: send_one(name, lambda: PackageSource(package)))
    healthy = sorted(port.seconds for port in found[failing:])
    reference = sorted(port.seconds for port in raw)
    return {
        "ports": ports,
        "failing": failing,
        "share_of_raw_median": round(100 * reference[len(reference) // 2] / healthy[len(healthy) // 2], 2),
        "share_of_raw_worst": round(100 * reference[len(reference) // 2] / healthy[-1], 2),
        "host_cpu_percent": round(100 * cpu / healthy[-1], 1),
        "seconds": round(wall, 1),
        "errors": {number: found[number].error for number in range(failing)},
        "unexpected": [port.error for port in found[failing:] if port.error],
    }


def measure() -> list[dict[str, Any]]:
    return [*(run(ports) for ports in (1, 8, 32, 128)), run(128, failing=8)]
