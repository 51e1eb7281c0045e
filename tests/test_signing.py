"""Signature blocks and trust: damage is told from distrust, and only distinct, known keys count."""

import hashlib
import itertools
import struct

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from hypothesis import given, settings
from hypothesis import strategies as st

from formats import trust, trust_record
from formats.errors import FormatError, TrustError
from formats.signing import (
    MAX_BLOCK_SIZE,
    MAX_SIGNATURE_SIZE,
    MAX_SIGNATURES,
    MIN_BLOCK_SIZE,
    OBJECTS,
    Signature,
    SignatureBlock,
    message_for,
)
from formats.trust import Check
from tests.support import (
    KEY,
    P256_KEY,
    SECOND_KEY,
    STRANGER,
    THIRD_KEY,
    ed25519_key,
    flips,
    p256_key,
    pattern,
    signatures_of,
    trust_of,
)

DIGEST = hashlib.sha256(b"what is signed").digest()
BLOCK = signatures_of("package", DIGEST, KEY, P256_KEY)
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

entries = st.lists(
    st.builds(Signature, st.binary(min_size=32, max_size=32), st.binary(min_size=1, max_size=200)),
    max_size=MAX_SIGNATURES,
    unique_by=lambda signature: signature.key_id,
)


def written(*signatures: Signature, count: int | None = None, tail: bytes = b"") -> bytes:
    """A block with a good digest around whatever it is given."""
    body = b"".join(struct.pack("<32sHH", s.key_id, len(s.value), 0) + s.value for s in signatures) + tail
    number = len(signatures) if count is None else count
    head = struct.pack("<4sHHI", b"FWSB", number, 0, 12 + len(body) + 32)
    return head + body + hashlib.sha256(head + body).digest()


def resealed(data: bytes) -> bytes:
    """The block with the digest that its bytes now need: damage that no digest shows."""
    return data[:-32] + hashlib.sha256(data[:-32]).digest()


@given(signatures=entries)
@settings(deadline=None)
def test_block_round_trip(signatures: list[Signature]) -> None:
    block = SignatureBlock()
    for signature in signatures:
        block = block.adding(signature)
    data = block.build()
    assert SignatureBlock.parse(data) == block == SignatureBlock(tuple(sorted(signatures)))
    assert SignatureBlock.parse(memoryview(data)).build() == data
    assert data == written(*sorted(signatures))


def test_an_empty_block_is_the_smallest() -> None:
    assert len(SignatureBlock().build()) == MIN_BLOCK_SIZE
    assert SignatureBlock.parse(SignatureBlock().build()).signatures == ()


@pytest.mark.parametrize("block", [SignatureBlock(), BLOCK], ids=["empty", "two signatures"])
def test_a11_every_flipped_bit_is_refused(block: SignatureBlock) -> None:
    for bit, damaged in flips(block.build()):
        with pytest.raises(FormatError):
            SignatureBlock.parse(damaged)
            raise AssertionError(f"bit {bit} was accepted")


def test_a11_flipped_bits_under_a_new_digest_change_signatures_only() -> None:
    """Whoever damages a block can also renew its digest; then nothing but key ids and values may differ."""
    data = BLOCK.build()
    for bit, damaged in flips(data[:-32]):
        try:
            found = SignatureBlock.parse(resealed(damaged + bytes(32)))
        except FormatError:
            continue
        assert found.build() == resealed(damaged + bytes(32)), bit
        assert found != BLOCK
        with pytest.raises(TrustError):
            trust_of(KEY, P256_KEY, threshold=2).require("package", DIGEST, found)


def test_a3_every_truncation_and_extension_is_refused() -> None:
    data = BLOCK.build()
    wrong = [data[:size] for size in range(len(data))]
    wrong += [data + bytes([value]) for value in range(256)]
    wrong += [bytes([value]) + data for value in range(256)]
    wrong += [data + bytes(1024), data + data, data + bytes(MAX_BLOCK_SIZE)]
    for one in wrong:
        with pytest.raises(FormatError):
            SignatureBlock.parse(one)


def test_a3_every_resealed_truncation_is_refused() -> None:
    data = BLOCK.build()
    for size in range(12, len(data) - 32):
        head = data[:8] + struct.pack("<I", size + 32)
        with pytest.raises(FormatError):
            SignatureBlock.parse(resealed((head + data[12:size]).ljust(size, b"\0") + bytes(32)))


def test_a9_lengths_that_lie_are_refused() -> None:
    data = BLOCK.build()
    first = len(BLOCK.signatures[0].value)
    for length in {*range(8192), 0x7FFF, 0x8000, 0xFFFE, 0xFFFF} - {first}:
        lying = bytearray(data)
        lying[44:46] = struct.pack("<H", length)
        with pytest.raises(FormatError):
            SignatureBlock.parse(resealed(bytes(lying)))


def test_a5_counts_that_lie_are_refused() -> None:
    for count in {*range(0x10000)} - {len(BLOCK.signatures)}:
        with pytest.raises(FormatError):
            SignatureBlock.parse(written(*BLOCK.signatures, count=count))
    with pytest.raises(FormatError):
        SignatureBlock.parse(written(*BLOCK.signatures, tail=b"\0"))


def test_a23_out_of_order_and_duplicate_keys_are_refused() -> None:
    low, high = Signature(bytes(32), b"a"), Signature(b"\1" * 32, b"b")
    assert SignatureBlock.parse(written(low, high)).signatures == (low, high)
    for wrong in [(high, low), (low, low), (low, Signature(low.key_id, b"other")), (low, high, high), (low, high, low)]:
        with pytest.raises(FormatError):
            SignatureBlock.parse(written(*wrong))


def test_impossible_entries_are_refused() -> None:
    for value in (b"", bytes(MAX_SIGNATURE_SIZE + 1)):
        with pytest.raises(FormatError):
            SignatureBlock.parse(written(Signature(bytes(32), value)))
    assert SignatureBlock.parse(written(Signature(bytes(32), bytes(MAX_SIGNATURE_SIZE)))).signatures
    many = [Signature(bytes([n]) * 32, b"s") for n in range(MAX_SIGNATURES + 1)]
    assert SignatureBlock.parse(written(*many[:-1])).signatures
    with pytest.raises(FormatError):
        SignatureBlock.parse(written(*many))


def test_a_full_block_takes_no_more() -> None:
    block = SignatureBlock()
    for n in range(MAX_SIGNATURES):
        block = block.adding(Signature(bytes([n]) * 32, b"s"))
    assert len(block.adding(Signature(bytes(32), b"replaced")).signatures) == MAX_SIGNATURES
    with pytest.raises(FormatError) as caught:
        block.adding(Signature(b"\xff" * 32, b"s"))
    assert caught.value.name == "too_large"
    large = SignatureBlock()
    with pytest.raises(FormatError) as caught:
        for n in range(5):
            large = large.adding(Signature(bytes([n]) * 32, bytes(MAX_SIGNATURE_SIZE)))
    assert caught.value.name == "too_large"


@given(data=st.binary(max_size=400), head=st.booleans())
@settings(max_examples=300, deadline=None)
def test_random_bytes_are_no_block(data: bytes, head: bool) -> None:
    junk = written(tail=data, count=1) if head else data
    try:
        block = SignatureBlock.parse(junk)
    except FormatError:
        return
    assert block.build() == junk


# Trust


def test_thresholds_count() -> None:
    known = [KEY, SECOND_KEY, THIRD_KEY]
    for threshold, number in itertools.product((1, 2, 3), range(4)):
        trusted = trust_of(*known, threshold=threshold)
        for signers in itertools.combinations(known, number):
            block = signatures_of("package", DIGEST, *signers)
            if number >= threshold:
                assert [one.check for one in trusted.require("package", DIGEST, block)] == [Check.VALID] * number
                continue
            with pytest.raises(TrustError) as caught:
                trusted.require("package", DIGEST, block)
            assert caught.value.name == ("bad_signature" if number else "not_signed")


def test_a22_unknown_keys_never_count() -> None:
    trusted = trust_of(KEY, SECOND_KEY, threshold=2)
    strangers = [ed25519_key(f"stranger {n}") for n in range(6)]
    for block in (signatures_of("package", DIGEST, *strangers), signatures_of("package", DIGEST, KEY, *strangers)):
        with pytest.raises(TrustError) as caught:
            trusted.require("package", DIGEST, block)
        assert caught.value.name == "bad_signature"
    judged = trusted.require("package", DIGEST, signatures_of("package", DIGEST, KEY, SECOND_KEY, *strangers))
    assert sum(one.check is Check.UNKNOWN_KEY for one in judged) == len(strangers)
    assert sum(one.check is Check.VALID for one in judged) == 2


def test_a22_a_borrowed_key_id_does_not_help() -> None:
    message = message_for("package", DIGEST)
    for known, other in itertools.permutations([KEY, SECOND_KEY, P256_KEY, p256_key("other")], 2):
        block = SignatureBlock((Signature(known.public.key_id, other.sign(message)),))
        with pytest.raises(TrustError) as caught:
            trust_of(known).require("package", DIGEST, block)
        assert caught.value.name == "bad_signature"


def test_a22_key_ids_that_share_a_prefix_are_different() -> None:
    for length in range(32):
        near = KEY.public.key_id[:length] + bytes(byte ^ 0xFF for byte in KEY.public.key_id[length:])
        block = SignatureBlock((Signature(near, KEY.sign(message_for("package", DIGEST))),))
        assert [one.check for one in trust_of(KEY).judge("package", DIGEST, block)] == [Check.UNKNOWN_KEY]


def test_a17_the_algorithm_is_that_of_the_key() -> None:
    for key in (KEY, P256_KEY):
        for value in (b"\0", bytes(64), bytes(72), b"none", KEY.public.der, pattern(64), pattern(72)):
            block = SignatureBlock((Signature(key.public.key_id, value),))
            with pytest.raises(TrustError) as caught:
                trust_of(key).require("package", DIGEST, block)
            assert caught.value.name == "bad_signature"
    with pytest.raises(TrustError) as caught:
        trust_of(KEY).require("package", DIGEST, SignatureBlock())
    assert caught.value.name == "not_signed"


def test_a_bad_signature_by_a_trusted_key_fails_even_when_the_threshold_is_met() -> None:
    trusted = trust_of(KEY, SECOND_KEY, P256_KEY, threshold=1)
    for bad in (SECOND_KEY, P256_KEY):
        wrong = Signature(bad.public.key_id, bad.sign(b"something else"))
        block = signatures_of("package", DIGEST, KEY).adding(wrong)
        with pytest.raises(TrustError) as caught:
            trusted.require("package", DIGEST, block)
        assert caught.value.name == "bad_signature"
        assert [one.check for one in trusted.judge("package", DIGEST, block)].count(Check.INVALID) == 1


def test_a19_another_form_of_the_same_signature_counts_once() -> None:
    value = P256_KEY.sign(message_for("package", DIGEST))
    r, s = decode_dss_signature(value)
    other = Signature(P256_KEY.public.key_id, encode_dss_signature(r, P256_ORDER - s))
    first = Signature(P256_KEY.public.key_id, value)
    with pytest.raises(FormatError):
        SignatureBlock.parse(written(*sorted([first, other])))
    by_hand = SignatureBlock(tuple(sorted([first, other])))  # no parser hands this out; counting must hold all the same
    with pytest.raises(TrustError):
        trust_of(KEY, P256_KEY, threshold=2).require("package", DIGEST, by_hand)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a23_thresholds_that_make_no_sense_are_refused(number: int) -> None:
    keys = [(str(n), ed25519_key(str(n)).public) for n in range(number)]
    for threshold in (0, -1, -255, number + 1, 255, 256, 2**32 + 1):
        with pytest.raises(FormatError):
            trust.create(keys, threshold=threshold)
    for threshold in range(1, number + 1):
        assert len(trust.parse(trust.create(keys, threshold=threshold)).keys) == number


def test_a23_the_same_key_twice_is_refused() -> None:
    for names in (("a", "a"), ("a", "b")):
        for threshold in (1, 2):
            with pytest.raises(FormatError) as caught:
                trust.create([(name, KEY.public) for name in names], threshold=threshold)
            assert caught.value.name == "usage"
    with pytest.raises(FormatError):
        trust.create([], threshold=1)
    with pytest.raises(FormatError):
        trust.create([(str(n), ed25519_key(str(n)).public) for n in range(trust_record.MAX_KEYS + 1)], threshold=1)


def trust_file(threshold: int, indices: tuple[int, ...], *ders: bytes, roles: int = 1) -> bytes:
    """A trust file written without the checks of `trust.create`."""
    role = trust_record.RoleEntry(role=trust_record.Role.SIGNER, threshold=threshold, keys=indices)
    entries = tuple(trust_record.KeyEntry(name=f"key {n}", expires=0, der=der) for n, der in enumerate(ders))
    body = trust_record.TrustRecord(
        version=1, created=0, expires=0, keys=entries, roles=(role,) * roles, revoked=(), models=()
    ).build()
    return trust.MAGIC + struct.pack("<I", len(body)) + body + SignatureBlock().build()


def test_a23_trust_files_with_senseless_rules_are_refused() -> None:
    first, second = (key.public.der for key in sorted([KEY, SECOND_KEY], key=lambda key: key.public.key_id))
    assert trust.parse(trust_file(2, (0, 1), first, second))
    for wrong in (
        trust_file(0, (0, 1), first, second),
        trust_file(3, (0, 1), first, second),
        trust_file(2, (0, 0), first, second),
        trust_file(1, (1, 0), first, second),
        trust_file(1, (0, 2), first, second),
        trust_file(1, (), first, second),
        trust_file(0, (), first, second),
        trust_file(2, (0, 1), first, first),
        trust_file(2, (0, 1), second, first),
        trust_file(2, (0, 1), first, first + b"\0"),
        trust_file(1, (0,), first, roles=2),
        trust_file(1, (0,), first, roles=0),
        trust_file(1, (0,)),
    ):
        with pytest.raises(FormatError):
            trust.parse(wrong)


def test_a23_a_second_encoding_of_a_key_is_refused() -> None:
    """The compressed form of a point is the same key in other bytes."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    point = P256_KEY.public.handle.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    whole = P256_KEY.public.der
    compressed = b"\x30\x39" + whole[2:23] + b"\x03\x22\0" + point
    for file in (trust_file(1, (0,), compressed), trust_file(2, (0, 1), *sorted([compressed, whole]))):
        with pytest.raises(FormatError):
            trust.parse(file)
    with pytest.raises(FormatError):
        trust.parse(trust_file(1, (0,), KEY.public.pem()))


def test_damaged_trust_files_raise_one_kind_of_error_and_never_weaken_the_rule() -> None:
    data = trust_of(KEY, P256_KEY, threshold=2).raw
    for size in range(len(data)):
        with pytest.raises(FormatError):
            trust.parse(data[:size])
    for tail in (b"\0", bytes(1024), data):
        with pytest.raises(FormatError):
            trust.parse(data + tail)
    alone = signatures_of("package", DIGEST, STRANGER)
    for bit, damaged in flips(data):
        try:
            found = trust.parse(damaged)
        except (FormatError, TrustError):
            continue
        with pytest.raises(TrustError):
            found.require("package", DIGEST, alone)
            raise AssertionError(f"bit {bit}")


def test_a_trust_file_has_an_identity() -> None:
    one = trust_of(KEY, SECOND_KEY, threshold=1)
    assert one.digest != trust_of(KEY, SECOND_KEY, threshold=2).digest
    signed = signatures_of("trust", one.digest, STRANGER).build()
    again = trust.parse(one.raw[: -len(SignatureBlock().build())] + signed)
    assert again.digest == one.digest
    assert trust.parse(KEY.public.pem()).keys == (KEY.public,)


@pytest.mark.parametrize("key", [KEY, P256_KEY], ids=["ed25519", "p256"])
def test_a14_signatures_for_one_kind_of_object_do_not_pass_for_another(key: object) -> None:
    assert key in (KEY, P256_KEY)
    trusted = trust_of(key)  # type: ignore[arg-type]
    for signed_as, used_as in itertools.product(OBJECTS, repeat=2):
        block = signatures_of(signed_as, DIGEST, key)  # type: ignore[arg-type]
        if signed_as == used_as:
            assert trusted.require(used_as, DIGEST, block)
            continue
        with pytest.raises(TrustError) as caught:
            trusted.require(used_as, DIGEST, block)
        assert caught.value.name == "bad_signature"


def test_a14_messages_are_unambiguous() -> None:
    messages = [message_for(kind, digest) for kind in OBJECTS for digest in (DIGEST, bytes(32), b"\xff" * 32)]
    assert len(set(messages)) == len(messages)
    assert not any(a.startswith(b) for a, b in itertools.permutations(messages, 2))
    assert message_for("package", DIGEST) == b"fwtool/package/v1\0" + DIGEST
    for kind, digest in (("", DIGEST), ("packages", DIGEST), ("package", b""), ("package", DIGEST + b"\0")):
        with pytest.raises(ValueError):
            message_for(kind, digest)
