"""The USB/IP server: driven by a client of our own written from the kernel's document, by the `usbip` package, and by those who
mean harm.
"""

import contextlib
import dataclasses
import json
import pathlib
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from hwsim.dfu_profile import CAN_DOWNLOAD, CAN_UPLOAD, Profile
from hwsim.usb_bulk import BulkUsb
from hwsim.usb_dfu import DfuUsb, dfu_usb
from hwsim.usbip_line import MAX_CLIENTS, UsbIpLine
from hwsim.usbip_wire import MAX_TRANSFER, Malformed, Receiver
from tests.dfu_bench import flat
from tests.support import ROOT, pattern
from tests.usbip_client import ECONNRESET, UsbIpClient, UsbIpDfu, UsbIpPipe, descriptors, device_list
from transports.dfu.descriptors import Mode
from transports.dfu.device import Stalled
from transports.dfu.session import DfuSession
from transports.dfu.usb import WallClock
from transports.errors import LinkError, LinkLost
from transports.tsp import messages
from transports.tsp.messages import Opcode
from transports.tsp_terminal import TspTerminal
from transports.usb_bulk_descriptors import parse_bulk

FAST = Profile(
    attributes=CAN_DOWNLOAD | CAN_UPLOAD | 4, transfer_size=1024, block_s=0.001, erase_s=0.001, manifest_s=0.01, away_s=0.2
)
IMAGE = pattern(5000, seed=8)


class Served(NamedTuple):
    """A server in this process."""

    address: tuple[str, int]
    bulk: BulkUsb
    dfu: DfuUsb
    line: UsbIpLine
    arrived: bytearray
    """What came for the terminal."""
    clients: list[UsbIpClient]

    def client(self, bus_id: str = "1-1") -> UsbIpClient:
        self.clients.append(UsbIpClient(self.address, bus_id))
        return self.clients[-1]


@pytest.fixture
def served() -> Iterator[Served]:
    bulk, dfu = BulkUsb("A1"), dfu_usb(dataclasses.replace(FAST))
    line = UsbIpLine("127.0.0.1", 0, bulk, dfu)
    arrived, stop = bytearray(), threading.Event()

    def serve() -> None:
        while not stop.is_set():
            with contextlib.suppress(OSError, ValueError):
                for file in select.select(line.files(), [], [], 0.02)[0]:
                    arrived.extend(line.readable(file))
        line.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    made = Served(("127.0.0.1", int(line.port.rsplit(":", 1)[1])), bulk, dfu, line, arrived, [])
    yield made
    for client in made.clients:
        client.close()
    stop.set()
    thread.join(5)
    assert not thread.is_alive()


def until(condition: object, seconds: float = 3.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():  # type: ignore[operator]
            return True
        time.sleep(0.01)
    return False


def test_the_list_shows_what_is_exported(served: Served) -> None:
    first, second = device_list(served.address)
    assert (first.bus_id, first.busnum, first.devnum, first.speed) == ("1-1", 1, 2, 3)
    assert (first.vendor, first.product, first.release) == (0x1209, 0x0003, 0x0100)
    assert first.interfaces == (bytes([0xFF, 0x54, 0x01, 0]),)
    assert (second.bus_id, second.devnum, second.product) == ("1-2", 3, 0x0002)
    assert second.interfaces == (bytes([0xFE, 1, 2, 0]),)
    assert first.path.endswith("/1-1")


def test_enumeration_and_bulk_both_ways(served: Served) -> None:
    client = served.client()
    device, configuration = descriptors(client)
    assert device.hex() == "120100020000004009120300000100000101"
    interface = parse_bulk(configuration)
    assert interface is not None
    assert (interface.into_host, interface.out_of_host) == ((0x83, 512), (0x02, 512))
    assert client.control(0x80, 6, 3 << 8, 0, length=255).hex() == "04030904"
    assert client.control(0x80, 6, 3 << 8 | 1, 0x0409, length=255) == b"\x06\x03A\x001\x00"
    assert client.control(0x80, 6, 3 << 8 | 1, 0x0409, length=3) == b"\x06\x03A"
    assert client.control(0x80, 6, 3 << 8 | 0xEE, 0, length=255)[2:].decode("utf-16-le") == "MSFT100 "
    assert client.control(0xC0, 0x20, 0, 4, length=40)[18:24] == b"WINUSB"
    for refused in ((0x80, 6, 9 << 8, 0), (0x80, 6, 3 << 8 | 9, 0), (0xC0, 0x55, 0, 0), (0x80, 0x99, 0, 0)):
        with pytest.raises(Stalled):
            client.control(*refused, length=8)

    data = pattern(70_000)
    assert client.bulk(0x02, data).actual == len(data)
    assert until(lambda: bytes(served.arrived) == data)
    waiting = client.submit(0x83, 65536)
    served.line.write(b"answer")
    assert client.wait(waiting).data == b"answer"
    served.line.write(data)
    assert client.bulk(0x83, length=65536).data + client.bulk(0x83, length=65536).data == data


def test_a_whole_number_of_packets_arrives_once_an_empty_one_has_come(served: Served) -> None:
    client = served.client()
    client.bulk(0x02, bytes(1024))
    assert not until(lambda: served.arrived, 0.2)
    client.bulk(0x02, b"")
    assert until(lambda: served.arrived == bytes(1024))
    client.wait(client.submit(0x02, data=bytes(512), flags=0x40))  # URB_ZERO_PACKET
    assert until(lambda: served.arrived == bytes(1536))


def test_unlinked_transfers_never_come_back(served: Served) -> None:
    client = served.client()
    first, second = client.submit(0x83, 100), client.submit(0x83, 100)
    gone = client.unlink(first)
    assert (gone.command, gone.status) == (4, -ECONNRESET)
    served.line.write(b"for the second")
    assert client.wait(second).data == b"for the second"
    assert client.unlink(second).status == 0


def test_a_stall_lasts_until_it_is_cleared(served: Served) -> None:
    served.bulk.faults.stalls_out = 1
    client = served.client()
    for _ in range(2):
        with pytest.raises(Stalled):
            client.bulk(0x02, b"x")
    assert client.control(0x82, 0, 0, 0x02, length=2) == b"\1\0"
    client.control(0x02, 1, 0, 0x02)
    assert client.control(0x82, 0, 0, 0x02, length=2) == b"\0\0"
    assert client.bulk(0x02, b"x").actual == 1
    with pytest.raises(Stalled):
        client.bulk(0x05, b"x")


def test_dfu_through_usbip_reset_included(served: Served) -> None:
    device = UsbIpDfu(served.address, "1-2")
    assert device.info.mode is Mode.DFU
    session = DfuSession(device, WallClock())
    source = flat(IMAGE)
    session.download(source, None)
    session.manifest()
    session.verify(source)
    assert bytes(served.dfu.device.loader.memory.cells[:5000]) == IMAGE
    with contextlib.suppress(LinkLost):
        device.reset()
    assert until(device.find_again)
    assert device.info.mode is Mode.DFU
    device.close()


def test_somebody_else_s_client_agrees(served: Served) -> None:
    host = pytest.importorskip("usbip.host")
    with socket.create_connection(served.address, timeout=5) as connection:
        other = host.Connection(connection)
        shown = other.import_device("1-1")
        assert (shown["idVendor"], shown["idProduct"], shown["bNumInterfaces"], shown["speed"]) == (0x1209, 3, 1, 3)
        assert other.control(0x80, 6, 1 << 8, 0, 18)[8:12] == bytes.fromhex("09120300")
        assert other.transfer_out(2, b"out") == 3
        assert until(lambda: served.arrived == b"out")
        served.line.write(b"in")
        assert bytes(other.transfer_in(3, 512)) == b"in"
        with pytest.raises(Exception, match="status"):
            other.control(0x80, 6, 9 << 8, 0, 18)


def test_a_device_is_lent_to_one_client_and_comes_back(served: Served) -> None:
    client = served.client()
    for bus_id in ("1-1", "1-9", "", "x" * 32, "../etc"):
        with pytest.raises(LinkError, match="status 1"):
            served.client(bus_id)
    client.close()
    assert until(lambda: not served.line.files()[1:])
    served.client().close()


def test_a_device_that_leaves_the_bus_takes_its_connection_with_it(served: Served) -> None:
    client = served.client()
    waiting = client.submit(0x83, 64)
    served.bulk.unplug()
    start = time.monotonic()
    with pytest.raises(LinkLost):
        client.wait(waiting)
    assert time.monotonic() - start < 1
    assert [one.bus_id for one in device_list(served.address)] == ["1-2"]
    served.bulk.replug()
    assert [one.bus_id for one in device_list(served.address)] == ["1-1", "1-2"]
    served.client().close()


# --- those who mean harm


def submit(length: int = 0, *, direction: int = 1, endpoint: int = 3, packets: int = 0xFFFFFFFF, devid: int = 0x10002) -> bytes:
    return struct.pack(">IIIII", 1, 7, devid, direction, endpoint) + struct.pack(">IIIII8x", 0, length, 0, packets, 0)


HOSTILE = {
    "too long a read": submit(MAX_TRANSFER + 1),
    "too long a write": submit(0xFFFFFFFF, direction=0),
    "no such direction": submit(8, direction=2),
    "no such endpoint": submit(8, endpoint=16),
    "isochronous packets": submit(8, packets=1 << 20),
    "another device": submit(8, devid=0x10003),
    "no such command": submit(8)[:3] + b"\x09" + submit(8)[4:],
    "the same number twice": submit(8) + submit(8),
    "not USB/IP at all": b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/html,application/xhtml+xml\r\n\r\n",
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_makes_no_sense_ends_the_connection_and_nothing_else(served: Served, data: bytes) -> None:
    client = served.client()
    client.connection.sendall(data)
    client.connection.settimeout(3)
    with contextlib.suppress(ConnectionError):
        assert client.connection.recv(1) == b""
    with socket.create_connection(served.address, timeout=3) as raw, contextlib.suppress(ConnectionError):
        raw.sendall(data)
        assert raw.recv(1) == b""
    assert len(device_list(served.address)) == 2
    assert until(lambda: not served.line.files()[1:])


def test_endless_reads_are_bounded(served: Served) -> None:
    client = served.client()
    with pytest.raises((LinkLost, OSError)):
        for _ in range(2000):
            client.submit(0x83, MAX_TRANSFER)
        client.read()
    assert len(device_list(served.address)) == 2


def test_a_terminal_that_takes_nothing_bounds_what_is_kept(served: Served) -> None:
    served.bulk.faults.deaf = True
    client = served.client()
    client.connection.settimeout(3)
    with pytest.raises((LinkLost, OSError)):
        for _ in range(40):
            client.submit(0x02, data=bytes(512 << 10))
        client.read()
    assert len(device_list(served.address)) == 2


def test_many_connections_that_say_nothing(served: Served) -> None:
    idle = [socket.create_connection(served.address, timeout=3) for _ in range(MAX_CLIENTS + 6)]
    assert until(lambda: len(served.line.files()) <= 1 + MAX_CLIENTS)
    assert len(device_list(served.address)) == 2
    for connection in idle:
        connection.close()


def test_every_truncation_waits_and_every_flipped_bit_of_a_header_is_harmless() -> None:
    whole = submit(100, direction=0, endpoint=2) + bytes(100)
    for size in range(len(whole)):
        receiver = Receiver()
        receiver.imported = True
        assert list(receiver.feed(whole[:size])) == []
        (message,) = receiver.feed(whole[size:])
        assert message == (7, 0x10002, False, 2, 0, 100, bytes(8), bytes(100))
    for bit in range(48 * 8):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 0x80 >> bit % 8
        receiver = Receiver()
        receiver.imported = True
        with contextlib.suppress(Malformed):
            list(receiver.feed(bytes(damaged)))
        assert len(receiver._data) <= MAX_TRANSFER


# --- the whole program


@contextlib.contextmanager
def simulator(*arguments: str) -> Iterator[str]:
    command = [sys.executable, "-m", "fwtool", "sim", "--dev", "--listen", "usbip:127.0.0.1:0", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=10)
    assert process.returncode == 0


def test_fwtool_sim_exports_a_terminal_that_speaks_tsp_and_a_dfu_device() -> None:
    with simulator() as port:
        assert port.startswith("usbip://127.0.0.1:")
        address = ("127.0.0.1", int(port.rsplit(":", 1)[1]))
        assert until(lambda: len(device_list(address)) == 2, 5)  # the terminal has started
        terminal = TspTerminal(UsbIpPipe(address, "1-1"), timeout_s=5)
        terminal.connect()
        info = terminal.request(Opcode.INFO, messages.Empty(), messages.Info)
        assert (info.model, info.serial_number) == ("VT-100", "SIM-0001")
        terminal.close()
        device = UsbIpDfu(address, "1-2")
        session = DfuSession(device, WallClock())
        session.download(flat(IMAGE), None)
        session.manifest()
        session.verify(flat(IMAGE))
        device.close()


def test_fwtool_sim_says_ready_in_json_and_refuses_addresses_that_are_none() -> None:
    with simulator("--json") as line:
        ready = json.loads(line)
        assert ready["type"] == "ready"
        assert ready["port"].startswith("usbip://127.0.0.1:")
    command = [sys.executable, "-m", "fwtool", "sim", "--dev", "--listen", "usbip:nowhere"]
    refused = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert refused.returncode == 2
    assert "usbip:127.0.0.1:0" in refused.stderr


def test_the_script_for_dfu_util_runs_or_says_why_not() -> None:
    script = pathlib.Path(__file__).with_name("usbip_dfu_util.py")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, cwd=ROOT, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(("done: ", "not done: ")), done.stdout
