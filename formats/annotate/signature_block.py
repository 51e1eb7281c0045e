"""The block of signatures at the end of packages and trust files (docs/formats/signing.md section 3)."""

from collections.abc import Iterator
from typing import Final

import construct as c

from formats.annotate.records import fields_in
from formats.fields import Field
from formats.record import reserved
from formats.signing import MAGIC, MAX_BLOCK_SIZE, SignatureBlock

LONGEST: Final = MAX_BLOCK_SIZE + 1
"""Bytes of a block that are worth reading: one more than it may have, so that one too long is noticed."""
ENTRY: Final = c.Struct("key_id" / c.Bytes(32), "size" / c.Int16ul, "reserved" / reserved(2), "signature" / c.Bytes(c.this.size))
BLOCK: Final = c.Struct(
    "magic" / c.Const(MAGIC),
    "count" / c.Int16ul,
    "reserved" / reserved(2),
    "size" / c.Int32ul,
    "entries" / c.Array(c.this.count, ENTRY),
    "digest" / c.Bytes(32),
)


def fields(data: bytes, offset: int) -> Iterator[Field]:
    """The fields of a whole block, which its own digest covers.

    Raises:
        FormatError: damaged; what no single field shows (order, sizes, the digest) is found before the digest is given.
    """
    found = fields_in(BLOCK, data, offset=offset, prefix="signatures", clause="signing.md section 3", covered_by="its own digest")
    for field in found:
        if field.name == "signatures.digest":
            SignatureBlock.parse(data, offset=offset)
        yield field
