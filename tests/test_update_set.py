"""Feig's `update.spec` and the folder around it: what is believed, what is refused, and what a damaged or evil one costs."""

import contextlib
import gzip
import hashlib
import json
import pathlib
import time
import tracemalloc
import zlib
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from formats.errors import FormatError, LocalError
from formats.outcomes import Outcome
from formats.update_set import CHUNK, PARTS, UpdateSet, check, open_folder
from formats.update_spec import MAX_SPEC, Claim, Order, UpdateSpec, compare, version_in
from formats.versions import Version
from tests.support import flips, pattern

KERNEL: Final = gzip.compress(pattern(3000, 1), mtime=0)
ROOTFS: Final = gzip.compress(pattern(5000, 2), mtime=0)
FIELDS: Final[dict[str, Any]] = {
    "type": "firmware",
    "version": "2.0.12",
    "uboot_sha256": "11" * 32,
    "uboot_git_revision": "22" * 32,
    "uboot_config_hash": "33" * 32,
    "kernel_image_length": len(KERNEL),
    "kernel_image_sha256": hashlib.sha256(KERNEL).hexdigest(),
    "rootfs_image_sha256": hashlib.sha256(ROOTFS).hexdigest(),
    "signature": "55" * 256,
}


class Memory:
    """A part in memory."""

    def __init__(self, data: bytes) -> None:
        self.data, self.size = data, len(data)

    def read(self, offset: int, size: int) -> bytes:
        return self.data[offset : offset + size]


def spec(**changed: Any) -> bytes:
    """The spec with fields changed; None: left out."""
    return json.dumps({name: value for name, value in {**FIELDS, **changed}.items() if value is not None}).encode()


def firmware(**changed: bytes | None) -> UpdateSet:
    parts = {"firmware/kernel.gz": KERNEL, "firmware/rootfs.gz": ROOTFS, "firmware/update.spec": spec(), **changed}
    return check({name: Memory(data) for name, data in parts.items() if data is not None})


# -- the spec -------------------------------------------------------------------------------------------------------------


def test_a_spec() -> None:
    found = UpdateSpec.parse(spec())
    assert found == UpdateSpec(
        "firmware", Version(2, 0, 12),
        (Claim("kernel.gz", hashlib.sha256(KERNEL).digest(), len(KERNEL)), Claim("rootfs.gz", hashlib.sha256(ROOTFS).digest())),
        b"\x55" * 256,
    )  # fmt: skip
    assert UpdateSpec.parse(b'{"version": "2.0.9"}') == UpdateSpec("", Version(2, 0, 9))
    assert UpdateSpec.parse(spec(something_new=[1, {"a": 2}])).version == Version(2, 0, 12)


@pytest.mark.parametrize(
    "changed",
    [{"version": None}, {"version": 2}, {"version": "two"}, {"version": "2.0"}, {"version": "999.0.1"}, {"type": 7},
     {"type": "x" * 65}, {"type": "\x1b[2J"},
     {"kernel_image_sha256": "12"}, {"kernel_image_sha256": "g" * 64}, {"kernel_image_sha256": 5}, {"signature": "55" * 255},
     {"kernel_image_length": "7"}, {"kernel_image_length": 0}, {"kernel_image_length": 2**32}, {"kernel_image_length": True},
     {"kernel_image_length": 1.5}, {"kernel_image_sha256": None}, {"uboot_sha256": "\uff11" * 64}],
)  # fmt: skip
def test_fields_that_are_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(FormatError):
        UpdateSpec.parse(spec(**changed))


@pytest.mark.parametrize(
    "raw",
    [b"", b"[]", b"7", b'"a"', b"{", b'{"version": "1.0.0", "version": "2.0.0"}', b'{"version": "1.0.0", "a": NaN}',
     b'{"version": "1.0.0"} x', b"\xff\xfe{}", b"[" * 30_000, b'{"a":' * 10_000, spec() + b" " * MAX_SPEC, b"1" * 10_000],
    ids=range(13),
)  # fmt: skip
def test_what_is_no_spec(raw: bytes) -> None:
    with pytest.raises(FormatError):
        UpdateSpec.parse(raw)


def test_every_truncation_of_a_spec_is_refused() -> None:
    raw = spec()
    for size in range(len(raw)):
        with pytest.raises(FormatError):
            UpdateSpec.parse(raw[:size])


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_a_spec_or_refused(raw: bytes) -> None:
    with contextlib.suppress(FormatError):
        UpdateSpec.parse(raw)


SIMPLE: Final = st.none() | st.booleans() | st.floats() | st.integers() | st.text()


@given(st.recursive(SIMPLE, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_any_json_is_a_spec_or_refused(value: Any) -> None:
    for name in FIELDS:
        with contextlib.suppress(FormatError):
            UpdateSpec.parse(spec(**{name: value}))


@pytest.mark.parametrize(
    ("text", "version"),
    [("GER-APP-v2.0.9;cR02.01.01-00.09-2-2;CC26", (2, 0, 9)), ("GER-APP-v2.0.12   ", (2, 0, 12)), ("2.0.12", (2, 0, 12)),
     ("SIM 1.2.3", (1, 2, 3)), ("v1.2.3 v4.5.6", (1, 2, 3)), ("1.2.3 4.5.6", None), ("1.2.3.4", None), ("v1.2.3.4", None),
     ("", None), ("2.14", None), ("v300.1.1", None), ("rev1.2.3", (1, 2, 3)), ("K 1.0.0", (1, 0, 0))],
)  # fmt: skip
def test_versions_in_what_devices_say(text: str, version: tuple[int, int, int] | None) -> None:
    assert version_in(text) == (Version(*version) if version else None)


def test_versions_are_numbers() -> None:
    """`2.0.1` is contained in `...v2.0.12`, and another version all the same."""
    running = version_in("GER-APP-v2.0.12")
    assert compare(Version(2, 0, 1), running) is Order.OLDER
    assert compare(Version(2, 0, 12), running) is Order.SAME
    assert compare(Version(2, 0, 100), running) is Order.NEWER
    assert compare(Version(2, 0, 1), version_in("unknown")) is Order.UNKNOWN


# -- the set --------------------------------------------------------------------------------------------------------------


def test_ids() -> None:
    """Typed a second time from the facts: the applications from the sixth on go on at 30."""
    assert PARTS["firmware/update_extended.spec"] == 0x14
    found = [PARTS[f"app{number}/{part}"] for number in range(8) for part in ("update.spec", "update.tar.gz")]
    assert found == [*range(0x20, 0x2A), *range(0x30, 0x36)]
    assert len(set(PARTS.values())) == len(PARTS) == 21


def test_a_set_that_holds() -> None:
    found = firmware()
    assert [(part.name, part.file_id) for part in found.parts] == [
        ("firmware/kernel.gz", 0x10), ("firmware/rootfs.gz", 0x11), ("firmware/update.spec", 0x13)
    ]  # fmt: skip
    assert [one.outcome for one in found.checks] == [Outcome.HELD] * 3
    assert found.size == len(KERNEL) + len(ROOTFS) + len(spec())
    assert b"".join(found.parts[0].read(at, 7) for at in range(0, len(KERNEL), 7)) == KERNEL
    assert found.parts[0].read(len(KERNEL), 5) == b""
    assert found.version is None, "the boot loader's versions are no application's"
    assert found.order("GER-APP-v2.0.9") is Order.UNKNOWN


def test_which_version_stands_for_all() -> None:
    archive = gzip.compress(b"files", mtime=0)
    applications = {
        name: data
        for number, version in ((3, "3.3.3"), (1, "2.0.12"), (0, "9.9.9"))
        for name, data in (
            (f"app{number}/update.spec", json.dumps({"version": version}).encode()),
            (f"app{number}/update.tar.gz", archive),
        )
    }
    assert firmware(**applications).version == Version(2, 0, 12)
    assert firmware(**applications).order("GER-APP-v2.0.2") is Order.NEWER
    del applications["app1/update.spec"], applications["app1/update.tar.gz"]
    assert firmware(**applications).version == Version(9, 9, 9)


def test_a_digest_of_what_is_compressed_holds_too() -> None:
    inside = gzip.decompress(KERNEL)
    changed = spec(kernel_image_sha256=hashlib.sha256(inside).hexdigest(), kernel_image_length=len(inside))
    assert firmware(**{"firmware/update.spec": changed}).checks[0].outcome is Outcome.HELD
    for length in (len(inside) + 1, len(KERNEL)):
        with pytest.raises(FormatError, match="says"):
            mixed = spec(kernel_image_sha256=hashlib.sha256(inside).hexdigest(), kernel_image_length=length)
            firmware(**{"firmware/update.spec": mixed})


def test_parts_of_which_nothing_is_told_are_named() -> None:
    found = firmware(**{"firmware/components.tar.gz": b"no gzip", "firmware/update_extended.spec": b"?"})
    outcomes = {one.id: one.outcome for one in found.checks}
    assert outcomes["firmware/components.tar.gz"] is outcomes["firmware/update_extended.spec"] is Outcome.NOT_CHECKED
    good = firmware(**{"firmware/components.tar.gz": gzip.compress(b"files", mtime=0)})
    assert {one.id: one.outcome for one in good.checks}["firmware/components.tar.gz"] is Outcome.HELD


@pytest.mark.parametrize(
    "changed",
    [{"firmware/kernel.gz": None}, {"firmware/rootfs.gz": None}, {"firmware/update.spec": None},
     {"firmware/kernel.gz": b""},
     {"firmware/kernel.gz": ROOTFS}, {"firmware/update.spec": b"{}"}, {"firmware/other": b"x"},
     {"app1/update.spec": b'{"version": "1.0.0"}'},
     {"app1/update.tar.gz": KERNEL}, {"firmware/components.tar.gz": KERNEL[:-1]}, {"firmware/components.tar.gz": KERNEL + b"x"}],
    ids=range(11),
)  # fmt: skip
def test_sets_that_do_not_hold(changed: dict[str, bytes | None]) -> None:
    with pytest.raises(FormatError):
        firmware(**changed)


def test_every_flipped_bit_and_every_truncation_of_a_part_is_refused() -> None:
    small = gzip.compress(b"kernel", mtime=0)
    changed = spec(kernel_image_sha256=hashlib.sha256(small).hexdigest(), kernel_image_length=len(small))
    firmware(**{"firmware/update.spec": changed, "firmware/kernel.gz": small})
    damaged = [*(raw for _, raw in flips(small)), *(small[:size] for size in range(len(small)))]
    for raw in damaged:
        with pytest.raises(FormatError):
            firmware(**{"firmware/update.spec": changed, "firmware/kernel.gz": raw})


def test_gzip_in_several_members_and_with_filling() -> None:
    """RFC 1952, 2.2; tape and block devices fill up with zeros."""
    for raw in (KERNEL + ROOTFS, KERNEL + bytes(700), KERNEL + bytes(3) + ROOTFS + bytes(2 * CHUNK)):
        found = firmware(**{"firmware/components.tar.gz": raw})
        assert {one.id: one.outcome for one in found.checks}["firmware/components.tar.gz"] is Outcome.HELD
    with pytest.raises(FormatError):
        firmware(**{"firmware/components.tar.gz": KERNEL + bytes(700) + b"x"})
    with pytest.raises(FormatError):
        firmware(**{"firmware/components.tar.gz": KERNEL + ROOTFS[:-9]})


def test_a_bomb_costs_little() -> None:
    """Ten megabytes that become ten gigabytes."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    piece = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    again = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    bomb = piece + again * 10_000
    tracemalloc.start()
    start = time.process_time()
    try:
        with pytest.raises(FormatError) as caught:
            firmware(**{"firmware/components.tar.gz": bomb})
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert caught.value.name == "too_large"
    assert peak < 16 << 20
    assert time.process_time() - start < 20


def test_nothing_at_all() -> None:
    with pytest.raises(FormatError) as caught:
        check({})
    assert caught.value.name == "unsupported_format"


def test_a_folder(tmp_path: pathlib.Path) -> None:
    for name, data in {
        "kernel.gz": KERNEL,
        "rootfs.gz": ROOTFS,
        "update.spec": spec(),
        "readme.txt": b"x",
        "kernel.gz.bak": b"",
    }.items():
        (tmp_path / "firmware").mkdir(exist_ok=True)
        (tmp_path / "firmware" / name).write_bytes(data)
    found = open_folder(tmp_path)
    assert found.ignored == ("firmware/kernel.gz.bak", "firmware/readme.txt")
    assert found.parts[0].read(5, 10) == KERNEL[5:15]
    for data in (KERNEL[:-1] + b"x", KERNEL[:-1], KERNEL[1:], b""):
        again = check({part.name: Memory((tmp_path / part.name).read_bytes()) for part in found.parts})
        assert again.checks == found.checks
        later = open_folder(tmp_path)
        (tmp_path / "firmware/kernel.gz").write_bytes(data)
        with pytest.raises(FormatError, match="changed since"):
            later.parts[0].read(0, 1)
        (tmp_path / "firmware/kernel.gz").write_bytes(KERNEL)


def test_a_part_that_goes_away(tmp_path: pathlib.Path) -> None:
    (tmp_path / "firmware").mkdir()
    for name, data in {"kernel.gz": KERNEL, "rootfs.gz": ROOTFS, "update.spec": spec()}.items():
        (tmp_path / "firmware" / name).write_bytes(data)
    found = open_folder(tmp_path)
    (tmp_path / "firmware/kernel.gz").unlink()
    with pytest.raises(LocalError) as caught:
        found.parts[0].read(0, 10)
    assert caught.value.name == "file_unreadable"
