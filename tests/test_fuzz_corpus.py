"""All that the fuzzing has ever found, tried again, and some mutations of it, without a fuzzer."""

import base64
import contextlib
import io
import math
import os
import pathlib
import random
import re
import struct
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from formats import dfu, intel_hex, trust, uf2
from formats.errors import FormatError, TrustError
from formats.fwp import wrapping
from formats.keys import read_private, read_public
from formats.sources import Image, Piece
from tests.fuzz import bombs, corpus, minimise
from tests.fuzz.images import mend_dfu
from tests.fuzz.target import PER_BYTE, Target
from tests.fuzz.targets import TARGETS
from tests.support import KEY, ROOT, make_package, pattern
from transports.tsp.streams import Ack, Receiver
from transports.zvt.layout import Message
from transports.zvt.maker import MakerCompletion
from transports.zvt.printing import PrintLine

SEED: Final = int(os.environ.get("FWTOOL_FUZZ_SEED", "1"))
"""Of the mutations: another one tries other inputs."""
MUTATIONS: Final = 2000
MOST_BYTES: Final = 600_000
"""Of all corpora."""
TARGET = pytest.mark.parametrize("name", TARGETS)
LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="measured in /proc")


@TARGET
def test_every_input_is_taken_or_refused_as_it_should_be(name: str) -> None:
    taken = [TARGETS[name].accepts(data) for data in corpus.inputs(name)]
    assert any(taken), "nothing in this corpus is good: the target tests refusals only"


@TARGET
def test_no_input_takes_more_memory_than_its_size_allows(name: str) -> None:
    for data in corpus.inputs(name):
        TARGETS[name].accepts(data)  # imports what is imported late
        tracemalloc.start()
        TARGETS[name].accepts(data)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < TARGETS[name].memory + PER_BYTE * len(data), data


@TARGET
def test_mutations_are_taken_or_refused_as_they_should_be(name: str) -> None:
    print(f"FWTOOL_FUZZ_SEED={SEED}")
    chance, inputs = random.Random(f"{name} {SEED}"), corpus.inputs(name)
    for _ in range(MUTATIONS):
        data = mutated(chance, inputs)[: TARGETS[name].max_len]
        if how := minimise.failure(TARGETS[name], data):
            pytest.fail(f"{how}, with FWTOOL_FUZZ_SEED={SEED}: {minimise.shrink(TARGETS[name], data)!r}")


def mutated(chance: random.Random, inputs: Sequence[bytes]) -> bytes:
    """One of the inputs with one to four things changed."""
    data = bytearray(chance.choice(inputs))
    for _ in range(chance.randint(1, 4)):
        at, size = chance.randint(0, len(data)), chance.choice((1, 1, 2, 4, 8, 32))
        change = chance.randrange(6)
        if change == 0 and data:
            data[at % len(data)] ^= 1 << chance.randrange(8)
        elif change == 1:
            data[at : at + size] = chance.randbytes(size)
        elif change == 2:
            data[at : at + size] = chance.choice((b"\0", b"\xff", b"\x7f", b"\x80")) * size
        elif change == 3:
            del data[at : at + size]
        elif change == 4:
            data[at:at] = data[max(0, at - size) : at]
        else:
            other = chance.choice(inputs)
            data[at:] = other[chance.randint(0, len(other)) :]
    return bytes(data)


def test_the_corpora_are_small_and_hold_no_private_key() -> None:
    files = [path for path in corpus.FOLDER.rglob("*") if path.is_file()]
    assert {path.parent.name for path in files} <= TARGETS.keys()
    assert sum(path.stat().st_size for path in files) < MOST_BYTES
    for path in files:
        data = path.read_bytes()
        assert len(data) <= minimise.MAX_FILE, path
        assert corpus.storable(path.parent.name, data), f"{path} holds a private key"


def test_the_log_names_targets_that_exist_and_what_they_did() -> None:
    header, *lines = (line.split("\t") for line in corpus.LOG.read_text().splitlines())
    assert header == ["date", "revision", "target", "runs", "runs_per_s", "new_units", "findings"]
    for date, _revision, target, runs, *_ in lines:
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", date)
        assert target in TARGETS
        assert int(runs) > 0
    assert {line[2] for line in lines} == TARGETS.keys()


# The machinery itself must be able to find something


def _divides(data: bytes) -> None:
    if data[:1] == b"x" and 100 // (data.count(b"z") - 3):
        raise FormatError("refused")


def test_what_is_no_error_of_ours_is_a_finding() -> None:
    target = Target(_divides)
    assert minimise.failure(target, b"xyz") == ""
    assert minimise.failure(target, b"xyz" * 3).startswith("ZeroDivisionError in test_fuzz_corpus.py line ")
    assert minimise.shrink(target, b"x123zabczdefz456") == b"xzzz"
    assert not target.accepts(b"xyz")
    assert target.accepts(b"yyy")


def test_what_is_mended_is_tried_too() -> None:
    target = Target(_divides, mend=lambda data: b"xzzz" if data == b"x!" else data)
    assert not target.accepts(b"x?")
    assert minimise.failure(target, b"x!").startswith("ZeroDivisionError")


def test_the_smallest_corpus_reaches_what_the_larger_one_does() -> None:
    target, good = TARGETS["zvt-apdu"], [bytes.fromhex(text) for text in ("060000", "8000ff0200aabb", "060001aa")]
    kept = minimise.smallest(target, [], [*good, b"", b"\6", good[0] + b"\0", good[2] * 2])
    reached = set[minimise.Step]().union(*(minimise.reached(target, data) for data in kept))
    assert all(minimise.reached(target, data) <= reached for data in good)
    assert len(kept) < 6


def test_private_keys_do_not_get_into_the_corpus(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_private(KEY.pem())
    assert not corpus.storable("private-key", KEY.pem())
    assert corpus.storable("private-key", KEY.pem()[:-40])
    monkeypatch.setattr(corpus, "FOLDER", tmp_path)
    corpus.store("uf2", [b"one"])
    (tmp_path / "uf2" / "an-old-bug").write_bytes(b"two")
    corpus.store("uf2", [b"three"])
    assert sorted(corpus.stored("uf2").values()) == [b"three", b"two"]


# Found while the targets were written, and too large for the corpus, or not seen by a fuzzer that looks at one input at a time


def _seconds(act: Callable[[], object]) -> float:
    """Of processor time, until it is done or refuses."""
    started = time.process_time()
    with contextlib.suppress(FormatError):
        act()
    return time.process_time() - started


def _hex(count: int, step: int) -> bytes:
    """Records of 16 bytes, `step` apart, in 64 KiB."""
    lines = []
    for number in range(count):
        body = b"\x10" + (number * step % 0xFFE0).to_bytes(2, "big") + b"\0" + bytes(16)
        lines.append(b":" + (body + bytes([-sum(body) & 0xFF])).hex().upper().encode() + b"\n")
    return b"".join([*lines, b":00000001FF\n"])


def test_records_with_gaps_are_read_as_fast_as_others() -> None:
    """Every line looked at 8192 lines ahead: minutes for a megabyte."""
    assert _seconds(lambda: intel_hex.read(io.BytesIO(_hex(30_000, 32)))) < 10


def test_pages_of_many_pieces_are_written_as_fast_as_others() -> None:
    """Every page looked at every piece."""
    pieces = tuple(Piece(512 * number, 4, data=b"word") for number in range(20_000))
    assert _seconds(lambda: uf2.write(Image(pieces), io.BytesIO())) < 10


@pytest.mark.parametrize("record", [PrintLine, MakerCompletion])
def test_text_that_looks_like_containers_is_read_as_fast_as_other_text(record: type[Message]) -> None:
    """64 KiB from a terminal took 40 s: behind each number of a container, all objects to the end were read again."""
    size, data = 65_000, bytearray()
    while len(data) < size - 6:
        data += b"\x01\x04\x06\x82" + (size - len(data) - 6).to_bytes(2, "big")
    assert _seconds(lambda: record.parse(b"\0" * 40 + bytes(data).ljust(size, b"\x1f"))) < 10


def test_elements_of_no_size_are_counted_in_all_targets() -> None:
    """255 targets of 10,000 empty elements: 20 MB that took 300 MB."""
    elements = struct.pack("<II", 0, 0) * 5000
    target = struct.pack("<6sBI255sII", b"Target", 0, 0, b"", len(elements), 5000) + elements
    for count, taken in ((2, True), (3, False)):
        data = mend_dfu(struct.pack("<5sBIB", b"DfuSe", 1, 11 + count * len(target), count) + count * target + bytes(16))
        if taken:
            assert len(dfu.read_targets(io.BytesIO(data))) == count
            continue
        with pytest.raises(FormatError) as caught:
            dfu.read_targets(io.BytesIO(data))
        assert caught.value.name == "too_large"


@pytest.mark.parametrize("size", [0, 31, 33, 64])
@pytest.mark.parametrize("last", [0x6E, 0x6F, 0x70, 0x71])
def test_private_keys_of_a_wrong_length_are_refused(last: int, size: int) -> None:
    """X25519, X448, Ed25519, Ed448 (RFC 8410): `cryptography` calls them an internal error of its own."""
    der = bytes([0x30, 14 + size, 2, 1, 0, 0x30, 5, 6, 3, 0x2B, 0x65, last, 4, 2 + size, 4, size]) + bytes(size)
    pem = b"-----BEGIN PRIVATE KEY-----\n" + base64.encodebytes(der) + b"-----END PRIVATE KEY-----\n"
    for read in (read_private, wrapping.read_private):
        with pytest.raises(FormatError):
            read(pem)


def test_a_modulus_of_any_size_is_refused_at_once() -> None:
    """One of 32,768 bits, in a file of 4 KB, was tested for a minute before its size was looked at."""
    modulus = int.from_bytes(pattern(4096, 5), "big") | 1 << 32767 | 1
    small_factors = math.prod(range(3, 10_000, 2))
    while math.gcd(modulus, small_factors) > 1:
        modulus += 2
    key = rsa.RSAPublicNumbers(65537, modulus).public_key()
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)

    def read() -> None:
        with pytest.raises(TrustError):
            read_public(der)

    assert _seconds(read) < 1


def test_a_frame_without_data_leaves_no_island() -> None:
    """It stands in the acknowledgement as a range of no length, which no sender takes."""
    receiver = Receiver(4096)
    receiver.take(1, 256, b"")
    assert Ack.parse(receiver.ack().build()) is not None


# Files that claim a lot, through the command line: refused, small, at once


class Measured(NamedTuple):
    """A finished command."""

    code: int
    error: str
    peak: int
    """Most memory it had at once, bytes (Linux)."""
    seconds: float
    """Of processor time, start-up included."""


MEASURED: Final = """
import atexit, sys, time
def tell():
    line = next(line for line in open("/proc/self/status") if line.startswith("VmHWM:"))
    print(line, "Seconds:", time.process_time(), file=sys.stderr)
atexit.register(tell)
from fwtool.__main__ import main
main()
"""
ROOM: Final = 64 << 20


def measured(folder: pathlib.Path, *arguments: str) -> Measured:
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *arguments], cwd=folder, capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "FWTOOL_STATE_DIR": str(folder / "state"), "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    told = re.search(r"VmHWM:\s*(\d+) kB\s+Seconds: ([0-9.]+)", done.stderr)
    assert told, done.stderr
    assert "Traceback" not in done.stderr
    return Measured(done.returncode, done.stderr, int(told[1]) << 10, float(told[2]))


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Measured:
    """What a good little package takes to be verified."""
    folder = tmp_path_factory.mktemp("usual")
    (folder / "good.fwp").write_bytes(make_package([pattern(20)]))
    (folder / "our.trust").write_bytes(trust.create([("one", KEY.public)], threshold=1))
    done = measured(folder, "image", "verify", "good.fwp", "--trust", "our.trust")
    assert done.code == 0, done.error
    return done


def refused(done: Measured, usual: Measured) -> None:
    assert done.code == 3, done.error
    assert_small(done, usual)


def assert_small(done: Measured, usual: Measured) -> None:
    assert done.peak < usual.peak + ROOM
    assert done.seconds < 2 * usual.seconds + 0.5


@LINUX
@pytest.mark.parametrize("given_up", [[], ["--lose", "addresses", "--lose", "holes"]], ids=["kept", "given up"])
def test_a_hex_file_of_132_bytes_with_a_hole_of_64_mib(tmp_path: pathlib.Path, usual: Measured, given_up: list[str]) -> None:
    (tmp_path / "hole.hex").write_bytes(bombs.hole())
    assert len(bombs.hole()) == 132
    refused(measured(tmp_path, "image", "convert", "hole.hex", "--to", "raw", "--out", "out.bin", *given_up), usual)
    recipe = ("--version", "1.0.0", "--hardware", "VT-100", "--security-counter", "1")
    refused(measured(tmp_path, "image", "build", "hole.hex", *recipe, "--out", "out.fwp"), usual)
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["hole.hex"]


@LINUX
@pytest.mark.parametrize("name", bombs.COUNTS)
def test_a_count_of_four_billion(tmp_path: pathlib.Path, usual: Measured, name: str) -> None:
    (tmp_path / name).write_bytes(bombs.COUNTS[name]())
    verb = "trust" if name.endswith(".trust") else "image"
    refused(measured(tmp_path, verb, "show", name), usual)
    if verb == "image":
        hexed = measured(tmp_path, "image", "show", "--hex", name)
        assert hexed.code == 0
        assert_small(hexed, usual)


@LINUX
@pytest.mark.parametrize(
    "verb", [["verify", "x.fwp", "--trust", "our.trust"], ["extract", "x.fwp", "out"]], ids=["verify", "extract"]
)
def test_a_block_that_grows_a_thousandfold(tmp_path: pathlib.Path, usual: Measured, verb: list[str]) -> None:
    (tmp_path / "our.trust").write_bytes(trust.create([("one", KEY.public)], threshold=1))
    (tmp_path / "x.fwp").write_bytes(bombs.growing())
    done = measured(tmp_path, "image", *verb)
    refused(done, usual)
    assert "block 0" in done.error
    assert not list(tmp_path.glob("out/*"))
