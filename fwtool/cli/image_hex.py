"""How `fwtool image show --hex` writes what it found: lines for people, data for scripts."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from formats.fields import Field
from fwtool.hexview import ROW, Row
from fwtool.text import clean

LONGEST_VALUE: Final = 64
"""Characters of a value in a line; JSON has all of it."""
_BYTES: Final = 3 * ROW - 1


def lines(rows: Iterable[Row]) -> Iterator[str]:
    """A title, and a line for each row: offset, bytes, field, value, what covers it, where it is specified."""
    yield _columns("offset", "bytes", "field", "value", "covered by", "specified in")
    for row in rows:
        yield clean(_line(row))


def _line(row: Row) -> str:
    if row.skipped:
        return f"{'':8}  ... {row.skipped:,} bytes"
    offset, data, field = f"{row.offset:08x}", row.data.hex(" "), row.field
    if field is None:
        return f"{offset}  {data}"
    # What has a specification and is covered by nothing says so; padding, content and damage do not need to.
    covered = field.covered_by or ("nothing" if field.clause else "")
    return _columns(offset, data, field.name, _short(field.value), covered, field.clause)


def _columns(offset: str, data: str, name: str, value: str, covered: str, clause: str) -> str:
    return f"{offset:8}  {data:{_BYTES}}  {name:40}  {value:32}  {covered:15}  {clause}".rstrip()


def _short(value: str) -> str:
    return value if len(value) <= LONGEST_VALUE else f"{value[: LONGEST_VALUE - 3]}..."


def data(found: Iterable[Field]) -> dict[str, Any]:
    """`fields[]`: `offset`, `size`, `name`, `value`, `clause`, `covered_by`."""
    return {"fields": [field._asdict() for field in found]}
