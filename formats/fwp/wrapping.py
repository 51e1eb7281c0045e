"""For whom a package is encrypted: its content key, wrapped for the key of each group of devices.

ECDH (NIST SP 800-56A, or X25519 of RFC 7748) with a one-time key, HKDF-SHA256 (RFC 5869), AES key wrap (RFC 3394).
Everything that looks random follows from the content key, so the same content key gives the same bytes.
"""

import dataclasses
import enum
import hashlib
from collections.abc import Sequence
from typing import Final, TypeAlias

import construct as c
from cryptography.hazmat.primitives import hashes, keywrap, serialization
from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from formats.errors import FormatError, TrustError
from formats.keys import MAX_PASSPHRASE, UNREADABLE
from formats.record import Choice, Record

KEY_SIZE: Final = 32
_WRAPPED_SIZE: Final = 40
X25519_SIZE: Final = 32
P256_POINT_SIZE: Final = 65
UNCOMPRESSED: Final = 0x04
"""First byte of such a point (SEC 1, 2.3.3)."""
_CONTEXT: Final = b"fwtool/fwp/v1 "
_P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

Public: TypeAlias = ec.EllipticCurvePublicKey | x25519.X25519PublicKey
Private: TypeAlias = ec.EllipticCurvePrivateKey | x25519.X25519PrivateKey


class Agreement(enum.IntEnum):
    """How the wrapping key is agreed on."""

    X25519 = 1
    ECDH_P256 = 2


GROUP_ALGORITHMS: Final = {"x25519": Agreement.X25519, "ecdh-p256": Agreement.ECDH_P256}
"""Names for `fwtool keys generate`."""


class Recipient(Record):
    """One group of devices that can read the package."""

    agreement: Agreement
    key_id: bytes
    """SHA-256 of the group key's SubjectPublicKeyInfo."""
    one_time: bytes
    """One-time public key: 32 bytes (X25519), or 65 as an uncompressed point (P-256)."""
    wrapped: bytes
    """The content key, wrapped."""
    LAYOUT = c.Struct(
        "agreement" / Choice(c.Int8ul, Agreement),
        "key_id" / c.Bytes(32),
        "one_time" / c.Prefixed(c.Int8ul, c.GreedyBytes),
        "wrapped" / c.Bytes(_WRAPPED_SIZE),
    )


def fits_agreement(point: bytes, agreement: Agreement) -> bool:
    """Whether these bytes have the form of a public key of this kind; whether they are one is seen where it is used."""
    if agreement is Agreement.X25519:
        return len(point) == X25519_SIZE
    return len(point) == P256_POINT_SIZE and point[0] == UNCOMPRESSED


@dataclasses.dataclass(frozen=True)
class GroupPublic:
    """What a package is encrypted for."""

    agreement: Agreement
    key_id: bytes
    handle: Public = dataclasses.field(compare=False, repr=False)

    @property
    def algorithm(self) -> str:
        return next(name for name, agreement in GROUP_ALGORITHMS.items() if agreement is self.agreement)

    def pem(self) -> bytes:
        return self.handle.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


@dataclasses.dataclass(frozen=True)
class GroupKey:
    """What a device (or an auditor) opens packages with."""

    public: GroupPublic
    handle: Private = dataclasses.field(compare=False, repr=False)

    def pem(self, passphrase: bytes | None = None) -> bytes:
        """PKCS#8 (RFC 5958), encrypted if a passphrase is given."""
        lock: serialization.KeySerializationEncryption = serialization.NoEncryption()
        if passphrase is not None:
            if not 0 < len(passphrase) <= MAX_PASSPHRASE:
                raise FormatError(f"a passphrase has 1 to {MAX_PASSPHRASE} bytes", name="usage")
            lock = serialization.BestAvailableEncryption(passphrase)
        return self.handle.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock)


def generate(name: str) -> GroupKey:
    """A new group key; `name` is one of `GROUP_ALGORITHMS`."""
    if GROUP_ALGORITHMS[name] is Agreement.X25519:
        return _private(x25519.X25519PrivateKey.generate())
    return _private(ec.generate_private_key(ec.SECP256R1()))


def read_public(data: bytes) -> GroupPublic:
    """A group's public key from PEM.

    Raises:
        FormatError: none in there.
        TrustError: another kind of key (`weak_key`).
    """
    try:
        handle = serialization.load_pem_public_key(data)
    except (*UNREADABLE, TypeError) as error:
        raise FormatError("there is no readable public key in this file") from error
    return _public(handle)


def read_private(data: bytes, passphrase: bytes | None = None) -> GroupKey:
    """A group's private key from PEM. Raises as `read_public`."""
    try:
        handle = serialization.load_pem_private_key(data, passphrase)
    except (*UNREADABLE, TypeError) as error:
        raise FormatError("there is no readable private key in this file") from error
    return _private(handle)


def _private(handle: object) -> GroupKey:
    if not isinstance(handle, ec.EllipticCurvePrivateKey | x25519.X25519PrivateKey):
        raise _not_a_group_key()
    return GroupKey(_public(handle.public_key()), handle)


def _public(handle: object) -> GroupPublic:
    if isinstance(handle, x25519.X25519PublicKey):
        agreement = Agreement.X25519
    elif isinstance(handle, ec.EllipticCurvePublicKey) and isinstance(handle.curve, ec.SECP256R1):
        agreement = Agreement.ECDH_P256
    else:
        raise _not_a_group_key()
    der = handle.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return GroupPublic(agreement, hashlib.sha256(der).digest(), handle)


def _not_a_group_key() -> TrustError:
    return TrustError(
        "packages are not encrypted for keys of this kind", name="weak_key",
        hint=f"Use one of {', '.join(GROUP_ALGORITHMS)}: fwtool keys generate --algorithm x25519 --out GROUP.pem",
    )  # fmt: skip


def derive(key: bytes, purpose: bytes, size: int = KEY_SIZE) -> bytes:
    """Bytes that belong to a key and a purpose (HKDF-SHA256 without salt)."""
    return HKDF(hashes.SHA256(), size, None, _CONTEXT + purpose).derive(key)


def wrap(content_key: bytes, group: GroupPublic) -> Recipient:
    """Wrap the content key (32 bytes) for one group.

    Raises:
        TrustError: the group's key agrees on nothing (`weak_key`).
    """
    if group.agreement is Agreement.X25519:
        one_time: Private = x25519.X25519PrivateKey.from_private_bytes(derive(content_key, b"one-time key " + group.key_id))
    else:
        # 48 bytes leave no bias to speak of (FIPS 186-5 A.2.1, extra random bits).
        number = int.from_bytes(derive(content_key, b"one-time key " + group.key_id, 48), "big") % (_P256_ORDER - 1) + 1
        one_time = ec.derive_private_key(number, ec.SECP256R1())
    point = _point(one_time.public_key())
    shared = _agree(one_time, group.handle)
    wrapped = keywrap.aes_key_wrap(_wrapping_key(shared, point, group.key_id), content_key)
    return Recipient(agreement=group.agreement, key_id=group.key_id, one_time=point, wrapped=wrapped)


def unwrap(recipients: Sequence[Recipient], groups: Sequence[GroupKey]) -> bytes | None:
    """The content key, if one of these groups is among the recipients.

    Raises:
        FormatError: it is, yet what is there for it cannot be opened.
    """
    for recipient in recipients:
        for group in groups:
            if (recipient.key_id, recipient.agreement) == (group.public.key_id, group.public.agreement):
                return _unwrap(recipient, group)
    return None


def _unwrap(recipient: Recipient, group: GroupKey) -> bytes:
    try:
        if recipient.agreement is Agreement.X25519:
            point: Public = x25519.X25519PublicKey.from_public_bytes(recipient.one_time)
        else:
            point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), recipient.one_time)
        key = _wrapping_key(_agree(group.handle, point), recipient.one_time, recipient.key_id)
        return keywrap.aes_key_unwrap(key, recipient.wrapped)
    except (ValueError, TrustError, keywrap.InvalidUnwrap) as error:
        raise FormatError("the content key of the package cannot be unwrapped") from error


def _agree(private: Private, public: Public) -> bytes:
    try:
        if isinstance(private, x25519.X25519PrivateKey) and isinstance(public, x25519.X25519PublicKey):
            return private.exchange(public)
        assert isinstance(private, ec.EllipticCurvePrivateKey)
        assert isinstance(public, ec.EllipticCurvePublicKey)
        return private.exchange(ec.ECDH(), public)
    except ValueError as error:  # a point of small order: the shared secret would be known to all
        raise TrustError("this key agrees on a secret that everybody knows", name="weak_key") from error


def _point(public: Public) -> bytes:
    if isinstance(public, x25519.X25519PublicKey):
        return public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return public.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


def _wrapping_key(shared: bytes, one_time: bytes, key_id: bytes) -> bytes:
    return derive(shared, b"wrapping key " + one_time + key_id)
