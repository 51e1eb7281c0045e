"""USB/IP as bytes, the server's side (Linux kernel, Documentation/usb/usbip_protocol.rst, version 1.1.1). Numbers are big-endian.

Nothing is believed: what a client announces is bounded before it is waited for.
"""

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple, TypeAlias

VERSION: Final = 0x0111
PORT: Final = 3240
REQ_DEVLIST, REP_DEVLIST, REQ_IMPORT, REP_IMPORT = 0x8005, 0x0005, 0x8003, 0x0003
CMD_SUBMIT, CMD_UNLINK, RET_SUBMIT, RET_UNLINK = 1, 2, 3, 4
ZERO_PACKET: Final = 0x40
"""URB_ZERO_PACKET: the transfer ends with an empty packet if its last one is full."""
MAX_TRANSFER: Final = 1 << 20
"""Most bytes of one transfer; Linux splits larger ones."""
NO_PACKETS: Final = (0, 0xFFFFFFFF)
"""number_of_packets of what is not isochronous; older clients say 0."""
PIPE, CONNECTION_RESET, PROTOCOL = -32, -104, -71
"""Status of a stall, of a transfer that was unlinked, of one that failed (Linux errno)."""
OPERATION: Final = struct.Struct(">HHI")
BASIC: Final = struct.Struct(">IIIII")
SUBMIT: Final = struct.Struct(">IIIII8s")
HEADER_SIZE: Final = BASIC.size + SUBMIT.size
BUS_ID_SIZE: Final = 32
_RETURN: Final = struct.Struct(">IIIIIiIIII8x")
_DEVICE: Final = struct.Struct(">256s32sIIIHHHBBBBBB")


class Malformed(Exception):
    """This is no USB/IP client, or one that means harm: hang up."""


class DeviceList(NamedTuple):
    """OP_REQ_DEVLIST."""


class Import(NamedTuple):
    """OP_REQ_IMPORT."""

    bus_id: str


class Submit(NamedTuple):
    """USBIP_CMD_SUBMIT: one transfer."""

    sequence: int
    device_id: int
    is_in: bool
    endpoint: int
    """Number, without the direction."""
    flags: int
    length: int
    setup: bytes
    data: bytes


class Unlink(NamedTuple):
    """USBIP_CMD_UNLINK: a transfer is no longer wanted."""

    sequence: int
    unwanted: int


Message: TypeAlias = DeviceList | Import | Submit | Unlink


class Exported(NamedTuple):
    """A device as the lists show it."""

    bus_id: str
    bus: int
    number: int
    speed: int
    """3: high speed (Linux, enum usb_device_speed)."""
    vendor: int
    product: int
    release: int
    interfaces: tuple[tuple[int, int, int], ...]
    """Class, subclass and protocol of each."""

    @property
    def device_id(self) -> int:
        return self.bus << 16 | self.number

    def build(self) -> bytes:
        path = f"/sys/devices/platform/fwtool/usb{self.bus}/{self.bus_id}"
        return _DEVICE.pack(
            path.encode(), self.bus_id.encode(), self.bus, self.number, self.speed, self.vendor, self.product, self.release,
            0, 0, 0, 1, 1, len(self.interfaces),
        )  # fmt: skip


class Receiver:
    """Takes bytes as they come, gives messages. Once a device is imported, set `imported`: the other kind of message follows."""

    def __init__(self) -> None:
        self.imported = False
        self._data = bytearray()

    def feed(self, data: bytes) -> Iterator[Message]:
        """The messages that these bytes complete.

        Raises:
            Malformed: see there.
        """
        self._data += data
        while (message := self._transfer() if self.imported else self._operation()) is not None:
            yield message

    def _take(self, size: int) -> bytes:
        taken = bytes(self._data[:size])
        del self._data[:size]
        return taken

    def _operation(self) -> DeviceList | Import | None:
        if len(self._data) < OPERATION.size:
            return None
        version, code, _ = OPERATION.unpack_from(self._data)
        if version != VERSION or code not in (REQ_DEVLIST, REQ_IMPORT):
            raise Malformed
        size = OPERATION.size + (BUS_ID_SIZE if code == REQ_IMPORT else 0)
        if len(self._data) < size:
            return None
        taken = self._take(size)
        return DeviceList() if code == REQ_DEVLIST else Import(taken[8:].split(b"\0")[0].decode("ascii", "replace"))

    def _transfer(self) -> Submit | Unlink | None:
        if len(self._data) < HEADER_SIZE:
            return None
        command, sequence, device_id, direction, endpoint = BASIC.unpack_from(self._data)
        flags, length, _, packets, _, setup = SUBMIT.unpack_from(self._data, BASIC.size)
        if command == CMD_UNLINK:
            self._take(HEADER_SIZE)
            return Unlink(sequence, flags)  # the same place in the header
        if command != CMD_SUBMIT or direction > 1 or endpoint > 15 or length > MAX_TRANSFER or packets not in NO_PACKETS:
            raise Malformed
        size = HEADER_SIZE + (0 if direction else length)
        if len(self._data) < size:
            return None
        data = self._take(size)[HEADER_SIZE:]
        return Submit(sequence, device_id, bool(direction), endpoint, flags, length, setup, data)


def device_list(devices: list[Exported]) -> bytes:
    """OP_REP_DEVLIST."""
    parts = [OPERATION.pack(VERSION, REP_DEVLIST, 0), len(devices).to_bytes(4, "big")]
    for device in devices:
        parts += [device.build(), *(bytes([*numbers, 0]) for numbers in device.interfaces)]
    return b"".join(parts)


def imported(device: Exported | None) -> bytes:
    """OP_REP_IMPORT; None: it cannot be had."""
    return OPERATION.pack(VERSION, REP_IMPORT, device is None) + (device.build() if device else b"")


def returned(message: Submit, status: int, data: bytes, actual: int) -> bytes:
    """USBIP_RET_SUBMIT.

    Args:
        data: What was read.
        actual: Bytes that were read or written.
    """
    return _RETURN.pack(RET_SUBMIT, message.sequence, 0, 0, 0, status, actual, 0, 0xFFFFFFFF, 0) + data


def unlinked(message: Unlink, status: int) -> bytes:
    """USBIP_RET_UNLINK."""
    return _RETURN.pack(RET_UNLINK, message.sequence, 0, 0, 0, status, 0, 0, 0, 0)
