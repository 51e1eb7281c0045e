"""TSP over USB bulk: descriptors, the pipe over a bus made of software, devices found again, and devices that lie."""

import errno
import itertools
import struct
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

import firmware_samples
from formats.errors import FormatError, ToolError
from hwsim.usb_backend import SimulatedBus
from hwsim.usb_bulk import BOOTS, RUNS, BulkUsb
from tests.support import flips, pattern
from tests.test_pipes import (
    Ends,
    receive,
    test_an_unplugged_end_is_noticed,  # noqa: F401 - the tests of every pipe, run here on the `ends` below
    test_closing_twice_is_fine_and_using_it_after_is_not,  # noqa: F401
    test_every_byte_passes_in_both_directions,  # noqa: F401
    test_single_bytes_arrive_as_they_come,  # noqa: F401
    test_waiting_ends_when_it_should,  # noqa: F401
)
from transports import usb_bulk, usb_bus
from transports.dfu.device import Identity
from transports.errors import LinkError, LinkLost
from transports.pipe import LineOptions
from transports.registry import open_pipe
from transports.tsp import messages
from transports.tsp.messages import Opcode
from transports.tsp_terminal import TspTerminal
from transports.usb_bulk import UsbBulkPipe, find_again, identify, open_usb_bulk
from transports.usb_bulk_descriptors import BulkInterface, Endpoint, parse_bulk
from transports.usb_find import Wanted
from transports.usb_reader import TRANSFER_SIZE

PORT = "usb:1209:0003"


class Bench:
    """A device, what it received, and an open pipe to it."""

    def __init__(self, device: BulkUsb | None = None) -> None:
        self.device = device or BulkUsb()
        self.got = bytearray()
        self.transfers: list[int] = []
        self._came = threading.Condition()
        self.device.deliver = self._take
        self.bus = SimulatedBus(self.device)
        self.pipe: UsbBulkPipe = open_usb_bulk(PORT, LineOptions(), self.bus)

    def _take(self, data: bytes) -> None:
        with self._came:
            self.got += data
            self.transfers.append(len(data))
            self._came.notify_all()

    def read(self, size: int) -> bytes:
        with self._came:
            assert self._came.wait_for(lambda: len(self.got) >= size, 5)
            data = bytes(self.got[:size])
            del self.got[:size]
            return data

    def send(self, data: bytes) -> None:
        left = memoryview(data)
        until = self.pipe.now() + 10
        while left and self.pipe.now() < until:
            left = left[self.pipe.exchange(left, until)[0] :]


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.pipe.close()


@pytest.fixture(params=[64, 512, 1024])
def ends(request: pytest.FixtureRequest) -> Iterator[Ends]:
    made = Bench(BulkUsb(packet_size=request.param))
    yield Ends(made.pipe, made.device.put, made.read, made.device.unplug)
    made.pipe.close()


# --- descriptors


def configuration(*parts: str) -> bytes:
    body = bytes.fromhex("".join(parts))
    return struct.pack("<BBHBBBBB", 9, 2, 9 + len(body), 1, 1, 0, 0x80, 50) + body


TSP = "0904 02 00 02 ff 54 01 05"
IN_81, OUT_02, INTERRUPT = "0705 81 02 0002 00", "0705 02 02 0002 00", "0705 84 03 1000 08"
COMPANION, CDC = "0630 00 00 0000", "0904 00 00 01 02 02 01 00  0524 00 1001" + INTERRUPT


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (configuration(TSP, IN_81, OUT_02), BulkInterface(2, 0, Endpoint(0x81, 512), Endpoint(0x02, 512))),
        (configuration(CDC, TSP, OUT_02, IN_81), BulkInterface(2, 0, Endpoint(0x81, 512), Endpoint(0x02, 512))),
        (
            configuration("0904 02 01 03 ff 54 01 05", "0705 8f 02 4000 00", INTERRUPT, "0705 0f 02 4000 00", CDC),
            BulkInterface(2, 1, Endpoint(0x8F, 64), Endpoint(0x0F, 64)),
        ),
        (
            configuration(TSP, "0705 81 02 0004 00", COMPANION, "0705 02 02 0004 00", COMPANION),
            BulkInterface(2, 0, Endpoint(0x81, 1024), Endpoint(0x02, 1024)),
        ),
        (configuration(CDC), None),
        (configuration("0904 02 00 02 ff 54 02 05", IN_81, OUT_02), None),
        (configuration("0904 02 00 02 ff 00 01 05", IN_81, OUT_02), None),
    ],
)
def test_the_interface_is_known_by_its_class_numbers(data: bytes, found: BulkInterface | None) -> None:
    assert parse_bulk(data) == found


@pytest.mark.parametrize(
    "parts",
    [
        (TSP, IN_81),
        (TSP, IN_81, "0705 82 02 0002 00"),
        ("0904 02 00 03 ff 54 01 05", IN_81, OUT_02),
        ("0904 02 00 03 ff 54 01 05", IN_81, OUT_02, "0705 03 02 0002 00"),
        (TSP, "0705 81 02 0000 00", OUT_02),
        (TSP, "0705 81 02 3000 00", OUT_02),
        (TSP, "0705 80 02 0002 00", OUT_02),
        (TSP, "0705 91 02 0002 00", OUT_02),
        (TSP, "0305 81", OUT_02),
        (TSP, IN_81, "0005"),
        (TSP, IN_81, "ff05 02 02 0002 00"),
    ],
)
def test_descriptors_that_lie_are_refused(parts: tuple[str, ...]) -> None:
    with pytest.raises(FormatError):
        parse_bulk(configuration(*parts))


def test_every_truncation_and_every_flipped_bit_of_the_descriptors_is_refused_or_harmless() -> None:
    good = configuration(TSP, IN_81, OUT_02)
    for size in range(len(good)):
        with pytest.raises(FormatError):
            parse_bulk(good[:size])
    for _, damaged in flips(good):
        device = BulkUsb()
        device.faults.configuration = lambda _, damaged=damaged: damaged
        try:
            open_usb_bulk(PORT, LineOptions(), SimulatedBus(device)).close()
        except ToolError as error:
            assert error.name in ("damaged_file", "no_device", "no_answer", "device_fault")  # noqa: PT017 - or it opens


# --- choosing among devices


def test_one_of_several_is_chosen_by_serial_number_or_by_its_socket() -> None:
    devices = [BulkUsb("A1", (1,)), BulkUsb("A2", (2, 4)), BulkUsb("", (3,)), BulkUsb("A1", (5,), numbers=Identity(0x1209, 9, 1))]
    bus = SimulatedBus(*devices)
    for port, device in ((f"{PORT}:A2", devices[1]), (f"{PORT}:@3-3", devices[2]), (f"{PORT}:@3-2.4", devices[1])):
        pipe = open_usb_bulk(port, LineOptions(), bus)
        device.put(b"me")
        assert receive(pipe, 2) == b"me"
        assert pipe.name == port
        pipe.close()
    for port, name in ((PORT, "several_devices"), (f"{PORT}:A9", "no_device"), ("usb:1209:0007", "no_device")):
        with pytest.raises(LinkError) as caught:
            open_usb_bulk(port, LineOptions(), bus)
        assert (caught.value.name, caught.value.exit_code) == (name, 5)
        assert "1209:0003 A2 @3-2.4" in caught.value.hint
    assert bus.claimed == []


def test_a_twin_that_somebody_else_uses_is_not_in_the_way_of_a_named_one() -> None:
    class Busy(SimulatedBus):
        def open_device(self, device: Any) -> Any:
            if device is busy:
                raise self._core.USBError("Access denied", errno=errno.EACCES)
            return super().open_device(device)

    busy, free = BulkUsb("A1", (1,)), BulkUsb("A2", (2,))
    bus = Busy(busy, free)
    open_usb_bulk(f"{PORT}:A2", LineOptions(), bus).close()
    for port in (PORT, f"{PORT}:A1"):
        with pytest.raises(ToolError) as caught:
            open_usb_bulk(port, LineOptions(), bus)
        assert caught.value.name == "permission"


@pytest.mark.parametrize(
    ("number", "name"),
    [(errno.EACCES, "permission"), (errno.EBUSY, "device_busy"), (errno.ENODEV, "no_answer"), (errno.EPIPE, "device_fault")],
)
def test_trouble_at_opening_has_its_name(number: int, name: str) -> None:
    bus = SimulatedBus(BulkUsb())
    bus.errors = {RUNS.product: number}
    with pytest.raises(ToolError) as caught:
        open_usb_bulk(PORT, LineOptions(), bus)
    assert caught.value.name == name
    assert usb_bulk.scan(bus) == []


def test_a_device_without_a_driver_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise NotImplementedError("Operation not supported or unimplemented on this platform")

    monkeypatch.setattr(SimulatedBus, "open_device", refuse)  # what libusb answers on Windows
    with pytest.raises(ToolError, match="driver") as caught:
        open_usb_bulk(PORT, LineOptions(), SimulatedBus(BulkUsb()))
    assert (caught.value.name, caught.value.exit_code, "doctor" in caught.value.hint) == ("permission", 9, True)


def test_without_libusb_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("libusb_package", "usb.backend.libusb1"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ToolError, match="not installed") as caught:
        open_pipe(PORT)
    assert caught.value.exit_code == 9


def test_a37_serial_numbers_cannot_steer_a_terminal() -> None:
    bus = SimulatedBus(BulkUsb("A\x1b[2J\x1b]0;owned\x07\u202eB\r\nC", (1,)), BulkUsb("ok", (2,)))
    with pytest.raises(LinkError) as caught:
        open_usb_bulk(PORT, LineOptions(), bus)
    assert caught.value.hint.isprintable()
    assert "A[2J]0;ownedBC" in caught.value.hint


# --- found again


def test_a_device_is_found_again_under_other_numbers() -> None:
    device, twin = BulkUsb("A1", (1, 2)), BulkUsb("A2", (1, 3))
    bus = SimulatedBus(twin, device)
    known = identify(f"{PORT}:A1", bus)
    device.unplug()
    assert find_again(known, bus) == ""
    device.replug(BOOTS)
    assert find_again(known, bus) == "usb:1209:0004:A1"
    device.replug(Identity(0x0483, 0x5740, 1))  # another vendor, at the same place
    assert find_again(known, bus) == "usb:0483:5740:A1"
    device.serial_number = ""
    port = find_again(known, bus)
    assert port == "usb:0483:5740:@3-1.2"
    open_usb_bulk(port, LineOptions(), bus).close()
    device.ports = (4,)  # neither number nor place
    assert find_again(known, bus) == ""


def test_a40_a_twin_is_never_taken_for_the_device() -> None:
    device, twin = BulkUsb("SAME", (1,)), BulkUsb("SAME", (2,))
    bus = SimulatedBus(device, twin)
    known = identify(f"{PORT}:@3-1", bus)
    device.unplug()
    assert find_again(known, bus) == ""
    twin.replug(BOOTS)
    assert find_again(known, bus) == ""
    device.replug()
    assert find_again(known, bus) == "usb:1209:0003:SAME"
    twin.replug(RUNS)
    assert find_again(known, bus) == "usb:1209:0003:@3-1"


def test_a_port_name_says_which_device_even_among_its_like() -> None:
    place = usb_bulk.Place(3, (1, 2), 0x1209, "")
    assert Wanted.parse("usb:1209:3:@3-1.2").fits(3, place)
    assert not Wanted.parse("usb:1209:3:@3-1").fits(3, place)
    assert not Wanted.parse("usb:1209:3:@None-").fits(3, place._replace(bus=None, ports=()))


# --- transfers


@pytest.mark.parametrize(
    "size", [1, 511, 512, 513, TRANSFER_SIZE - 1, TRANSFER_SIZE, TRANSFER_SIZE + 512, 5 * TRANSFER_SIZE + 1024]
)
def test_every_transfer_ends_so_that_the_device_sees_its_end(bench: Bench, size: int) -> None:
    data = pattern(size)
    bench.send(data)
    assert bench.read(size) == data
    assert sum(bench.transfers) == size
    bench.device.put(data)
    assert receive(bench.pipe, size) == data


def test_an_end_that_is_not_taken_at_once_is_repeated(bench: Bench) -> None:
    real = bench.device.bulk_out
    refused = iter([True])

    def once(endpoint: int, data: bytes) -> int | None:
        return None if not data and until > time.monotonic() and next(refused, True) else real(endpoint, data)

    until = time.monotonic() + 0.4
    bench.device.bulk_out = once  # type: ignore[method-assign]
    bench.send(bytes(512))
    assert not bench.got
    bench.pipe.exchange(b"", bench.pipe.now() + 0.1)
    bench.pipe.exchange(b"", bench.pipe.now() + 0.1)
    assert bench.read(512) == bytes(512)
    assert bench.transfers == [512]


def test_one_stall_is_cleared(bench: Bench) -> None:
    bench.device.faults.stalls_in = bench.device.faults.stalls_out = 1
    bench.send(b"request")
    assert bench.read(7) == b"request"
    bench.device.put(b"answer")
    assert receive(bench.pipe, 6) == b"answer"
    bench.device.faults.stalls_out = 1  # another one, after data has passed
    bench.send(b"more")
    assert bench.read(4) == b"more"


@pytest.mark.parametrize("fault", ["stalls_in", "stalls_out"])
def test_a_second_stall_ends_it(bench: Bench, fault: str) -> None:
    setattr(bench.device.faults, fault, 1000)
    start = time.monotonic()
    with pytest.raises(LinkLost, match="stalled again"):
        while time.monotonic() < start + 5:
            bench.pipe.exchange(b"x", bench.pipe.now() + 0.3)
    assert time.monotonic() - start < 2


@pytest.mark.parametrize("writing", [False, True])
def test_an_unplugged_device_is_noticed_within_a_second(bench: Bench, writing: bool) -> None:
    threading.Timer(0.2, bench.device.unplug).start()
    bench.device.faults.deaf = writing
    start = time.monotonic()
    with pytest.raises(LinkLost) as caught:
        while time.monotonic() < start + 5:
            bench.pipe.exchange(b"x" * writing, bench.pipe.now() + 5)
    assert time.monotonic() - start < 1.2
    assert caught.value.resumable


@pytest.mark.parametrize("at", [1, 600, TRANSFER_SIZE + 1])
def test_a_device_that_disappears_in_the_middle_of_a_transfer(bench: Bench, at: int) -> None:
    bench.device.faults.gone_at = at
    with pytest.raises(LinkLost):
        bench.send(pattern(4 * TRANSFER_SIZE))
    bench.pipe.close()
    bench.device.replug()
    again = open_usb_bulk(PORT, LineOptions(), bench.bus)
    bench.device.put(b"here")
    assert receive(again, 4) == b"here"
    again.close()


def test_a_device_that_resets_is_another_one(bench: Bench) -> None:
    bench.device.put(b"before")
    assert receive(bench.pipe, 6) == b"before"
    bench.device.replug()
    bench.device.put(b"after")
    with pytest.raises(LinkLost):
        receive(bench.pipe, 5)


def test_a_device_that_takes_nothing_holds_nobody_up(bench: Bench) -> None:
    bench.device.faults.deaf = True
    start = time.monotonic()
    assert bench.pipe.exchange(b"request", start + 0.1) == (0, b"")
    assert time.monotonic() - start < 0.6
    bench.device.put(b"it may still talk")
    assert receive(bench.pipe, 17) == b"it may still talk"
    terminal = TspTerminal(bench.pipe, timeout_s=1)
    start = time.monotonic()
    with pytest.raises(LinkError) as caught:
        terminal.connect(timeout_s=1)
    assert time.monotonic() - start < 4
    assert caught.value.exit_code == 5


def test_a_device_that_sends_more_than_was_asked_for(bench: Bench) -> None:
    bench.device.faults.babbles = True
    bench.device.put(b"x")
    with pytest.raises(LinkLost, match="more than its descriptors allow"):
        receive(bench.pipe, 1)


def test_endless_chatter_is_bounded_in_memory_until_somebody_reads(bench: Bench) -> None:
    for _ in range(16):
        bench.device.put(bytes(TRANSFER_SIZE))
    time.sleep(0.3)
    assert bench.device.passed <= 5 * TRANSFER_SIZE
    assert len(receive(bench.pipe, 16 * TRANSFER_SIZE)) == 16 * TRANSFER_SIZE


def test_a_bug_in_a_backend_is_an_error_and_not_a_silence(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    caught: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", caught.append)
    monkeypatch.setattr(bench.device, "bulk_in", lambda endpoint, size: 1 / 0)
    with pytest.raises(LinkLost, match="no longer read"):
        receive(bench.pipe, 1)
    assert caught[0].exc_type is ZeroDivisionError


def test_closing_ends_the_thread_and_lets_go_of_the_device() -> None:
    before = threading.active_count()
    bench = Bench()
    assert bench.bus.claimed == [0]
    start = time.monotonic()
    bench.pipe.close()
    assert time.monotonic() - start < 1
    assert (threading.active_count(), bench.bus.claimed) == (before, [])
    with pytest.raises(ToolError, match="no line rate"):
        bench.pipe.set_baud(9600)


# --- a whole terminal


def test_a_simulated_terminal_at_usb_answers_and_comes_back_from_a_restart() -> None:
    key, firmware = firmware_samples.path("keys/sample-ed25519.pub.pem"), firmware_samples.path("built/vt100-1.4.2.fwp")
    url = f"sim-usb:?trust={key}&firmware={firmware}&serial=USB-7"
    terminal = TspTerminal(open_pipe(url), timeout_s=5)
    terminal.connect()
    assert terminal.request(Opcode.INFO, messages.Empty(), messages.Info).serial_number == "USB-7"
    with pytest.raises(LinkError):
        for _ in itertools.count():
            terminal.request(Opcode.RESET, messages.ResetRequest(reset=messages.ResetKind.RESTART), messages.Empty, timeout_s=3)
    terminal.close()
    again = TspTerminal(open_pipe(url), timeout_s=5)
    again.connect()
    assert again.request(Opcode.INFO, messages.Empty(), messages.Info).serial_number == "USB-7"
    again.close()


def test_an_unknown_option_of_the_simulated_bus_is_refused() -> None:
    with pytest.raises(ToolError) as caught:
        open_pipe("sim-usb:?colour=red")
    assert caught.value.name == "usage"


def test_the_translation_of_errors_is_the_same_for_all_who_use_usb() -> None:
    core = pytest.importorskip("usb.core")
    with pytest.raises(usb_bus.UsbStall), usb_bus.translated():
        raise core.USBError("stall", errno=errno.EPIPE)
