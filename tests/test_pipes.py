"""Every pipe passes the same tests: bytes both ways, split reads, waiting with a bound, unplugged in mid-read, closed twice."""

import os
import random
import select
import socket
import tty
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from formats.errors import ToolError
from transports.errors import LinkLost
from transports.pipe import LineOptions, Pipe
from transports.registry import open_pipe
from transports.tcp import memory_pair


class Ends(NamedTuple):
    """A pipe, and what sits at its other end."""

    pipe: Pipe
    write: Callable[[bytes], object]
    read: Callable[[int], bytes]
    unplug: Callable[[], object]


def memory_ends() -> Ends:
    here, there = memory_pair()

    def read(size: int) -> bytes:
        got = b""
        while len(got) < size:
            got += there.exchange(b"", there.now() + 5)[1]
        return got

    return Ends(here, lambda data: there.exchange(data, there.now() + 5), read, there.close)


def tcp_ends() -> Ends:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        pipe = open_pipe(f"socket://127.0.0.1:{listener.getsockname()[1]}")
        other, _ = listener.accept()
    return Ends(pipe, other.sendall, lambda size: other.recv(size, socket.MSG_WAITALL), other.close)


def pty_ends() -> Ends:
    """pyserial's RTS and DTR ioctls are refused by a pty; opening one must work all the same."""
    master, slave = os.openpty()
    tty.setraw(slave)
    pipe = open_pipe(os.ttyname(slave), LineOptions(baud=921600))
    os.close(slave)

    def read(size: int) -> bytes:
        got = b""
        while len(got) < size and select.select([master], [], [], 5)[0]:
            got += os.read(master, size - len(got))
        return got

    return Ends(pipe, lambda data: os.write(master, data), read, lambda: os.close(master))


@pytest.fixture(params=[memory_ends, tcp_ends, pty_ends], ids=["memory", "tcp", "pty"])
def ends(request: pytest.FixtureRequest) -> Iterator[Ends]:
    made: Ends = request.param()
    yield made
    made.pipe.close()
    try:
        made.unplug()
    except OSError:
        return


def receive(pipe: Pipe, size: int) -> bytes:
    got = b""
    until = pipe.now() + 5
    while len(got) < size and pipe.now() < until:
        got += pipe.exchange(b"", until)[1]
    return got


def test_every_byte_passes_in_both_directions(ends: Ends) -> None:
    data = bytes(range(256)) * 4  # XON, XOFF, NUL, CR and LF among them
    for at in range(0, len(data), 100):
        ends.write(data[at : at + 100])
    assert receive(ends.pipe, len(data)) == data
    left = data
    while left:
        left = left[ends.pipe.exchange(left, ends.pipe.now() + 5)[0] :]
    assert ends.read(len(data)) == data


def test_single_bytes_arrive_as_they_come(ends: Ends) -> None:
    for byte in random.Random(1).randbytes(20):
        ends.write(bytes([byte]))
        assert receive(ends.pipe, 1) == bytes([byte])


def test_waiting_ends_when_it_should(ends: Ends) -> None:
    start = ends.pipe.now()
    assert ends.pipe.exchange(b"", start + 0.2) == (0, b"")
    assert 0.15 < ends.pipe.now() - start < 3


def test_an_unplugged_end_is_noticed(ends: Ends) -> None:
    ends.write(b"half an answ")
    assert receive(ends.pipe, 12) == b"half an answ"
    ends.unplug()
    with pytest.raises(LinkLost):
        receive(ends.pipe, 1)


def test_closing_twice_is_fine_and_using_it_after_is_not(ends: Ends) -> None:
    ends.pipe.close()
    ends.pipe.close()
    with pytest.raises((LinkLost, ValueError)):
        ends.pipe.exchange(b"x", ends.pipe.now() + 1)


@pytest.mark.parametrize(
    ("port", "options", "name"),
    [
        ("socket://127.0.0.1", LineOptions(), "usage"),
        ("socket://127.0.0.1:notaport", LineOptions(), "usage"),
        ("/dev/does-not-exist", LineOptions(), "no_device"),
        ("/dev/null", LineOptions(line="9X9"), "usage"),
        ("nonsense://x", LineOptions(), "usage"),
    ],
)
def test_ports_that_cannot_be_opened_say_why(port: str, options: LineOptions, name: str) -> None:
    with pytest.raises(ToolError) as caught:
        open_pipe(port, options)
    assert caught.value.name == name


def test_any_pyserial_url_is_a_pipe() -> None:
    pipe = open_pipe("loop://")
    written, received = pipe.exchange(b"echo", pipe.now() + 1)
    assert written == 4
    assert received + receive(pipe, 4 - len(received)) == b"echo"
    pipe.close()
