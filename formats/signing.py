"""What is signed, and by whom: one message form for every kind of object and every algorithm, and the block of signatures.

See docs/formats/signing.md. The prefix keeps objects apart (a signed log head can never pass for a package), and the
digest keeps the message short enough for any hardware key.
"""

import hashlib
import struct
from typing import Final, NamedTuple, Protocol, Self

from formats.errors import FormatError
from formats.keys import PublicKey

OBJECTS: Final = ("package", "trust", "grant", "permit", "log-head", "work-order", "bundle")
"""The registry of signed objects; the names stand in the specification and are never used twice."""

MAGIC: Final = b"FWSB"
MAX_SIGNATURES: Final = 16
MAX_SIGNATURE_SIZE: Final = 4096
MAX_BLOCK_SIZE: Final = 16 * 1024
_HEAD: Final = struct.Struct("<4sHHI")
_ENTRY: Final = struct.Struct("<32sHH")
_DIGEST_SIZE: Final = 32
MIN_BLOCK_SIZE: Final = _HEAD.size + _DIGEST_SIZE


class Signer(Protocol):
    """Anything that can sign: a key file, a hardware token, a command."""

    @property
    def public(self) -> PublicKey: ...
    def sign(self, message: bytes, /) -> bytes: ...
    def sign_hashed(self, hashed: bytes, /) -> bytes:
        """Sign a message that has been hashed already, where the key's algorithm hashes (`formats.algorithms`)."""
        ...


def message_for(kind: str, digest: bytes) -> bytes:
    """`"fwtool/<object>/v1" 00 SHA-256`: the bytes that every algorithm signs.

    Args:
        kind: One of `OBJECTS`.
        digest: SHA-256 of what is signed, 32 bytes.
    """
    if kind not in OBJECTS or len(digest) != _DIGEST_SIZE:
        raise ValueError(f"not signable: {kind!r}, {len(digest)} bytes")
    return b"fwtool/" + kind.encode() + b"/v1\0" + digest


class Signature(NamedTuple):
    """One signature. Which algorithm it is made with is a property of the key, not of this entry."""

    key_id: bytes
    value: bytes


class SignatureBlock(NamedTuple):
    """Signatures ordered by key id, no key twice, closed by a digest so that damage is told from distrust."""

    signatures: tuple[Signature, ...] = ()

    @classmethod
    def parse(cls, data: bytes | memoryview, *, offset: int = 0) -> Self:
        """Read a whole block.

        Runs before any signature has been checked, so it is short, reads fixed fields only, and trusts no length.

        Raises:
            FormatError: damaged, out of order, or a key twice.
        """
        data = bytes(data)
        if not MIN_BLOCK_SIZE <= len(data) <= MAX_BLOCK_SIZE:
            raise FormatError("the signature block has an impossible size", offset=offset)
        magic, count, zero, size = _HEAD.unpack_from(data)
        end = len(data) - _DIGEST_SIZE
        if magic != MAGIC or zero or count > MAX_SIGNATURES:
            raise FormatError("the signature block does not start as one", offset=offset)
        if size != len(data):
            kind = "short" if len(data) < size else "long"
            raise FormatError(
                f"the file is too {kind}: its signature block has {len(data)} bytes instead of {size}",
                hint="Copy the file again from where it came.",
                offset=offset + min(size, len(data)),
            )
        if hashlib.sha256(data[:end]).digest() != data[end:]:
            raise FormatError("the signature block is damaged: its digest differs", offset=offset)
        found: list[Signature] = []
        at = _HEAD.size
        for _ in range(count):
            if end - at < _ENTRY.size:
                raise FormatError("the signature block ends inside an entry", offset=offset + at)
            key_id, length, zero = _ENTRY.unpack_from(data, at)
            at += _ENTRY.size
            if zero or not 0 < length <= min(MAX_SIGNATURE_SIZE, end - at):
                raise FormatError("a signature has an impossible length", offset=offset + at)
            if found and key_id <= found[-1].key_id:
                raise FormatError("signatures are out of order, or one key signs twice", offset=offset + at)
            found.append(Signature(key_id, data[at : at + length]))
            at += length
        if at != end:
            raise FormatError("the signature block has surplus bytes", offset=offset + at)
        return cls(tuple(found))

    def build(self) -> bytes:
        body = b"".join(_ENTRY.pack(s.key_id, len(s.value), 0) + s.value for s in self.signatures)
        head = _HEAD.pack(MAGIC, len(self.signatures), 0, _HEAD.size + len(body) + _DIGEST_SIZE)
        return head + body + hashlib.sha256(head + body).digest()

    def places(self, offset: int) -> list[tuple[int, int]]:
        """Offset in the file, and size, of each signature's value, for a block at `offset`."""
        found, at = [], offset + _HEAD.size
        for signature in self.signatures:
            at += _ENTRY.size
            found.append((at, len(signature.value)))
            at += len(signature.value)
        return found

    def adding(self, signature: Signature) -> "SignatureBlock":
        """This block with one more signature; an earlier one by the same key is replaced.

        Raises:
            FormatError: more than `MAX_SIGNATURES`, or the block grows beyond `MAX_BLOCK_SIZE`.
        """
        kept = [s for s in self.signatures if s.key_id != signature.key_id]
        grown = SignatureBlock(tuple(sorted([*kept, signature])))
        if len(grown.signatures) > MAX_SIGNATURES or len(grown.build()) > MAX_BLOCK_SIZE:
            raise FormatError("no room for another signature in this file", name="too_large")
        return grown
