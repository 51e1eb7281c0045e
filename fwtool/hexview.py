"""Bytes of a file beside what they mean: `image show --hex`. Takes what `formats.annotate` tells of a file, and adds bytes.

Quick and small whatever the size of the file: long fields are shown by their first and last row, and a file of very many
fields by its first ones.
"""

from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final, NamedTuple

from formats.annotate.table import annotate
from formats.annotate.whole import read_at
from formats.fields import Field
from formats.sources import file_size

ROW: Final = 16
"""Bytes in a row."""
LONGEST: Final = 16 * ROW
"""A longer field is shown by its first and its last row."""
MAX_FIELDS: Final = 50_000
"""Fields of a file that are given; a text format or UF2 of a few megabytes has more."""
NOT_SHOWN: Final = "not shown"


class Row(NamedTuple):
    """A row of the view: bytes, or how many are left out here."""

    offset: int
    data: bytes
    field: Field | None = None
    """In the first row of a field: the field."""
    skipped: int = 0


def fields(file: BinaryIO, at_most: int = MAX_FIELDS) -> Iterator[Field]:
    """The fields of a file of any format; behind the first `at_most` of them, one for the rest.

    Raises:
        LocalError: the medium cannot be read.
    """
    for number, field in enumerate(annotate(file).fields):
        if number == at_most:
            yield Field(field.offset, file_size(file) - field.offset, NOT_SHOWN, f"after {at_most} fields")
            return
        yield field


def rows(found: Iterable[Field], file: BinaryIO) -> Iterator[Row]:
    """Rows of at most `ROW` bytes, each of one field; a field without bytes has a row too.

    Raises:
        LocalError: the medium cannot be read.
    """
    for field in found:
        yield Row(field.offset, read_at(file, field.offset, min(ROW, field.size)), field)
        last = max(0, field.size - 1) // ROW * ROW
        if field.size > LONGEST:
            yield Row(field.offset + ROW, b"", skipped=last - ROW)
        for at in range(last if field.size > LONGEST else ROW, field.size, ROW):
            yield Row(field.offset + at, read_at(file, field.offset + at, min(ROW, field.size - at)))
