"""USB bulk over a bus made of software: the raw pyusb call, our pipe, and the engine over it, all on one core.

The device is as cheap as can be (it counts, or sends the same bytes again and again), so that what is left is the host's cost:
pyusb, then our thread and checks. The engine's row has both engines in it, the device's too; `mb_s_at_high_speed` is computed:
a byte takes its time on a high-speed bus, and then the host's, as if the bus always waited for the host.
"""

import contextlib
import os
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from benchmarks.throughput import make_link, send_all
from hwsim.usb_backend import SimulatedBus
from hwsim.usb_bulk import IN_ENDPOINT, OUT_ENDPOINT, BulkUsb
from transports.pipe import LineOptions, Pipe
from transports.tsp.link import Received, Role
from transports.usb_bulk import open_usb_bulk, scan
from transports.usb_reader import TRANSFER_SIZE

SIZE = 64 << 20
"""Bytes of payload; fewer where a transfer is small."""
RUNS = 3
SIZES = (512, 4096, 16 << 10, 64 << 10, 640 << 10)
PORT = "usb:1209:0003"
TARGET_MB_S = 40
BUS_NS = 125e3 / (13 * 512)
"""Time of a byte on high-speed bulk: 13 packets of 512 bytes in each 125 us (USB 2.0, 5.8.4)."""


class Done(NamedTuple):
    """What was carried."""

    pipe: Pipe | None = None
    """What was opened; closing it is not counted."""
    device_s: float = 0.0
    """Time that was the device's own."""


Act = Callable[[int, int], Done]
"""Carries some bytes in transfers of some size."""


class Metered(BulkUsb):
    """A device that knows how much of the time was its own."""

    def __init__(self) -> None:
        super().__init__()
        self.own_s = 0.0

    def bulk_out(self, endpoint: int, data: bytes) -> int | None:
        start = time.monotonic()
        taken = super().bulk_out(endpoint, data)
        self.own_s += time.monotonic() - start
        return taken


class Cheap(BulkUsb):
    """A device that counts what it gets, and always has something to say."""

    def __init__(self) -> None:
        super().__init__()
        self.came = 0
        self._same = os.urandom(1 << 20)

    def bulk_out(self, endpoint: int, data: bytes) -> int:
        del endpoint
        self.came += len(data)
        return len(data)

    def bulk_in(self, endpoint: int, size: int) -> bytes:
        del endpoint
        return self._same[:size]


@contextlib.contextmanager
def one_core() -> Iterator[None]:
    """Stay on one core, where the system lets us choose."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def raw_write(transfer: int, size: int) -> Done:
    device = Cheap()
    (found,) = scan(SimulatedBus(device))
    data = bytes(transfer)
    while device.came < size:
        found.handle.write(OUT_ENDPOINT, data, 1000)
    return Done()


def raw_read(transfer: int, size: int) -> Done:
    (found,) = scan(SimulatedBus(Cheap()))
    while size > 0:
        size -= len(found.handle.read(IN_ENDPOINT, transfer, 1000))
    return Done()


def pipe_write(_transfer: int, size: int) -> Done:
    device = Cheap()
    device.bulk_in = lambda endpoint, size: None  # type: ignore[assignment, method-assign]
    pipe = open_usb_bulk(PORT, LineOptions(), SimulatedBus(device))
    piece = memoryview(os.urandom(2 * TRANSFER_SIZE))
    left = piece
    while device.came < size:
        left = left[pipe.exchange(left, pipe.now() + 1)[0] :] or piece
    return Done(pipe)


def pipe_read(_transfer: int, size: int) -> Done:
    pipe = open_usb_bulk(PORT, LineOptions(), SimulatedBus(Cheap()))
    while size > 0:
        size -= len(pipe.exchange(b"", pipe.now() + 1)[1])
    return Done(pipe)


def engine_write(_transfer: int, size: int) -> Done:
    """A TSP session over the pipe; the device's engine takes, checks and acknowledges every frame."""
    device, there = Metered(), make_link(Role.DEVICE)
    came = 0

    def take(data: bytes) -> None:
        nonlocal came
        now = time.monotonic()
        there.receive_data(data, now)
        while (event := there.next_event()) is not None:
            if isinstance(event, Received):
                came += len(event.data)
                there.consume(len(event.data))
        if answer := there.data_to_send(now, 1 << 17):
            device.put(answer)

    device.deliver = take
    pipe = open_usb_bulk(PORT, LineOptions(), SimulatedBus(device))
    send_all(pipe, size)
    assert came == size
    return Done(pipe, device.own_s)


def timed(act: Act, transfer: int, size: int) -> tuple[float, float, float]:
    """Nanoseconds for each byte: of the clock, of the clock without the device's own work, of the processor."""
    cpu, start = time.process_time(), time.monotonic()
    done = act(transfer, size)
    seconds, used = time.monotonic() - start, time.process_time() - cpu
    if done.pipe is not None:
        done.pipe.close()
    return seconds * 1e9 / size, (seconds - done.device_s) * 1e9 / size, used * 1e9 / size


def measure() -> list[dict[str, Any]]:
    """The table; the median of the runs."""
    ways: dict[tuple[str, str, int], Act] = {}
    for transfer in SIZES:
        ways["pyusb", "write", transfer] = raw_write
        ways["pyusb", "read", transfer] = raw_read
    ways["pipe", "write", 2 * TRANSFER_SIZE] = pipe_write
    ways["pipe", "read", TRANSFER_SIZE] = pipe_read
    ways["TSP", "write", 2 * TRANSFER_SIZE] = engine_write
    with one_core():
        return [_row(*way, act) for way, act in ways.items()]


def _row(name: str, direction: str, transfer: int, act: Act) -> dict[str, Any]:
    size = min(SIZE, transfer << 12)
    runs = [timed(act, transfer, size) for _ in range(RUNS)]
    whole, host, cpu = (statistics.median(column) for column in zip(*runs, strict=True))
    rate = 1000 / (BUS_NS + host)
    return {
        "way": name, "direction": direction, "transfer": transfer, "mb_s": round(1000 / whole, 1),
        "cpu_ns_per_byte": round(cpu, 2), "mb_s_at_high_speed": round(rate, 1),
        "holds_40_mb_s": "yes" if rate >= TARGET_MB_S else "no",
    }  # fmt: skip
