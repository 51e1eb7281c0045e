"""Keys: made, read, written, and refused when weak.

`cryptography` loads any Ed25519 public key, the eight points of small order included: one fixed forged signature then
passes for every message (identity point). RFC 8032 5.1.3 leaves the check to the application; it stands here, in front
of every use of a foreign key.
"""

import dataclasses
import functools
import hashlib
import math
from typing import Final

from cryptography.exceptions import InternalError, InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, rsa
from cryptography.utils import Buffer

from formats.algorithms import ALGORITHMS, FOREIGN, Algorithm, AnyPrivate, AnyPublic
from formats.errors import FormatError, TrustError

MAX_PASSPHRASE: Final = 1023
UNREADABLE: Final = (ValueError, UnsupportedAlgorithm, InternalError)
"""What `cryptography` raises for bytes that are no key; InternalError for a private Ed25519 or X25519 key of a wrong length."""

_PUBLIC: Final = (
    ed25519.Ed25519PublicKey, ec.EllipticCurvePublicKey, rsa.RSAPublicKey, mldsa.MLDSA65PublicKey
)  # fmt: skip
_PRIVATE: Final = (
    ed25519.Ed25519PrivateKey, ec.EllipticCurvePrivateKey, rsa.RSAPrivateKey, mldsa.MLDSA65PrivateKey
)  # fmt: skip
_PRIMORIAL: Final = math.prod(n for n in range(2, 2000) if all(n % p for p in range(2, math.isqrt(n) + 1)))
"""Product of all primes below 2000."""
_P25519: Final = 2**255 - 19
_D25519: Final = -121665 * pow(121666, -1, _P25519) % _P25519
_ORDER_8_Y: Final = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
"""y of two points of order 8; the other two have p - y (Cremers and Jackson, "Prime, Order Please!", table 2)."""
_SMALL_ORDER_Y: Final = frozenset({0, 1, _P25519 - 1, _ORDER_8_Y, _P25519 - _ORDER_8_Y})


@dataclasses.dataclass(frozen=True)
class PublicKey:
    """A public key that passed the import checks. Its id is a digest of the key itself, so it cannot be borrowed."""

    algorithm: str
    der: bytes
    """SubjectPublicKeyInfo, re-encoded by us (RFC 5280 4.1), so one key has one encoding."""
    handle: AnyPublic = dataclasses.field(compare=False, repr=False)

    @property
    def key_id(self) -> bytes:
        """SHA-256 of the SubjectPublicKeyInfo, 32 bytes."""
        return hashlib.sha256(self.der).digest()

    @property
    def row(self) -> Algorithm:
        """How this key signs."""
        return ALGORITHMS.get(self.algorithm) or FOREIGN[self.algorithm]

    def verify(self, signature: bytes, message: Buffer) -> bool:
        """Whether `signature` over `message` holds under this key's own algorithm."""
        return self.verify_hashed(signature, self.row.hashed(message))

    def verify_hashed(self, signature: bytes, hashed: bytes) -> bool:
        """The same for a message that has been hashed already (where the algorithm hashes)."""
        try:
            self.row.verify(self.handle, signature, hashed)
        except InvalidSignature:
            return False
        return True

    def pem(self) -> bytes:
        return self.handle.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


@dataclasses.dataclass(frozen=True)
class PrivateKey:
    """A private key in memory; a `Signer` (see `formats.signing`)."""

    public: PublicKey
    handle: AnyPrivate = dataclasses.field(repr=False)

    def sign(self, message: Buffer) -> bytes:
        """Sign `message` with the key's own algorithm (`formats.algorithms`)."""
        return self.sign_hashed(self.public.row.hashed(message))

    def sign_hashed(self, hashed: bytes) -> bytes:
        """The same for a message that has been hashed already (where the algorithm hashes)."""
        return self.public.row.sign(self.handle, hashed)

    def pem(self, passphrase: bytes | None = None) -> bytes:
        """PKCS#8 (RFC 5958), encrypted if a passphrase is given.

        Raises:
            FormatError: the passphrase is empty or too long (`usage`).
        """
        lock: serialization.KeySerializationEncryption = serialization.NoEncryption()
        if passphrase is not None:
            if not 0 < len(passphrase) <= MAX_PASSPHRASE:
                raise FormatError(f"a passphrase has 1 to {MAX_PASSPHRASE} bytes", name="usage")
            lock = serialization.BestAvailableEncryption(passphrase)
        return self.handle.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock)


def generate(algorithm: str) -> PrivateKey:
    """A new private key from the system's random source."""
    if algorithm not in ALGORITHMS:
        raise FormatError(f"no such key algorithm: {algorithm}", name="unsupported_format")
    handle = ALGORITHMS[algorithm].generate()
    return PrivateKey(public_key(handle.public_key(), owned=True), handle)


def public_key(handle: object, *, foreign: bool = False, owned: bool = False) -> PublicKey:
    """Check a loaded key and wrap it.

    Args:
        foreign: Also take what only images of others are signed with.
        owned: It is the half of a private key that OpenSSL has loaded, and so has found to be the product of two primes.

    Raises:
        TrustError: a weak key, or a kind of key that is not accepted.
    """
    if isinstance(handle, ed25519.Ed25519PublicKey):
        _refuse_weak_ed25519(handle.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw))
    rows = [*ALGORITHMS.values(), *(FOREIGN.values() if foreign else ())]
    row = next((row for row in rows if row.owns(handle)), None)
    if row is None or not isinstance(handle, _PUBLIC):
        kind = type(handle).__name__.removesuffix("PublicKey").lstrip("_")
        size = f" of {handle.key_size} bits" if isinstance(handle, rsa.RSAPublicKey | ec.EllipticCurvePublicKey) else ""
        raise TrustError(
            f"keys of this kind are not accepted ({kind}{size})", name="weak_key", hint=f"Use one of {', '.join(ALGORITHMS)}."
        )
    if isinstance(handle, rsa.RSAPublicKey):  # of a size that is known by now: ten times as many bits take a minute
        _refuse_weak_modulus(handle.public_numbers().n, owned=owned)
    der = handle.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return PublicKey(row.name, der, handle)


def refuse_foreign(key: PublicKey) -> None:
    """For everything that is ours: what is only met in images of others may not sign it.

    Raises:
        TrustError: `weak_key`.
    """
    if key.algorithm in FOREIGN:
        raise TrustError(
            f"{key.algorithm} is too weak to sign this", name="weak_key", hint=f"Use one of {', '.join(ALGORITHMS)}."
        )


def _refuse_weak_ed25519(raw: bytes) -> None:
    y = int.from_bytes(raw, "little") & (2**255 - 1)
    if y >= _P25519:
        raise TrustError("this Ed25519 key is not in canonical form", name="weak_key", hint="Generate a new key.")
    if y in _SMALL_ORDER_Y:
        raise TrustError(
            "this Ed25519 key is a point of small order: anybody can sign for it",
            name="weak_key",
            hint="Do not use it, and ask where it came from.",
        )
    if not _on_edwards25519(y):
        raise TrustError("this Ed25519 key is no point on its curve", name="weak_key", hint="Generate a new key.")


def _on_edwards25519(y: int) -> bool:
    """Whether there is an x: x^2 = (y^2 - 1) / (d y^2 + 1), d = -121665/121666 (RFC 8032 5.1.3), by Euler's criterion.

    d y^2 + 1 is never 0, and its Legendre symbol is that of its inverse; so the product is a square where the quotient is.
    """
    square = (y * y - 1) * (_D25519 * y * y + 1) % _P25519
    return pow(square, (_P25519 - 1) // 2, _P25519) in (0, 1)


def _refuse_weak_modulus(n: int, *, owned: bool) -> None:
    """A modulus that anybody can factor: a small factor, a power, a prime (NIST SP 800-56B 6.4.2.3 asks for as much)."""
    powers = (root**exponent == n for exponent in (2, 3, 5, 7) if (root := _root(n, exponent)))
    if math.gcd(n, _PRIMORIAL) > 1 or any(powers) or (not owned and _is_prime(n)):
        raise TrustError(
            "the modulus of this RSA key can be factored: anybody can sign for it", name="weak_key",
            hint="Do not use it, and ask where it came from.",
        )  # fmt: skip


@functools.lru_cache(64)
def _is_prime(n: int) -> bool:
    """Fermat's test. It takes as long as hashing 70 MB, and a key is read again for each thing that it has signed."""
    return pow(2, n - 1, n) == 1


def _root(n: int, exponent: int) -> int:
    """The integer root, rounded down (Newton)."""
    guess = 1 << -(-n.bit_length() // exponent)
    while True:
        better = ((exponent - 1) * guess + n // guess ** (exponent - 1)) // exponent
        if better >= guess:
            return guess
        guess = better


def read_public(data: bytes, *, foreign: bool = False) -> PublicKey:
    """A public key from PEM or DER (SubjectPublicKeyInfo); of a private key in PEM its public half.

    Raises:
        FormatError: no key in there.
        TrustError: a weak or unaccepted key.
    """
    if b"PRIVATE KEY" in data:
        raise FormatError(
            "this is a private key, a public one is expected",
            hint="Make one with: fwtool keys public KEY.pem --out PUB.pem",
        )
    load = serialization.load_pem_public_key if data.lstrip().startswith(b"-----") else serialization.load_der_public_key
    try:
        handle = load(data)
    except (*UNREADABLE, TypeError) as error:
        raise FormatError("there is no readable public key in this file") from error
    return public_key(handle, foreign=foreign)


def read_private(data: bytes, passphrase: bytes | None = None, *, foreign: bool = False) -> PrivateKey:
    """A private key from PEM (PKCS#8, or SEC 1 for EC keys).

    Raises:
        FormatError: no key in there, or the passphrase is missing or wrong (`name="usage"`).
        TrustError: a kind of key that is not accepted.
    """
    try:
        handle = serialization.load_pem_private_key(data, passphrase)
    except TypeError as error:
        raise FormatError(
            "this key is encrypted" if passphrase is None else "this key is not encrypted, yet a passphrase was given",
            name="usage",
            hint="Give the passphrase with --passphrase-file." if passphrase is None else "Leave the passphrase out.",
        ) from error
    except UNREADABLE as error:
        if passphrase is not None:
            raise FormatError("the key could not be opened: wrong passphrase?", name="usage") from error
        raise FormatError("there is no readable private key in this file") from error
    if not isinstance(handle, _PRIVATE):
        raise TrustError(
            "private keys of this kind are not accepted", name="weak_key", hint=f"Use one of {', '.join(ALGORITHMS)}."
        )
    return PrivateKey(public_key(handle.public_key(), foreign=foreign, owned=True), handle)
