"""Real time beside virtual time: the same update over a paced line of two ptys, and over the line that is computed.

Of both, the share of the line's bytes that is payload while the blocks flow (percent), median over the same seeds; and by
how many percent the real share differs from the virtual one. The paced line knows nothing of the computed one: it has its
own clock, latency timer and bit errors. The real terminal waits as its flash does.
"""

import contextlib
import functools
import math
import multiprocessing
import os
import pathlib
import pty
import random
import selectors
import statistics
import tempfile
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from typing import Any, NamedTuple

from benchmarks.virtual_update import TRUST, Line, noise_bytes, signed, update
from formats.fwp.package import Package
from fwtool.packages import PackageSource
from hwsim.factory import Order, make
from hwsim.layout import CAPACITY, PAYLOAD_OFFSET, SLOTS
from hwsim.machine import LineModel
from hwsim.server import Server, tty_line
from transports.errors import LinkLost
from transports.pipe import LineOptions
from transports.registry import open_pipe
from transports.tsp_terminal import TspTerminal
from transports.tsp_update import Sent, send_update
from transports.virtual import Scheduler

SIZE = 1 << 20
BAUD = 921_600
TIMER_S = 0.001
RATES = (0.0, 1e-5, 1e-4)
"""Bit errors per bit, in both directions."""
SEEDS = (1, 2, 3)
BITS = 10
"""Bits on the line for each byte."""
PIECE_S = 0.001
"""Bytes on the line are passed on in pieces of this time."""
SHIFT_BYTES = 4096
"""What the sending end takes ahead of the line, as a driver does; the pty holds some KiB more before it."""
PACKET = 62
"""Payload of the adapter's packet: passed on at once when it is full."""
LIMIT_S = 30.0
START_S = 4.0
"""The terminal starts, and erases what it will write to."""
FORK = multiprocessing.get_context("fork")


class Errors:
    """Flips bits at a rate; the distance from one to the next is geometric."""

    def __init__(self, rate: float, seed: int) -> None:
        self._rate, self._random = rate, random.Random(seed)
        self._good = self._draw()

    def _draw(self) -> float:
        """Good bits before the next bad one."""
        return int(self._random.expovariate(self._rate)) if self._rate else math.inf

    def spoil(self, data: bytes) -> bytes:
        bits = 8 * len(data)
        spoiled = bytearray(data)
        at = self._good
        while at < bits:
            spoiled[int(at) >> 3] ^= 1 << (int(at) & 7)
            at += 1 + self._draw()
        self._good = at - bits
        return bytes(spoiled)


class OneWay:
    """One direction. Bytes wait at the sending end, leave it at the line's rate, and may wait for the latency timer.

    The line is idle only while nothing waits: a late wake-up makes bytes late, and costs none of the line's time.
    """

    def __init__(self, byte_time_s: float, timer_s: float, errors: Errors) -> None:
        self._byte_time_s, self._timer_s, self._errors = byte_time_s, timer_s, errors
        self._waiting = bytearray()
        self._sent_until = 0.0
        self._held = bytearray()
        self._held_since = math.inf
        self.arrived = bytearray()
        """For the receiving end."""

    @property
    def room(self) -> int:
        return SHIFT_BYTES - len(self._waiting)

    @property
    def busy(self) -> bool:
        """Whether time alone changes something."""
        return bool(self._waiting or self._held or self.arrived)

    def put(self, data: bytes, now: float) -> None:
        """Bytes for the line."""
        if not self._waiting:
            self._sent_until = max(self._sent_until, now)
        self._waiting += data

    def run(self, now: float) -> None:
        """Time has come to `now`."""
        count = min(len(self._waiting), int((now - self._sent_until) / self._byte_time_s))
        if count > 0:
            self._sent_until += count * self._byte_time_s
            if not self._held:
                self._held_since = self._sent_until
            self._held += self._errors.spoil(bytes(self._waiting[:count]))
            del self._waiting[:count]
        full = len(self._held) if not self._timer_s else len(self._held) // PACKET * PACKET
        if full:
            self._pass_on(full)
            self._held_since = now
        if self._held and now >= self._held_since + self._timer_s:
            self._pass_on(len(self._held))

    def _pass_on(self, count: int) -> None:
        self.arrived += self._held[:count]
        del self._held[:count]


def carry(host: int, device: int, rate: float, seed: int) -> None:
    """The paced line between two descriptors, until it is stopped; the latency timer is at the host's end."""
    lines = {
        host: (OneWay(BITS / BAUD, 0.0, Errors(rate, seed)), device),
        device: (OneWay(BITS / BAUD, TIMER_S, Errors(rate, seed + 1000)), host),
    }
    for end in lines:
        os.set_blocking(end, False)
    with selectors.DefaultSelector() as selector:
        for end in lines:
            selector.register(end, selectors.EVENT_READ)
        while True:
            step(lines, selector)


def step(lines: dict[int, tuple[OneWay, int]], selector: selectors.BaseSelector) -> None:
    """Sleep for a piece, take what came where half of the room is free, pass on what is through."""
    if any(2 * line.room < SHIFT_BYTES for line, _ in lines.values()):
        time.sleep(PIECE_S)  # select would not sleep: what does not fit is readable all the time
    ready = selector.select(PIECE_S if any(line.busy for line, _ in lines.values()) else None)
    now = time.monotonic()
    for line, _ in lines.values():
        line.run(now)
    for key, _ in ready:
        line = lines[key.fd][0]
        if 2 * line.room >= SHIFT_BYTES:
            line.put(os.read(key.fd, line.room), now)
    for line, target in lines.values():
        if line.arrived:
            with contextlib.suppress(BlockingIOError):
                del line.arrived[: os.write(target, line.arrived)]


def serve(port: str, factory: pathlib.Path, ready: Callable[[], None]) -> None:
    """The terminal in real time; nothing in its spare slot is blank."""
    order = Order(trust=TRUST.raw, firmware=factory, line=LineModel(0))
    machine = make(order, Scheduler(time.monotonic))
    machine.terminal.flash.fill(SLOTS[1] + PAYLOAD_OFFSET, b"\x5a\x00\xa5\x3c" * (CAPACITY // 4))
    Server(machine, tty_line(port, BAUD), None).serve(ready)


class Ports(NamedTuple):
    """A pty: the line's end, the user's end, and the name of that."""

    master: int
    slave: int
    name: str


@contextmanager
def raw_pty() -> Iterator[Ports]:
    master, slave = pty.openpty()
    tty.setraw(slave)
    try:
        yield Ports(master, slave, os.ttyname(slave))
    finally:
        os.close(slave)
        os.close(master)


@contextmanager
def running(*processes: BaseProcess) -> Iterator[None]:
    """Runs them, and ends them."""
    for process in processes:
        process.start()
    try:
        yield
    finally:
        for process in processes:
            process.terminate()
            process.join()


def real_update(new: Package, factory: pathlib.Path, rate: float, seed: int) -> Sent:
    """One update in real time."""
    started = FORK.Event()
    with raw_pty() as host_end, raw_pty() as device_end:
        line = FORK.Process(target=carry, args=(host_end.master, device_end.master, rate, seed))
        terminal = FORK.Process(target=serve, args=(device_end.name, factory, started.set))
        with running(line, terminal):
            if not started.wait(LIMIT_S):
                raise LinkLost("the simulated terminal does not start")
            time.sleep(START_S)
            host = TspTerminal(open_pipe(host_end.name, LineOptions(baud=BAUD)), timeout_s=20)
            try:
                host.connect()
                return send_update(host, PackageSource(new), resume=True, progress=lambda done, written: None)
            finally:
                host.close()


def virtual_update(new: Package, old: Package, rate: float, seed: int) -> Sent:
    """The same in virtual time."""
    fault = "noise" if rate else ""
    return update(new, Line(BAUD, TIMER_S * 1e3, fault=fault, rate=rate, seed=seed), old=old).sent


def percent(ways: Callable[[float, int], Sent], rate: float) -> float:
    """Payload as a share of what the line could carry in that time, median over the seeds."""
    runs = [ways(rate, seed) for seed in SEEDS]
    return statistics.median(100 * run.payload_sent / run.stream_s * BITS / BAUD for run in runs)


def measure() -> list[dict[str, Any]]:
    new, old = signed(noise_bytes(SIZE), "2.0.0"), signed(noise_bytes(50_000, 9), "1.0.0")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        factory = pathlib.Path(folder) / "factory.fwp"
        old.sealed.file.seek(0)
        factory.write_bytes(old.sealed.file.read())
        for rate in RATES:
            real = percent(functools.partial(real_update, new, factory), rate)
            virtual = percent(functools.partial(virtual_update, new, old), rate)
            rows.append(
                {
                    "baud": BAUD,
                    "timer_ms": TIMER_S * 1e3,
                    "bit_errors": rate,
                    "real_percent": round(real, 2),
                    "virtual_percent": round(virtual, 2),
                    "difference_percent": round(100 * (real / virtual - 1), 2),
                }
            )
    return rows
