"""A firmware package (docs/formats/fwp.md).

Its table has an entry for each block, up to millions of them. The first pages are described entry by entry, many more page
by page, and the rest as one range, so that the signatures behind a table of any size are reached at once.
"""

import functools
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

import construct as c

from formats.annotate import signature_block
from formats.annotate.records import fields_in
from formats.annotate.whole import read_at, whole
from formats.annotate.words import Words, hexed, when
from formats.fields import Field
from formats.fwp import header, rules
from formats.fwp.header import Header
from formats.fwp.manifest import NO_ADDRESS, Manifest
from formats.fwp.table import DIGEST_SIZE, ENTRIES_PER_PAGE, Shape
from formats.record import reserved

DETAILED: Final = 16
"""Pages whose entries are described one by one."""
LISTED: Final = 1024
"""Pages that are fields of their own."""
HEADER: Final = c.Struct(
    "magic" / c.Const(header.MAGIC),
    "format_version" / c.Const(header.FORMAT_VERSION, c.Int16ul),
    "header_size" / c.Const(header.SIZE, c.Int16ul),
    "manifest_size" / c.Int32ul,
    "table_size" / c.Int64ul,
    "payload_size" / c.Int64ul,
    "reserved" / reserved(32),
)
"""The tool itself reads it with `struct`: formats/fwp/header.py."""
ROOT: Final = c.Struct("table_root" / c.Bytes(header.ROOT_SIZE))
ENTRY: Final = c.Struct("digest" / c.Bytes(DIGEST_SIZE), "stored_length" / c.Int32ul)
CODED_ENTRY: Final = c.Struct(*ENTRY.subcons, "stored_digest" / c.Bytes(DIGEST_SIZE))
ENTRIES: Final = {layout.sizeof(): layout for layout in (ENTRY, CODED_ENTRY)}
"""Size of an entry -> its layout; the tool itself reads it with `struct`: formats/fwp/table.py."""
WORDS: Final[Words] = {
    "address": lambda address: "none" if address == NO_ADDRESS else hexed(address),
    "build_time": when,
}
_signed_part = functools.partial(fields_in, covered_by="signatures", words=WORDS)
_table_part = functools.partial(fields_in, prefix="table", clause="fwp.md section 4", covered_by="table root")
_table_field = functools.partial(Field, clause="fwp.md section 4", covered_by="table root")


@whole
def fields(file: BinaryIO) -> Iterator[Field]:
    """Every byte of a package, damaged or not (see `whole`)."""
    head = read_at(file, 0, header.SIZE)
    yield from _signed_part(HEADER, head, offset=0, prefix="header", clause="fwp.md section 2")
    sizes = Header.parse(head, None)
    body = read_at(file, header.SIZE, sizes.manifest_size)
    yield from _signed_part(Manifest.LAYOUT, body, offset=header.SIZE, prefix="manifest", clause="fwp.md section 3")
    root_at = header.SIZE + sizes.manifest_size
    root = read_at(file, root_at, header.ROOT_SIZE)
    yield from _signed_part(ROOT, root, offset=root_at, prefix="", clause="fwp.md section 4")
    manifest = rules.read(body, table_size=sizes.table_size, payload_size=sizes.payload_size, offset=header.SIZE)
    yield from _table(file, sizes.table_offset, manifest.table_shape)
    yield from _payload(sizes.payload_offset, manifest)
    at = sizes.signatures_offset
    yield from signature_block.fields(read_at(file, at, signature_block.LONGEST), at)


def _table(file: BinaryIO, start: int, shape: Shape) -> Iterator[Field]:
    listed = min(shape.page_count, LISTED)
    index = read_at(file, start, listed * DIGEST_SIZE)
    yield from _many("index", c.Bytes(DIGEST_SIZE), listed, index, start)
    if shape.page_count > listed:
        yield _rest("index", listed, shape, start + len(index), shape.index_size - len(index))
    for number in range(listed):
        at, size = shape.page_span(number)
        count = size // shape.entry_size
        if number < DETAILED:
            yield from _many(
                f"pages[{number}].entries", ENTRIES[shape.entry_size], count, read_at(file, start + at, size), start + at
            )
        else:
            first = number * ENTRIES_PER_PAGE
            yield _table_field(start + at, size, f"table.pages[{number}]", f"blocks {first} to {first + count - 1}")
    if shape.page_count > listed:
        at, _ = shape.page_span(listed)
        yield _rest("pages", listed, shape, start + at, shape.size - at)


def _many(name: str, layout: Any, count: int, data: bytes, offset: int) -> Iterator[Field]:
    return _table_part(c.Struct(name / c.Array(count, layout)), data, offset=offset)


def _rest(name: str, first: int, shape: Shape, offset: int, size: int) -> Field:
    return _table_field(offset, size, f"table.{name}[{first}..{shape.page_count - 1}]", "")


def _payload(offset: int, manifest: Manifest) -> Iterator[Field]:
    for number, component in enumerate(manifest.components):
        name = f"payload.components[{number}]"
        yield Field(offset, component.stored_size, name, "", "fwp.md section 5", "block table")
        offset += component.stored_size
