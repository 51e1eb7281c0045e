"""Real time, line without limit: payload in MB/s (10^6 bytes) of a bare loop, of this engine, and of lrzsz.

Each runs between two processes, over a pty in raw mode and over TCP on the loopback interface, one after the other in
turns; each figure is the median of its runs. The bare loop is what the kernel can do, and the others are given as a share
of it.
"""

import functools
import multiprocessing
import os
import pathlib
import pty
import selectors
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
import tty
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from transports.descriptor import DescriptorPipe, raw_descriptor_pipe
from transports.errors import LinkLost
from transports.pipe import Pipe
from transports.pump import Pump
from transports.tcp import socket_pipe
from transports.tsp.hello import VERSION, Hello
from transports.tsp.link import Link, Lost, Received, Role

RUNS = 3
SIZES = {"pty": 64 << 20, "tcp": 256 << 20}
"""Bytes of payload; more where they are gone in a moment."""
COST_MIB = (1, 16, 256)
"""Sizes that show how cost grows."""
LRZSZ_SIZE = 16 << 20
STEP = 1 << 16
MAX_FRAME = 65535
WINDOW = 1 << 20
AHEAD = 2 * STEP
"""Bytes kept ready for the engine, as an update does."""
LIMIT_S = 120.0
SETTLE_S = 0.3
BARE, CHECKED, ENGINE, LRZSZ = "bare loop", "bare loop with CRC-32", "engine", "lrzsz"
FORK = multiprocessing.get_context("fork")


class Ends(NamedTuple):
    """Both ends of one connection: what is sent goes from the first to the second."""

    sender: int
    receiver: int


class Run(NamedTuple):
    """What one transfer took, as its sender saw it: until the receiver said that it had all."""

    size: int
    seconds: float
    cpu_s: float
    """User and system time of the sending process; 0: not measured."""

    @property
    def mb_s(self) -> float:
        return self.size / self.seconds / 1e6

    @property
    def ns_per_byte(self) -> float:
        return self.cpu_s * 1e9 / self.size


@contextmanager
def pty_ends() -> Iterator[Ends]:
    """A pty in raw mode; the sender has its slave side, which is what a host opens."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    try:
        yield Ends(slave, master)
    finally:
        os.close(slave)
        os.close(master)


@contextmanager
def tcp_ends() -> Iterator[Ends]:
    """A TCP connection over loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as sender:
        receiver, _ = listener.accept()
        with receiver:
            for end in (sender, receiver):
                end.settimeout(None)
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            yield Ends(sender.fileno(), receiver.fileno())


KINDS = {"pty": pty_ends, "tcp": tcp_ends}


def as_pipe(descriptor: int) -> DescriptorPipe:
    """The descriptor as the pipe that the tool itself would make of it."""
    if os.isatty(descriptor):
        return raw_descriptor_pipe("pty", descriptor, lambda: os.close(descriptor))
    return socket_pipe("tcp", socket.socket(fileno=descriptor))


def bare_send(descriptor: int, size: int) -> None:
    """Write it all, wait for one byte that says it has arrived."""
    piece = memoryview(os.urandom(STEP))
    left = size
    while left:
        left -= os.write(descriptor, piece[: min(STEP, left)])
    os.read(descriptor, 1)


def bare_receive(descriptor: int, size: int) -> None:
    """Read it all, say so."""
    while size:
        size -= len(os.read(descriptor, STEP))
    os.write(descriptor, b".")


def checked_send(descriptor: int, size: int) -> None:
    """The same with a CRC-32 over every piece: what any protocol that checks its bytes can hope for."""
    piece = memoryview(os.urandom(STEP))
    left = size
    while left:
        zlib.crc32(piece)
        left -= os.write(descriptor, piece[: min(STEP, left)])
    os.read(descriptor, 1)


def checked_receive(descriptor: int, size: int) -> None:
    """Read and check it all."""
    while size:
        data = os.read(descriptor, STEP)
        zlib.crc32(data)
        size -= len(data)
    os.write(descriptor, b".")


def make_link(role: Role) -> Link:
    """An engine for a line without limit, with the largest frame there is."""
    hello = Hello(
        version_min=VERSION, version_max=VERSION, max_frame=MAX_FRAME, features=0, max_block=STEP, max_manifest=STEP,
        window=WINDOW, nonce=bytes(16), peer_nonce=bytes(16), public_key=b"",
    )  # fmt: skip
    return Link(role, hello, os.urandom)


def engine_send(descriptor: int, size: int) -> None:
    send_all(as_pipe(descriptor), size)


def send_all(pipe: Pipe, size: int) -> None:
    """Open a session, send it all, wait until all is acknowledged.

    Raises:
        LinkLost: the other side is gone, or silent.
    """
    link = make_link(Role.HOST)
    pump, piece = Pump(link, pipe), os.urandom(STEP)
    left, until = size, pipe.now() + LIMIT_S
    link.connect(pipe.now())
    while left or link.sender.backlog:
        while left and link.peer and link.sender.unsent < AHEAD:
            link.send(piece[:left])
            left -= min(STEP, left)
        link.sender.more_coming = left > 0
        if isinstance(pump.step(until), Lost) or pipe.now() >= until:
            raise LinkLost("the benchmark's receiver is gone")


def engine_receive(descriptor: int, size: int) -> None:
    """Take and count what comes, until the sender hangs up."""
    pipe, link = as_pipe(descriptor), make_link(Role.DEVICE)
    pump = Pump(link, pipe)
    while True:
        event = pump.step(pipe.now() + LIMIT_S)
        if isinstance(event, Received):
            link.consume(len(event.data))
            size -= len(event.data)
            assert size >= 0


Part = Callable[[int, int], None]


def _timed(part: Part, descriptor: int, size: int, answer: Any) -> None:
    cpu, start = time.process_time(), time.monotonic()
    part(descriptor, size)
    answer.send(Run(size, time.monotonic() - start, time.process_time() - cpu))


def between_processes(kind: str, send: Part, receive: Part, size: int) -> Run:
    """One transfer between two processes of their own."""
    theirs, ours = FORK.Pipe()
    with KINDS[kind]() as ends:
        receiver = FORK.Process(target=receive, args=(ends.receiver, size))
        sender = FORK.Process(target=_timed, args=(send, ends.sender, size, theirs))
        receiver.start()
        sender.start()
        try:
            if not ours.poll(LIMIT_S):
                raise LinkLost(f"nothing came through a {kind} in {LIMIT_S:g} s")
            run = ours.recv()
            assert isinstance(run, Run)
            return run
        finally:
            for process in (sender, receiver):
                process.terminate()
                process.join()


def lrzsz_programs() -> tuple[str, str] | None:
    """Sender and receiver, under their own or under another common name."""
    for names in (("sz", "rz"), ("lsz", "lrz")):
        send, receive = map(shutil.which, names)
        if send and receive:
            return send, receive
    return None


def lrzsz(programs: tuple[str, str], size: int) -> Run:
    """One file by ZMODEM over a pty: from the start of its receiver, when the sender calls already, to the first end of
    a program. The other one now and then misses the last word and waits for half a minute; that is not counted.
    """
    with tempfile.TemporaryDirectory() as folder, pty_ends() as ends:
        source, target = pathlib.Path(folder) / "source", pathlib.Path(folder) / "target"
        source.write_bytes(os.urandom(size))
        target.mkdir()
        sender = subprocess.Popen([programs[0], "-8", "--quiet", source], stdin=ends.sender, stdout=ends.sender)
        time.sleep(SETTLE_S)
        start = time.monotonic()
        receiver = subprocess.Popen([programs[1], "--quiet"], stdin=ends.receiver, stdout=ends.receiver, cwd=target)
        processes = (sender, receiver)
        try:
            wait_for_any(processes)
            end = time.monotonic()
        finally:
            for process in processes:
                process.kill()
                process.wait()
        if (target / "source").read_bytes() != source.read_bytes():
            raise LinkLost("lrzsz did not bring the file over")
        return Run(size, end - start, 0.0)


def wait_for_any(processes: tuple["subprocess.Popen[bytes]", ...]) -> None:
    """Until one of them ends; it stays to be waited for."""
    with selectors.DefaultSelector() as selector:
        handles = [os.pidfd_open(process.pid) for process in processes]
        for handle in handles:
            selector.register(handle, selectors.EVENT_READ)
        selector.select(LIMIT_S)
        for handle in handles:
            os.close(handle)


def turns(ways: dict[str, Callable[[], Run]]) -> dict[str, list[Run]]:
    """Each way `RUNS` times, in turns, so that all meet the same machine."""
    runs: dict[str, list[Run]] = {name: [] for name in ways}
    for _ in range(RUNS):
        for name, way in ways.items():
            runs[name].append(way())
    return runs


def row(kind: str, way: str, runs: list[Run], bare: list[Run], own: list[Run]) -> dict[str, Any]:
    """Medians, and the medians of the ratios of runs of the same turn."""
    found: dict[str, Any] = {
        "pipe": kind,
        "way": way,
        "mb_s": round(statistics.median(run.mb_s for run in runs), 1),
        "percent_of_bare": round(100 * ratio(runs, bare)),
    }
    if runs[0].cpu_s:
        found["sender_cpu_ns_per_byte"] = round(statistics.median(run.ns_per_byte for run in runs), 2)
    if way == LRZSZ:
        found["engine_is_times_faster"] = round(ratio(own, runs), 2)
    return found


def ratio(runs: list[Run], others: list[Run]) -> float:
    return statistics.median(run.mb_s / other.mb_s for run, other in zip(runs, others, strict=True))


def measure() -> list[dict[str, Any]]:
    programs = lrzsz_programs()
    rows: list[dict[str, Any]] = []
    for kind, size in SIZES.items():
        ways: dict[str, Callable[[], Run]] = {
            BARE: functools.partial(between_processes, kind, bare_send, bare_receive, size),
            CHECKED: functools.partial(between_processes, kind, checked_send, checked_receive, size),
            ENGINE: functools.partial(between_processes, kind, engine_send, engine_receive, size),
        }
        if kind == "pty" and programs:
            ways[LRZSZ] = functools.partial(lrzsz, programs, LRZSZ_SIZE)
        runs = turns(ways)
        rows += [row(kind, way, found, runs[BARE], runs[ENGINE]) for way, found in runs.items()]
    for mib in COST_MIB:
        run = between_processes("tcp", engine_send, engine_receive, mib << 20)
        cost = {"pipe": "tcp", "way": f"engine, {mib} MiB", "mb_s": round(run.mb_s, 1)}
        rows.append(cost | {"sender_cpu_ns_per_byte": round(run.ns_per_byte, 2)})
    if not programs:
        rows.append({"pipe": "pty", "way": LRZSZ, "mb_s": "not installed"})
    return rows
