"""What the tests of MCUboot images share: keys, images built to order, images put together by hand, and the careful user."""

import functools
import hashlib
import io
import os
import struct
from collections.abc import Iterable, Sequence
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa, x25519

from formats import keys
from formats.keys import PrivateKey, public_key
from formats.mcuboot import build, payload, signatures
from formats.mcuboot.check import Check, verify
from formats.mcuboot.encryption import DecryptionKey, Encryption, Recipient
from formats.mcuboot.image import McubootImage, open_image
from formats.mcuboot.kinds import Kind
from formats.mcuboot.options import Options
from formats.mcuboot.signatures import SCHEMES, Signable
from formats.signing import Signer
from formats.sources import Image, Piece
from formats.versions import Version
from tests.support import pattern

ALGORITHMS = tuple(SCHEMES)
PAYLOAD = pattern(40, 77)
COMPRESSIBLE = b"\x08\x48\x80\x47\x00\xf0\x1c\xf8" * 64 + pattern(32, 3)


@functools.cache
def key(name: str) -> PrivateKey:
    """A key by the name of its algorithm, with anything behind a colon: the same one for the same name."""
    algorithm = name.split(":")[0]
    if algorithm == "rsa-2048":
        handle = rsa.generate_private_key(65537, 2048)
        return PrivateKey(public_key(handle.public_key(), foreign=True), handle)
    return keys.generate(algorithm)


@functools.cache
def device_key(name: str) -> DecryptionKey:
    """What a device decrypts with: rsa, p256, x25519, kw128, kw256, with anything behind a colon."""
    kind = name.split(":")[0]
    if kind.startswith("kw"):
        return os.urandom(int(kind[2:]) // 8)
    if kind == "rsa":
        return rsa.generate_private_key(65537, 2048)
    return ec.generate_private_key(ec.SECP256R1()) if kind == "p256" else x25519.X25519PrivateKey.generate()


def recipient(name: str) -> Recipient:
    private = device_key(name)
    assert not isinstance(private, bytes)
    return private.public_key()


def private_pem(handle: Any) -> bytes:
    return bytes(
        handle.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


def public_pem(handle: Any) -> bytes:
    return bytes(handle.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))


def image_from(data: bytes) -> Image:
    return Image((Piece(0, len(data), data=data),))


def make(data: bytes = PAYLOAD, *signers: Signer, version: str = "1.2.3+4", encrypt: str = "", **options: Any) -> bytes:
    """An image built by us.

    Args:
        encrypt: Name of a device key.
        options: Further fields of `Options`.
    """
    if encrypt:
        options["encryption"] = Encryption(recipient(encrypt))
    out = io.BytesIO()
    build.write(image_from(data), out, Options(version=Version.parse(version), **options), signers)
    return out.getvalue()


def opened(data: bytes) -> McubootImage:
    return open_image(io.BytesIO(data))


def accept(data: bytes, *trusted: str, decrypt: str = "", threshold: int = 1) -> list[Check]:
    """Everything a careful user does with an image before it is used."""
    image = opened(data)
    private = device_key(decrypt) if decrypt else None
    checks = verify(image, [key(name).public for name in trusted], private, threshold=threshold)
    assert all(not check.error for check in checks)
    return checks


def installed(data: bytes, decrypt: str = "") -> bytes:
    """What a device ends up with."""
    image = opened(data)
    aes = payload.find_key(image, device_key(decrypt) if decrypt else None)
    return b"".join(payload.Installed(image, aes).chunks(100))


Record = tuple[int, bytes]


def record(order: str, number: int, value: bytes) -> bytes:
    head = struct.pack(order + "BBH", number, 0, len(value)) if number < 0xA0 else struct.pack(order + "HH", number, len(value))
    return head + value


def area(magic: int, records: Iterable[Record], order: str = "<") -> bytes:
    """A TLV area, written without the code under test."""
    body = b"".join(record(order, number, value) for number, value in records)
    return struct.pack(order + "HH", magic, 4 + len(body)) + body


def by_hand(
    data: bytes = PAYLOAD,
    signer: PrivateKey | None = None,
    protected: Sequence[Record] = (),
    unprotected: Sequence[Record] | None = None,
    *,
    flags: int = 0,
    hash_name: str = "sha256",
    load_address: int = 0,
    before: Sequence[Record] = (),
    after: Sequence[Record] = (),
    order: str = "<",
) -> bytes:
    """An image put together with `struct`, right or wrong; hash and signature fit what it holds.

    Args:
        unprotected: Instead of hash, key and signature.
        before, after: Records around hash, key and signature.
    """
    inner = area(0x6908, protected, order) if protected else b""
    region = struct.pack(order + "IIHHIIBBHII", 0x96F3B83D, load_address, 32, len(inner), len(data), flags, 1, 2, 3, 4, 0)
    region += data + inner
    digest = hashlib.new(hash_name, region).digest()
    kind = {"sha256": Kind.SHA256, "sha384": Kind.SHA384, "sha512": Kind.SHA512}[hash_name]
    records: list[Record] = [*before, (kind, digest)]
    if signer is not None:
        records += [(tlv.type, tlv.value) for tlv in signatures.sign(signer, Signable(digest, hash_name))]
    return region + area(0x6907, [*records, *after] if unprotected is None else unprotected, order)
