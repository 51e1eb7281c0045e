"""USB-serial ports (CDC-ACM): the 1200-baud touch, and a port that is pulled."""

import os
import pathlib
import select
import threading
import time
import tty
from collections.abc import Iterator

import pytest

from formats.errors import ToolError
from tests.bench_parts import TRUST
from tests.conftest import Fwtool
from tests.support import make_package
from transports.descriptor import raw_descriptor_pipe
from transports.errors import LinkError, LinkLost
from transports.pipe import LineOptions
from transports.registry import open_pipe
from transports.serial_touch import touch, touch_and_find

termios = pytest.importorskip("termios")
serial = pytest.importorskip("serial")


@pytest.fixture
def pair() -> Iterator[tuple[int, str]]:
    """A pty: its master, and the name of the port. The slave is kept open, or its settings would be lost."""
    master, slave = os.openpty()
    tty.setraw(slave)
    yield master, os.ttyname(slave)
    for descriptor in (master, slave):
        try:
            os.close(descriptor)
        except OSError:
            continue


def rates(descriptor: int) -> list[int]:
    return list(termios.tcgetattr(descriptor)[4:6])


def test_the_touch_sets_1200_baud_sends_nothing_and_waits(pair: tuple[int, str]) -> None:
    master, port = pair
    open_pipe(port, LineOptions(baud=115200)).close()
    assert rates(master) == [termios.B115200] * 2
    start = time.monotonic()
    touch(port, wait_s=0.2)
    assert time.monotonic() - start >= 0.2
    assert rates(master) == [termios.B1200] * 2
    assert not select.select([master], [], [], 0)[0]


def test_dtr_is_on_at_1200_baud_and_off_before_the_port_is_closed(pair: tuple[int, str], monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []
    monkeypatch.setattr(serial.Serial, "_update_dtr_state", lambda port: seen.append((port.baudrate, port.dtr)))
    close = serial.Serial.close

    def closed(port: object) -> None:
        seen.append("closed")
        close(port)

    monkeypatch.setattr(serial.Serial, "close", closed)
    touch(pair[1], wait_s=0)
    assert seen[:3] == [(1200, True), (1200, False), "closed"]


def test_a_board_that_goes_at_once_is_no_error(pair: tuple[int, str], monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(port: object) -> None:
        raise OSError(5, "Input/output error")

    update = serial.Serial._update_dtr_state
    monkeypatch.setattr(serial.Serial, "_update_dtr_state", lambda port: gone(port) if not port.dtr else update(port))
    touch(pair[1], wait_s=0)


def test_a_port_that_is_not_there_or_makes_no_sense() -> None:
    for port, name in (("/dev/does-not-exist", "no_device"), ("nonsense://x", "usage")):
        with pytest.raises(ToolError) as caught:
            touch(port)
        assert caught.value.name == name


def test_an_update_touches_the_board_only_when_its_package_is_good(
    pair: tuple[int, str], run: Fwtool, keys: pathlib.Path
) -> None:
    master, port = pair
    open_pipe(port, LineOptions(baud=115200)).close()
    (keys / "new.fwp").write_bytes(make_package(version="1.1.0", counter=8))
    (keys / "old.fwp").write_bytes(make_package(version="1.0.0"))
    (keys / "tests.trust").write_bytes(TRUST.raw)
    board = f"sim:?trust={keys / 'tests.trust'}&firmware={keys / 'old.fwp'}"
    flash = ("flash", "new.fwp", "--touch", port, "--port", board)
    assert run(*flash, "--trust", "maker.trust").code == 4
    assert run(*flash, "--trust", "tests.trust", "--dry-run").code == 2
    assert rates(master) == [termios.B115200] * 2
    assert run(*flash, "--trust", "tests.trust").code == 0
    assert rates(master) == [termios.B1200] * 2


def test_a_boot_loader_that_does_not_come(pair: tuple[int, str]) -> None:
    with pytest.raises(LinkError, match="did not come") as caught:
        touch_and_find(pair[1], "/dev/does-not-exist", patience_s=0.3)
    assert (caught.value.name, caught.value.exit_code) == ("no_device", 5)


@pytest.mark.parametrize("writing", [b"", b"x"])
def test_a_pulled_port_is_noticed_within_a_second(pair: tuple[int, str], writing: bytes) -> None:
    master, port = pair
    pipe = open_pipe(port)
    threading.Timer(0.2, os.close, [master]).start()
    start = time.monotonic()
    with pytest.raises(LinkLost) as caught:
        while time.monotonic() < start + 5:
            pipe.exchange(writing, pipe.now() + 5)
            time.sleep(0.01)
    assert time.monotonic() - start < 1.2
    assert caught.value.resumable
    pipe.close()


def test_a_port_that_reads_as_end_of_file_is_a_pulled_one() -> None:
    reading, writing = os.pipe()
    pipe = raw_descriptor_pipe("cdc", reading, lambda: os.close(reading))
    threading.Timer(0.2, os.close, [writing]).start()
    start = time.monotonic()
    with pytest.raises(LinkLost, match="unplugged"):
        pipe.exchange(b"", pipe.now() + 5)
    assert time.monotonic() - start < 1.2
    pipe.close()
