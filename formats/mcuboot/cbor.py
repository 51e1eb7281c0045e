"""As much CBOR (RFC 8949) as a boot record needs: one map of small numbers to text and bytes, lengths in shortest form."""

import struct
from collections.abc import Mapping
from typing import Final, TypeAlias

from formats.errors import FormatError

Value: TypeAlias = str | bytes
_BYTES, _TEXT, _MAP = 2, 3, 5
"""Major types."""
_DIRECT: Final = 24
"""Numbers below this stand in the first byte; 24 and 25 there mean that one or two bytes follow."""


def dump(entries: Mapping[int, Value]) -> bytes:
    """The map in the given order of its keys, which are below 24."""
    out = [_head(_MAP, len(entries))]
    for key, value in entries.items():
        data = value.encode() if isinstance(value, str) else value
        out += [bytes([key]), _head(_TEXT if isinstance(value, str) else _BYTES, len(data)), data]
    return b"".join(out)


def _head(major: int, number: int) -> bytes:
    if number < _DIRECT:
        return bytes([major << 5 | number])
    if number < 1 << 8:
        return bytes([major << 5 | _DIRECT, number])
    return struct.pack(">BH", major << 5 | _DIRECT + 1, number)


def load(data: bytes, *, offset: int = 0) -> dict[int, Value]:
    """Read a map as `dump` writes it.

    Raises:
        FormatError: anything else.
    """
    try:
        return _load(data)
    except (IndexError, ValueError) as error:
        raise FormatError("this is not a CBOR map of numbers to text and bytes", offset=offset) from error


def _load(data: bytes) -> dict[int, Value]:
    """Reads loosely; that the same bytes come out again refuses other types, surplus bytes and needlessly long lengths."""
    _, count, at = _read_head(data, 0)
    found: dict[int, Value] = {}
    for _ in range(count):
        key, (major, size, start) = data[at], _read_head(data, at + 1)
        if key >= _DIRECT:
            raise ValueError("a key that takes more than one byte")
        at = start + size
        found[key] = data[start:at].decode() if major == _TEXT else data[start:at]
    if dump(found) != data:
        raise ValueError("not what this map would be written as")
    return found


def _read_head(data: bytes, at: int) -> tuple[int, int, int]:
    """Major type, number, and where the next byte stands."""
    major, number = data[at] >> 5, data[at] & 0x1F
    if number < _DIRECT:
        return major, number, at + 1
    end = at + 1 + (number - _DIRECT + 1)
    return major, int.from_bytes(data[at + 1 : end], "big"), end
