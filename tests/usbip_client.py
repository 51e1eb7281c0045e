"""A USB/IP client, written from the kernel's document alone (Documentation/usb/usbip_protocol.rst): offsets as its tables have
them. It shares nothing with the server under test.
"""

import contextlib
import select
import socket
import struct
import time
from typing import Any, NamedTuple

from transports.dfu.descriptors import parse_string
from transports.dfu.device import DfuInfo, Identity, Stalled, describe
from transports.errors import LinkError, LinkLost

EPIPE, ECONNRESET = 32, 104


class Listed(NamedTuple):
    """One device of OP_REP_DEVLIST or OP_REP_IMPORT."""

    path: str
    bus_id: str
    busnum: int
    devnum: int
    speed: int
    vendor: int
    product: int
    release: int
    interfaces: tuple[bytes, ...]


class Returned(NamedTuple):
    """USBIP_RET_SUBMIT or USBIP_RET_UNLINK."""

    command: int
    sequence: int
    status: int
    actual: int
    data: bytes


def exactly(connection: socket.socket, size: int) -> bytes:
    """So many bytes, or LinkLost."""
    data = b""
    while len(data) < size:
        try:
            got = connection.recv(size - len(data))
        except ConnectionError:
            got = b""
        if not got:
            raise LinkLost("the server hung up")
        data += got
    return data


def read_device(connection: socket.socket, *, with_interfaces: bool) -> Listed:
    """Offsets from 0x0C of OP_REP_DEVLIST: 0x100 for busid, 0x120 busnum, 0x12C idVendor, 0x137 bNumInterfaces."""
    raw = exactly(connection, 0x138)
    busnum, devnum, speed = struct.unpack(">III", raw[0x120:0x12C])
    vendor, product, release = struct.unpack(">HHH", raw[0x12C:0x132])
    interfaces = tuple(exactly(connection, 4) for _ in range(raw[0x137])) if with_interfaces else ()
    path, bus_id = (text.split(b"\0")[0].decode() for text in (raw[:0x100], raw[0x100:0x120]))
    return Listed(path, bus_id, busnum, devnum, speed, vendor, product, release, interfaces)


def device_list(address: tuple[str, int]) -> list[Listed]:
    """What a server exports; it closes the connection after that."""
    with socket.create_connection(address, timeout=5) as connection:
        connection.sendall(struct.pack(">HHI", 0x0111, 0x8005, 0))
        version, code, status, count = struct.unpack(">HHII", exactly(connection, 12))
        assert (version, code, status) == (0x0111, 0x0005, 0)
        found = [read_device(connection, with_interfaces=True) for _ in range(count)]
        assert connection.recv(1) == b""
        return found


class UsbIpClient:
    """One imported device.

    Raises:
        LinkError: the server does not let us have it.
    """

    def __init__(self, address: tuple[str, int], bus_id: str) -> None:
        self.connection = socket.create_connection(address, timeout=10)
        self.connection.sendall(struct.pack(">HHI32s", 0x0111, 0x8003, 0, bus_id.encode()))
        version, code, status = struct.unpack(">HHI", exactly(self.connection, 8))
        assert (version, code) == (0x0111, 0x0003)
        if status:
            assert self.connection.recv(1) == b""
            self.connection.close()
            raise LinkError(f"{bus_id} cannot be imported: status {status}")
        self.listed = read_device(self.connection, with_interfaces=False)
        self._sequence = 0
        self._early: dict[int, Returned] = {}
        self._directions: dict[int, bool] = {}

    def submit(self, endpoint: int, length: int = 0, data: bytes = b"", setup: bytes = bytes(8), flags: int = 0) -> int:
        """Send USBIP_CMD_SUBMIT; get its sequence number. Bit 7 of the endpoint, or of the setup, is the direction."""
        self._sequence += 1
        inward = bool((setup[0] if endpoint == 0 else endpoint) & 0x80)
        devid = self.listed.busnum << 16 | self.listed.devnum
        head = struct.pack(">IIIII", 1, self._sequence, devid, inward, endpoint & 0x0F)
        head += struct.pack(">IIIII", flags, length if inward else len(data), 0, 0xFFFFFFFF, 0) + setup
        assert len(head) == 0x30
        self.connection.sendall(head + (b"" if inward else data))
        self._directions[self._sequence] = inward
        return self._sequence

    def unlink(self, sequence: int) -> Returned:
        """Send USBIP_CMD_UNLINK, wait for the answer to it."""
        self._sequence += 1
        self.connection.sendall(struct.pack(">IIIIII24x", 2, self._sequence, 0, 0, 0, sequence))
        return self.wait(self._sequence)

    def has(self, sequence: int) -> bool:
        """Whether the answer has come already."""
        return sequence in self._early

    def wait(self, sequence: int) -> Returned:
        """The answer to one request; others that come before it are kept."""
        while sequence not in self._early:
            answer = self.read()
            self._early[answer.sequence] = answer
        return self._early.pop(sequence)

    def read(self) -> Returned:
        raw = exactly(self.connection, 0x30)
        command, sequence, devid, direction, endpoint = struct.unpack(">IIIII", raw[:20])
        assert (devid, direction, endpoint) == (0, 0, 0)
        assert command in (3, 4)
        status, actual, start = struct.unpack(">iiI", raw[0x14:0x20])
        if command == 4:
            assert raw[0x18:] == bytes(24)
            return Returned(command, sequence, status, 0, b"")
        assert (start, raw[0x24:]) == (0, bytes(12))
        inward = self._directions.pop(sequence)
        return Returned(command, sequence, status, actual, exactly(self.connection, actual) if inward else b"")

    def control(self, kind: int, request: int, value: int, index: int, data: bytes = b"", length: int = 0) -> bytes:
        setup = struct.pack("<BBHHH", kind, request, value, index, length or len(data))
        answer = self.wait(self.submit(0, length, data, setup))
        return self._good(answer, request).data

    def bulk(self, endpoint: int, data: bytes = b"", length: int = 0) -> Returned:
        return self._good(self.wait(self.submit(endpoint, length, data)), -1)

    @staticmethod
    def _good(answer: Returned, request: int) -> Returned:
        if answer.status == -EPIPE:
            raise Stalled(request)
        if answer.status:
            raise LinkError(f"status {answer.status}")
        return answer

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.connection.close()


class UsbIpDfu:
    """A DFU device behind a client, as `transports.dfu.device.DfuDevice`."""

    max_transfer = 4096

    def __init__(self, address: tuple[str, int], bus_id: str) -> None:
        self._address, self._bus_id = address, bus_id
        self.client = UsbIpClient(address, bus_id)
        self.name = bus_id

    def control_out(self, request: int, value: int, data: bytes) -> None:
        self.client.control(0x21, request, value, 0, data)

    def control_in(self, request: int, value: int, length: int) -> bytes:
        return self.client.control(0xA1, request, value, 0, length=length)

    def select(self, alternate: int) -> None:
        self.client.control(0x01, 11, alternate, 0)

    def string(self, index: int) -> str:
        return parse_string(self.client.control(0x80, 6, 3 << 8 | index, 0x0409, length=255))

    def reset(self) -> None:
        self.client.control(0x23, 3, 4, 1)

    def find_again(self) -> bool:
        self.close()
        try:
            self.client = UsbIpClient(self._address, self._bus_id)
        except LinkError:
            return False
        return True

    def close(self) -> None:
        self.client.close()

    @property
    def info(self) -> DfuInfo:
        configuration = self.client.control(0x80, 6, 2 << 8, 0, length=255)
        listed = self.client.listed
        identity = Identity(listed.vendor, listed.product, listed.release)
        found = describe(identity, self.string(1), configuration, self.string)
        assert found is not None
        return found


class UsbIpPipe:
    """The bulk interface behind a client, as `transports.pipe.Pipe`."""

    baud, byte_time_s = 0, 0.0

    def __init__(self, address: tuple[str, int], bus_id: str) -> None:
        self.name, self.client = bus_id, UsbIpClient(address, bus_id)
        self._pending = self.client.submit(0x83, 65536)

    def set_baud(self, baud: int) -> None:
        raise NotImplementedError

    def now(self) -> float:
        return time.monotonic()

    def wall_clock(self) -> float:
        return time.time()

    def exchange(self, out: bytes | memoryview, until: float) -> tuple[int, bytes]:
        written = self.client.bulk(0x02, bytes(out)).actual if out else 0
        if written and written % 512 == 0:
            self.client.bulk(0x02, b"")
        wait_s = 0.0 if out else max(0.0, until - self.now())
        if not self.client.has(self._pending) and not select.select([self.client.connection], [], [], wait_s)[0]:
            return written, b""
        data = self.client.wait(self._pending).data
        self._pending = self.client.submit(0x83, 65536)
        return written, data

    def close(self) -> None:
        self.client.close()


def descriptors(client: Any) -> tuple[bytes, bytes]:
    """Device and whole configuration descriptor, read as an operating system does: the head first, then all."""
    device = client.control(0x80, 6, 1 << 8, 0, length=18)
    head = client.control(0x80, 6, 2 << 8, 0, length=9)
    client.control(0x00, 9, 1, 0)
    return device, client.control(0x80, 6, 2 << 8, 0, length=int.from_bytes(head[2:4], "little"))
