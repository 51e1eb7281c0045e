"""Writes images as text records: Intel HEX and Motorola S-records. The same image gives the same bytes."""

from collections.abc import Iterator
from typing import BinaryIO

from formats import columns
from formats.errors import FormatError
from formats.sources import Image

LINE_BYTES = 16
"""Data bytes of a record, as most tools write them."""
STEP = 1 << 16


NEGATIVE = bytes(-number & 0xFF for number in range(256))
COMPLEMENT = bytes(~number & 0xFF for number in range(256))


def _runs(image: Image, size: int) -> Iterator[tuple[int, bytes]]:
    """The pieces cut so that none crosses a 64 KiB border, and full records are apart from a short first or last one."""
    for piece in image.pieces:
        at = 0
        while at < piece.size:
            start = piece.address + at
            length = min(STEP - start % STEP, piece.size - at)
            head = -start % size
            if head:
                length = min(head, length)
            elif length >= size:
                length -= length % size
            yield start, piece.read(at, length)
            at += length


def write_intel_hex(image: Image, out: BinaryIO, *, size: int = LINE_BYTES) -> None:
    """Records of `size` data bytes, linear bases (type 04), the entry point (05), the end.

    Raises:
        FormatError: an address beyond 32 bits.
    """
    _check(image, "Intel HEX")
    base = 0
    for address, data in _runs(image, size):
        if address >> 16 != base:
            base = address >> 16
            out.write(_hex_records(0, 4, base.to_bytes(2, "big"), 2))
        out.write(_hex_records(address & 0xFFFF, 0, data, min(size, len(data))))
    if image.entry is not None:
        out.write(_hex_records(0, 5, image.entry.to_bytes(4, "big"), 4))
    out.write(_hex_records(0, 1, b"", 0))


def _hex_records(address: int, kind: int, data: bytes, size: int) -> bytes:
    whole = size + 5
    lines = bytearray(whole * (len(data) // size if size else 1))
    lines[0::whole] = bytes([size]) * (len(lines) // whole)
    columns.spread_addresses(lines, whole, 1, 2, address, size or 1)
    lines[3::whole] = bytes([kind]) * (len(lines) // whole)
    columns.paste(lines, whole, 4, data, size)
    return columns.digits(columns.with_sums(lines, whole, 0, NEGATIVE), whole, b":")


def write_srec(image: Image, out: BinaryIO, *, size: int = LINE_BYTES, header: bytes = b"") -> None:
    """S0 with `header`, data records of the shortest address that fits all, their count (where it fits), the end.

    Raises:
        FormatError: an address beyond 32 bits, or a header that is too long.
    """
    _check(image, "S-records")
    if len(header) > 252:
        raise FormatError("the header of an S-record file has at most 252 bytes", name="usage")
    top = max(image.end - 1, image.entry or 0)
    width = 2 if top < 1 << 16 else 3 if top < 1 << 24 else 4
    out.write(_s_records(0, 0, 2, header, len(header)))
    count = 0
    for address, data in _runs(image, size):
        step = min(size, len(data))
        out.write(_s_records(width - 1, address, width, data, step))
        count += len(data) // step
    if count < 1 << 24:
        out.write(_s_records(5 if count < 1 << 16 else 6, count, 2 if count < 1 << 16 else 3, b"", 0))
    out.write(_s_records(11 - width, image.entry or 0, width, b"", 0))


def _s_records(kind: int, address: int, width: int, data: bytes, size: int) -> bytes:
    whole = width + size + 2
    lines = bytearray(whole * (len(data) // size if size else 1))
    lines[0::whole] = bytes([whole - 1]) * (len(lines) // whole)
    columns.spread_addresses(lines, whole, 1, width, address, size or 1)
    columns.paste(lines, whole, 1 + width, data, size)
    return columns.digits(columns.with_sums(lines, whole, 0, COMPLEMENT), whole, b"S%d" % kind)


def _check(image: Image, what: str) -> None:
    if image.end > 1 << 32 or (image.entry or 0) >= 1 << 32:
        raise FormatError(f"{what} has addresses of 32 bits; this image ends at 0x{image.end:x}", name="data_would_be_lost")
