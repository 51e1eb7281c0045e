"""A device with the TSP bulk interface (docs/protocol/tsp.md, section 8), and what may be wrong with it."""

import dataclasses
import struct
from collections.abc import Callable
from typing import Final

from hwsim.machine import Machine
from hwsim.usb_device import SERIAL_STRING, Setup, UsbDevice
from transports.dfu.device import Identity, Stalled
from transports.errors import LinkLost
from transports.usb_bulk_descriptors import TSP_PROTOCOL, TSP_SUBCLASS, VENDOR_SPECIFIC

RUNS, BOOTS = Identity(0x1209, 0x0003, 0x0100), Identity(0x1209, 0x0004, 0x0100)
"""Numbers of a terminal with firmware, and without; of those that pid.codes keeps for tests."""
MAKER_STRING, PRODUCT_STRING, MICROSOFT_STRING = 2, 3, 0xEE
MICROSOFT_CODE: Final = 0x20
COMPATIBLE_ID: Final = struct.pack("<IHHB7xBB8s8s6x", 40, 0x0100, 4, 1, 0, 1, b"WINUSB", b"")
"""What makes Windows take its WinUSB driver (Microsoft OS descriptors 1.0, extended compat ID)."""
FROM_DEVICE_VENDOR: Final = 0xC0
BUFFER: Final = 64 << 10
"""The device's receive buffer: a transfer ends with a short packet, or when this is full."""
QUEUE_LIMIT: Final = 1 << 20
"""Bytes kept for a host that does not read; what comes after them is lost."""
OUT_ENDPOINT, IN_ENDPOINT = 0x02, 0x83


@dataclasses.dataclass
class BulkFaults:
    """What goes wrong."""

    configuration: Callable[[bytes], bytes] = bytes
    """What it makes of its configuration descriptor."""
    stalls_in: int = 0
    """How many reads end in a stall."""
    stalls_out: int = 0
    deaf: bool = False
    """It takes nothing: NAK for ever."""
    gone_at: int = -1
    """It leaves the bus when so many bytes have passed, in both directions together."""
    babbles: bool = False
    """It sends more than was asked for."""


class BulkUsb(UsbDevice):
    """The device: bytes from the host go to `deliver`, what is `put` goes to the host."""

    def __init__(
        self, serial_number: str = "SIM-0001", ports: tuple[int, ...] = (1,), *, packet_size: int = 512, numbers: Identity = RUNS
    ) -> None:
        super().__init__(ports)
        self.serial_number, self.packet_size, self.numbers = serial_number, packet_size, numbers
        self.faults = BulkFaults()
        self.deliver: Callable[[bytes], None] = lambda data: None
        self.plugged = True
        self.passed = 0
        """Bytes that were carried, both ways."""
        self._arriving, self._waiting = bytearray(), bytearray()
        self._session: object = object()

    @property
    def identity(self) -> Identity:
        return self.numbers

    @property
    def on_bus(self) -> bool:
        return self.plugged

    @property
    def session(self) -> object:
        return self._session if self.plugged else None

    def unplug(self) -> None:
        with self.changed:
            self.plugged = False
            self.changed.notify_all()

    def replug(self, numbers: Identity | None = None) -> None:
        """Come (back) onto the bus, perhaps with other numbers."""
        with self.changed:
            self.plugged, self.numbers, self._session = True, numbers or self.numbers, object()
            self._forget()
            self.changed.notify_all()

    def _forget(self) -> None:
        self._arriving.clear()
        self._waiting.clear()
        self.halted.clear()

    def put(self, data: bytes) -> None:
        """Bytes for the host."""
        with self.changed:
            if len(self._waiting) + len(data) <= QUEUE_LIMIT:
                self._waiting += data
            self.changed.notify_all()

    def configuration(self) -> bytes:
        body = struct.pack("<9B", 9, 4, 0, 0, 2, VENDOR_SPECIFIC, TSP_SUBCLASS, TSP_PROTOCOL, PRODUCT_STRING)
        body += b"".join(struct.pack("<BBBBHB", 7, 5, one, 2, self.packet_size, 0) for one in (IN_ENDPOINT, OUT_ENDPOINT))
        return self.faults.configuration(struct.pack("<BBHBBBBB", 9, 2, 9 + len(body), 1, 1, 0, 0x80, 250) + body)

    def string(self, index: int) -> str:
        texts = {SERIAL_STRING: self.serial_number, MAKER_STRING: "Example", PRODUCT_STRING: "Terminal Service Protocol"}
        return texts.get(index, f"MSFT100{chr(MICROSOFT_CODE)}" if index == MICROSOFT_STRING else "")

    def other_request(self, setup: Setup, data: bytes) -> bytes:
        if (setup.kind, setup.request, setup.target) == (FROM_DEVICE_VENDOR, MICROSOFT_CODE, 4):
            return COMPATIBLE_ID
        return super().other_request(setup, data)

    def bulk_out(self, endpoint: int, data: bytes) -> int | None:
        if self.faults.stalls_out:
            self.faults.stalls_out -= 1
            self.halted.add(endpoint)
        self._check(endpoint, OUT_ENDPOINT)
        if self.faults.deaf:
            return None
        self._carry(len(data))
        self._arriving += data
        if len(data) % self.packet_size or not data or len(self._arriving) >= BUFFER:
            arrived = bytes(self._arriving)
            self._arriving.clear()
            self.deliver(arrived)
        return len(data)

    def bulk_in(self, endpoint: int, size: int) -> bytes | None:
        if self.faults.stalls_in:
            self.faults.stalls_in -= 1
            self.halted.add(endpoint)
        self._check(endpoint, IN_ENDPOINT)
        if self.faults.babbles:
            return bytes(size + 1)
        if not self._waiting:
            return None
        data = bytes(self._waiting[:size])
        self._carry(len(data))
        del self._waiting[: len(data)]
        return data

    def _check(self, endpoint: int, right: int) -> None:
        if endpoint != right or endpoint in self.halted:
            raise Stalled(-1)

    def _carry(self, size: int) -> None:
        self.passed += size
        if 0 <= self.faults.gone_at <= self.passed:
            self.faults.gone_at = -1
            self.unplug()
            raise LinkLost("the device is gone")


class TerminalUsb(BulkUsb):
    """A simulated terminal at the bus. It is gone while it restarts, and has other numbers while it has no firmware."""

    def __init__(self, machine: Machine, ports: tuple[int, ...] = (1,)) -> None:
        super().__init__(machine.terminal.identity.serial_number, ports)
        self.machine = machine

    @property
    def identity(self) -> Identity:
        booted = self.machine.terminal.booted
        return RUNS if booted is not None and booted.slot is not None else BOOTS

    @property
    def on_bus(self) -> bool:
        self.run()
        return self.session is not None

    @property
    def session(self) -> object:
        booted = self.machine.terminal.booted if self.plugged and self.machine.plugged else None
        if booted is not self._session:
            self._session = booted
            self._forget()
        return booted

    def put(self, data: bytes) -> None:
        if self.session is not None:
            super().put(data)

    def run(self) -> float:
        with self.changed:
            scheduler = self.machine.scheduler
            scheduler.run_due()
            return max(0.0, scheduler.next_time() - scheduler.now())
