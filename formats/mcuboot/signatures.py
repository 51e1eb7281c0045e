"""Which record belongs to which key, and how a signature is made and checked (image_validate.c, image_rsa.c, image_ecdsa.c,
image_ed25519.c).

RSA and ECDSA sign the hashed region, so they sign the image hash as it is. Ed25519 signs the bytes of the image hash as a
message, or (SIG_PURE) the region itself. The algorithm always comes from the trusted key.
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from formats.errors import FormatError, TrustError
from formats.keys import PublicKey
from formats.mcuboot.kinds import Kind
from formats.mcuboot.rules import Signed
from formats.mcuboot.tlv import Tlv
from formats.signing import Signer


class Scheme(NamedTuple):
    """How images are signed with one algorithm of `formats.algorithms`."""

    kind: Kind
    hashes: tuple[str, ...]
    """Image hashes that go with it; the first one is the rule."""
    padded: int = 0
    """Bytes that DER signatures were padded to with zeros for boot loaders before 1.5; 0: never."""


SCHEMES: Final = {
    "rsa-2048": Scheme(Kind.RSA2048_PSS, ("sha256",)),
    "rsa-3072": Scheme(Kind.RSA3072_PSS, ("sha256",)),
    "ecdsa-p256": Scheme(Kind.ECDSA_SIG, ("sha256",), padded=72),
    "ecdsa-p384": Scheme(Kind.ECDSA_SIG, ("sha384",), padded=103),
    "ed25519": Scheme(Kind.ED25519, ("sha256", "sha512")),
}
PURE_HASH: Final = "sha512"
ED25519: Final = "ed25519"


class Signable(NamedTuple):
    """What signatures of one image are about."""

    digest: bytes
    """The image hash."""
    hash_name: str
    region: Callable[[], bytes] | None = None
    """Gives the region itself where signatures cover that (SIG_PURE)."""


def scheme_of(key: PublicKey) -> Scheme:
    """How a key signs images.

    Raises:
        TrustError: no boot loader knows such keys (`weak_key`).
    """
    if key.algorithm not in SCHEMES:
        raise TrustError(
            f"MCUboot knows no signatures with {key.algorithm}", name="weak_key", hint=f"Use one of {', '.join(SCHEMES)}."
        )
    return SCHEMES[key.algorithm]


def key_bytes(key: PublicKey) -> bytes:
    """A public key as images carry it: PKCS#1 for RSA, SubjectPublicKeyInfo for all others."""
    if isinstance(key.handle, rsa.RSAPublicKey):
        return key.handle.public_bytes(Encoding.DER, PublicFormat.PKCS1)
    return key.der


def key_tlv(key: PublicKey, hash_name: str, *, full: bool = False) -> Tlv:
    """The record that names a key."""
    data = key_bytes(key)
    return Tlv(Kind.PUBKEY, data) if full else Tlv(Kind.KEYHASH, hashlib.new(hash_name, data).digest())


def find(name: Tlv, keys: Sequence[PublicKey], hash_name: str) -> PublicKey | None:
    """The trusted key that a record names, if it is one of them."""
    return next((key for key in keys if key_tlv(key, hash_name, full=name.type == Kind.PUBKEY).value == name.value), None)


def check(signed: Signed, key: PublicKey, what: Signable) -> None:
    """One signature under the trusted key it names.

    Raises:
        TrustError: it does not hold.
    """
    scheme, signature = scheme_of(key), signed.signature
    if signature.type != scheme.kind:
        raise TrustError(
            f"the image has a signature of the kind {signature.name} by a key that signs with {key.algorithm}",
            offset=signature.offset,
        )  # fmt: skip
    _check_hash(scheme, key, what)
    if not holds(signature.value, key, what):
        raise TrustError(
            "the signature of the image does not hold", hint="Damaged or altered: get the file again from its maker.",
            offset=signature.offset,
        )  # fmt: skip


def _check_hash(scheme: Scheme, key: PublicKey, what: Signable) -> None:
    if what.hash_name not in scheme.hashes:
        raise TrustError(f"a key for {key.algorithm} goes with {scheme.hashes[0]} as image hash, not {what.hash_name}")


def holds(value: bytes, key: PublicKey, what: Signable) -> bool:
    """Whether signature bytes fit, the hash and the kind of record being right."""
    padded = scheme_of(key).padded
    if padded:
        value = _without_padding(value, padded)
    return key.verify_hashed(value, what.digest if what.region is None else what.region())


def _without_padding(value: bytes, padded: int) -> bytes:
    """A DER signature without the zeros behind it; anything else is returned as it is, and will not verify."""
    end = 2 + value[1]
    return value[:end] if len(value) == padded and not any(value[end:]) else value


def sign(signer: Signer, what: Signable, *, full_key: bool = False, pad: bool = False) -> Signed:
    """Sign an image, and check what came back: a token may be broken, or hold another key than it says.

    Raises:
        TrustError: a kind of key that cannot sign this image, or a signature that does not hold.
    """
    scheme = scheme_of(signer.public)
    _check_hash(scheme, signer.public, what)
    if signer.public.algorithm == ED25519:
        value = signer.sign(what.digest if what.region is None else what.region())
    else:
        value = signer.sign_hashed(what.digest)
    if pad and scheme.padded:
        value = value.ljust(scheme.padded, b"\0")
    made = Signed(key_tlv(signer.public, what.hash_name, full=full_key), Tlv(scheme.kind, value))
    if not holds(value, signer.public, what):
        raise TrustError("the signature that was made does not hold", hint="Is it the right key?")
    return made


def hash_for(signers: Sequence[Signer], wanted: str = "", *, pure: bool = False) -> str:
    """The image hash that all signers can work with.

    Raises:
        FormatError: there is none, or `wanted` is not it (`usage`).
    """
    if pure and (not signers or any(signer.public.algorithm != ED25519 for signer in signers)):
        raise FormatError("only Ed25519 keys can sign the image itself", name="usage")
    if pure:
        possible = [PURE_HASH]
    else:
        all_of = [scheme_of(signer.public).hashes for signer in signers] or [("sha256", "sha384", "sha512")]
        possible = [name for name in all_of[0] if all(name in names for names in all_of)]
    if (wanted and wanted not in possible) or not possible:
        raise FormatError(
            f"{wanted or 'no hash'} goes with these keys", name="usage",
            hint="RSA and P-256 sign SHA-256, P-384 signs SHA-384, Ed25519 SHA-256 or SHA-512.",
        )  # fmt: skip
    return wanted or possible[0]
