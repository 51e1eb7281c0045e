"""MCUboot images by themselves: what is read, written, explained, encrypted, compressed and signed again."""

import contextlib
import dataclasses
import io
import itertools
import lzma
import struct
import time
import tracemalloc
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given, settings
from hypothesis import strategies as st

from formats.errors import FormatError, ToolError, TrustError
from formats.mcuboot import cbor, compression, header, metadata, payload, trailer
from formats.mcuboot.check import Check, Outcome, explain
from formats.mcuboot.decryption_keys import read_private, read_recipient
from formats.mcuboot.encryption import Encryption
from formats.mcuboot.extract import read
from formats.mcuboot.fields import fields
from formats.mcuboot.header import BigEndianHeader, Flags, Header, recognise
from formats.mcuboot.image import open_image
from formats.mcuboot.kinds import Kind, is_vendor
from formats.mcuboot.metadata import BootRecord, Dependency
from formats.mcuboot.resign import resign
from formats.mcuboot.trailer import Slot
from formats.versions import Version
from tests.mcuboot_samples import ED, SMALL, sample, try_image
from tests.mcuboot_support import (
    COMPRESSIBLE,
    PAYLOAD,
    accept,
    area,
    by_hand,
    device_key,
    installed,
    key,
    make,
    opened,
    private_pem,
    public_pem,
    recipient,
)
from tests.support import flips, pattern

# Header


def test_recognised_by_both_byte_orders_only() -> None:
    assert recognise(make(SMALL))
    assert recognise(make(SMALL, big_endian=True))
    assert not any(recognise(start) for start in (b"", b"\x3d\xb8\xf3", b"\x3c\xb8\xf3\x96", bytes(4), b"\x96\xf3\xb8\x3c"))


def test_both_layouts_of_the_header_have_the_same_fields() -> None:
    for kind in (Header, BigEndianHeader):
        whole = kind(
            load_address=0x01020304, header_size=0x0506, protected_size=0x0708, payload_size=0x090A0B0C, flags=Flags.RAM_LOAD,
            version=Version(1, 2, 0x0304, 0x05060708), pad=0x11121314,
        )  # fmt: skip
        raw = struct.pack(
            kind.ORDER + "IIHHIIBBHII",
            0x96F3B83D,
            0x01020304,
            0x0506,
            0x0708,
            0x090A0B0C,
            0x20,
            1,
            2,
            0x0304,
            0x05060708,
            0x11121314,
        )
        assert whole.build() == raw
        assert header.parse(raw) == whole


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        (0xC, "exclude"),
        (0x600, "exclude"),
        (0x120, "exclude"),
        (0x800, "filter"),
        (0x2, "unknown flags"),
        (1 << 31, "unknown flags"),
    ],
)
def test_flags_that_contradict_each_other(flags: int, word: str) -> None:
    with pytest.raises(FormatError, match=word):
        opened(by_hand(flags=flags))


def test_the_old_header_and_foreign_files_are_told_apart() -> None:
    data = make(SMALL)
    for start, word in ((b"\x3c", "obsolete"), (b"\x3e", "not an MCUboot image")):
        with pytest.raises(FormatError, match=word) as caught:
            opened(start + data[1:])
        assert caught.value.name == "unsupported_format"


def test_sizes_in_the_header_are_held_against_the_file() -> None:
    good = header.parse(make(SMALL)[:32])
    good.check(good.tlv_offset)
    for change, size, word in (
        ({"header_size": 31}, 1000, "at least 32"), ({"payload_size": 0}, 1000, "no payload"),
        ({}, good.tlv_offset - 1, "cut off"), ({"payload_size": 2**32 - 1, "header_size": 65535}, 2**32, "cut off"),
    ):  # fmt: skip
        with pytest.raises(FormatError, match=word):
            dataclasses.replace(good, **change).check(size)  # type: ignore[arg-type]
    data = make(SMALL, key(ED))
    for size, word in ((0, "too few"), (31, "too few"), (33, "cut off"), (len(data) - 1, "cut off inside its TLV area")):
        with pytest.raises(FormatError, match=word):
            opened(data[:size])


def test_an_image_has_a_payload_and_ends_in_the_address_space() -> None:
    with pytest.raises(FormatError, match="no payload"):
        opened(by_hand(b""))
    for address, fits in ((2**32 - 32 - len(PAYLOAD), True), (2**32 - 31 - len(PAYLOAD), False)):
        data = by_hand(flags=int(Flags.ROM_FIXED), load_address=address)
        if fits:
            assert opened(data).payload.address == address + 32
        else:
            with pytest.raises(FormatError, match="last address"):
                opened(data)


# Explaining


def outcomes(checks: list[Check]) -> dict[str, Outcome]:
    return {check.id: check.outcome for check in checks}


def test_an_explanation_says_what_was_checked_and_where() -> None:
    which = sample("metadata")
    checks = explain(opened(which.data), [key(ED).public])
    assert set(outcomes(checks).values()) == {Outcome.HELD}
    assert [check.id for check in checks] == [
        "header", "protected_tlvs", "tlvs", "hash", "signature", "signatures",
        "sec_cnt", "boot_record", "dependency", "uuid_vid", "uuid_cid",
    ]  # fmt: skip
    signature = next(check for check in checks if check.id == "signature")
    assert signature.key_id == key(ED).public.key_id.hex()
    assert which.data[signature.offset] == Kind.ED25519
    assert (signature.size, signature.offset + signature.size) == (68, len(which.data))
    details = {check.id: check.detail for check in checks}
    assert details["sec_cnt"] == str(0x01020003)
    assert details["dependency"] == "image 1 at least 1.0.0"


def test_an_explanation_goes_on_after_a_failure() -> None:
    data = bytearray(sample("metadata").data)
    data[45] ^= 1
    checks = explain(opened(bytes(data)), [key(ED).public])
    assert outcomes(checks)["hash"] is outcomes(checks)["signature"] is outcomes(checks)["signatures"] is Outcome.FAILED
    assert outcomes(checks)["sec_cnt"] is Outcome.NOT_CHECKED
    unknown = explain(opened(sample("metadata").data), [])
    assert (outcomes(unknown)["hash"], outcomes(unknown)["signature"]) == (Outcome.HELD, Outcome.NOT_CHECKED)


@pytest.mark.parametrize(
    "name", ["for-x25519", "for-p256", "for-rsa", "key-wrap", "clear", "pure-for-x25519", "compressed-for-x25519"]
)
def test_an_encrypted_image_is_not_called_good_without_its_key(name: str) -> None:
    which = sample(name)
    with pytest.raises(TrustError, match="encrypted") as caught:
        accept(which.data, ED)
    assert caught.value.name == "trust_failed"
    found = outcomes(explain(opened(which.data), [key(ED).public]))
    assert found["encryption"] is Outcome.NOT_CHECKED
    pure, clear = name.startswith("pure"), name == "clear"
    assert found["hash"] is (Outcome.HELD if clear else Outcome.NOT_CHECKED)
    assert found["signature"] is (Outcome.NOT_CHECKED if pure else Outcome.HELD)
    for wrong in ("x25519:other", "p256:other", "rsa:other", "kw128:other", "kw256"):
        with pytest.raises(TrustError) as caught:
            accept(which.data, ED, decrypt=wrong)
        assert caught.value.name == "trust_failed"


# Encryption


@pytest.mark.parametrize("name", ["rsa", "p256", "x25519"])
@pytest.mark.parametrize("size", [16, 32])
def test_only_the_payload_is_encrypted_and_padded_with_the_header_to_16(name: str, size: int) -> None:
    aes = bytes(range(size))
    for length in (1, 15, 16, 17, 4096):
        plain = pattern(length, length)
        encryption = Encryption(recipient(name), size, key=aes)
        data = make(plain, key(ED), encryption=encryption, header_size=40, security_counter=1)
        image = opened(data)
        assert (image.header.header_size + image.header.payload_size) % 16 == 0
        hidden = data[40 : image.header.protected_offset]
        clear = Cipher(algorithms.AES(aes), modes.CTR(bytes(16))).decryptor().update(hidden)
        assert clear == plain + bytes(len(clear) - len(plain))
        assert installed(data, name) == clear
        assert bytes(read(io.BytesIO(data), device_key(name)).pieces[0].data) == clear
        accept(data, ED, decrypt=name)


def test_the_key_is_new_for_every_image() -> None:
    first, second = (opened(make(SMALL, encrypt="x25519")) for _ in range(2))
    assert payload.aes_key(first, device_key("x25519")) != payload.aes_key(second, device_key("x25519"))


def test_the_bit_that_x25519_ignores_must_be_clear() -> None:
    data = bytearray(make(SMALL, key(ED), encrypt="x25519"))
    data[opened(bytes(data)).unprotected.tlvs[-1].offset + 4 + 31] ^= 0x80
    with pytest.raises(TrustError):
        accept(bytes(data), ED, decrypt="x25519")


def test_points_that_leave_no_secret_are_refused() -> None:
    image = opened(make(SMALL, key(ED), encrypt="x25519"))
    for point in (bytes(32), bytes([1, *bytes(31)]), (2**255 - 19).to_bytes(32, "little")):
        records = [(one.type, one.value) for one in image.unprotected.tlvs]
        records[-1] = (Kind.ENC_X25519, point + records[-1][1][32:])
        with pytest.raises(TrustError):
            accept(image.head + image.payload.read(0, image.payload.size) + area(0x6907, records), ED, decrypt="x25519")


def test_what_is_not_encrypted_for() -> None:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    for handle in (rsa.generate_private_key(65537, 3072), ec.generate_private_key(ec.SECP384R1())):
        with pytest.raises(FormatError):
            make(SMALL, encryption=Encryption(handle.public_key()))
    for wrong in (
        Encryption(recipient("p256"), sha512=True), Encryption(recipient("rsa"), sha512=True),
        Encryption(recipient("x25519"), 24), Encryption(recipient("x25519"), key=bytes(32)),
    ):  # fmt: skip
        with pytest.raises(FormatError) as caught:
            make(SMALL, encryption=wrong)
        assert caught.value.name == "usage"


def test_flags_and_records_about_encryption_belong_together() -> None:
    image = opened(make(SMALL, key(ED), encrypt="x25519"))
    wrapped = image.unprotected.tlvs[-1]
    for flags, after in ((4, []), (8, [(wrapped.type, wrapped.value)]), (0, [(wrapped.type, wrapped.value)])):
        with pytest.raises(FormatError):
            opened(by_hand(signer=key(ED), flags=flags, after=after))
    opened(by_hand(signer=key(ED), flags=4, after=[(wrapped.type, wrapped.value)]))


def test_a_key_of_another_size_than_the_header_says() -> None:
    """The record says nothing about it with RSA, where all are of one size."""
    from formats.mcuboot.encryption import crypt

    aes = bytes(32)
    clear = make(SMALL, key(ED), encryption=Encryption(recipient("rsa"), key=bytes(16), clear=True))
    image = opened(clear)
    hidden = b"".join(crypt([image.payload.read(0, image.payload.size)], aes))
    records = [(one.type, one.value) for one in image.unprotected.tlvs[:-1]]
    wrapped = Encryption(recipient("rsa"), 32).wrap(aes)
    data = image.head + hidden + area(0x6907, [*records, (wrapped.type, wrapped.value)])
    with pytest.raises(TrustError, match="another size"):
        accept(data, ED, decrypt="rsa")
    with pytest.raises(FormatError, match="after decryption"):
        damaged = bytearray(make(SMALL, encrypt="rsa"))
        damaged[40] ^= 1
        read(io.BytesIO(bytes(damaged)), device_key("rsa"))
    with pytest.raises(FormatError, match="not encrypted"):
        payload.aes_key(opened(make(SMALL)), device_key("rsa"))


def test_keys_to_decrypt_with_are_read_from_files() -> None:
    for name in ("rsa", "p256", "x25519"):
        private = device_key(name)
        assert public_pem(read_private(private_pem(private))) == public_pem(private)
        data = make(SMALL, key(ED), encryption=Encryption(read_recipient(public_pem(private))))
        accept(data, ED, decrypt=name)
    assert read_private(b"AAECAwQFBgcICQoLDA0ODw==\n") == bytes(range(16))
    for wrong in (b"", b"AAAA", b"nothing", b"-----BEGIN PRIVATE KEY-----"):
        with pytest.raises(FormatError):
            read_private(wrong)
        with pytest.raises(FormatError):
            read_recipient(wrong)
    with pytest.raises(FormatError) as caught:
        read_private(private_pem(device_key("x25519")), b"not needed")
    assert caught.value.name == "usage"
    for read_it, pem in ((read_private, key(ED).pem()), (read_recipient, key(ED).public.pem())):
        with pytest.raises(TrustError):
            read_it(pem)
    locked = key("ecdsa-p256").pem(b"secret")
    assert public_pem(read_private(locked, b"secret")) == key("ecdsa-p256").public.pem()
    for passphrase in (None, b"wrong"):
        with pytest.raises(FormatError) as caught:
            read_private(locked, passphrase)
        assert caught.value.name == "usage"


# Compression


@pytest.mark.parametrize("kind", ["lzma2", "lzma2armthumb"])
@pytest.mark.parametrize("size", [300, 1 << 16, (1 << 20) + 12345])
def test_compressed_payloads_come_back(kind: Any, size: int) -> None:
    plain = (COMPRESSIBLE * (size // len(COMPRESSIBLE) + 1))[:size]
    data = make(plain, key(ED), compression=kind)
    assert opened(data).payload.size < size
    assert opened(data).is_compressed
    assert installed(data) == plain == bytes(read(io.BytesIO(data)).pieces[0].data)
    accept(data, ED)


def test_what_does_not_become_smaller_stays_as_it_is() -> None:
    plain = pattern(300, 9)
    assert make(plain, key(ED), compression="lzma2") == make(plain, key(ED))
    data = make(plain, key(ED), compression="lzma2", encrypt="x25519")
    assert not opened(data).is_compressed
    assert plain[:32] not in data
    accept(data, ED, decrypt="x25519")


def compressed_by_hand(plain: bytes, *, claim: int = 0, packed: bytes = b"", digest: bytes = b"", thumb: bool = False) -> bytes:
    """A compressed image that may lie about what is in it."""
    packed = packed or compression.compress([plain], thumb=thumb)
    inner = opened(by_hand(plain, key(ED)))
    records = [
        (Kind.DECOMP_SIZE, struct.pack("<I", claim or len(plain))),
        (Kind.DECOMP_SHA, digest or inner.hash_tlv.value),
        (Kind.DECOMP_SIGNATURE, inner.signed[0].signature.value),
    ]
    return by_hand(packed, key(ED), records, flags=0xC00 if thumb else 0x400)


def test_a4_a_bomb_stops_at_the_size_it_claims() -> None:
    bomb = compression.compress([bytes(48 << 20)], thumb=False)
    data = compressed_by_hand(bytes(1024), packed=bomb)
    started = time.process_time()
    tracemalloc.start()
    with pytest.raises(FormatError, match="more than the 1024 bytes"):
        accept(data, ED)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 << 20
    assert time.process_time() - started < 2


def test_a4_claims_no_device_could_hold_are_refused() -> None:
    for claim in (256 << 20 | 1, 2**32 - 1):
        with pytest.raises(FormatError) as caught:
            accept(compressed_by_hand(PAYLOAD, claim=claim), ED)
        assert caught.value.name == "too_large"
    packed = bytearray(compression.compress([COMPRESSIBLE], thumb=False))
    for code in range(256):
        packed[0] = code
        data = compressed_by_hand(COMPRESSIBLE, packed=bytes(packed))
        if 0x0A <= code <= 0x18:
            accept(data, ED)
        elif code > 0x18:
            with pytest.raises(FormatError):
                accept(data, ED)


def test_lies_about_the_decompressed_image_are_noticed() -> None:
    good = compression.compress([COMPRESSIBLE], thumb=False)
    accept(compressed_by_hand(COMPRESSIBLE), ED)
    accept(compressed_by_hand(COMPRESSIBLE, thumb=True), ED)
    for lie in (
        {"claim": len(COMPRESSIBLE) - 1}, {"claim": len(COMPRESSIBLE) + 1}, {"digest": bytes(32)}, {"packed": good + b"\0"},
        {"packed": good[:-1]}, {"packed": good[:-20]}, {"packed": good[:1]}, {"packed": good[:2]}, {"packed": good[:2] + b"\x02"},
        {"packed": good[:1] + b"\xff" + good[2:]}, {"packed": good[:1] + bytes([8 + 9 * 4]) + good[2:]},
        {"packed": compression.compress([COMPRESSIBLE], thumb=True)},
    ):  # fmt: skip
        with pytest.raises(FormatError):
            accept(compressed_by_hand(COMPRESSIBLE, **lie), ED)  # type: ignore[arg-type]
            pytest.fail(str(lie)[:60])


def test_the_signature_of_the_decompressed_image_is_checked() -> None:
    data = compressed_by_hand(COMPRESSIBLE)
    image = opened(data)
    records = [(one.type, one.value) for one in image.protected.tlvs]
    other = opened(by_hand(COMPRESSIBLE, key("ed25519:other"))).signed[0].signature.value
    for value in (other, bytes(64), bytes(72), bytes(256)):
        changed = by_hand(
            image.payload.read(0, image.payload.size), key(ED), [*records[:2], (Kind.DECOMP_SIGNATURE, value)], flags=0x400
        )
        with pytest.raises(TrustError, match="decompressed"):
            accept(changed, ED, "ed25519:other")


def test_flags_and_records_about_compression_belong_together() -> None:
    image = opened(compressed_by_hand(COMPRESSIBLE))
    packed, records = image.payload.read(0, image.payload.size), [(one.type, one.value) for one in image.protected.tlvs]
    size = (Kind.COMP_DEC_SIZE, struct.pack("<I", len(packed)))
    for flags, protected in (
        (0, records), (0x400, []), (0x400, [records[0], (Kind.DECOMP_SHA, bytes(48)), records[2]]), (0x400, records[:2]),
        (0x400, records[1:]), (0x400, [*records, size]), (0, [size]),
    ):  # fmt: skip
        with pytest.raises(FormatError):
            opened(by_hand(packed, key(ED), protected, flags=flags))
    with pytest.raises(FormatError, match="LZMA1"):
        accept(by_hand(packed, key(ED), records, flags=0x200), ED)
    with pytest.raises(FormatError, match="one key"):
        make(COMPRESSIBLE, key(ED), key("ecdsa-p256"), compression="lzma2")


def test_padding_of_a_compressed_and_encrypted_payload_is_zero() -> None:
    """COMP_DEC_SIZE says where the stream ends; what encryption needs behind it says nothing."""
    data = make(COMPRESSIBLE, key(ED), compression="lzma2", encryption=Encryption(recipient("x25519"), clear=True))
    image = opened(data)
    packed = struct.unpack("<I", image.protected.all(Kind.COMP_DEC_SIZE)[0].value)[0]
    assert packed < image.header.payload_size
    assert installed(data, "x25519") == COMPRESSIBLE
    records = [(one.type, one.value) for one in image.protected.tlvs[:-1]]
    wrapped = image.unprotected.tlvs[-1]
    used = image.payload.read(0, packed) + b"\0\1"
    for more, claim, fits in ((b"", packed, True), (b"\0", packed, True), (b"\0\1", packed, False), (b"", packed + 1, False)):
        size = [(Kind.COMP_DEC_SIZE, struct.pack("<I", claim))]
        changed = by_hand(used[:packed] + more, key(ED), [*records, *size], flags=0x404, after=[(wrapped.type, wrapped.value)])
        if fits:
            accept(changed, ED, decrypt="x25519")
        else:
            with pytest.raises(FormatError, match="padding" if more else "more than there are"):
                accept(changed, ED, decrypt="x25519")
    for claim in (packed - 1, packed + 1, image.header.payload_size + 1, 2**32 - 1):
        changed = by_hand(
            image.payload.read(0, image.payload.size), key(ED), [*records, (Kind.COMP_DEC_SIZE, struct.pack("<I", claim))],
            flags=0x404, after=[(wrapped.type, wrapped.value)],
        )  # fmt: skip
        with pytest.raises(FormatError):
            accept(changed, ED, decrypt="x25519")


@pytest.mark.parametrize("step", [1, 2, 3, 7, 64])
def test_the_size_of_the_steps_changes_nothing(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    plain = COMPRESSIBLE * 3
    for compress, encryption in itertools.product(
        ("", "lzma2", "lzma2armthumb"), (None, Encryption(recipient("x25519"), key=bytes(16)))
    ):
        options: dict[str, Any] = {"compression": compress, "encryption": encryption, "pure": True, "security_counter": 1}
        with monkeypatch.context() as patch:
            expected = make(plain, key(ED), **options)
            for module in (payload, compression, trailer):
                patch.setattr(module, "STEP", step)
            data = make(plain, key(ED), **options)
            end = opened(data).unprotected.tlvs[-1].offset
            assert data[:end] == expected[:end]
            accept(data, ED, decrypt="x25519" if encryption else "")
            assert installed(data, "x25519" if encryption else "").startswith(plain)
            if compress and not encryption:
                for size in range(opened(data).payload.size):
                    packed = opened(data).payload.read(0, size)
                    with pytest.raises(FormatError):
                        list(compression.decompress(iter([packed[:1], packed[1:]]), len(plain), thumb="thumb" in compress))


def test_decompressing_ends_where_it_should() -> None:
    packed = compression.compress([COMPRESSIBLE], thumb=False)
    assert b"".join(compression.decompress([packed], len(COMPRESSIBLE), thumb=False)) == COMPRESSIBLE
    for chunks, size, word in (
        ([packed], len(COMPRESSIBLE) + 1, "and claims"), ([packed], len(COMPRESSIBLE) - 1, "more than"),
        ([packed, b"\0"], len(COMPRESSIBLE), "follow"), ([packed + b"\0"], len(COMPRESSIBLE), "follow"),
        ([packed[:1]], 1, "too short"), ([packed[:-1]], len(COMPRESSIBLE), "no end"),
    ):  # fmt: skip
        with pytest.raises(FormatError, match=word):
            list(compression.decompress(chunks, size, thumb=False))


def test_payloads_too_large_to_be_compressed_here(monkeypatch: pytest.MonkeyPatch) -> None:
    for limit in (100, 10):
        monkeypatch.setattr(compression, "MAX_COMPRESSED", limit)
        with pytest.raises(FormatError) as caught:
            make(pattern(2000, 1), compression="lzma2")
        assert caught.value.name == "too_large"


def test_the_description_of_the_stream_is_that_of_the_documentation() -> None:
    packed = compression.compress([COMPRESSIBLE], thumb=False)
    assert packed[:2] == bytes([0x0A, (2 * 5 + 1) * 9 + 3])
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 131072}]
    assert lzma.decompress(packed[2:], lzma.FORMAT_RAW, filters=filters) == COMPRESSIBLE


# Trailer


def test_only_a_set_or_an_erased_flag_is_one() -> None:
    data = bytearray(make(SMALL, key(ED), slot=Slot(size=400, max_sectors=1, confirm=True)))
    for at in (len(data) - 24, len(data) - 32):
        for value in range(256):
            changed = bytearray(data)
            changed[at] = value
            if value in (0x01, 0xFF):
                accept(bytes(changed), ED)
            else:
                with pytest.raises(FormatError, match=r"image_ok|copy_done"):
                    accept(bytes(changed), ED)


def test_padding_is_erased_flash_and_nothing_else() -> None:
    image = make(SMALL, key(ED))
    for blank in range(256):
        data = image + bytes([blank]) * 100 + trailer.magic_for(8, "<")
        if blank in (0, 0xFF):
            accept(data, ED)
        else:
            with pytest.raises(FormatError, match="its padding"):
                accept(data, ED)


@pytest.mark.parametrize("align", [8, 16, 32])
@pytest.mark.parametrize("erased", [0xFF, 0x00])
@pytest.mark.parametrize("confirm", [True, False])
def test_a_trailer_is_read_as_it_was_written(align: int, erased: int, confirm: bool) -> None:
    slot = Slot(size=2048, align=align, max_sectors=2, pad=True, confirm=confirm)
    data = make(SMALL, key(ED), slot=slot, erased=erased)
    found = opened(data).trailer
    assert found is not None
    assert (found.align, found.erased, found.confirmed, found.copied, found.offset) == (align, erased, confirm, False, 2032)
    assert len(data) == 2048
    assert data[opened(data).unprotected.end : -4 * align - 16].strip(bytes([erased])) == b""


def test_an_image_must_fit_its_slot_with_the_trailer() -> None:
    size = len(make(SMALL, key(ED)))
    for slot, needed in (
        (Slot(size=0), 128 * 3 + 4 * 8 + 16), (Slot(size=0, align=8), 128 * 3 * 8 + 48), (Slot(size=0, overwrite_only=True), 32),
        (Slot(size=0, align=32, max_sectors=1), 96 + 128 + 32), (Slot(size=0, max_align=16), 384 + 64 + 16),
    ):  # fmt: skip
        make(SMALL, key(ED), slot=dataclasses.replace(slot, size=size + needed))
        with pytest.raises(FormatError) as caught:
            make(SMALL, key(ED), slot=dataclasses.replace(slot, size=size + needed - 1))
        assert caught.value.name == "too_large"


def test_an_encryption_key_needs_room_in_the_trailer() -> None:
    """imgtool counts 16 bytes for a key of AES-256, the boot loader keeps 32."""
    for key_size, save, kept in ((16, False, 16), (32, False, 32), (16, True, 80), (32, True, 96)):
        encryption = Encryption(recipient("x25519"), key_size)
        size = len(make(SMALL, key(ED), encryption=encryption))
        needed = 384 + 48 + 2 * kept
        make(SMALL, key(ED), encryption=encryption, slot=Slot(size=size + needed, save_encrypted_key=save))
        with pytest.raises(FormatError):
            make(SMALL, key(ED), encryption=encryption, slot=Slot(size=size + needed - 1, save_encrypted_key=save))


@pytest.mark.parametrize(
    "slot",
    [Slot(size=0), Slot(size=2**33), Slot(size=99, align=3), Slot(size=99, max_align=64), Slot(size=99, align=32, max_align=8)],
)
def test_impossible_slots(slot: Slot) -> None:
    with pytest.raises(FormatError) as caught:
        make(slot=slot)
    assert caught.value.name == "usage"


# What the protected records say


def test_security_counters() -> None:
    assert opened(make()).security_counter is None
    for counter, found in ((0, 0), (7, 7), (2**32 - 1, 2**32 - 1), ("auto", 0x01020003)):
        for big in (False, True):
            assert opened(make(security_counter=counter, big_endian=big)).security_counter == found
    assert opened(make(version="255.255.65535+9", security_counter="auto")).security_counter == 2**32 - 1
    for counter in (-1, 2**32):
        with pytest.raises(FormatError):
            make(security_counter=counter)


def test_dependencies() -> None:
    wanted = (Dependency(0, Version(1, 2, 3, 4)), Dependency(255, Version(0, 0, 0)))
    for big in (False, True):
        assert opened(make(dependencies=wanted, big_endian=big)).dependencies == wanted
    for wrong in ((Dependency(256, Version(1, 0, 0)),), (wanted[0], wanted[0]), (Dependency(1, Version(256, 0, 0)),)):
        with pytest.raises(FormatError):
            make(dependencies=wrong)
    used = by_hand(signer=key(ED), protected=[(Kind.DEPENDENCY, b"\1\0\1\0" + bytes(8))])
    with pytest.raises(FormatError, match="reserved"):
        accept(used, ED)
    with pytest.raises(FormatError, match="more than one dependency on image 1"):
        opened(by_hand(protected=[(Kind.DEPENDENCY, b"\1" + bytes(11)), (Kind.DEPENDENCY, b"\1\0\0\0\1" + bytes(7))]))


def test_vendor_and_class() -> None:
    """Names as in RFC 9562; the numbers of the records are those of image.h, not those of docs/design.md."""
    data = make(vendor="nordicsemi.com", image_class="nRF5340_ns")
    vendor, kind = opened(data).protected.tlvs
    assert (vendor.type, kind.type) == (0x74, 0x75)
    assert vendor.value.hex() == "7617daa571fd5a858f94e28d735ce9f4"
    text = "7617daa5-71fd-5a85-8f94-e28d735ce9f4"
    for form in (text, text.replace("-", ""), text.upper()):
        assert make(vendor=form, image_class="nRF5340_ns") == data
    assert opened(make(image_class=text)).protected.tlvs[0].value == vendor.value
    for wrong in ({"image_class": "a name"}, {"vendor": "two\nlines"}, {"vendor": ""}):
        with pytest.raises(FormatError):
            make(**wrong)
    for number in (0x80, 0x81):
        with pytest.raises(FormatError, match="unknown TLV"):
            opened(by_hand(protected=[(number, bytes(16))]))


def test_boot_records() -> None:
    record = BootRecord("NSPE", "1.2.3", bytes(32), "SHA256", bytes(32))
    raw = metadata.boot_record_tlv(record)
    assert metadata.boot_record_of(raw) == record
    assert raw.value[:6].hex() == "a501644e5350"
    assert raw.value[-32:] == record.measurement
    assert opened(make(boot_record="NSPE")).protected.tlvs[0].value == raw.value
    with pytest.raises(FormatError, match="12 characters"):
        make(boot_record="thirteen char")
    for damaged in (raw.value[:-1], raw.value + b"\0", b"\xa0", b"\x00", raw.value[:1] + b"\x03" + raw.value[2:]):
        with pytest.raises(FormatError):
            metadata.boot_record_of(raw._replace(value=damaged))
    for other in (
        b"\xa1\x18\x60",
        b"\xa1\x01\x03",
        b"\xa2\x01\x60\x01\x60",
        b"\xb1",
        b"\x80",
        b"\xa1\x01\x78\x01a",
        b"\xa1\x01\x7a",
    ):
        with pytest.raises(FormatError, match="not a CBOR map"):
            cbor.load(other)
    foreign = by_hand(signer=key(ED), protected=[(Kind.BOOT_RECORD, b"something else")])
    assert outcomes(accept(foreign, ED))["boot_record"] is Outcome.NOT_CHECKED
    assert b"something else".hex() in [field.value for field in fields(io.BytesIO(foreign))]
    long = record._replace(signer=bytes(300))
    assert metadata.boot_record_of(metadata.boot_record_tlv(long)) == long


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.integers(0, 23), st.binary(max_size=300) | st.text(max_size=40), max_size=16), st.binary(max_size=40))
def test_cbor_round_trip_and_nothing_else(entries: dict[int, str | bytes], noise: bytes) -> None:
    assert list(cbor.load(cbor.dump(entries)).items()) == list(entries.items())
    with contextlib.suppress(FormatError):
        assert cbor.dump(cbor.load(noise)) == noise


# Building


def test_the_header_may_already_be_there() -> None:
    data = bytes(64) + PAYLOAD
    built = make(data, key(ED), pad_header=False, header_size=64)
    assert installed(built) == PAYLOAD
    assert built[32:64] == bytes(32)
    assert make(PAYLOAD, key(ED), header_size=64)[32:64] == b"\xff" * 32
    assert make(PAYLOAD, key(ED), header_size=64, erased=0)[32:64] == bytes(32)
    for wrong in (b"\1" + data, data[:64], bytes(63) + b"\1" + PAYLOAD, data[:10]):
        with pytest.raises(FormatError):
            make(wrong, pad_header=False, header_size=64)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"header_size": 31}, "header has"), ({"header_size": 65536}, "header has"), ({"erased": 1}, "erased byte"),
        ({"load_address": 1, "rom_fixed": 1}, "either from RAM"), ({"vendor_tlvs": ((0x9F, b""),)}, "0x009f"),
        ({"vendor_tlvs": ((0x100, b""),)}, "0x0100"), ({"vendor_tlvs": ((0xA0, b""), (0xA0, b""))}, "0x00a0"),
        ({"hash_name": "sha1"}, "sha1"), ({"rom_fixed": 2**32}, "last address"), ({"load_address": 2**32 - 33}, "last address"),
    ],
    ids=str,
)  # fmt: skip
def test_options_that_make_no_image(options: dict[str, Any], word: str) -> None:
    with pytest.raises(FormatError, match=word):
        make(**options)


def test_an_image_needs_bytes_and_a_version_that_fits() -> None:
    for data, pad_header in ((b"", True), (bytes(31), False), (bytes(32), False)):
        with pytest.raises(FormatError, match="is not possible"):
            make(data, pad_header=pad_header)
    for version in (Version(256, 0, 0), Version(1, 2, 70000), Version(0, 0, 0, 2**32)):
        with pytest.raises(FormatError):
            dataclasses.replace(header.parse(make()[:32]), version=version).build()


def test_the_same_bytes_every_time() -> None:
    for name in (ED, "ecdsa-p256", "ecdsa-p384"):
        assert make(PAYLOAD, key(name), security_counter="auto") == make(PAYLOAD, key(name), security_counter="auto")


@settings(max_examples=40, deadline=None)
@given(
    data=st.binary(min_size=1, max_size=600), counter=st.none() | st.integers(0, 2**32 - 1), big=st.booleans(),
    header_size=st.integers(32, 300), encrypt=st.sampled_from(["", "x25519", "p256"]),
    compress=st.sampled_from(["", "lzma2", "lzma2armthumb"]), pure=st.booleans(), confirm=st.booleans(),
    vendor=st.lists(st.tuples(st.integers(0xA0, 0xFF), st.binary(max_size=20)), max_size=3, unique_by=lambda pair: pair[0]),
)  # fmt: skip
def test_what_is_built_is_accepted_and_comes_back(
    data: bytes, counter: int | None, big: bool, header_size: int, encrypt: str, compress: Any, pure: bool, confirm: bool,
    vendor: list[tuple[int, bytes]],
) -> None:  # fmt: skip
    built = make(
        data, key(ED), security_counter=counter, big_endian=big, header_size=header_size, encrypt=encrypt, compression=compress,
        pure=pure, slot=Slot(size=4096, confirm=confirm), vendor_tlvs=tuple(vendor),
    )  # fmt: skip
    accept(built, ED, decrypt=encrypt)
    found = installed(built, encrypt)
    assert (found[: len(data)], found[len(data) :].strip(b"\0")) == (data, b"")
    image = opened(built)
    assert image.security_counter == counter
    assert [(one.type, one.value) for one in image.protected.tlvs if is_vendor(one.type)] == vendor
    assert sum(field.size for field in fields(io.BytesIO(built))) == len(built)


# Reading as any other format


def test_reading_gives_the_payload_at_its_address() -> None:
    for options, address in (({}, 0), ({"rom_fixed": 0x1000}, 0x1040), ({"load_address": 0x20000000}, 0x20000040)):
        for compress in ("", "lzma2"):
            image = read(io.BytesIO(make(COMPRESSIBLE, key(ED), header_size=64, compression=compress, **options)))
            piece = image.pieces[0]
            assert (piece.address, piece.read(0, piece.size)) == (address, COMPRESSIBLE)


def test_reading_checks_the_hash() -> None:
    data = make(PAYLOAD)
    for _, damaged in flips(data):
        with pytest.raises(FormatError):
            read(io.BytesIO(damaged))
    with pytest.raises(FormatError) as caught:
        read(io.BytesIO(make(PAYLOAD, encrypt="x25519")))
    assert caught.value.name == "usage"
    clear = make(PAYLOAD, encryption=Encryption(recipient("x25519"), clear=True))
    piece = read(io.BytesIO(clear)).pieces[0]
    assert piece.read(0, len(PAYLOAD)) == PAYLOAD


def test_a_payload_too_large_to_unpack_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("formats.mcuboot.extract.MAX_HELD", 100)
    with pytest.raises(FormatError) as caught:
        read(io.BytesIO(make(COMPRESSIBLE, compression="lzma2")))
    assert caught.value.name == "too_large"
    assert read(io.BytesIO(make(COMPRESSIBLE))).pieces[0].size == len(COMPRESSIBLE)


# Signing again


def again(data: bytes, *signers: str, decrypt: str = "", **options: Any) -> bytes:
    out = io.BytesIO()
    private = device_key(decrypt) if decrypt else None
    resign(opened(data), out, [key(name) for name in signers], private, **options)
    return out.getvalue()


def test_signatures_are_added_and_replaced() -> None:
    plain = make(PAYLOAD, security_counter=3)
    once = again(plain, ED)
    assert once == make(PAYLOAD, key(ED), security_counter=3)
    assert again(once, ED) == once
    twice = again(once, "ecdsa-p256")
    assert twice == make(PAYLOAD, key(ED), key("ecdsa-p256"), security_counter=3)
    accept(twice, ED, "ecdsa-p256", threshold=2)
    assert again(twice, ED) == twice
    assert again(twice, ED, replace=True) == once
    assert again(twice, replace=True) == plain
    full = again(twice, ED, full_key=True)
    assert [one.key.type for one in opened(full).signed] == [Kind.PUBKEY, Kind.KEYHASH]
    accept(full, ED, "ecdsa-p256", threshold=2)


def test_an_image_by_another_tool_is_signed_by_a_second_key_without_touching_the_first() -> None:
    first = make(PAYLOAD, key("rsa-2048"))
    both = again(first, ED)
    assert opened(both).signed[0].signature.value == opened(first).signed[0].signature.value
    accept(both, "rsa-2048", ED, threshold=2)


@pytest.mark.parametrize("name", ["x25519", "p256", "rsa"])
def test_encrypted_images_are_signed_over_what_they_hide(name: str) -> None:
    data = make(PAYLOAD, key(ED), encrypt=name)
    with pytest.raises(FormatError):
        again(data, "ed25519:other")
    with pytest.raises(TrustError):
        again(data, "ed25519:other", decrypt=f"{name}:other")
    both = again(data, "ed25519:other", decrypt=name)
    accept(both, ED, "ed25519:other", decrypt=name, threshold=2)
    assert opened(both).encryption_tlv is not None


def test_a_key_that_signed_twice_signs_once_again() -> None:
    digest, name, signature = ((one.type, one.value) for one in opened(by_hand(signer=key(ED))).unprotected.tlvs)
    twice = by_hand(unprotected=[digest, name, signature, (Kind.PUBKEY, key(ED).public.der), signature])
    assert again(twice, ED) == by_hand(signer=key(ED))


def test_an_image_has_at_most_16_signatures() -> None:
    names = [f"ed25519:{number}" for number in range(17)]
    full = make(PAYLOAD, *map(key, names[:16]))
    accept(full, *names[:16], threshold=16)
    with pytest.raises(FormatError):
        make(PAYLOAD, *map(key, names))
    with pytest.raises(FormatError) as caught:
        again(full, names[16])
    assert caught.value.name == "too_large"
    records = [(tlv.type, tlv.value) for one in names for tlv in opened(make(PAYLOAD, key(one))).unprotected.tlvs[1:]]
    digest = opened(make(PAYLOAD)).hash_tlv
    with pytest.raises(FormatError) as caught:
        opened(by_hand(unprotected=[(digest.type, digest.value), *records]))
    assert caught.value.name == "too_large"


@pytest.mark.parametrize("encrypt", ["", "x25519"])
def test_a13_a_file_that_changes_while_it_is_signed_is_noticed(encrypt: str) -> None:
    class Changing(io.BytesIO):
        """Whose payload reads otherwise from the n-th time on."""

        times, left = 0, 99

        def read(self, size: int | None = -1, /) -> bytes:
            at, data = self.tell(), super().read(size)
            if at == 32 and size == opened(self.getvalue()).payload.size:
                self.times += 1
                if self.times > self.left:
                    return data[:-1] + bytes([data[-1] ^ 1])
            return data

    data = make(PAYLOAD, key(ED), encrypt=encrypt)
    seen = 0
    for left in range(6):
        file, out = Changing(data), io.BytesIO()
        file.left = left
        try:
            resign(open_image(file), out, [key("ecdsa-p256")], device_key(encrypt) if encrypt else None)
        except FormatError:
            seen += 1
        else:
            assert out.getvalue() == again(data, "ecdsa-p256", decrypt=encrypt)
    assert seen == (3 if encrypt else 1), "a plain payload is read once: what is hashed is what is written"


def test_what_cannot_be_signed_again() -> None:
    with pytest.raises(FormatError, match="compressed"):
        again(make(COMPRESSIBLE, key(ED), compression="lzma2"), ED)
    damaged = bytearray(make(PAYLOAD, key(ED)))
    damaged[40] ^= 1
    with pytest.raises(FormatError, match="damaged"):
        again(bytes(damaged), ED)
    for name in ("ecdsa-p384", "ecdsa-p256"):
        with pytest.raises(FormatError):
            again(make(PAYLOAD, key(ED), pure=True), name)
    with pytest.raises(FormatError):
        again(make(PAYLOAD, key(ED)), "ecdsa-p384")
    accept(again(make(PAYLOAD, key(ED), pure=True), "ed25519:other"), ED, "ed25519:other", threshold=2)


def test_a_padded_image_keeps_its_size_and_its_trailer() -> None:
    slot = Slot(size=2048, confirm=True)
    data = make(PAYLOAD, key(ED), slot=slot)
    both = again(data, "ecdsa-p256")
    assert len(both) == 2048
    assert both[-40:] == data[-40:]
    accept(both, ED, "ecdsa-p256", threshold=2)
    assert again(both, ED, replace=True) == data
    moved = again(data, "ecdsa-p256", slot=Slot(size=4096, align=16, pad=True, max_sectors=1))
    assert (len(moved), opened(moved).trailer) == (4096, trailer.Trailer(4080, 16, 0xFF, confirmed=False, copied=False))
    tight = make(PAYLOAD, key(ED), slot=Slot(size=len(make(PAYLOAD, key(ED))) + 432, pad=True))
    with pytest.raises(FormatError) as caught:
        again(tight, "ecdsa-p256")
    assert caught.value.name == "too_large"
    assert again(tight, ED) == tight


def test_every_error_has_a_message_for_people() -> None:
    for name in ("ed25519", "for-x25519", "compressed", "confirmed"):
        which = sample(name)
        for _, damaged in list(flips(which.data))[::7]:
            with pytest.raises(ToolError) as caught:
                try_image(which, damaged)
            assert caught.value.message[0].islower() or caught.value.message[0] in "0123456789TM"
            assert caught.value.exit_code in (3, 4)
