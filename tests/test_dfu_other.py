"""USB DFU against a device class by somebody else (usbip), called directly and through pyusb."""

import dataclasses
import errno
import struct
import sys

import pytest

from formats.dfu import Suffix
from formats.errors import ToolError
from hwsim.dfu_device import SimulatedDfu
from hwsim.dfu_profile import CAN_DOWNLOAD, CAN_UPLOAD, TOLERANT, WILL_DETACH, Profile
from hwsim.usb_backend import SimulatedBus
from hwsim.usb_dfu import DfuUsb
from tests.dfu_bench import IMAGE, PLAIN, ST, ST_CELLS, VirtualClock, flat, update, update_st
from tests.support import pattern
from transports.dfu import usb
from transports.dfu.descriptors import Attribute, Functional, Mode, parse_string
from transports.dfu.device import DfuInfo, Identity, Stalled, describe
from transports.dfu.session import DfuSession
from transports.dfu.status import Request, State
from transports.errors import DeviceRefused, LinkError, LinkLost


class Store:
    """A target of usbip's DFU class: bytes in memory."""

    i_string = 0

    def __init__(self, name: str, capacity: int = 1 << 16) -> None:
        self.name, self.capacity = name, capacity
        self.data = bytearray()
        self.finished = 0

    @property
    def length(self) -> int:
        return len(self.data)

    def begin_download(self) -> None:
        self.data.clear()

    def write(self, offset: int, data: bytes) -> None:
        if offset + len(data) > self.capacity:
            raise IndexError
        self.data[offset : offset + len(data)] = data

    def read(self, offset: int, size: int) -> bytes:
        return bytes(self.data[offset : offset + size])

    def finish_download(self) -> None:
        self.finished += 1


class UsbipDfu:
    """usbip's device as `DfuDevice`: its control transfers, without any bus."""

    name, max_transfer = "usbip", 4096

    def __init__(self, *stores: Store, transfer_size: int = 1024) -> None:
        usbip = pytest.importorskip("usbip")
        dfu = pytest.importorskip("usbip.classes.device.dfu")
        self.core = pytest.importorskip("usbip.core")
        self.device = usbip.USBDevice(0x1209, 0x0002, product="DFU", serial="U1", bcdDevice=0x0100)
        self.dfu = dfu.DFU(list(stores), transfer_size=transfer_size)
        self.device.add(self.dfu)

    def transfer(self, kind: int, request: int, value: int, index: int, data: bytes = b"", length: int = 0) -> bytes:
        setup = self.core.Setup(kind, request, value, index, length or len(data)).pack()
        direction = 1 if kind & 0x80 else 0
        urb = self.device.handle_urb(self.core.Urb(setup=setup, buffer=data, direction=direction, length=length or len(data)))
        if urb.status:
            raise Stalled(request)
        return bytes(urb.buffer) if kind & 0x80 else b""

    def control_out(self, request: int, value: int, data: bytes) -> None:
        self.transfer(0x21, request, value, 0, data)

    def control_in(self, request: int, value: int, length: int) -> bytes:
        return self.transfer(0xA1, request, value, 0, length=length)

    def select(self, alternate: int) -> None:
        self.transfer(0x01, 0x0B, alternate, 0)

    def string(self, index: int) -> str:
        return parse_string(self.transfer(0x80, 6, 3 << 8 | index, 0x0409, length=255))

    def reset(self) -> None:
        self.device.reset_io()

    def find_again(self) -> bool:
        return True

    def close(self) -> None:
        pass

    @property
    def info(self) -> DfuInfo:
        found = describe(Identity(0x1209, 0x0002, 0x0100), "U1", self.configuration(), self.string)
        assert found is not None
        return found

    def configuration(self) -> bytes:
        return self.transfer(0x80, 6, 2 << 8, 0, length=255)


@pytest.mark.parametrize("transfer_size", [64, 1024, 4096])
@pytest.mark.parametrize("size", [1, 63, 64, 4096, 4097, 20_000])
def test_another_device_implementation_is_written_and_read_back(transfer_size: int, size: int) -> None:
    first, second = Store("Firmware"), Store("Fonts")
    device, clock = UsbipDfu(first, second, transfer_size=transfer_size), VirtualClock()
    session = DfuSession(device, clock)
    assert [one.name for one in device.info.alternates] == ["Firmware", "Fonts"]
    for number, store in enumerate((first, second)):
        data = pattern(size, seed=number)
        session.select(number)
        session.download(flat(data), Suffix(vendor=0x1209, product=0x0002))
        assert session.manifest()
        session.verify(flat(data))
        assert bytes(store.data) == data
        assert store.finished == 1
        assert b"".join(session.upload(1 << 20)) == data
    assert session.restart(confirmed=True) is Mode.DFU
    assert clock.now() < 10


def test_another_device_implementation_that_is_too_small_or_lies() -> None:
    session = DfuSession(UsbipDfu(Store("Firmware", capacity=4096)), VirtualClock())
    with pytest.raises(DeviceRefused, match=r"block 4.*errADDRESS") as caught:
        session.download(flat(pattern(5000)), None)
    assert caught.value.exit_code == 7
    session.download(flat(pattern(3000)), None)
    session.manifest()
    session.verify(flat(pattern(3000)))
    with pytest.raises(ToolError) as differs:
        session.verify(flat(pattern(3000, seed=1)))
    assert differs.value.exit_code == 10


@pytest.mark.parametrize("state", range(2, 11))
def test_another_device_implementation_is_brought_to_idle_from_every_state(state: int) -> None:
    device = UsbipDfu(Store("Firmware"))
    device.dfu.state = state
    device.dfu.status = 7 if state == 10 else 0
    session = DfuSession(device, VirtualClock())
    if state in (4, 7, 8):  # this device never gets out of them by itself
        with pytest.raises(LinkError) as caught:
            session.talk.to_idle()
        assert caught.value.exit_code == 5
        return
    session.talk.to_idle()
    assert device.dfu.state == 2


# --- through pyusb ---------------------------------------------------------------------------------------------------------


class Keyboard:
    """Something that has no DFU interface, and its own idea of descriptor 0x21."""

    info = DfuInfo(Identity(0x1234, 0x5678, 0x0100), "K", 0, Mode.RUN_TIME, Functional(Attribute(0), 0, 0, 0), ())

    def configuration(self) -> bytes:
        body = struct.pack("<9B", 9, 4, 0, 0, 0, 3, 0, 0, 0) + bytes.fromhex("0921 1101 00 01 22 3f00")
        return struct.pack("<BBHBBBBB", 9, 2, 9 + len(body), 1, 1, 0, 0x80, 50) + body

    def string(self, index: int) -> str:
        return "K"

    def find_again(self) -> bool:
        return True


@pytest.mark.parametrize("attributes", [CAN_DOWNLOAD | CAN_UPLOAD | TOLERANT, CAN_DOWNLOAD | CAN_UPLOAD | WILL_DETACH])
@pytest.mark.parametrize("serial_after", ["SIM-0001", "another"])
def test_through_pyusb_a_device_is_found_again_in_its_other_mode(attributes: int, serial_after: str) -> None:
    clock = VirtualClock()
    profile = Profile(attributes=attributes)
    device = SimulatedDfu(profile, clock)
    twin = SimulatedDfu(dataclasses.replace(profile, run_time=profile.dfu), clock)
    twin.state = State.IDLE
    bus = SimulatedBus(DfuUsb(Keyboard(), (1,)), DfuUsb(twin, (2, 1)), DfuUsb(device, (2, 2)))
    opened = usb.open_usb("usb:1209:0001", bus)
    assert (opened.info.mode, opened.info.serial_number, opened.place.ports) == (Mode.RUN_TIME, "SIM-0001", (2, 2))
    device.profile = dataclasses.replace(profile, serial_number=serial_after)
    session = DfuSession(opened, clock)
    assert update(session) is Mode.RUN_TIME
    assert bytes(device.loader.memory.cells[: len(IMAGE)]) == IMAGE
    assert twin.loader.data_blocks == 0
    assert opened.info.mode is Mode.RUN_TIME
    assert bus.claimed == [0]
    opened.close()
    opened.close()
    assert bus.claimed == []


def test_through_pyusb_dfuse_and_usbip_s_device() -> None:
    clock = VirtualClock()
    device, store = SimulatedDfu(ST, clock), Store("Firmware")
    bus = SimulatedBus(DfuUsb(device, (1,)), DfuUsb(UsbipDfu(store, Store("Fonts")), (2,)))
    assert update_st(DfuSession(usb.open_usb("usb:1209:df11", bus), clock))
    assert bytes(device.loader.memory.cells) == ST_CELLS
    other = usb.open_usb("usb:1209:0002:U1", bus)
    assert [one.name for one in other.info.alternates] == ["Firmware", "Fonts"]
    session = DfuSession(other, clock)
    session.select(0)
    session.download(flat(IMAGE), None)
    session.manifest()
    session.verify(flat(IMAGE))
    assert bytes(store.data) == IMAGE


def test_through_pyusb_trouble_has_its_name() -> None:
    clock = VirtualClock()
    first, second = SimulatedDfu(PLAIN, clock), SimulatedDfu(dataclasses.replace(PLAIN, serial_number="SIM-0002"), clock)
    foreign = SimulatedDfu(dataclasses.replace(PLAIN, run_time=Identity(0x0A12, 0x0001, 1)), clock)
    bus = SimulatedBus(DfuUsb(first, (1,)), DfuUsb(second, (2,)), DfuUsb(foreign, (3,)))
    for port, name in (
        ("usb:1209:0009", "no_device"),
        ("usb:1209:0001", "several_devices"),
        ("usb:1209:0001:SIM-9", "no_device"),
    ):
        with pytest.raises(LinkError) as caught:
            usb.open_usb(port, bus)
        assert (caught.value.name, caught.value.exit_code, "SIM-0002" in caught.value.hint) == (name, 5, True)
    opened = usb.open_usb("usb:1209:0001:SIM-0002", bus)
    names = {errno.EPIPE: "device_fault", errno.ETIMEDOUT: "no_answer", errno.EACCES: "permission", errno.EBUSY: "device_busy",
             errno.ENODEV: "no_answer", errno.EIO: "no_answer", 0xBAD: "no_answer"}  # fmt: skip
    for number, name in names.items():
        bus.errors = {PLAIN.run_time.product: number}
        with pytest.raises(ToolError) as trouble:
            opened.control_in(Request.GETSTATUS, 0, 6)
        assert trouble.value.name == name
        assert isinstance(trouble.value, LinkLost) == (number in (errno.ENODEV, errno.EIO, 0xBAD))
    bus.errors = {0x0001: errno.EACCES}
    with pytest.raises(ToolError) as refused:
        usb.open_usb("usb:1209:0001:SIM-0002", bus)
    assert (refused.value.name, refused.value.exit_code) == ("permission", 9)
    assert usb.scan(bus) == []


@pytest.mark.parametrize(
    "port", ["", "usb:", "usb:1209", "usb:1209:", "usb:1209:10000", "usb:-1:1", "usb:xyz:0001", "COM3", "1209:0001"]
)
def test_what_names_no_usb_device(port: str) -> None:
    with pytest.raises(ToolError) as caught:
        usb.Wanted.parse(port)
    assert caught.value.name == "usage"
    assert usb.Wanted.parse("usb:1209:DF11:A:B") == (0x1209, 0xDF11, "A:B")


def test_without_pyusb_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("libusb_package", "usb.backend.libusb1"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ToolError, match="not installed") as caught:
        usb.open_usb("usb:1209:0001")
    assert (caught.value.name, caught.value.exit_code) == ("missing_component", 9)
    assert "pyusb" in caught.value.hint


def test_the_wall_clock_goes_on() -> None:
    clock = usb.WallClock()
    before = clock.now()
    clock.sleep(0.01)
    assert clock.now() - before >= 0.009
