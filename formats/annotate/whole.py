"""Makes of what a describer tells the description of a whole file: no gap, no field beyond the end, no error that escapes."""

import functools
from collections.abc import Callable, Iterator
from typing import BinaryIO

from formats.annotate.words import printable
from formats.errors import FormatError, LocalError
from formats.fields import Field
from formats.sources import file_size

UNKNOWN = "not described"
DAMAGED = "damaged"


def whole(describe: Callable[[BinaryIO], Iterator[Field]]) -> Callable[[BinaryIO], Iterator[Field]]:
    """Turn a describer into one that covers every byte of its file exactly once, in values that can be printed.

    What it leaves out is `not described`. Where it stops with a FormatError, or goes beyond the end of the file, the rest
    (which may be nothing) is one field `damaged` with the reason as its value.

    Raises (when the fields are taken):
        LocalError: the medium cannot be read.
    """

    @functools.wraps(describe)
    def fields(file: BinaryIO) -> Iterator[Field]:
        size, at = file_size(file), 0
        try:
            for field in map(_clean, describe(file)):
                start = min(field.offset, size)
                if start > at:
                    yield Field(at, start - at, UNKNOWN, "")
                    at = start
                end = field.offset + field.size
                if end > size:
                    if size > at:
                        yield field._replace(size=size - at)
                        at = size
                    raise FormatError(f"the file ends {end - size} bytes too early")
                yield field
                at = end
        except FormatError as error:
            yield Field(at, size - at, DAMAGED, printable(error.message))
            return
        if size > at:
            yield Field(at, size - at, UNKNOWN, "")

    return fields


def _clean(field: Field) -> Field:
    """A value can be what the file says, such as the role in a boot record of MCUboot."""
    return field if field.value.isprintable() else field._replace(value=printable(field.value))


def read_at(file: BinaryIO, offset: int, size: int) -> bytes:
    """Bytes of a file from `offset` on, fewer at its end.

    Raises:
        LocalError: the medium cannot be read.
    """
    try:
        file.seek(offset)
        return file.read(size)
    except OSError as error:
        raise LocalError(f"the file cannot be read: {error.strerror}", offset=offset) from error
