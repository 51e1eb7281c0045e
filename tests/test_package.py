"""The package: the same inputs give the same bytes, and no other byte than these is ever accepted."""

import io
import itertools
import pathlib
import struct
import sys
import time
import tracemalloc
from types import FrameType
from typing import Any, NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import formats
from formats.errors import FormatError, ToolError, TrustError
from formats.fwp import build, rules, table
from formats.fwp.blocks import BlockChecker
from formats.fwp.header import MAX_FILE, MAX_MANIFEST, Header
from formats.fwp.manifest import BLOCK_SIZES, ComponentType, Note
from formats.fwp.package import Package, seal
from formats.record import Record
from formats.signing import MAX_BLOCK_SIZE, MIN_BLOCK_SIZE, Signature, SignatureBlock, message_for
from tests.support import (
    KEY,
    P256_KEY,
    SECOND_KEY,
    STRANGER,
    accept,
    flips,
    make_package,
    part,
    pattern,
    sign_package,
    trust_of,
)

TRUST = trust_of(KEY)
SMALL = make_package([pattern(300)])
HEADER = Header.parse(SMALL[:64], len(SMALL))


def refused(data: bytes) -> ToolError:
    with pytest.raises((FormatError, TrustError)) as caught:
        accept(data, TRUST)
    return caught.value


def package_of(data: bytes) -> Package:
    return seal(io.BytesIO(data)).open()


# Building


def test_the_same_inputs_give_the_same_bytes() -> None:
    def made(signers: Any = (KEY, P256_KEY)) -> bytes:
        notes = (Note(language="en", text="Faster\nprinting"), Note(language="zh-Hans", text="打印更快"))
        parts = [part(pattern(5000), "app", address=0x1000), part(pattern(10), "os", version="2.1.0+9")]
        return make_package(parts, signers=signers, notes=notes, build_id="4f2a", build_time=1_700_000_000)

    assert made() == made() == made((P256_KEY, KEY))
    assert accept(made(), TRUST) == pattern(5000) + pattern(10)


def test_every_input_changes_the_identity() -> None:
    variants = [
        make_package(),
        make_package(version="1.0.1"),
        make_package(version="1.0.0+1"),
        make_package(hardware="VT-100:1..8"),
        make_package(hardware="VT-101:1..9"),
        make_package(counter=8),
        make_package(vendor="Other"),
        make_package(package_id="example.vt101"),
        make_package(build_id="x"),
        make_package(build_time=1),
        make_package(block_size=8192),
        make_package(notes=(Note(language="en", text="x"),)),
        make_package([pattern(301)]),
        make_package([pattern(300, seed=1)]),
        make_package([part(pattern(300), "c1")]),
        make_package([part(pattern(300), "c0", address=0)]),
        make_package([part(pattern(300), "c0", kind=ComponentType.OS)]),
        make_package([part(pattern(300), "c0", version="1.0.1")]),
    ]
    assert len({seal(io.BytesIO(data)).digest for data in variants}) == len(variants)


def edge_sizes(block_size: int) -> list[int]:
    return [1, block_size - 1, block_size, block_size + 1, 2 * block_size, 65 * block_size + 3]


@pytest.mark.parametrize("block_size", [4096, 16384, 65536])
def test_build_seal_verify_blocks_gives_the_input_back(block_size: int) -> None:
    contents = [pattern(size, seed=size) for size in edge_sizes(block_size)]
    data = make_package(contents, block_size=block_size)
    package = seal(io.BytesIO(data)).verify(TRUST)
    package.check_all()
    found = [b""] * len(contents)
    checker = BlockChecker(package.manifest, package.table)
    for index, block in package.blocks():
        component = package.manifest.component_of(index)
        found[package.manifest.components.index(component)] += block
        assert len(block) == package.manifest.installed_length(index)
        assert package.block(index, checker) == block
    assert found == contents
    assert len(package.table) == package.manifest.block_count == sum(-(-len(c) // block_size) for c in contents)
    assert [component.installed_size for component in package.manifest.components] == [len(c) for c in contents]


@given(sizes=st.lists(st.integers(1, 20_000), min_size=1, max_size=5), block_size=st.sampled_from(BLOCK_SIZES))
@settings(max_examples=30, deadline=None)
def test_any_components_come_back(sizes: list[int], block_size: int) -> None:
    contents = [pattern(size, seed=n) for n, size in enumerate(sizes)]
    assert accept(make_package(contents, block_size=block_size), TRUST) == b"".join(contents)


def test_reading_can_start_at_any_block() -> None:
    package = package_of(make_package([pattern(70 * 4096 + 5), pattern(4097, seed=1)]))
    whole = list(package.blocks())
    for first in (0, 1, 63, 64, 70, 71, 72, 73):
        assert list(package.blocks(first)) == whole[first:]
    with pytest.raises(IndexError):
        package.manifest.installed_length(73)


def test_what_goes_in_stands_in_the_manifest() -> None:
    parts = [part(b"boot", "boot", kind=ComponentType.BOOTLOADER, address=2**32), part(b"x", "maker", kind=0x8001)]
    manifest = package_of(make_package(parts, version="1.2.3+4", hardware="VT-100:2..5", counter=2**32 - 1)).manifest
    assert (str(manifest.version), str(manifest.hardware), manifest.security_counter) == (
        "1.2.3+4",
        "VT-100:2..5",
        2**32 - 1,
    )
    assert [component.type_name for component in manifest.components] == ["bootloader", "maker_8001"]
    assert manifest.components[0].address == 2**32


def test_parts_that_make_no_package_are_refused() -> None:
    one = part(b"abc", "one")
    too_many = [part(b"x", f"part {n}") for n in range(33)]
    for parts in ([], [part(b"", "empty")], [one, one], [part(b"x", "")], [part(b"x", "a\x1b[2J")], too_many):
        with pytest.raises(FormatError):
            make_package(parts)
    for wrong in (
        {"block_size": 5000},
        {"block_size": 131072},
        {"vendor": "x" * 256},
        {"counter": 2**32},
        {"counter": -1},
    ):
        with pytest.raises(FormatError):
            make_package(**wrong)  # type: ignore[arg-type]
    with pytest.raises(FormatError) as caught:
        make_package(notes=(Note(language="en", text="x" * MAX_MANIFEST),))
    assert caught.value.name == "too_large"


def test_a2_overlapping_components_are_refused() -> None:
    """Every pair of ranges on a small grid, held against set arithmetic."""
    ranges = [(start, size) for start in range(5) for size in range(1, 6 - start)]
    for (a, m), (b, n) in itertools.product(ranges, repeat=2):
        parts = [part(pattern(m), "a", address=a), part(pattern(n), "b", address=b)]
        if set(range(a, a + m)) & set(range(b, b + n)):
            with pytest.raises(FormatError):
                make_package(parts, signers=())
        else:
            make_package(parts, signers=())
    assert accept(make_package([b"no address", b"none either"]), TRUST)


def test_a1_addresses_at_the_end_of_the_address_space() -> None:
    assert make_package([part(b"ab", "a", address=2**64 - 3)])
    for address in (2**64 - 2, 2**64, -1):
        with pytest.raises(FormatError):
            make_package([part(b"ab", "a", address=address)])


# Damage


def test_a11_every_flipped_bit_is_refused() -> None:
    for bit, damaged in flips(SMALL):
        try:
            accept(damaged, TRUST)
        except (FormatError, TrustError):
            continue
        raise AssertionError(f"bit {bit % 8} of byte {bit // 8} does not matter")


def test_a11_every_flipped_bit_is_refused_with_two_signatures_of_two_kinds() -> None:
    trusted = trust_of(KEY, P256_KEY, threshold=2)
    data = make_package([b"x"], signers=(KEY, P256_KEY))
    for bit, damaged in flips(data):
        try:
            accept(damaged, trusted)
        except (FormatError, TrustError):
            continue
        raise AssertionError(f"bit {bit % 8} of byte {bit // 8} does not matter")


def test_a3_every_truncation_and_extension_is_refused() -> None:
    assert accept(SMALL, TRUST) == pattern(300)
    for size in range(len(SMALL)):
        refused(SMALL[:size])
    for tail in (bytes(1), b"\n", b"\xff", bytes(1024), SMALL, bytes(MAX_BLOCK_SIZE), SignatureBlock().build()):
        refused(SMALL + tail)
        refused(tail + SMALL)


def test_a3_a_byte_more_or_less_anywhere_is_refused() -> None:
    for at in range(len(SMALL)):
        refused(SMALL[:at] + SMALL[at + 1 :])
        refused(SMALL[:at] + b"\0" + SMALL[at:])


def test_a6_damage_in_any_block_is_found_with_its_place() -> None:
    data = make_package([pattern(70 * 4096 + 5)])
    start = package_of(data).sealed.header.payload_offset
    for index in range(71):
        at = start + index * 4096 + 3
        damaged = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        package = seal(io.BytesIO(damaged)).verify(TRUST)
        with pytest.raises(FormatError) as caught:
            package.check_all()
        assert caught.value.offset == start + index * 4096
        blocks = package.blocks()
        assert len(list(itertools.islice(blocks, index))) == index
        with pytest.raises(FormatError):
            next(blocks)


FIELDS = {"manifest": (12, "<I"), "table": (16, "<Q"), "payload": (24, "<Q")}


def values_for(code: str) -> list[int]:
    top = 1 << struct.calcsize(code) * 8
    size = len(SMALL)
    sizes = {
        size,
        HEADER.manifest_size,
        HEADER.table_size,
        HEADER.payload_size,
        MAX_MANIFEST,
        MAX_BLOCK_SIZE,
        2**31,
        2**63,
    }
    near = {value + offset for value in sizes for offset in (-1, 0, 1)}
    return sorted(value for value in {0, 1, top - 1, top - 2, *near, *(2**32 - k for k in range(1, 9))} if 0 <= value < top)


def refuse_quickly(data: bytes) -> None:
    """Refused with and without a look at the signatures, and without trying to read what is not there."""
    began = time.perf_counter()
    refused(data)
    refused(sign_package_blindly(data))
    with pytest.raises(FormatError):
        package_of(data).check_all()
    assert time.perf_counter() - began < 1


def sign_package_blindly(data: bytes) -> bytes:
    """Signed over what the header now claims, if it can be read at all: what a careless signer would hand out."""
    try:
        return sign_package(data, KEY)
    except FormatError:
        return data


def test_a1_header_size_fields_that_lie_are_refused_quickly() -> None:
    tracemalloc.start()
    try:
        for name, (at, code) in FIELDS.items():
            for value in values_for(code):
                lying = bytearray(SMALL)
                struct.pack_into(code, lying, at, value)
                if lying != SMALL:
                    refuse_quickly(bytes(lying))
            assert name
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


def test_a1_pairs_of_header_fields_that_lie_are_refused() -> None:
    for (at, code), (other_at, other_code) in itertools.combinations(FIELDS.values(), 2):
        for value, other in itertools.product(values_for(code), values_for(other_code)):
            lying = bytearray(SMALL)
            struct.pack_into(code, lying, at, value)
            struct.pack_into(other_code, lying, other_at, other)
            if lying != SMALL:
                refused(bytes(lying))


def test_a1_sizes_that_are_shifted_between_sections_are_refused() -> None:
    """The sum stays right, the borders move."""
    for shift in (1, 4, 32, 36, 64):
        for signs in itertools.permutations((shift, -shift, 0)):
            sizes = [size + by for size, by in zip(HEADER, signs, strict=True)]
            if min(sizes) >= 0:
                refuse_quickly(Header(*sizes).build() + SMALL[64:])


def test_header_versions_and_reserved_space() -> None:
    assert Header.parse(SMALL[:64], None) == Header.parse(SMALL[:64], len(SMALL)) == HEADER
    assert HEADER.build() == SMALL[:64]
    for at, new in ((8, b"\2\0"), (8, b"\0\0"), (0, b"FWQ"), (4, b"\n\n")):
        assert refused(SMALL[:at] + new + SMALL[at + len(new) :]).name == "unsupported_format"
    for at in range(32, 64):
        assert refused(SMALL[:at] + b"\1" + SMALL[at + 1 :]).name == "damaged_file"
    assert "short" in refused(SMALL[:-1]).message
    assert "long" in refused(SMALL + b"\0").message
    for size in (0, 1, 63):
        assert refused(SMALL[:size]).name == "unsupported_format"


def test_a1_the_largest_sizes_a_header_may_name() -> None:
    rest = 64 + 1 + 32
    assert Header.parse(Header(1, MAX_FILE - rest, 0).build(), None).signatures_offset == MAX_FILE
    for sizes in (
        (1, MAX_FILE - rest + 1, 0),
        (1, 0, 2**64 - 1),
        (1, 2**64 - 1, 2**64 - 1),
        (0, 0, 0),
        (MAX_MANIFEST + 1, 0, 0),
    ):
        with pytest.raises(FormatError):
            Header.parse(Header(*sizes).build(), None)
    for size in (MIN_BLOCK_SIZE - 1, MAX_BLOCK_SIZE + 1):
        with pytest.raises(FormatError):
            HEADER.check_file_size(HEADER.signatures_offset + size)


# The manifest, as an unsigned file or a careless signer may hold it


def with_manifest_byte(at: int, value: int) -> bytes:
    return SMALL[: 64 + at] + bytes([value]) + SMALL[64 + at + 1 :]


def component_offset() -> int:
    manifest = SMALL[64 : 64 + HEADER.manifest_size]
    return manifest.index(package_of(SMALL).manifest.components[0].build())


def test_a5_any_byte_of_the_manifest_with_any_value_raises_one_kind_of_error() -> None:
    for at in range(HEADER.manifest_size):
        old = SMALL[64 + at]
        for value in {0, 1, 2, 0x1B, 0x7F, 0x80, 0xC0, 0xFE, 0xFF, *(old ^ 1 << bit for bit in range(8))} - {old}:
            try:
                package = package_of(with_manifest_byte(at, value))
                package.check_all()
            except FormatError:
                continue
            assert package.manifest.build() == with_manifest_byte(at, value)[64 : 64 + HEADER.manifest_size]


@pytest.mark.parametrize(("field", "offset"), [("encoding", 2), ("cipher", 3), ("slot", 4), ("variant_of", 5)])
def test_a17_unknown_ways_to_store_are_refused_even_when_signed(field: str, offset: int) -> None:
    at = component_offset() + offset
    assert with_manifest_byte(at, 0) == SMALL, field
    for value in range(1, 256):
        error = refused(sign_package(with_manifest_byte(at, value), KEY))
        assert isinstance(error, FormatError)
        known = {"encoding": (1, 2), "cipher": (1,), "slot": (1,)}
        if field != "variant_of" and value not in known[field]:
            assert field in error.message.lower()


def test_unknown_component_types_are_refused_even_when_signed() -> None:
    at = component_offset()
    known = {kind.value for kind in ComponentType}
    for kind in {0, *range(13, 300), 0x7FFF}:
        assert kind not in known
        wrong = SMALL[: 64 + at] + struct.pack("<H", kind) + SMALL[64 + at + 2 :]
        assert "component type" in refused(sign_package(wrong, KEY)).message


def test_a5_sizes_in_the_manifest_that_lie_are_refused_even_when_signed() -> None:
    component = package_of(SMALL).manifest.components[0]
    at = 64 + component_offset()
    for offset, code in ((24, "<Q"), (32, "<Q"), (40, "<I")):
        original = struct.unpack_from(code, SMALL, at + offset)[0]
        assert original == {24: component.installed_size, 32: component.stored_size, 40: component.first_block}[offset]
        for value in values_for(code):
            lying = bytearray(SMALL)
            struct.pack_into(code, lying, at + offset, value)
            if value != original:
                refuse_quickly(bytes(lying))


def test_a11_a_component_digest_that_lies_is_refused_even_when_signed() -> None:
    at = component_offset() + 44
    for n in range(32):
        lying = sign_package(with_manifest_byte(at + n, SMALL[64 + at + n] ^ 1), KEY)
        assert "digest of component" in refused(lying).message


def test_a11_table_lengths_that_lie_are_refused_even_when_signed() -> None:
    index, entry = SMALL[HEADER.table_offset :][:32], SMALL[HEADER.table_offset + 32 :][:36]
    for length in (0, 1, 299, 301, 4096, 2**31, 2**32 - 1):
        page = table.build_page([table.Entry(table.Shape(1).entry_in(entry, 0).digest, length)])
        new_index = table.root_of(page)
        root = table.root_of(new_index)
        lying = SMALL[: HEADER.signed_size - 32] + root + new_index + page + SMALL[HEADER.payload_offset :]
        assert "impossible length" in refused(sign_package(lying, KEY)).message
    assert table.root_of(entry) == index


# Signatures


def test_a19_the_identity_does_not_change_with_signatures() -> None:
    unsigned = make_package(signers=())
    signed = [make_package(signers=signers) for signers in ((KEY,), (KEY, SECOND_KEY), (P256_KEY, STRANGER))]
    assert len({len(data) for data in [unsigned, *signed]}) >= 3
    assert len({seal(io.BytesIO(data)).digest for data in [unsigned, *signed]}) == 1
    out = io.BytesIO()
    build.rewrite(seal(io.BytesIO(signed[1])), SignatureBlock(), out)
    assert out.getvalue() == unsigned


def test_a17_a_package_without_good_signatures_is_refused() -> None:
    assert refused(make_package(signers=())).name == "not_signed"
    assert refused(make_package(signers=(STRANGER,))).name == "bad_signature"
    assert accept(make_package(signers=(KEY, STRANGER)), TRUST) == pattern(300)


def test_a29_parts_of_two_releases_do_not_mix() -> None:
    releases = [make_package([pattern(300, seed)], version=f"1.0.{seed}") for seed in (1, 2)]
    heads = [Header.parse(data[:64], len(data)) for data in releases]
    assert heads[0] == heads[1]
    cuts = [
        0,
        64,
        heads[0].signed_size - 32,
        heads[0].signed_size,
        heads[0].payload_offset,
        heads[0].signatures_offset,
        None,
    ]
    for choice in itertools.product((0, 1), repeat=6):
        mixed = b"".join(releases[c][start:end] for c, start, end in zip(choice, cuts, cuts[1:], strict=False))
        if mixed in releases:
            assert accept(mixed, TRUST)
        else:
            refused(mixed)


def badly_signed() -> dict[str, bytes]:
    digest = seal(io.BytesIO(SMALL)).digest
    body = SMALL[: HEADER.signatures_offset]
    wrong = Signature(KEY.public.key_id, KEY.sign(message_for("trust", digest)))
    return {
        "not signed": make_package(signers=()),
        "unknown key": make_package(signers=(STRANGER,)),
        "for another kind of object": body + SignatureBlock((wrong,)).build(),
        "changed manifest": SMALL[:100] + bytes([SMALL[100] ^ 1]) + SMALL[101:],
        "changed root": SMALL[: HEADER.signed_size - 1]
        + bytes([SMALL[HEADER.signed_size - 1] ^ 1])
        + SMALL[HEADER.signed_size :],
    }


@pytest.mark.parametrize("case", badly_signed())
def test_a12_nothing_is_parsed_before_the_signature_holds(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*arguments: object, **named: object) -> NoReturn:
        raise AssertionError("parsed before the signature was checked")

    monkeypatch.setattr(rules, "read", never)
    monkeypatch.setattr(Record, "parse", never)
    monkeypatch.setattr(table.Table, "__init__", never)
    with pytest.raises(TrustError):
        seal(io.BytesIO(badly_signed()[case])).verify(TRUST)
    with pytest.raises(AssertionError):
        seal(io.BytesIO(SMALL)).verify(TRUST)


@pytest.mark.parametrize("case", badly_signed())
def test_a12_only_the_fixed_parsers_run_before_the_signature_holds(case: str) -> None:
    root = pathlib.Path(formats.__file__).parent
    data, entered = badly_signed()[case], set()

    def note(frame: FrameType, event: str, argument: object) -> None:
        file = pathlib.Path(frame.f_code.co_filename)
        if event == "call" and (file.is_relative_to(root) or "construct" in file.parts):
            entered.add(file.name)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        with pytest.raises(TrustError):
            seal(io.BytesIO(data)).verify(TRUST)
    finally:
        sys.setprofile(before)
    assert {"package.py", "header.py", "signing.py", "trust.py"} <= entered
    assert entered <= {"package.py", "header.py", "signing.py", "trust.py", "keys.py", "errors.py", "algorithms.py"}


# Files that change while they are read


class Fickle(io.BytesIO):
    """Gives `first` until `turn` is called, `second` from then on."""

    def __init__(self, first: bytes, second: bytes) -> None:
        super().__init__(first)
        self._second = second

    def turn(self) -> None:
        at = self.tell()
        self.seek(0)
        self.truncate()
        self.write(self._second)
        self.seek(at)


class SecondReadDiffers(io.BytesIO):
    """From the second time that a byte of a range is read, other bytes come."""

    def __init__(self, data: bytes, spot: int) -> None:
        super().__init__(data)
        self._spot, self.reads = spot, 0

    def readinto(self, buffer: Any) -> int:
        at = self.tell()
        count = super().readinto(buffer)
        if at <= self._spot < at + count:
            self.reads += 1
            if self.reads > 1:
                memoryview(buffer)[self._spot - at] ^= 1
        return count


def test_a13_blocks_that_differ_on_the_second_read_are_noticed() -> None:
    data = make_package([pattern(3 * 4096 + 1)])
    start = Header.parse(data[:64], len(data)).payload_offset
    for index, within in itertools.product(range(4), (0, 1, 4095)):
        if index == 3 and within:
            continue
        file = SecondReadDiffers(data, start + index * 4096 + within)
        package = seal(file).verify(TRUST)
        package.check_all()
        assert file.reads == 1
        blocks = package.blocks()
        assert len(list(itertools.islice(blocks, index))) == index
        with pytest.raises(FormatError):
            next(blocks)


def test_a13_whatever_changes_after_the_check_is_noticed_or_unused() -> None:
    """Every byte of the file, changed between `verify` and the reading of the blocks."""
    for at in range(len(SMALL)):
        file = Fickle(SMALL, SMALL[:at] + bytes([SMALL[at] ^ 0xFF]) + SMALL[at + 1 :])
        package = seal(file).verify(TRUST)
        file.turn()
        try:
            assert b"".join(block for _, block in package.blocks()) == pattern(300)
        except FormatError:
            assert HEADER.table_offset <= at < HEADER.signatures_offset


def test_a13_every_byte_that_differs_on_its_second_read_is_noticed_or_unused() -> None:
    for at in range(len(SMALL)):
        try:
            package = seal(SecondReadDiffers(SMALL, at)).verify(TRUST)
            package.check_all()
            assert b"".join(block for _, block in package.blocks()) == pattern(300)
        except (FormatError, TrustError):
            continue


def test_a13_pages_of_the_table_are_checked_each_time_they_are_read() -> None:
    data = make_package([pattern(130 * 4096)])
    head = Header.parse(data[:64], len(data))
    at = head.table_offset + 3 * 32 + 5
    file = Fickle(data, data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
    package = seal(file).verify(TRUST)
    package.check_all()
    file.turn()
    with pytest.raises(FormatError):
        next(package.blocks(3))


def test_a13_a_file_cut_after_the_check_is_noticed() -> None:
    for size in range(0, HEADER.signatures_offset, 7):
        file = Fickle(SMALL, SMALL[:size])
        package = seal(file).verify(TRUST)
        file.turn()
        with pytest.raises(FormatError):
            list(package.blocks())


def test_a13_a_source_that_changes_its_size_while_it_is_packed_is_refused() -> None:
    class Liar:
        size, address = 100, None

        def __init__(self, real: int) -> None:
            self._real = real

        def chunks(self, size: int) -> Any:
            yield bytes(self._real)

    for real in (1, 99, 101, 4096):
        with pytest.raises(FormatError):
            make_package([build.Part(ComponentType.DATA, "liar", Liar(real))])
