"""A session that the administrator's password opens, for terminals that know nothing better (docs/protocol/tsp.md section 7.1).

After SCRAM (RFC 5802), with scrypt (RFC 7914) in the place of PBKDF2: the terminal keeps a digest from which nobody logs in,
the password never goes over the line, and only the host computes scrypt.

```
salted      scrypt(password as UTF-8 in NFC, salt, N, r, p), 32 bytes
client key  HMAC-SHA256(salted, "fwtool/password/v1")          stored key  SHA-256(client key)
proof       client key XOR HMAC-SHA256(stored key, "fwtool/password-use/v1" 00 SHA-256(nonces, verifier, X25519 key of host))
```

Whoever has heard an exchange can try passwords at home: a short one falls. Without I/O; random bytes are given.
"""

import hashlib
import hmac
import unicodedata
from typing import Final

from formats.errors import FormatError
from transports.tsp.grants import Exchange, Session
from transports.tsp.messages import PasswordVerifier

SALT_SIZE: Final = 16
KEY_SIZE: Final = 32
LOG_N: Final = range(14, 16)
R: Final = 8
P: Final = range(1, 5)
"""Cost a host takes part in: not so cheap that a lying terminal gets a cheap proof, and at most 32 MiB."""
SHORTEST: Final = 10
"""Characters of a new password."""
_MEMORY: Final = 48 << 20
_CLIENT: Final = b"fwtool/password/v1"
_USE: Final = b"fwtool/password-use/v1\0"
_SESSION: Final = b"fwtool/password-session/v1\0"


def verifier_for(password: str, salt: bytes, log_n: int = 15, p: int = 1) -> PasswordVerifier:
    """What a terminal is given instead of a password.

    Args:
        salt: 16 random bytes.

    Raises:
        FormatError: the password is too short (`usage`).
    """
    if len(unicodedata.normalize("NFC", password)) < SHORTEST:
        hint = "Whoever hears one exchange can try passwords at home: take several words."
        raise FormatError(f"an administrator's password has at least {SHORTEST} characters", name="usage", hint=hint)
    plain = PasswordVerifier(log_n=log_n, r=R, p=p, salt=salt, stored_key=bytes(KEY_SIZE))
    return PasswordVerifier(log_n=log_n, r=R, p=p, salt=salt, stored_key=_stored(client_key(password, plain)))


def check_cost(verifier: PasswordVerifier) -> None:
    """Raises FormatError: no cost that a host takes part in (`protocol`)."""
    if verifier.log_n not in LOG_N or verifier.r != R or verifier.p not in P:
        cost = f"N = 2^{verifier.log_n}, r = {verifier.r}, p = {verifier.p}"
        raise FormatError(f"the terminal asks for scrypt with {cost}: too cheap or too dear", name="protocol")


def client_key(password: str, verifier: PasswordVerifier) -> bytes:
    """What proves the password. Raises as `check_cost`."""
    check_cost(verifier)
    text = unicodedata.normalize("NFC", password).encode()
    salted = hashlib.scrypt(
        text, salt=verifier.salt, n=1 << verifier.log_n, r=verifier.r, p=verifier.p, maxmem=_MEMORY, dklen=KEY_SIZE
    )
    return hmac.digest(salted, _CLIENT, "sha256")


def proof_of(key: bytes, verifier: PasswordVerifier, nonces: tuple[bytes, bytes], host_key: bytes) -> bytes:
    """What the host sends.

    Args:
        key: The client key.
        nonces: Of the session: the host's, the terminal's.
    """
    return _xor(key, _mask(_stored(key), verifier, nonces, host_key))


def opened(proof: bytes, verifier: PasswordVerifier, nonces: tuple[bytes, bytes], host_key: bytes) -> bytes | None:
    """The terminal's side: the client key, if the proof is of this password and for this session."""
    key = _xor(proof, _mask(verifier.stored_key, verifier, nonces, host_key))
    return key if hmac.compare_digest(_stored(key), verifier.stored_key) else None


def session_of(exchange: Exchange, other: bytes, nonces: tuple[bytes, bytes], key: bytes) -> Session:
    """What both sides get: bound to the client key, so that nobody in between has it. Raises as `Exchange.session`."""
    return exchange.session(other, *nonces, hashlib.sha256(_SESSION + key).digest())


def _stored(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()


def _mask(stored: bytes, verifier: PasswordVerifier, nonces: tuple[bytes, bytes], host_key: bytes) -> bytes:
    cost = bytes((verifier.log_n, verifier.r, verifier.p)) + verifier.salt
    digest = hashlib.sha256(b"".join(nonces) + cost + host_key).digest()
    return hmac.digest(stored, _USE + digest, "sha256")


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))
