"""dfu-util 0.11 against our simulated device: the device is right in the eyes of somebody else's host, and what we say of
dfu-util in the documentation is so. libusb is replaced by one whose only device is the simulated one.
"""

import contextlib
import dataclasses
import os
import pathlib
import socket
import struct
import subprocess
import threading
from collections.abc import Callable
from typing import NamedTuple

import pytest

from formats.dfu import Suffix, read_suffix, write
from formats.errors import ToolError
from formats.sources import Image, Piece
from hwsim.dfu_device import SimulatedDfu
from hwsim.dfu_profile import Faults, Profile
from tests.dfu_bench import IMAGE, PLAIN, ST, STUBBORN, Bench, VirtualClock, bench, flat, update
from tests.support import need
from transports.dfu.device import Stalled
from transports.dfu.dfuse import DfuseSession
from transports.dfu.session import DfuSession
from transports.dfu.status import State, Status
from transports.dfu.usb import WallClock
from transports.errors import LinkError, LinkLost

FAST = {"block_s": 0.001, "erase_s": 0.002, "manifest_s": 0.01, "away_s": 0.1}
IO_ERROR, USAGE = 74, 64
"""Exit codes of dfu-util (sysexits.h)."""


class Ran(NamedTuple):
    """What dfu-util did; `code` is None if it had to be stopped."""

    code: int | None
    said: str
    device: SimulatedDfu

    @property
    def wrote(self) -> bool:
        return bytes(self.device.loader.memory.cells[: len(IMAGE)]) == IMAGE


Run = Callable[..., Ran]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The folder with the libusb that dfu-util is given."""
    folder = tmp_path_factory.mktemp("libusb")
    source = pathlib.Path(__file__).with_name("fake_libusb.c")
    command = [need("gcc"), "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-o", folder / "libusb-1.0.so.0", source]
    subprocess.run(command, check=True)
    return folder


@pytest.fixture
def run(library: pathlib.Path, tmp_path: pathlib.Path) -> Run:
    """Run dfu-util against a simulated device."""
    tool = need("dfu-util")
    (tmp_path / "image.bin").write_bytes(IMAGE)

    def call(
        profile: Profile, *arguments: str, faults: Faults | None = None, state: State | None = None, limit_s: int = 20
    ) -> Ran:
        device = SimulatedDfu(dataclasses.replace(profile, **FAST), WallClock(), faults)
        device.state = device.state if state is None else state
        address = tmp_path / f"bus{len(list(tmp_path.iterdir()))}"
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(address))
            listening.listen()
            threading.Thread(target=serve, args=(device, listening), daemon=True).start()
            environment = {**os.environ, "LD_LIBRARY_PATH": str(library), "FAKE_USB": str(address)}
            process = subprocess.Popen(
                [tool, *arguments], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
            try:
                said, _ = process.communicate(timeout=limit_s)
            except subprocess.TimeoutExpired:
                process.kill()
                said, _ = process.communicate()
                return Ran(None, said, device)
        return Ran(process.returncode, said, device)

    return call


def serve(device: SimulatedDfu, listening: socket.socket) -> None:
    """Answer until dfu-util ends."""
    connection, _ = listening.accept()
    with connection, contextlib.suppress(OSError), connection.makefile("rb") as stream:
        while head := stream.read(10):
            operation, kind, request, value, _, length = struct.unpack("<BBBHHHx", head)
            data = stream.read(length) if operation == 0 and not kind & 0x80 else b""
            try:
                result, told = answer(device, (operation, kind, request, value, length), data)
            except Stalled:
                result, told = -9, b""
            except LinkLost:
                result, told = -4, b""
            except LinkError:
                result, told = -7, b""
            connection.sendall(struct.pack("<ii", result, len(told)) + told)


def answer(device: SimulatedDfu, asked: tuple[int, int, int, int, int], data: bytes) -> tuple[int, bytes]:
    """Result and bytes for one request of the library."""
    operation, kind, request, value, length = asked
    if operation == 1:
        if not device.find_again():
            raise LinkLost("gone")
        told = struct.pack("<BBHBBBBHHHBBBB", 18, 1, 0x200, 0, 0, 0, 64, *device.info.identity, 0, 0, 1, 1)
    elif operation == 2:
        told = device.configuration()
    elif operation in (3, 4):
        device.select(value) if operation == 3 else device.reset()
        return 0, b""
    elif kind == 0x80:
        text = device.profile.serial_number if value & 0xFF == 1 else device.string(value & 0xFF)
        told = bytes([2 + 2 * len(text), 3]) + text.encode("utf-16-le") if value & 0xFF else bytes([4, 3, 9, 4])
    elif kind & 0x80:
        told = device.control_in(request, value, length)
    else:
        device.control_out(request, value, data)
        return len(data), b""
    return len(told[:length]), told[:length]


def ours(profile: Profile, faults: Faults | None = None, state: State | None = None) -> ToolError | None:
    """The same with our host."""
    made: Bench = bench(profile, faults)
    made.device.state = made.device.state if state is None else state
    try:
        update(made.session)
    except ToolError as error:
        return error
    assert made.cells[: len(IMAGE)] == IMAGE
    return None


DOWNLOAD = ("-E", "1", "-d", "1209:0001,1209:0002", "-D", "image.bin")


@pytest.mark.parametrize("profile", [PLAIN, STUBBORN], ids=["tolerant", "not tolerant"])
def test_dfu_util_detaches_and_writes_the_simulated_device(run: Run, profile: Profile) -> None:
    done = run(profile, *DOWNLOAD)
    assert (done.code, done.wrote) == (0, True), done.said
    assert done.device.loader.firmware_good
    assert ours(profile) is None


def test_dfu_util_reads_what_we_wrote(run: Run, tmp_path: pathlib.Path) -> None:
    done = run(PLAIN, "-U", "read.bin", state=State.IDLE)
    assert done.code == 0, done.said
    device = SimulatedDfu(PLAIN, VirtualClock())
    device.state = State.IDLE
    assert (tmp_path / "read.bin").read_bytes() == b"".join(DfuSession(device, device.clock).upload(1 << 20))


def test_dfu_util_writes_the_simulated_dfuse_device(run: Run) -> None:
    done = run(ST, "-a", "0", "-s", "0x08000000:leave", "-D", "image.bin")
    assert (done.code, done.wrote) == (0, True), done.said
    made = bench(ST)
    memory = DfuseSession(made.session)
    memory.write(memory.plan(Image((Piece(0x08000000, len(IMAGE), data=IMAGE),)), None))
    assert made.cells == bytes(done.device.loader.memory.cells)
    assert made.device.loader.memory.erased == done.device.loader.memory.erased


@pytest.mark.parametrize("status", [Status.ERR_FIRMWARE, Status.ERR_VERIFY])
def test_a_failed_manifestation_is_0_for_dfu_util_and_7_for_us(run: Run, status: Status) -> None:
    done = run(PLAIN, "-D", "image.bin", faults=Faults(manifest=status), state=State.IDLE)
    assert (done.code, done.device.state, done.device.status) == (0, State.ERROR, status), done.said
    error = ours(PLAIN, Faults(manifest=status))
    assert error is not None
    assert error.exit_code == 7


def test_a_failed_block_fails_both(run: Run) -> None:
    for faults in ({"fail_at": (3, Status.ERR_VERIFY)}, {"stall_at": 3}, {"cut_at": 3}):
        done = run(PLAIN, "-D", "image.bin", faults=Faults(**faults), state=State.IDLE)
        assert (done.code, done.wrote) == (IO_ERROR, False), done.said
        error = ours(PLAIN, Faults(**faults))
        assert error is not None
        assert error.exit_code in (7, 8)


def test_dfu_util_waits_for_hours_and_for_ever(run: Run) -> None:
    for faults in ({"poll_ms": 0xFFFFFF}, {"busy_for_ever": True}):
        assert run(PLAIN, "-D", "image.bin", faults=Faults(**faults), state=State.IDLE, limit_s=2).code is None
        error = ours(PLAIN, Faults(**faults))
        assert error is not None
        assert error.exit_code in (5, 8)


def test_an_interrupted_device_needs_two_runs_of_dfu_util_and_one_of_ours(run: Run) -> None:
    for state in (State.DNLOAD_SYNC, State.MANIFEST_SYNC):
        done = run(PLAIN, "-D", "image.bin", state=state)
        assert (done.code, done.wrote) == (IO_ERROR, False), done.said
        assert ours(PLAIN, state=state) is None


def test_a_file_for_another_product_or_a_damaged_one_is_written_by_dfu_util(run: Run, tmp_path: pathlib.Path) -> None:
    """dfu-util takes the numbers of the file for those of the device's run-time mode, and only warns of a wrong CRC."""
    image = Image((Piece(0, len(IMAGE), data=IMAGE),))
    suffix = Suffix(vendor=0x1209, product=0x0009)
    with (tmp_path / "other.dfu").open("w+b") as file:
        write(image, file, suffix)
        assert read_suffix(file) == suffix
    done = run(PLAIN, "-D", "other.dfu", state=State.IDLE)
    assert (done.code, done.wrote) == (0, True), done.said
    made = bench()
    made.session.enter_dfu_mode()
    with pytest.raises(ToolError) as caught:
        made.session.download(flat(IMAGE), suffix)
    assert caught.value.exit_code == 6

    with (tmp_path / "damaged.dfu").open("w+b") as file:
        write(image, file, Suffix(vendor=0x1209, product=0x0002))
        file.seek(100)
        file.write(bytes([IMAGE[100] ^ 1]))
        with pytest.raises(ToolError) as damaged:
            read_suffix(file)
        assert damaged.value.exit_code == 3
    done = run(PLAIN, "-D", "damaged.dfu", state=State.IDLE)
    assert (done.code, done.wrote) == (0, False), done.said
    assert "CRC does not match" in done.said


def test_dfu_util_names_a_device_without_transfer_size_and_caps_a_large_one(run: Run) -> None:
    done = run(dataclasses.replace(PLAIN, transfer_size=0), "-D", "image.bin", state=State.IDLE)
    assert (done.code, "Transfer size must be specified" in done.said) == (USAGE, True)
    done = run(dataclasses.replace(PLAIN, transfer_size=0xFFFF), "-D", "image.bin", state=State.IDLE)
    assert (done.code, done.wrote, "Limited transfer size to 4096" in done.said) == (0, True, True)
