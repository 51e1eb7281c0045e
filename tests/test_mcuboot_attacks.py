"""Attacks on MCUboot images: every bit, every length, every truncation, records twice, keys and signatures of others."""

import hashlib
import io
import itertools
import struct
import time
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from hypothesis import given, settings
from hypothesis import strategies as st

from formats.errors import FormatError, TrustError
from formats.keys import PrivateKey
from formats.mcuboot import payload, tlv, trailer
from formats.mcuboot.check import Outcome
from formats.mcuboot.extract import read
from formats.mcuboot.fields import fields
from formats.mcuboot.header import Flags, Header
from formats.mcuboot.image import open_image
from formats.mcuboot.kinds import SIZES, UNPROTECTED, Kind, is_vendor
from formats.versions import Version
from tests.mcuboot_samples import ED, SAMPLES, SMALL, Sample, sample, try_image, two_signatures
from tests.mcuboot_support import (
    ALGORITHMS,
    accept,
    area,
    by_hand,
    key,
    make,
    opened,
)
from tests.support import flips

# The whole census


@pytest.mark.parametrize("name", SAMPLES)
def test_a11_no_flipped_bit_and_no_truncation_is_accepted(name: str) -> None:
    which = sample(name)
    try_image(which, which.data)
    for bit, damaged in flips(which.data):
        with pytest.raises((FormatError, TrustError)):
            try_image(which, damaged)
            pytest.fail(f"bit {bit % 8} of byte {bit // 8} may be flipped")
    for size in set(range(len(which.data))) - {which.end}:
        with pytest.raises(FormatError):
            try_image(which, which.data[:size])
            pytest.fail(f"cut at {size}")
    if which.end < len(which.data):
        assert opened(which.data[: which.end]).trailer is None  # the same image, not padded


@pytest.mark.parametrize("name", SAMPLES)
def test_a3_nothing_may_be_appended(name: str) -> None:
    which = sample(name)
    for more in (b"\0", b"\xff", b"\xff" * 1024, bytes(1024), which.data, b"\xff" * 64 + b"x"):
        with pytest.raises(FormatError) as caught:
            try_image(which, which.data + more)
        assert caught.value.exit_code == 3


@pytest.mark.parametrize("name", SAMPLES)
def test_every_byte_has_a_name(name: str) -> None:
    which, at = sample(name), 0
    for field in fields(io.BytesIO(which.data)):
        assert (field.offset, field.size > 0, bool(field.name), bool(field.clause)) == (at, True, True, True)
        at += field.size
    assert at == len(which.data)


@settings(max_examples=150, deadline=None)
@given(name=st.sampled_from(["ed25519", "metadata", "two-signatures", "confirmed", "for-x25519", "compressed"]), data=st.data())
def test_damage_of_any_kind_is_refused_in_one_way(name: str, data: st.DataObject) -> None:
    which = sample(name)
    damaged = bytearray(which.data)
    start = data.draw(st.integers(0, len(damaged) - 1))
    size = data.draw(st.integers(0, 8))
    damaged[start : start + size] = data.draw(st.binary(max_size=8))
    if bytes(damaged) != which.data[: which.end] and not padded_otherwise(which, bytes(damaged)):
        with pytest.raises((FormatError, TrustError)):
            try_image(which, bytes(damaged))


def padded_otherwise(which: Sample, data: bytes) -> bool:
    """The same image with the same trailer, in a slot of another size perhaps: no number in the file says how large it is."""
    end = which.end
    return data[:end] == which.data[:end] and data[end:].lstrip(b"\xff") == which.data[end:].lstrip(b"\xff")


def test_nothing_in_a_file_says_how_large_its_slot_is() -> None:
    which = sample("confirmed")
    for more in (-1, 1, 64):
        padding = b"\xff" * more if more > 0 else b""
        other = which.data[: which.end] + padding + which.data[which.end - min(more, 0) :]
        try_image(which, other)
        assert padded_otherwise(which, other)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_refused_in_one_way(data: bytes) -> None:
    start = make(SMALL)[:32]
    for whole in (data, start + data, start[:16] + data):
        with pytest.raises(FormatError):
            accept(whole)


# Numbers that lie


def lies(size: int, width: int) -> Iterator[int]:
    top = (1 << 8 * width) - 1
    for n in (0, 1, top, top - 1, size - 1, size, size + 1, 1 << 15, 1 << 31, *(top + 1 - k for k in range(2, 70))):
        if 0 <= n <= top:
            yield n


FIELDS = {
    "header_size": (8, "H"),
    "protected_size": (10, "H"),
    "payload_size": (12, "I"),
    "flags": (16, "I"),
    "address": (4, "I"),
}


def test_a1_sizes_that_lie_are_refused() -> None:
    good = make(SMALL, key(ED), security_counter=3)
    for (at, form), (other, other_form) in itertools.product(FIELDS.values(), repeat=2):
        for number, second in itertools.product(lies(len(good), struct.calcsize(form)), (None, 0, 32, (1 << 16) - 1, len(good))):
            damaged = bytearray(good)
            struct.pack_into("<" + form, damaged, at, number)
            if second is not None:
                struct.pack_into("<" + other_form, damaged, other, second)
            if bytes(damaged) != good:
                with pytest.raises((FormatError, TrustError)):
                    accept(bytes(damaged), ED)


@pytest.mark.parametrize("name", ["metadata", "two-signatures", "pure", "for-p256", "big-endian"])
def test_a9_every_length_in_the_tlv_areas_is_exact(name: str) -> None:
    which = sample(name)
    image = opened(which.data)
    order = image.header.ORDER
    for places in (image.protected, image.unprotected):
        if not places.raw:
            continue
        for at in (places.offset + 2, *(one.offset + 2 for one in places.tlvs)):
            right = struct.unpack_from(order + "H", which.data, at)[0]
            for number in {*range(0, len(places.raw) + 9, 1), *lies(right, 2)} - {right}:
                damaged = bytearray(which.data)
                struct.pack_into(order + "H", damaged, at, number)
                with pytest.raises((FormatError, TrustError)):
                    try_image(which, bytes(damaged))


class Zeros(io.RawIOBase):
    """A file of any size: a start, zeros, an end."""

    def __init__(self, start: bytes, size: int, end: bytes = b"") -> None:
        self.start, self.size, self.tail, self.at, self.most = start, size, end, 0, 0

    def seek(self, offset: int, whence: int = 0) -> int:
        self.at = (0, self.at, self.size)[whence] + offset
        return self.at

    def read(self, size: int = -1) -> bytes:
        size = max(0, min(size, self.size - self.at))
        self.most = max(self.most, size)
        data = bytearray(size)
        for part, begin in ((self.start, 0), (self.tail, self.size - len(self.tail))):
            low, high = max(begin, self.at), min(begin + len(part), self.at + size)
            if low < high:
                data[low - self.at : high - self.at] = part[low - begin : high - begin]
        self.at += size
        return bytes(data)


def test_a5_an_image_of_four_gigabytes_is_opened_without_reading_it() -> None:
    size = 2**32 - 1
    head = Header(
        load_address=0, header_size=0xFFFF, protected_size=0, payload_size=size, flags=Flags(0), version=Version(1, 0, 0), pad=0
    ).build()
    end = area(0x6907, [(Kind.SHA256, bytes(32))])
    file = Zeros(head, 0xFFFF + size + len(end), end)
    started = time.process_time()
    tracemalloc.start()
    image = open_image(file)  # type: ignore[arg-type]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (image.payload.size, image.unprotected.offset) == (size, 0xFFFF + size)
    assert peak < 1 << 20
    assert time.process_time() - started < 2
    with pytest.raises(FormatError):
        open_image(Zeros(head, 4096))  # type: ignore[arg-type]


def test_the_payload_is_never_held_in_memory() -> None:
    start = make(SMALL)[:32]
    size = 24 << 20
    end = area(0x6907, [(Kind.SHA256, bytes(32))])
    file = Zeros(start[:12] + struct.pack("<I", size) + start[16:], 32 + size + len(end), end)
    tracemalloc.start()
    with pytest.raises(FormatError, match="hash differs"):
        read(file)  # type: ignore[arg-type]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6 << 20
    assert file.most <= payload.STEP


def test_padding_of_a_huge_slot_is_read_in_steps() -> None:
    image = make(SMALL, key(ED))
    file = Zeros(image, 48 << 20, trailer.build(8, "<", 0, confirmed=True))
    found = open_image(file).trailer  # type: ignore[arg-type]
    assert found is not None
    assert (found.confirmed, found.erased, found.offset) == (True, 0, (48 << 20) - 16)
    assert file.most <= trailer.STEP


# TLV areas


def test_types_stand_where_a_boot_loader_with_an_allow_list_takes_them() -> None:
    value = {kind: bytes(next(iter(sizes))) for kind, sizes in SIZES.items()}
    for number in range(0x10000):
        if (number in SIZES and number in UNPROTECTED) or number == Kind.SEC_CNT:
            continue
        if is_vendor(number):
            assert number & 0xFF >= 0xA0
            continue
        with pytest.raises(FormatError):
            tlv.parse(area(0x6907, [(number, value.get(Kind(number), b"") if number in SIZES else b"")]), 0x6907, "<", 0)
        if number not in SIZES:
            with pytest.raises(FormatError, match="unknown TLV"):
                tlv.parse(area(0x6908, [(number, b"")]), 0x6908, "<", 0)


@pytest.mark.parametrize("number", [0xA0, 0xFF, 0x1A0, 0xFFA0, 0xFFFE])
def test_vendor_types_stand_in_the_protected_area_only(number: int) -> None:
    data = by_hand(signer=key(ED), protected=[(number, b"mine"), (number, b"")])
    accept(data, ED)
    assert [one.value for one in opened(data).protected.tlvs] == [b"mine", b""]
    with pytest.raises(FormatError, match=r"protected|unknown"):
        opened(by_hand(signer=key(ED), after=[(number, b"mine")]))
    assert make(vendor_tlvs=((number, b"mine"),)) == by_hand(protected=[(number, b"mine")])


@pytest.mark.parametrize(
    "kind", [kind for kind in Kind if kind not in (Kind.DEPENDENCY, Kind.SIG_PURE)], ids=lambda kind: kind.name
)
def test_a8_a_second_record_of_a_kind_is_refused(kind: Kind) -> None:
    sizes = list(SIZES[kind])
    first, second = bytes(sizes[0]), bytes([1]) * min(sizes[-1], 500)
    for one, two in ((first, first), (first, second), (second, first)):
        doubled = [(kind, one), (kind, two)]
        with pytest.raises(FormatError):
            if kind in UNPROTECTED:
                accept(by_hand(signer=key(ED), after=doubled), ED)
            else:
                accept(by_hand(signer=key(ED), protected=doubled), ED)


def test_a8_a_second_hash_key_or_signature_is_refused() -> None:
    good = opened(by_hand(signer=key(ED)))
    digest, name, signature = ((one.type, one.value) for one in good.unprotected.tlvs)
    wrong: dict[str, list[Any]] = {
        "hash twice": [digest, digest, name, signature],
        "another hash": [digest, (Kind.SHA512, bytes(64)), name, signature],
        "no hash": [name, signature],
        "key twice": [digest, name, name, signature],
        "key without signature": [digest, name, signature, name],
        "signature without key": [digest, signature],
        "signature twice": [digest, name, signature, signature],
        "signs twice": [digest, name, signature, name, signature],
        "in the wrong area": [digest, name, signature, (Kind.SEC_CNT, bytes(4))],
    }
    for what, records in wrong.items():
        with pytest.raises(FormatError):
            accept(by_hand(unprotected=records), ED)
            pytest.fail(what)
    accept(by_hand(unprotected=[name, digest, signature]), ED)  # the order is free, as for the boot loader


def test_a23_one_key_by_hash_and_in_full_signs_once() -> None:
    digest, name, signature = ((one.type, one.value) for one in opened(by_hand(signer=key(ED))).unprotected.tlvs)
    data = by_hand(unprotected=[digest, name, signature, (Kind.PUBKEY, key(ED).public.der), signature])
    with pytest.raises(TrustError, match="signs twice"):
        accept(data, ED)


@pytest.mark.parametrize("size", [0, 1, 31, 33, 48, 64])
def test_a_key_hash_names_a_key_by_all_of_its_bytes(size: int) -> None:
    """The boot loader compares as many bytes as the record has: with none, any key fits."""
    digest, name, signature = ((one.type, one.value) for one in opened(by_hand(signer=key(ED))).unprotected.tlvs)
    with pytest.raises(FormatError, match=r"cannot have|another kind"):
        accept(by_hand(unprotected=[digest, (Kind.KEYHASH, name[1].ljust(64, b"\0")[:size]), signature]), ED)


def test_the_header_must_know_the_size_of_the_protected_area() -> None:
    data = bytearray(by_hand(protected=[(0xA0, b"123")]))
    struct.pack_into("<H", data, 10, 0)
    with pytest.raises(FormatError, match="0x6907"):
        opened(bytes(data))
    shorter = bytearray(by_hand(SMALL, protected=[(0xA0, b"1234")]))
    start = 32 + len(SMALL)
    shorter[start : start + 12] = struct.pack("<HHHHI", 0x6908, 8, 0xA0, 0, 0)  # and four bytes nobody would look at
    with pytest.raises(FormatError, match="the header says 12"):
        opened(bytes(shorter))
    empty = struct.pack("<HH", 0x6908, 4)
    with pytest.raises(FormatError):
        opened(by_hand()[:72] + empty + by_hand()[72:])


@pytest.mark.parametrize("kind", Kind, ids=lambda kind: kind.name)
def test_values_have_one_of_the_sizes_a_boot_loader_knows(kind: Kind) -> None:
    magic = 0x6907 if kind in UNPROTECTED else 0x6908
    for size in {*range(140), 255, 256, 257, 270, 383, 384, 385, 398, 65527}:
        raw = area(magic, [(kind, bytes(size))])
        if size in SIZES[kind]:
            assert tlv.parse(raw, magic, "<", 0).tlvs == (tlv.Tlv(kind, bytes(size), 4),)
        else:
            with pytest.raises(FormatError, match="cannot have"):
                tlv.parse(raw, magic, "<", 0)


def test_an_area_has_the_size_it_claims() -> None:
    for claim, word in ((0, "own head"), (3, "own head"), (5, "another size"), (12, "another size"), (65535, "another size")):
        with pytest.raises(FormatError, match=word):
            tlv.parse(struct.pack("<HH", 0x6907, claim) + bytes(4), 0x6907, "<", 0)
    with pytest.raises(FormatError, match="before its TLV area"):
        tlv.parse(b"\x07\x69\x04", 0x6907, "<", 0)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=64), st.sampled_from([0x6907, 0x6908]), st.sampled_from(["<", ">"]))
def test_an_area_parses_to_what_builds_it(body: bytes, magic: int, order: str) -> None:
    raw = struct.pack(order + "HH", magic, 4 + len(body)) + body
    try:
        found = tlv.parse(raw, magic, order, 100)
    except FormatError:
        return
    assert tlv.build(found.tlvs, magic, order) == (raw if found.tlvs else b"")


def test_areas_too_large_to_say_are_not_written() -> None:
    for records in ([(0xA0, bytes(65536))], [(0xA0, bytes(40000)), (0xA1, bytes(40000))]):
        with pytest.raises(FormatError) as caught:
            make(vendor_tlvs=tuple(records))
        assert caught.value.name == "too_large"
    with pytest.raises(FormatError, match="0xffff"):
        make(vendor_tlvs=((0xFFFF, b""),))


# Who signed


@pytest.mark.parametrize("name", ALGORITHMS)
def test_a17_the_algorithm_comes_from_the_trusted_key(name: str) -> None:
    """Every signature kind on every key, whatever the bytes are."""
    good = opened(by_hand(signer=key(name), hash_name="sha384" if name == "ecdsa-p384" else "sha256"))
    digest, named, signature = ((one.type, one.value) for one in good.unprotected.tlvs)
    for kind in (Kind.RSA2048_PSS, Kind.ECDSA_SIG, Kind.RSA3072_PSS, Kind.ED25519):
        for size in {64, 72, 256, 384, len(signature[1])} & set(SIZES[kind]):
            value = signature[1].ljust(size, b"\0")[:size]
            data = by_hand(hash_name=good.hash_name, unprotected=[digest, named, (kind, value)])
            if (kind, value) == signature or (name == "ecdsa-p256" and kind == Kind.ECDSA_SIG and size == 72):
                accept(data, name)
            else:
                with pytest.raises(TrustError):
                    accept(data, name)


def test_a17_each_key_goes_with_its_hash_only() -> None:
    names = {"rsa-2048": {"sha256"}, "ecdsa-p256": {"sha256"}, "ecdsa-p384": {"sha384"}, ED: {"sha256", "sha512"}}
    for name, allowed in names.items():
        for other in {"sha256", "sha384", "sha512"} - allowed:
            with pytest.raises(FormatError):
                make(SMALL, key(name), hash_name=other)
            digest = hashlib.new(other, by_hand()[:72]).digest()
            kind = {"sha256": Kind.SHA256, "sha384": Kind.SHA384, "sha512": Kind.SHA512}[other]
            signature = by_hand(signer=key(name), hash_name=min(allowed))
            value = opened(signature).signed[0].signature
            named = hashlib.new(other, _encoded(key(name))).digest()
            data = by_hand(unprotected=[(kind, digest), (Kind.KEYHASH, named), (value.type, value.value)])
            with pytest.raises(TrustError, match="goes with"):
                accept(data, name)


def _encoded(private: PrivateKey) -> bytes:
    from formats.mcuboot.signatures import key_bytes

    return key_bytes(private.public)


def test_a22_the_name_of_one_key_and_the_signature_of_another() -> None:
    mine, other = opened(make(SMALL, key(ED))), opened(make(SMALL, key("ed25519:other")))
    records = [mine.hash_tlv, mine.signed[0].key, other.signed[0].signature]
    data = by_hand(SMALL, unprotected=[(one.type, one.value) for one in records])
    for trusted in ([ED], ["ed25519:other"], [ED, "ed25519:other"]):
        with pytest.raises(TrustError):
            accept(data, *trusted)


def test_nobody_else_counts() -> None:
    data = make(SMALL, key(ED))
    for trusted in ((), ("ed25519:other",), ("rsa-2048",)):
        with pytest.raises(TrustError) as caught:
            accept(data, *trusted)
        assert caught.value.name == "bad_signature"
    with pytest.raises(TrustError) as caught:
        accept(make(SMALL), ED)
    assert caught.value.name == "not_signed"


def test_a23_a_threshold_counts_keys() -> None:
    data = two_signatures()
    accept(data, ED, threshold=1)
    accept(data, ED, "ecdsa-p256", threshold=2)
    for trusted, threshold in (((ED,), 2), ((ED, ED), 2), ((ED, "ecdsa-p256"), 3)):
        with pytest.raises(TrustError) as caught:
            accept(data, *trusted, threshold=threshold)
        assert caught.value.name == "trust_failed"
    with pytest.raises(TrustError):
        accept(make(SMALL), ED, threshold=0)


def test_a_bad_signature_by_a_trusted_key_spoils_the_good_one_beside_it() -> None:
    data = bytearray(two_signatures())
    data[-1] ^= 1
    with pytest.raises(TrustError, match="does not hold"):
        accept(bytes(data), ED, "ecdsa-p256")
    accept(bytes(data), ED)  # by a key nobody trusts it says nothing


def test_a11_only_the_name_of_an_unwanted_signer_may_change() -> None:
    """With one of two signatures needed, a changed key hash makes the other one a stranger's: no byte of it counts then."""
    data = two_signatures()
    image = opened(data)
    names = {at for pair in image.signed for at in range(pair.key.offset + 4, pair.key.offset + pair.key.size)}
    for bit, damaged in flips(data):
        if bit // 8 in names:
            assert [check.outcome for check in accept(damaged, ED, "ecdsa-p256")].count(Outcome.NOT_CHECKED) == 1
        else:
            with pytest.raises((FormatError, TrustError)):
                accept(damaged, ED, "ecdsa-p256")


def test_a19_another_form_of_a_signature_changes_no_identity() -> None:
    data = make(SMALL, key("ecdsa-p256"))
    image = opened(data)
    r, s = decode_dss_signature(image.signed[0].signature.value)
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    other = by_hand(
        SMALL,
        unprotected=[
            *((one.type, one.value) for one in image.unprotected.tlvs[:2]),
            (Kind.ECDSA_SIG, encode_dss_signature(r, order - s)),
        ],
    )
    accept(other, "ecdsa-p256")
    assert opened(other).hash_tlv.value == image.hash_tlv.value


def test_what_cannot_sign_images() -> None:
    for name in ("ml-dsa-65",):
        with pytest.raises(TrustError) as caught:
            make(SMALL, key(name))
        assert caught.value.name == "weak_key"
    with pytest.raises(FormatError):
        make(SMALL, key("ecdsa-p256"), pure=True)
    with pytest.raises(FormatError):
        make(SMALL, pure=True)
    with pytest.raises(FormatError):
        make(SMALL, key("ecdsa-p256"), key("ecdsa-p384"))
    with pytest.raises(FormatError, match="once"):
        make(SMALL, key(ED), key(ED))


def test_a_signer_that_returns_nonsense_is_noticed() -> None:
    class Broken:
        public = key(ED).public

        def sign(self, message: bytes, /) -> bytes:
            return bytes(64)

        sign_hashed = sign

    with pytest.raises(TrustError, match="does not hold"):
        make(SMALL, Broken())


def test_pure_signatures_cover_the_region_itself() -> None:
    data = make(SMALL, key(ED), pure=True)
    image = opened(data)
    assert key(ED).public.verify(image.signed[0].signature.value, data[: image.header.tlv_offset])
    assert (image.is_pure, image.hash_name) == (True, "sha512")
    without = [(one.type, one.value) for one in image.unprotected.tlvs if one.type != Kind.SIG_PURE]
    with pytest.raises(TrustError):
        accept(by_hand(SMALL, unprotected=without), ED)
    ordinary = [(one.type, one.value) for one in opened(make(SMALL, key(ED), hash_name="sha512")).unprotected.tlvs]
    with pytest.raises(TrustError):
        accept(by_hand(SMALL, unprotected=[*ordinary, (Kind.SIG_PURE, b"\x01")]), ED)
    p256 = [(one.type, one.value) for one in opened(make(SMALL, key("ecdsa-p256"))).unprotected.tlvs]
    for records in (p256, p256[:1], [*p256, *ordinary[1:]]):
        with pytest.raises(FormatError, match=r"only Ed25519|another kind"):
            opened(by_hand(SMALL, unprotected=[*records, (Kind.SIG_PURE, b"\x01")]))
    for value in (b"\0", b"\x02", b"\xff"):
        with pytest.raises(FormatError, match="sig_pure"):
            opened(by_hand(SMALL, unprotected=[*ordinary, (Kind.SIG_PURE, value)]))


def test_pure_signatures_of_large_images_are_refused_before_memory_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    data = make(bytes(3000), key(ED), pure=True)
    monkeypatch.setattr(payload, "MAX_PURE", 2000)
    for act in (lambda: accept(data, ED), lambda: make(bytes(3000), key(ED), pure=True)):
        with pytest.raises(FormatError) as caught:
            act()
        assert caught.value.name == "too_large"
