"""A small file that is signed: magic, size, a record, and a signature block. Trust files, grants, permits and work orders have
this form.

```
8 bytes magic ‖ u32 size of the record ‖ record ‖ signature block (formats.signing)
```

What is signed is the SHA-256 of everything before the block.
"""

import hashlib
import struct
from collections.abc import Iterable, Sequence
from typing import ClassVar, NamedTuple

from formats.errors import FormatError
from formats.signing import Signature, SignatureBlock, Signer, message_for

MAX_SIZE = 64 * 1024
_HEAD = struct.Struct("<8sI")
HEAD_SIZE = _HEAD.size


class SignedFile(NamedTuple):
    """A file taken apart by its sizes alone; nothing in it has been believed yet."""

    magic: bytes
    body: bytes
    """The record."""
    signatures: SignatureBlock

    @property
    def signed(self) -> bytes:
        """What is signed."""
        return signed_part(self.magic, self.body)

    @property
    def digest(self) -> bytes:
        """Identity of the file, 32 bytes; its signatures do not change it."""
        return hashlib.sha256(self.signed).digest()

    def build(self) -> bytes:
        return self.signed + self.signatures.build()


class SignedDocument:
    """A document in such a file, whose form is right. Nobody has vouched for it yet."""

    OBJECT: ClassVar[str]
    """What it is signed as (docs/formats/signing.md)."""
    file: SignedFile

    @property
    def digest(self) -> bytes:
        return self.file.digest

    def signed(self, signers: Sequence[Signer]) -> bytes:
        """The file with one more signature for each signer."""
        block = self.file.signatures
        for signer in signers:
            block = block.adding(Signature(signer.public.key_id, signer.sign(message_for(self.OBJECT, self.digest))))
        return self.file._replace(signatures=block).build()


def unsigned(magic: bytes, body: bytes) -> bytes:
    """A file that nobody has signed yet."""
    return signed_part(magic, body) + SignatureBlock().build()


def hold(rules: Iterable[tuple[bool, str]], error_name: str) -> None:
    """Insist on rules, each one with what to say where it does not hold.

    Raises:
        FormatError: one of them does not hold.
    """
    for holds, reason in rules:
        if not holds:
            raise FormatError(reason, name=error_name)


def signed_part(magic: bytes, body: bytes) -> bytes:
    """Everything in front of the signature block."""
    return _HEAD.pack(magic, len(body)) + body


def parse(data: bytes, magic: bytes, what: str) -> SignedFile:
    """Take a file apart.

    Args:
        what: What to call it in messages, e.g. `trust file`.

    Raises:
        FormatError: another kind of file, damaged, or cut off.
    """
    if not HEAD_SIZE <= len(data) <= MAX_SIZE or not data.startswith(magic):
        raise FormatError(f"this is not a {what}", name="unsupported_format")
    end = HEAD_SIZE + _HEAD.unpack_from(data)[1]
    if end > len(data):
        raise FormatError(f"the {what} is shorter than it says", offset=len(data))
    return SignedFile(magic, data[HEAD_SIZE:end], SignatureBlock.parse(data[end:], offset=end))
