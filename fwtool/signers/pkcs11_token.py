"""Signing with a hardware token through PKCS#11 (OASIS PKCS#11 v3.0), by python-pkcs11.

The host hashes, the token signs the digest: not every token offers hashing mechanisms (SoftHSM has no ECDSA_SHA256), and
so the key never sees more than it has to.
"""

import contextlib
import pathlib
from collections.abc import Iterator
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from formats import keys
from formats.algorithms import PSS_SALT
from formats.errors import FormatError, LocalError, ToolError
from formats.keys import PublicKey
from formats.signing import Signer
from fwtool.signers.attempts import WrongPin, attempt
from fwtool.signers.pkcs11_uri import KeyUri, parse
from fwtool.signers.secrets import Secrets, first_line


def _library(path: pathlib.Path) -> Any:
    try:
        import pkcs11
    except ImportError as error:
        raise LocalError(
            "signing with a token needs the package python-pkcs11", name="missing_component",
            hint='Install it: pip install "fwtool-terminal[pkcs11]"',
        ) from error  # fmt: skip
    try:
        return pkcs11.lib(str(path))
    except (pkcs11.PKCS11Error, OSError, RuntimeError) as error:
        raise LocalError(
            f"the PKCS#11 library {path} cannot be used: {error}", name="missing_component",
            hint="Name the library of your token's maker, for example libsofthsm2.so or opensc-pkcs11.so.",
        ) from error  # fmt: skip


class TokenSigner:
    """A private key that never leaves its token."""

    def __init__(self, public: PublicKey, private: Any) -> None:
        self.public = public
        self._private = private

    def sign(self, message: bytes) -> bytes:
        return self.sign_hashed(self.public.row.hashed(message))

    def sign_hashed(self, hashed: bytes) -> bytes:
        """Raises LocalError: the token does not answer."""
        import pkcs11

        try:
            return self._sign(pkcs11, hashed)
        except pkcs11.PKCS11Error as error:
            raise LocalError(f"the token did not sign: {_said(error)}", name="missing_component") from error

    def _sign(self, pkcs11: Any, hashed: bytes) -> bytes:
        mechanism = pkcs11.Mechanism
        if isinstance(self.public.handle, rsa.RSAPublicKey):
            salted = (mechanism.SHA256, pkcs11.MGF.SHA256, PSS_SALT)
            return bytes(self._private.sign(hashed, mechanism=mechanism.RSA_PKCS_PSS, mechanism_param=salted))
        if isinstance(self.public.handle, ec.EllipticCurvePublicKey):
            raw = bytes(self._private.sign(hashed, mechanism=mechanism.ECDSA))
            half = len(raw) // 2
            return encode_dss_signature(int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big"))
        return bytes(self._private.sign(hashed, mechanism=mechanism.EDDSA))


def _said(error: Exception) -> str:
    return f"{type(error).__name__} {error}".strip()


@contextlib.contextmanager
def opened(name: str, secrets: Secrets, state_dir: pathlib.Path) -> Iterator[Signer]:
    """Log in and find the key that a URI names.

    Raises:
        ToolError: a URI that is not one, or wrong PINs.
        LocalError: no library, no token, no such key.
    """
    uri = parse(name)
    library = _library(uri.module)
    import pkcs11

    token = _token(library, uri, pkcs11)
    pin = first_line(uri.pin_source) if uri.pin_source else secrets.get(f"token {token.label}")
    try:
        words = pin.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ToolError("a PIN is UTF-8 text", name="usage") from error
    with contextlib.ExitStack() as stack:
        with attempt(state_dir, f"{token.serial.hex()} {token.label}"):
            try:
                session = stack.enter_context(token.open(user_pin=words))
            except pkcs11.exceptions.UserAlreadyLoggedIn:
                # By another key of the same job: a login counts for the whole process (PKCS#11 v3.0, 5.6).
                session = stack.enter_context(token.open())
            except (pkcs11.PinIncorrect, pkcs11.exceptions.PinLenRange, pkcs11.exceptions.PinInvalid) as error:
                raise WrongPin from error
            except pkcs11.exceptions.PinLocked as error:
                raise ToolError("the token has locked its PIN", name="not_authorised") from error
            except pkcs11.PKCS11Error as error:
                raise LocalError(f"the token does not open: {_said(error)}", name="missing_component") from error
        yield _signer(session, uri, pkcs11)


def _token(library: Any, uri: KeyUri, pkcs11: Any) -> Any:
    wanted = uri.token
    # A token's label and serial number are padded with blanks (PKCS#11 v3.0, 3.2); python-pkcs11 has taken them off.
    fits = {
        "token": lambda token: token.label,
        "serial": lambda token: token.serial.decode("latin-1").strip(),
        "manufacturer": lambda token: token.manufacturer_id,
        "model": lambda token: token.model,
    }
    try:
        present = list(library.get_tokens())
    except pkcs11.PKCS11Error as error:
        raise LocalError(f"the tokens cannot be listed: {_said(error)}", name="missing_component") from error
    found = [token for token in present if all(fits[name](token) == value for name, value in wanted.items())]
    if len(found) != 1:
        there = ", ".join(ascii(token.label) for token in present if token.label) or "none"
        said = "no token fits" if not found else f"{len(found)} tokens fit"
        raise LocalError(f"{said} the URI (there: {there})", name="missing_component", hint="Name one with token= or serial=.")
    return found[0]


def _signer(session: Any, uri: KeyUri, pkcs11: Any) -> TokenSigner:
    halves = []
    for kind in (pkcs11.ObjectClass.PUBLIC_KEY, pkcs11.ObjectClass.PRIVATE_KEY):
        try:
            halves.append(session.get_key(object_class=kind, label=uri.label, id=uri.key_id))
        except pkcs11.PKCS11Error as error:
            named = uri.label if uri.label is not None else (uri.key_id or b"").hex()
            problem = "several" if isinstance(error, pkcs11.MultipleObjectsReturned) else "no"
            half = "public" if kind is pkcs11.ObjectClass.PUBLIC_KEY else "private"
            raise LocalError(
                f"{problem} {half} key {named!a} on the token", name="missing_component",
                hint="Name it with object=LABEL and id=%01; both halves of a pair carry the same.",
            ) from error  # fmt: skip
    return TokenSigner(keys.public_key(_public(halves[0], pkcs11), foreign=True), halves[1])


def _public(key: Any, pkcs11: Any) -> object:
    """The public half as `cryptography` has it.

    Raises:
        FormatError: a kind of key that is not known.
    """
    attribute = pkcs11.Attribute
    try:
        if key.key_type == pkcs11.KeyType.RSA:
            numbers = [int.from_bytes(key[name], "big") for name in (attribute.PUBLIC_EXPONENT, attribute.MODULUS)]
            return rsa.RSAPublicNumbers(*numbers).public_key()
        point = _octets(key[attribute.EC_POINT])
        if key.key_type == pkcs11.KeyType.EC_EDWARDS:
            return ed25519.Ed25519PublicKey.from_public_bytes(point)
        curve = _CURVES[bytes(key[attribute.EC_PARAMS])]
        return ec.EllipticCurvePublicKey.from_encoded_point(curve, point)
    except (ValueError, KeyError, pkcs11.PKCS11Error) as error:
        raise FormatError("the token's public key cannot be read", name="unsupported_format") from error


_CURVES: dict[bytes, ec.EllipticCurve] = {
    bytes.fromhex("06082a8648ce3d030107"): ec.SECP256R1(),
    bytes.fromhex("06052b81040022"): ec.SECP384R1(),
}
"""EC_PARAMS as object identifiers (RFC 5480 2.1.1.1)."""


def _octets(data: bytes) -> bytes:
    """What is inside a DER OCTET STRING of less than 128 bytes; some tokens leave the wrapping out."""
    wrapped = len(data) > 2 and data[0] == 4 and data[1] == len(data) - 2
    return bytes(data[2:] if wrapped else data)
