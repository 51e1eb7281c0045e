"""Encrypted payloads: AES in counter mode with a key of the image's own, which a TLV carries encrypted for the device
(docs/encrypted_images.md, boot/bootutil/src/encrypted.c).

The TLV holds the key under RSA-OAEP with SHA-256; or wrapped with AES (RFC 3394); or as ECIES: public key, MAC, key, where
HKDF over the shared secret gives an AES key and a MAC key.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple, TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, hmac, keywrap, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, x25519
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from formats.errors import FormatError, TrustError
from formats.mcuboot.kinds import Kind
from formats.mcuboot.tlv import Tlv

DecryptionKey: TypeAlias = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | x25519.X25519PrivateKey | bytes
"""What a device decrypts with; bytes: the 16 or 32 bytes of a key for AES key wrap."""
Recipient: TypeAlias = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | x25519.X25519PublicKey
"""What an image is encrypted for."""
KEY_SIZES: Final = (16, 32)
BLOCK: Final = 16
"""Header and payload together are padded to a multiple of this before they are hashed and encrypted (imgtool)."""
RSA_BITS: Final = 2048
_INFO: Final = b"MCUBoot_ECIES_v1"
_POINT, _X25519 = 65, 32
"""Sizes of public keys: an uncompressed point of P-256, an X25519 key."""
_OAEP: Final = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)


class Encryption(NamedTuple):
    """How to encrypt."""

    recipient: Recipient
    key_size: int = 16
    """Of the AES key, 16 or 32 bytes."""
    sha512: bool = False
    """HKDF and HMAC with SHA-512 (only for X25519)."""
    clear: bool = False
    """Leave the payload plain: an image for the primary slot, to be encrypted when it is swapped out."""
    key: bytes | None = None
    """The AES key; None: a random one, which is what an image needs. Never use one twice."""

    def check(self) -> None:
        """Refuse what no boot loader decrypts.

        Raises:
            FormatError: another kind of key or size (`usage`).
        """
        handle = self.recipient
        fits = (
            (isinstance(handle, rsa.RSAPublicKey) and handle.key_size == RSA_BITS)
            or (isinstance(handle, ec.EllipticCurvePublicKey) and isinstance(handle.curve, ec.SECP256R1))
            or isinstance(handle, x25519.X25519PublicKey)
        )
        if not fits:
            raise FormatError("images are encrypted for RSA-2048, P-256 or X25519 keys only", name="usage")
        if self.sha512 and not isinstance(handle, x25519.X25519PublicKey):
            raise FormatError("SHA-512 is possible with X25519 keys only", name="usage")
        if self.key_size not in KEY_SIZES or (self.key is not None and len(self.key) != self.key_size):
            raise FormatError("an AES key has 16 or 32 bytes", name="usage")

    def new_key(self) -> bytes:
        """The AES key for one image."""
        return os.urandom(self.key_size) if self.key is None else self.key

    def wrap(self, key: bytes) -> Tlv:
        """The record that carries the AES key."""
        if isinstance(self.recipient, rsa.RSAPublicKey):
            return Tlv(Kind.ENC_RSA2048, self.recipient.encrypt(key, _OAEP))
        if isinstance(self.recipient, x25519.X25519PublicKey):
            own = x25519.X25519PrivateKey.generate()
            kind = Kind.ENC_X25519_SHA512 if self.sha512 else Kind.ENC_X25519
            shared, public = own.exchange(self.recipient), own.public_key().public_bytes_raw()
        else:
            other = ec.generate_private_key(ec.SECP256R1())
            kind, shared = Kind.ENC_EC256, other.exchange(ec.ECDH(), self.recipient)
            public = other.public_key().public_bytes(
                serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
            )  # fmt: skip
        cipher_key, mac_key = _derive(shared, len(key), _hash_of(kind))
        hidden = _counter_mode(cipher_key)(key)
        return Tlv(kind, public + _mac(mac_key, hidden, _hash_of(kind)).finalize() + hidden)


def unwrap(tlv: Tlv, key: DecryptionKey, key_size: int) -> bytes:
    """The AES key of an image.

    Args:
        key_size: What the header says it must be, bytes.

    Raises:
        TrustError: the key is of another kind, or is not the one the image was encrypted for (`trust_failed`).
    """
    try:
        found = _unwrap(tlv, key)
    except (ValueError, InvalidSignature, keywrap.InvalidUnwrap) as error:
        raise TrustError(
            "the image cannot be decrypted: its encryption key is damaged, or meant for another key than this",
            name="trust_failed", offset=tlv.offset,
        ) from error  # fmt: skip
    if len(found) != key_size:
        raise TrustError("the encryption key is of another size than the header says", name="trust_failed", offset=tlv.offset)
    return found


def _unwrap(tlv: Tlv, key: DecryptionKey) -> bytes:
    value = tlv.value
    if tlv.type == Kind.ENC_RSA2048 and isinstance(key, rsa.RSAPrivateKey):
        return key.decrypt(value, _OAEP)
    if tlv.type == Kind.ENC_KW and isinstance(key, bytes):
        return keywrap.aes_key_unwrap(key, value)
    if tlv.type == Kind.ENC_EC256 and isinstance(key, ec.EllipticCurvePrivateKey):
        point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), value[:_POINT])
        return _open(value[_POINT:], key.exchange(ec.ECDH(), point), hashes.SHA256())
    if tlv.type in (Kind.ENC_X25519, Kind.ENC_X25519_SHA512) and isinstance(key, x25519.X25519PrivateKey):
        if value[_X25519 - 1] & 0x80:
            raise ValueError("X25519 ignores this bit, so it must not be in use (RFC 7748 5)")
        shared = key.exchange(x25519.X25519PublicKey.from_public_bytes(value[:_X25519]))
        return _open(value[_X25519:], shared, _hash_of(Kind(tlv.type)))
    raise ValueError("another kind of key")


def _open(rest: bytes, shared: bytes, algorithm: hashes.HashAlgorithm) -> bytes:
    """Check the MAC of an encrypted key, and decrypt it."""
    mac, hidden = rest[: algorithm.digest_size], rest[algorithm.digest_size :]
    cipher_key, mac_key = _derive(shared, len(hidden), algorithm)
    _mac(mac_key, hidden, algorithm).verify(mac)
    return _counter_mode(cipher_key)(hidden)


def _hash_of(kind: Kind) -> hashes.HashAlgorithm:
    return hashes.SHA512() if kind == Kind.ENC_X25519_SHA512 else hashes.SHA256()


def _derive(shared: bytes, size: int, algorithm: hashes.HashAlgorithm) -> tuple[bytes, bytes]:
    """Keys for AES (`size` bytes) and for HMAC."""
    derived = HKDF(algorithm, size + algorithm.digest_size, salt=None, info=_INFO).derive(shared)
    return derived[:size], derived[size:]


def _mac(key: bytes, data: bytes, algorithm: hashes.HashAlgorithm) -> hmac.HMAC:
    mac = hmac.HMAC(key, algorithm)
    mac.update(data)
    return mac


def _counter_mode(key: bytes) -> Callable[[bytes], bytes]:
    """AES-CTR from counter 0 on: the same call encrypts and decrypts, each continuing where the last one ended."""
    return Cipher(algorithms.AES(key), modes.CTR(bytes(BLOCK))).encryptor().update


def crypt(chunks: Iterable[bytes], key: bytes | None) -> Iterator[bytes]:
    """Encrypt or decrypt a payload; None: pass it on as it is."""
    step = (lambda data: data) if key is None else _counter_mode(key)
    return (step(data) for data in chunks)
