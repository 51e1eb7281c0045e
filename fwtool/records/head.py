"""A signed head: how many entries a log has, and the hash of the newest one. Object `log-head` of docs/formats/signing.md.

Who has a head of yesterday can tell today that nothing up to it was changed, and that no tail was cut off.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import construct as c

from formats import signed_file
from formats.keys import PublicKey
from formats.record import Record
from formats.signing import Signature, SignatureBlock, Signer, message_for

MAGIC: Final = b"FWLHEAD\x01"
OBJECT: Final = "log-head"


class LogHead(Record):
    """What is signed."""

    number: int
    """Of the newest entry, counted from 1."""
    digest: bytes
    """SHA-256 of that entry."""
    time: int
    """Seconds since 1970-01-01 UTC by the clock of the computer that signed."""
    LAYOUT = c.Struct("number" / c.Int64ul, "digest" / c.Bytes(32), "time" / c.Int64ul)


class SignedHead(NamedTuple):
    """A head and its signatures; nothing about it has been believed yet."""

    head: LogHead
    signatures: SignatureBlock
    identity: bytes
    """What is signed, hashed: 32 bytes."""
    raw: bytes

    @property
    def number(self) -> int:
        return self.head.number

    @property
    def hash(self) -> str:
        """Of the newest entry, as entries spell it."""
        return self.head.digest.hex()

    @property
    def key_id(self) -> str:
        """The key it says it is signed with."""
        return self.signatures.signatures[0].key_id.hex() if self.signatures.signatures else ""


def sign(number: int, digest: bytes, now: int, signer: Signer) -> bytes:
    """A head as a file."""
    body = LogHead(number=number, digest=digest, time=now).build()
    bare = signed_file.SignedFile(MAGIC, body, SignatureBlock())
    signature = Signature(signer.public.key_id, signer.sign(message_for(OBJECT, bare.digest)))
    return bare._replace(signatures=SignatureBlock((signature,))).build()


def parse(data: bytes) -> SignedHead:
    """Take a head apart.

    Raises:
        FormatError: it is none, or damaged.
    """
    found = signed_file.parse(data, MAGIC, "signed head of a log")
    head = LogHead.parse(found.body, what="the head of the log", offset=signed_file.HEAD_SIZE)
    return SignedHead(head, found.signatures, found.digest, data)


def objection(signed: SignedHead, keys: Sequence[PublicKey]) -> str:
    """Why a head does not count under these keys; empty if it does. Signatures by unknown keys never count."""
    known = {key.key_id: key for key in keys}
    ours = [(known[one.key_id], one) for one in signed.signatures.signatures if one.key_id in known]
    if not ours:
        return f"it is signed by another key ({signed.key_id[:16]})" if signed.key_id else "it is not signed"
    message = message_for(OBJECT, signed.identity)
    return "" if all(key.verify(one.value, message) for key, one in ours) else "its signature does not hold"
