"""Bytes that need not travel: compressed blocks, blocks that are there already, blank ones."""

import pathlib
import random

import pytest

from formats.deflate import deflate, inflate
from formats.errors import FormatError
from hwsim.layout import PAYLOAD_OFFSET, SLOTS
from tests.bench_parts import Bench
from tests.support import make_package, pattern
from transports.errors import DeviceRefused
from transports.shrink import PROBE_EVERY, Shrinker
from transports.tsp.messages import Encoding, Status

TEXT = b"".join(f"{n:06d} the quick brown fox jumps over the lazy dog {n * n}\r\n".encode() for n in range(1600))


def install(bench: Bench, raw: bytes) -> None:
    bench.connect()
    bench.send(raw)
    bench.restart()
    bench.confirm(raw)


def stored(bench: Bench, slot: int, size: int) -> bytes:
    return bench.machine.terminal.flash.read(SLOTS[slot] + PAYLOAD_OFFSET, size)


def test_blocks_that_shrink_travel_compressed(tmp_path: pathlib.Path) -> None:
    bench = Bench(tmp_path)
    raw = make_package([TEXT], version="1.1.0", counter=8)
    bench.connect()
    sent = bench.send(raw)
    assert sent.bytes_written < len(TEXT) / 2
    assert sent.payload_sent == len(TEXT)
    assert stored(bench, 1, len(TEXT)) == TEXT


def test_blocks_of_the_running_image_are_copied_on_the_device(tmp_path: pathlib.Path) -> None:
    """Same blocks at other places: an image with one new block in front."""
    old = random.Random(1).randbytes(40 * 4096)
    bench = Bench(tmp_path)
    install(bench, make_package([old], version="1.1.0", counter=8))
    new = random.Random(2).randbytes(4096) + old
    bench.connect()
    sent = bench.send(make_package([new], version="1.2.0", counter=8))
    assert sent.blocks_sent <= 4, "the new one, and those under way before the terminal could say"
    assert sent.bytes_written < 24_000
    assert stored(bench, 0, len(new)) == new
    bench.restart()
    assert str(bench.info().version) == "1.2.0"


def test_blocks_that_stand_in_their_place_stay_there(tmp_path: pathlib.Path) -> None:
    """The image before last is still in the other slot; one block of it has changed."""
    first = random.Random(1).randbytes(40 * 4096)
    bench = Bench(tmp_path)
    install(bench, make_package([first], version="1.1.0", counter=8))
    install(bench, make_package([random.Random(2).randbytes(40 * 4096)], version="1.2.0", counter=8))
    changed = first[: 20 * 4096] + bytes(4096) + first[21 * 4096 :]
    bench.wait(3)
    bench.connect()
    before = bench.machine.terminal.flash.operations
    sent = bench.send(make_package([changed], version="1.3.0", counter=8))
    assert sent.blocks_sent <= 4
    assert bench.machine.terminal.flash.operations - before < 120, "one sector and the head, not the whole slot"
    assert stored(bench, 1, len(changed)) == changed
    bench.restart()
    assert str(bench.info().version) == "1.3.0"


def test_a_block_that_only_seems_to_be_there_is_sent(tmp_path: pathlib.Path) -> None:
    """The old table names it, but its cells have decayed: the terminal has hashed it, so it notices."""
    first = random.Random(1).randbytes(20 * 4096)
    bench = Bench(tmp_path)
    install(bench, make_package([first], version="1.1.0", counter=8))
    install(bench, make_package([random.Random(2).randbytes(20 * 4096)], version="1.2.0", counter=8))
    bench.machine.terminal.flash.fill(SLOTS[1] + PAYLOAD_OFFSET + 10 * 4096 + 7, b"\x00")
    bench.connect()
    sent = bench.send(make_package([first], version="1.3.0", counter=8))
    assert sent.blocks_sent >= 1
    assert stored(bench, 1, len(first)) == first


def test_blank_blocks_are_neither_sent_nor_programmed(tmp_path: pathlib.Path) -> None:
    data = pattern(8192, 1) + b"\xff" * 30 * 4096 + pattern(8192, 2)
    bench = Bench(tmp_path)
    bench.connect()
    before = bench.machine.terminal.flash.operations
    sent = bench.send(make_package([data], version="1.1.0", counter=8))
    assert sent.payload_sent <= 6 * 4096
    assert bench.machine.terminal.flash.operations - before < 64 + 40
    assert stored(bench, 1, len(data)) == data
    bench.restart()
    assert str(bench.info().version) == "1.1.0"


def test_blank_blocks_over_old_bytes_are_erased(tmp_path: pathlib.Path) -> None:
    bench = Bench(tmp_path)
    bench.machine.terminal.flash.fill(SLOTS[1] + PAYLOAD_OFFSET, pattern(40 * 4096, 5))
    data = pattern(4096, 1) + b"\xff" * 38 * 4096 + pattern(100, 2)
    bench.connect()
    bench.send(make_package([data], version="1.1.0", counter=8))
    assert stored(bench, 1, len(data)) == data


def test_nothing_is_left_out_when_everything_is_to_be_sent(tmp_path: pathlib.Path) -> None:
    bench = Bench(tmp_path)
    raw = make_package([pattern(40_000, 1)], version="1.1.0", counter=8)
    install(bench, raw)
    bench.connect()
    again = make_package([pattern(40_000, 1)], version="1.2.0", counter=8)
    assert bench.send(again, resume=False).payload_sent == 40_000


@pytest.mark.parametrize("block_size", [4096, 8192, 65536])
def test_blocks_of_every_size_share_erase_units(tmp_path: pathlib.Path, block_size: int) -> None:
    bench = Bench(tmp_path)
    bench.machine.terminal.flash.fill(SLOTS[1] + PAYLOAD_OFFSET, pattern(300_000, 5))
    first = random.Random(1).randbytes(250_000)
    install(bench, make_package([first], version="1.1.0", counter=8, block_size=block_size))
    install(bench, make_package([TEXT], version="1.2.0", counter=8, block_size=block_size))
    changed = first[:100_000] + bytes(10) + first[100_010:]
    bench.connect()
    bench.send(make_package([changed], version="1.3.0", counter=8, block_size=block_size))
    assert stored(bench, 1, len(changed)) == changed


def test_compression_stops_where_it_does_not_pay() -> None:
    """On a line faster than the compressor, one block in sixteen is still tried."""
    clock = iter(range(10_000))
    fast = Shrinker(lambda: float(next(clock)), lambda: 1e-9)
    ways = [fast.encode(bytes(4096))[0] for _ in range(2 * PROBE_EVERY + 1)]
    assert ways[0] is Encoding.DEFLATE
    assert ways.count(Encoding.DEFLATE) == 3
    slow = Shrinker(lambda: 0.0, lambda: 1e-5)
    assert all(slow.encode(bytes(4096))[0] is Encoding.DEFLATE for _ in range(40))
    assert slow.encode(random.Random(1).randbytes(4096))[0] is Encoding.RAW


def test_a4_a_block_never_grows_beyond_its_size() -> None:
    """A thousand to one, a wrong size, a tail, a cut stream: all one error, and no memory for it."""
    bomb = deflate(bytes(16 << 20))
    assert len(bomb) < 20_000
    for data, size in ((bomb, 16384), (deflate(b"abc"), 4), (deflate(b"abc"), 2), (deflate(b"abc") + b"x", 3)):
        with pytest.raises(FormatError):
            inflate(data, size)
    whole = deflate(TEXT)
    for cut in range(0, len(whole), 501):
        with pytest.raises(FormatError):
            inflate(whole[:cut], len(TEXT))
    assert inflate(whole, len(TEXT)) == TEXT


def test_a4_a_bomb_is_refused_by_the_terminal(tmp_path: pathlib.Path) -> None:
    from hwsim.hostile import Unchecked
    from transports.tsp import messages
    from transports.tsp.messages import Chunk, Kind, Message, Opcode

    bench = Bench(tmp_path)
    bench.connect()
    source = Unchecked(make_package([bytes(4096)], version="1.1.0", counter=8))
    begin = messages.Begin(resume=False, signed=source.signed, signatures=source.signatures)
    bench.host.request(Opcode.BEGIN, begin, messages.Begun)
    for at, data in ((0, source.index()), source.page_for(0)):
        bench.host.send(Message(Opcode.TABLE, Kind.ONE_WAY, 0, 0, Chunk(at, data).build()))
    bomb = Chunk(0, deflate(bytes(8 << 20)), Encoding.DEFLATE).build()
    bench.host.send(Message(Opcode.DATA, Kind.ONE_WAY, 0, 0, bomb))
    with pytest.raises(DeviceRefused) as caught:
        bench.host.request(Opcode.FINISH, messages.Empty(), messages.Empty)
    assert caught.value.status == Status.WRONG_STATE
    assert str(bench.info().version) == "1.0.0"
