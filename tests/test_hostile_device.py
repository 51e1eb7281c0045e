"""A device that lies, talks nonsense or never ends: a clear error in bounded time, nothing obeyed."""

import pathlib

import pytest

from formats.record import Record
from tests.bench_parts import Bench
from transports.errors import LinkError, LinkLost
from transports.tsp import messages
from transports.tsp.messages import Kind, Message, Opcode, Status


def answering(bench: Bench, body: bytes, status: int = 0) -> None:
    """From now on the terminal answers every request with these bytes."""
    terminal = bench.machine.terminal

    def answer(message: Message, _: Status, record: Record) -> None:
        del record
        terminal.link.send(Message(message.opcode, Kind.RESPONSE, message.request_id, status, body).build())
        terminal.flush()

    terminal.answer = answer  # type: ignore[method-assign]


@pytest.mark.parametrize("evil", ["\x1b[2J", "\x1b]0;x\x07", "\u202egnp", "a\nb", "\x9b1m", "../../etc\0"])
def test_a36_a37_control_characters_in_device_strings_are_refused(tmp_path: pathlib.Path, evil: str) -> None:
    bench = Bench(tmp_path)
    bench.connect()
    good = bench.machine.terminal.info()
    body = good.build()
    serial = good.serial_number.encode()
    raw = evil.encode()
    answering(bench, body.replace(bytes([len(serial)]) + serial, bytes([len(raw)]) + raw))
    with pytest.raises(LinkError) as caught:
        bench.info()
    assert caught.value.name == "protocol"


@pytest.mark.parametrize("cut", [0, 1, 10, 40])
def test_a35_short_and_long_answers_are_refused(tmp_path: pathlib.Path, cut: int) -> None:
    bench = Bench(tmp_path)
    bench.connect()
    body = bench.machine.terminal.info().build()
    answering(bench, body[:cut] if cut else body + b"\0")
    with pytest.raises(LinkError):
        bench.info()


def test_a35_a_message_without_end_is_cut_off(tmp_path: pathlib.Path) -> None:
    bench = Bench(tmp_path)
    bench.connect()
    terminal = bench.machine.terminal
    terminal.link.send(b"\x01\x01\x01\x00\x00\x00\x00\x00\xff\xff\xff\xff")
    terminal.flush()
    with pytest.raises(LinkError) as caught:
        bench.host.request(Opcode.INFO, messages.Empty(), messages.Info)
    assert caught.value.name == "protocol"


def test_a35_a_silent_device_is_given_up(tmp_path: pathlib.Path) -> None:
    bench = Bench(tmp_path)
    bench.connect()
    bench.machine.terminal.hung = True
    start = bench.pipe.now()
    with pytest.raises(LinkLost):
        bench.info()
    assert bench.pipe.now() - start < 12


def test_a_device_that_acknowledges_and_never_answers_is_given_up(tmp_path: pathlib.Path) -> None:
    bench = Bench(tmp_path)
    bench.connect()
    bench.machine.terminal.answer = lambda message, status, body: None  # type: ignore[method-assign]
    start = bench.pipe.now()
    with pytest.raises(LinkLost):
        bench.info()
    assert bench.pipe.now() - start < 12


def test_unknown_refusals_are_still_refusals(tmp_path: pathlib.Path) -> None:
    bench = Bench(tmp_path)
    bench.connect()
    answering(bench, b"\xff\xff\xff", status=999)
    with pytest.raises(Exception, match="status 999"):
        bench.info()
