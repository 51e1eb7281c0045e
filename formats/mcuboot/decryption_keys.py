"""Reading the keys that images are encrypted for. They never sign anything, so `formats.keys` does not take them."""

import base64
import binascii

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa, x25519

from formats.errors import FormatError, TrustError
from formats.mcuboot.encryption import KEY_SIZES, DecryptionKey, Recipient

MAX_KEY_WRAP_TEXT = 64


def read_recipient(data: bytes) -> Recipient:
    """A public key from PEM.

    Raises:
        FormatError: no public key in there.
        TrustError: a kind of key nothing is encrypted for.
    """
    try:
        handle = serialization.load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise FormatError("there is no readable public key in this file") from error
    if not isinstance(handle, rsa.RSAPublicKey | ec.EllipticCurvePublicKey | x25519.X25519PublicKey):
        raise TrustError("nothing is encrypted for keys of this kind", name="weak_key", hint="Use RSA-2048, P-256 or X25519.")
    return handle


def read_private(data: bytes, passphrase: bytes | None = None) -> DecryptionKey:
    """A private key from PEM, or a key for AES key wrap as newt and imgtool write it (base64 of 16 or 32 bytes).

    Raises:
        FormatError: no key in there, or the passphrase is missing or wrong (`usage`).
        TrustError: a kind of key nothing is encrypted for.
    """
    wrap = _key_wrap(data)
    if wrap is not None:
        return wrap
    try:
        handle = serialization.load_pem_private_key(data, passphrase)
    except TypeError as error:
        state = "encrypted" if passphrase is None else "not encrypted, yet a passphrase was given"
        raise FormatError(f"this key is {state}", name="usage") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        if passphrase is not None:
            raise FormatError("the key could not be opened: wrong passphrase?", name="usage") from error
        raise FormatError("there is no readable private key in this file") from error
    if not isinstance(handle, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | x25519.X25519PrivateKey):
        raise TrustError("nothing is encrypted for keys of this kind", name="weak_key")
    return handle


def _key_wrap(data: bytes) -> bytes | None:
    text = data.strip()
    if len(text) > MAX_KEY_WRAP_TEXT:
        return None
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error:
        return None
    return key if len(key) in KEY_SIZES else None
