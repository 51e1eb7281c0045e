"""What must hold between the records of one image, before any of them is believed.

The boot loader walks over both areas and takes what it looks for wherever it stands, the last one of several; here a second
hash, a key without its signature, or a record that the flags do not ask for is refused, since nothing would cover it.
"""

from collections import Counter
from typing import Final, NamedTuple

from formats.errors import FormatError
from formats.mcuboot.header import COMPRESSED, ENCRYPTED, Flags, Header
from formats.mcuboot.kinds import COMPRESSION, ENCRYPTION, HASHES, KEYS, REPEATED, SIGNATURES, SIZES, Kind
from formats.mcuboot.tlv import Area, Tlv

MAX_SIGNATURES: Final = 16


class Signed(NamedTuple):
    """A signature and the key it names."""

    key: Tlv
    """KEYHASH or PUBKEY."""
    signature: Tlv


def check(header: Header, protected: Area, unprotected: Area) -> tuple[Signed, ...]:
    """Hold the records against each other and against the header.

    Returns:
        The signatures, each with its key, in the order of the file.

    Raises:
        FormatError: a rule is broken.
    """
    _refuse_repeated(protected, unprotected)
    signed = _pairs(unprotected)
    hash_tlv = unprotected.first(*HASHES)
    if hash_tlv is None:
        raise FormatError("the image has no hash", offset=unprotected.offset)
    _check_keys(signed, hash_tlv)
    _check_pure(unprotected, signed)
    _check_encryption(header, unprotected)
    _check_compression(header, protected, hash_tlv, signed)
    return signed


def _refuse_repeated(protected: Area, unprotected: Area) -> None:
    """One of each, and one hash of all kinds together."""
    seen: Counter[str] = Counter()
    for tlv in (*protected.tlvs, *unprotected.tlvs):
        if tlv.type in REPEATED or tlv.type not in SIZES:
            continue
        group = _group(tlv)
        seen[group] += 1
        if seen[group] > 1:
            raise FormatError(f"the image has more than one {group}", offset=tlv.offset)


def _group(tlv: Tlv) -> str:
    """What there must be one of."""
    if tlv.type == Kind.DEPENDENCY:
        return f"dependency on image {tlv.value[0]}"
    return "hash" if tlv.type in HASHES else "encryption key" if tlv.type in ENCRYPTION else f"TLV {tlv.name}"


def _pairs(unprotected: Area) -> tuple[Signed, ...]:
    """Each signature with the key in front of it (image_validate.c: a signature takes the key that was named last)."""
    found, key = [], None
    for tlv in unprotected.tlvs:
        if tlv.type in KEYS:
            if key is not None:
                break
            key = tlv
        elif tlv.type in SIGNATURES:
            if key is None:
                raise FormatError("a signature names no key", offset=tlv.offset)
            found.append(Signed(key, tlv))
            key = None
    if key is not None:
        raise FormatError("a key in the TLV area has no signature", offset=key.offset)
    if len(found) > MAX_SIGNATURES:
        raise FormatError(f"the image has {len(found)} signatures, at most {MAX_SIGNATURES} are read", name="too_large")
    return tuple(found)


def _check_keys(signed: tuple[Signed, ...], hash_tlv: Tlv) -> None:
    """The boot loader compares as many bytes as the record has, so a short one would name any key."""
    names = set()
    for key, _ in signed:
        if key.type == Kind.KEYHASH and len(key.value) != len(hash_tlv.value):
            raise FormatError("the hash of a key is of another kind than the hash of the image", offset=key.offset)
        names.add(key.value)
    if len(names) != len(signed):
        raise FormatError("a key signs twice", offset=signed[-1].key.offset)


def _check_pure(unprotected: Area, signed: tuple[Signed, ...]) -> None:
    pure = unprotected.first(Kind.SIG_PURE)
    if pure is None:
        return
    if pure.value != b"\x01":
        raise FormatError("TLV sig_pure has another value than 1", offset=pure.offset)
    if not signed or any(signature.type != Kind.ED25519 for _, signature in signed):
        raise FormatError("only Ed25519 signatures can cover the image itself", offset=pure.offset)


def _check_encryption(header: Header, unprotected: Area) -> None:
    tlv = unprotected.first(*ENCRYPTION)
    if not header.flags & ENCRYPTED:
        if tlv is not None:
            raise FormatError("the image has an encryption key, and is not marked as encrypted", offset=tlv.offset)
        return
    if tlv is None:
        raise FormatError(
            "the image is marked as encrypted, and has no encryption key",
            hint="imgtool 2.5 writes such images, unencrypted, when asked to encrypt what it cannot compress.",
            offset=unprotected.offset,
        )
    sizes = list(SIZES[Kind(tlv.type)])
    if len(sizes) > 1 and len(tlv.value) != sizes[bool(header.flags & Flags.ENCRYPTED_AES256)]:
        raise FormatError("the encryption key is of another size than the header says", offset=tlv.offset)


def _check_compression(header: Header, protected: Area, hash_tlv: Tlv, signed: tuple[Signed, ...]) -> None:
    found = protected.all(*COMPRESSION)
    if not header.flags & COMPRESSED:
        if found:
            raise FormatError("the image is not compressed, yet tells of it", offset=found[0].offset)
        return
    expected = {Kind.DECOMP_SIZE, Kind.DECOMP_SHA}
    if signed:
        expected.add(Kind.DECOMP_SIGNATURE)
    if header.flags & ENCRYPTED:
        expected.add(Kind.COMP_DEC_SIZE)
    if {tlv.type for tlv in found} != expected:
        raise FormatError("the image is compressed, and lacks a record about it or has one too many", offset=protected.offset)
    digest = protected.first(Kind.DECOMP_SHA)
    if digest is not None and len(digest.value) != len(hash_tlv.value):
        raise FormatError(
            "the hash of the decompressed image is of another kind than the hash of the image", offset=digest.offset
        )
