"""A session that a grant has opened: who holds it proves that, both sides agree on a key, and every request carries a tag.

```
host -> device   AUTHORISE: grant, X25519 key of the host, holder's signature over proof_message
device -> host   X25519 key of the device
key              HKDF-SHA256(shared secret, salt = nonce of host ‖ nonce of device, info = "fwtool/tsp/v1 session" ‖ digest)
tag              u64 number ‖ first 16 bytes of HMAC-SHA256(key, number ‖ message without its authentication field)
```

Both nonces are fresh, so nothing of an old session fits; the number rises with every request, so nothing of this one fits
twice. Without I/O; random bytes are given.
"""

import hashlib
import hmac
import struct
from typing import Final

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from formats.errors import FormatError
from transports.tsp.messages import Message

KEY_SIZE: Final = 32
_NUMBER: Final = struct.Struct("<Q")
TAG_SIZE: Final = 16
FIELD_SIZE: Final = _NUMBER.size + TAG_SIZE
_PROOF: Final = b"fwtool/grant-use/v1\0"
_INFO: Final = b"fwtool/tsp/v1 session"


def proof_message(host_nonce: bytes, device_nonce: bytes, digest: bytes, host_key: bytes) -> bytes:
    """What the holder signs: this grant, in this session, with this key."""
    return _PROOF + hashlib.sha256(host_nonce + device_nonce + digest + host_key).digest()


class Exchange:
    """One side of the key agreement.

    Args:
        secret: 32 random bytes.
    """

    def __init__(self, secret: bytes) -> None:
        self._private = X25519PrivateKey.from_private_bytes(secret)
        self.public = self._private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)

    def session(self, other: bytes, host_nonce: bytes, device_nonce: bytes, digest: bytes) -> "Session":
        """What both sides get.

        Raises:
            FormatError: the other side's key agrees on nothing.
        """
        try:
            shared = self._private.exchange(X25519PublicKey.from_public_bytes(other))
        except ValueError as error:
            raise FormatError("this key agrees on a secret that everybody knows", name="weak_key") from error
        key = HKDF(hashes.SHA256(), KEY_SIZE, host_nonce + device_nonce, _INFO + digest).derive(shared)
        return Session(key)


class Session:
    """Tags requests (host) and checks them (device)."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._number = 0

    def sign(self, message: Message) -> Message:
        """The message with its authentication field."""
        self._number += 1
        return message._replace(authentication=self._field(self._number, message))

    def holds(self, message: Message) -> bool:
        """Whether a message is of this session, unaltered, and has not been seen; it is seen now."""
        if len(message.authentication) != FIELD_SIZE:
            return False
        (number,) = _NUMBER.unpack_from(message.authentication)
        if number <= self._number or not hmac.compare_digest(self._field(number, message), message.authentication):
            return False
        self._number = number
        return True

    def _field(self, number: int, message: Message) -> bytes:
        plain = _NUMBER.pack(number) + message._replace(authentication=b"").build()
        return _NUMBER.pack(number) + hmac.digest(self._key, plain, "sha256")[:TAG_SIZE]
