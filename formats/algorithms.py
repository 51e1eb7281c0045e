"""The table of signature algorithms. To add one: a row here, and a line in docs/formats/signing.md.

Which algorithm a signature is made with is a property of the trusted key; nothing in a file chooses from this table.
"""

import hashlib
from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeAlias

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.utils import Buffer

AnyPublic: TypeAlias = ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey | rsa.RSAPublicKey | mldsa.MLDSA65PublicKey
AnyPrivate: TypeAlias = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | mldsa.MLDSA65PrivateKey

RSA_EXPONENT: Final = 65537
PSS_SALT: Final = 32
"""Salt of RSA-PSS: as long as the digest (RFC 8017 9.1, and what MCUboot requires)."""


class Algorithm(NamedTuple):
    """One way to sign. The callables get handles of `cryptography` that `owns` has accepted.

    What they sign is the message, or its digest where the algorithm hashes (`digest` is set).
    """

    name: str
    owns: Callable[[object], bool]
    """Whether a loaded public key is one of this algorithm."""
    generate: Callable[[], AnyPrivate]
    sign: Callable[[Any, bytes], bytes]
    verify: Callable[[Any, bytes, bytes], None]
    """Public key, signature, message or digest. Raises InvalidSignature."""
    digest: hashes.HashAlgorithm | None = None
    """How the message is hashed before it is signed; None: the algorithm takes the message itself."""

    def hashed(self, message: Buffer) -> bytes:
        """What `sign` and `verify` are given for a message."""
        return hashlib.new(self.digest.name, message).digest() if self.digest else bytes(message)


def _ecdsa(name: str, curve: ec.EllipticCurve, digest: hashes.HashAlgorithm) -> Algorithm:
    """ECDSA (FIPS 186-5), DER-encoded, with the nonce of RFC 6979."""
    hashed = Prehashed(digest)
    return Algorithm(
        name,
        lambda key: isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name == curve.name,
        lambda: ec.generate_private_key(curve),
        lambda key, what: key.sign(what, ec.ECDSA(hashed, deterministic_signing=True)),
        lambda key, signature, what: key.verify(signature, what, ec.ECDSA(hashed)),
        digest,
    )


def _rsa(bits: int) -> Algorithm:
    """RSASSA-PSS (RFC 8017) with SHA-256, MGF1 with SHA-256, and a salt of 32 bytes."""
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), PSS_SALT)
    hashed = Prehashed(hashes.SHA256())
    return Algorithm(
        f"rsa-{bits}",
        lambda key: isinstance(key, rsa.RSAPublicKey) and key.key_size == bits and key.public_numbers().e == RSA_EXPONENT,
        lambda: rsa.generate_private_key(RSA_EXPONENT, bits),
        lambda key, what: key.sign(what, pss, hashed),
        lambda key, signature, what: key.verify(signature, what, pss, hashed),
        hashes.SHA256(),
    )


def _plain(name: str, public: type, private: type) -> Algorithm:
    """Algorithms that take the message as it is: Ed25519 (RFC 8032), ML-DSA-65 (FIPS 204, empty context)."""
    return Algorithm(
        name,
        lambda key: isinstance(key, public),
        private.generate,  # type: ignore[attr-defined]
        lambda key, what: key.sign(what),
        lambda key, signature, what: key.verify(signature, what),
    )


ED25519: Final = "ed25519"
ECDSA_P256: Final = "ecdsa-p256"
ALGORITHMS: Final = {
    row.name: row
    for row in (
        _plain(ED25519, ed25519.Ed25519PublicKey, ed25519.Ed25519PrivateKey),
        _ecdsa(ECDSA_P256, ec.SECP256R1(), hashes.SHA256()),
        _ecdsa("ecdsa-p384", ec.SECP384R1(), hashes.SHA384()),
        _rsa(3072),
        _rsa(4096),
        _plain("ml-dsa-65", mldsa.MLDSA65PublicKey, mldsa.MLDSA65PrivateKey),
    )
}
"""What may sign packages."""
FOREIGN: Final = {row.name: row for row in (_rsa(2048),)}
"""What is met in images of others (MCUboot) and may sign nothing of ours."""
