"""Text records by the thousand: runs of lines of one shape are checked column by column instead of line by line.

Linkers write data records of one length at ascending addresses. Such a run is a matrix of characters, and Python compares,
adds and copies its columns at the speed of memory. Whatever does not fit is left to the line-by-line readers, which also
have the words for what is wrong.
"""

import binascii
from array import array
from typing import Final

MIN_RUN: Final = 16
"""Shorter runs are not worth it."""
MAX_RUN: Final = 8192
"""Most lines looked at in one go."""


def run_length(text: bytes, at: int, size: int, most: int, fixed: tuple[int, ...]) -> int:
    """How many of at most `most` lines of `size` characters from `at` on have the same characters at all `fixed` places."""
    end = at + min((len(text) - at) // size, most) * size
    lines = (end - at) // size
    for place in fixed:
        column = text[at + place : end : size]
        lines = min(lines, len(column) - len(column.lstrip(column[:1])))
        end = at + lines * size
    return lines


def records(text: bytes, line_end: bytes, mark: bytes, stands_for: bytes, size: int) -> bytes | None:
    """The lines as bytes, `size` in all, each with its `mark` turned into the hexadecimal digits `stands_for`.

    None if they are none: other characters, or a line that ends early, and another in what should be its rest.
    """
    digits = text.replace(line_end + mark, stands_for)
    try:
        found = binascii.unhexlify(stands_for + digits[len(mark) : -len(line_end)])
    except ValueError:
        return None
    return found if len(found) == size else None


def sums(data: bytes, size: int, first: int) -> bytes:
    """The sum of each record's bytes from `first` on, modulo 256. Lanes of 16 bits in one large number are added at once."""
    count = len(data) // size
    lanes = bytearray(2 * count)
    total = 0
    for place in range(first, size):
        lanes[::2] = data[place::size]
        total += int.from_bytes(lanes, "little")
        if place % 256 == 255:  # before a lane overflows: only its low byte counts
            total = int.from_bytes(_low_bytes(total, count), "little")
    return _low_bytes(total, count)[::2]


def _low_bytes(total: int, count: int) -> bytes:
    lanes = bytearray(total.to_bytes(2 * count + 1, "little")[: 2 * count])
    lanes[1::2] = bytes(count)
    return bytes(lanes)


def addresses(data: bytes, size: int, first: int, width: int) -> list[int]:
    """The big-endian number of `width` bytes at `first` of each record."""
    count = len(data) // size
    cells = bytearray(8 * count)
    for place in range(width):
        cells[width - 1 - place :: 8] = data[first + place :: size]
    found = array("Q", bytes(cells))
    if found.itemsize != 8 or array("H", b"\x01\x00")[0] != 1:
        found.byteswap()
    return found.tolist()


def ascending(found: list[int], step: int, limit: int) -> int:
    """How many of the addresses, from the first, follow each other by `step` and end within `limit`."""
    expected = range(found[0], min(found[0] + len(found) * step, limit - step + 1), step)
    if found == list(expected):
        return len(found)
    return next((n for n, (is_, should) in enumerate(zip(found, expected, strict=False)) if is_ != should), len(expected))


def alike(values: bytes, value: int) -> int:
    """How many bytes, from the first, have this value."""
    return len(values) - len(values.lstrip(bytes([value])))


def cut(data: bytes, size: int, first: int, length: int) -> bytes:
    """Bytes `first` to `first + length` of each record, one after the other."""
    count = len(data) // size
    out = bytearray(count * length)
    for place in range(length):
        out[place::length] = data[first + place :: size]
    return bytes(out)


def with_sums(data: bytearray, size: int, first: int, table: bytes) -> bytearray:
    """Put into the last byte of each record, zero until now, what `table` makes of its sum from `first` on."""
    data[size - 1 :: size] = sums(bytes(data), size, first).translate(table)
    return data


def digits(data: bytes | bytearray, size: int, mark: bytes) -> bytes:
    """Records as lines of hexadecimal digits, each begun by `mark`."""
    lines = binascii.hexlify(data, b"\n", size).upper()
    return mark + lines.replace(b"\n", b"\n" + mark) + b"\n"


def paste(out: bytearray, size: int, first: int, data: bytes, length: int) -> None:
    """Spread `data` over the records of `out`: `length` bytes into each, at `first`."""
    for place in range(length):
        out[first + place :: size] = data[place::length]


def spread_addresses(out: bytearray, size: int, first: int, width: int, start: int, step: int) -> None:
    """Write ascending big-endian addresses of `width` bytes into the records of `out`, at `first`."""
    numbers = array("Q", range(start, start + len(out) // size * step, step))
    if array("H", b"\x01\x00")[0] != 1:
        numbers.byteswap()
    cells = numbers.tobytes()
    for place in range(width):
        out[first + place :: size] = cells[width - 1 - place :: 8]
