"""A trust file (docs/formats/signing.md section 4)."""

import functools
from collections.abc import Iterator
from typing import BinaryIO, Final

import construct as c

from formats.annotate import signature_block
from formats.annotate.records import fields_in
from formats.annotate.whole import read_at, whole
from formats.annotate.words import Words, printable, when
from formats.errors import FormatError, TrustError
from formats.fields import Field
from formats.keys import read_public
from formats.sources import file_size
from formats.trust import MAGIC, MAX_FILE_SIZE
from formats.trust_record import TrustRecord

HEADER: Final = c.Struct("magic" / c.Const(MAGIC), "record_size" / c.Int32ul)
"""The tool itself reads it with `struct`: formats/trust.py."""
HEADER_SIZE: Final = HEADER.sizeof()
WORDS: Final[Words] = {"created": when, "expires": when}
_signed_part = functools.partial(fields_in, clause="signing.md section 4", covered_by="signatures", words=WORDS)


@whole
def fields(file: BinaryIO) -> Iterator[Field]:
    """Every byte of a trust file, damaged or not (see `whole`)."""
    head = read_at(file, 0, HEADER_SIZE)
    yield from _signed_part(HEADER, head, offset=0, prefix="trust")
    length = HEADER.parse(head).record_size
    size = file_size(file)
    if size > MAX_FILE_SIZE:
        raise FormatError(f"a trust file has at most {MAX_FILE_SIZE} bytes, this one has {size}")
    body = read_at(file, HEADER_SIZE, length)
    for field in _signed_part(TrustRecord.LAYOUT, body, offset=HEADER_SIZE, prefix="record"):
        if field.name.endswith(".der"):
            start = field.offset - HEADER_SIZE
            yield from _key(field, body[start : start + field.size])
        else:
            yield field
    at = HEADER_SIZE + length
    yield from signature_block.fields(read_at(file, at, signature_block.LONGEST), at)


def _key(field: Field, der: bytes) -> Iterator[Field]:
    """SubjectPublicKeyInfo (RFC 5280 4.1) in two parts: what kind of key it is, and the bits of the key."""
    found = field._replace(clause="RFC 5280 4.1")
    head = _bits_at(der)
    if head is None:
        yield found
        return
    yield found._replace(size=head, name=f"{field.name}.algorithm", value=_algorithm(der))
    yield found._replace(offset=field.offset + head, size=len(der) - head, name=f"{field.name}.key", value=der[head:].hex())


def _algorithm(der: bytes) -> str:
    try:
        return read_public(der).algorithm
    except (FormatError, TrustError) as error:
        return printable(f"refused: {error.message}")


def _bits_at(der: bytes) -> int | None:
    """Where the bits of the key begin: SEQUENCE { SEQUENCE algorithm, BIT STRING }; None if that is not what it is."""
    try:
        inner, end = _element(der, 0, 0x30)
        _, string = _element(der, inner, 0x30)
        bits, last = _element(der, string, 0x03)
    except (IndexError, ValueError):
        return None
    return bits + 1 if last == end == len(der) and bits < last else None


def _element(der: bytes, at: int, tag: int) -> tuple[int, int]:
    """Where the contents of a DER element begin and end (X.690 8.1.3).

    Raises:
        ValueError: another tag, or a length of more than two bytes.
        IndexError: the bytes end.
    """
    if der[at] != tag or der[at + 1] > 0x82:
        raise ValueError
    size = der[at + 1] & 0x7F if der[at + 1] & 0x80 else 0
    length = int.from_bytes(der[at + 2 : at + 2 + size], "big") if size else der[at + 1]
    return at + 2 + size, at + 2 + size + length
