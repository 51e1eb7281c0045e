"""Containers: tag, length, value, in the way of BER but with lengths of at most two bytes (S 9.1, 9.2).

Whether a tag is constructed shows in its first byte (20), yet some makers put plain bytes into such tags (`FF40` holds a
password). So one level is read at a time, and a deeper one only where somebody looks into it.
"""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from formats.errors import FormatError

MAX_DEPTH: Final = 8
MAX_TAG: Final = 3
"""Bytes of a tag."""
MAX_LENGTH: Final = 0xFFFF
CONSTRUCTED: Final = 0x20
TWO_BYTES: Final = frozenset({0x1F80, 0x1F81, 0x1F82, 0x1F83, 0x1FF2})
"""Tags that S (the first four) or E (1FF2 for 1F72) writes with two bytes, where the rule wants three."""
FILE_NAME_LONG: Final = 0x1F8000
MIME_TYPE_LONG: Final = 0x1F8001
"""Later texts have three bytes for 1F80 and 1F81."""


class Tlv(NamedTuple):
    """One data object."""

    tag: int
    """The bytes of the tag as one number, e.g. 0x1F44."""
    value: bytes

    @property
    def constructed(self) -> bool:
        """Whether the value should consist of data objects itself."""
        return is_constructed(self.tag)

    def build(self) -> bytes:
        """The object as bytes.

        Raises:
            FormatError: there is no such tag, or the value is too long.
        """
        tag = _tag_bytes(self.tag)
        whole = tag + length_bytes(len(self.value))
        if _read_tag(whole, 0) != (self.tag, len(tag)):
            raise FormatError(f"tag {self.tag:X} with {len(self.value)} bytes would be read as another tag")
        return whole + self.value


def is_constructed(tag: int) -> bool:
    """What the first byte of a tag says about its value."""
    return bool(_tag_bytes(tag)[0] & CONSTRUCTED)


def parse(data: bytes) -> tuple[Tlv, ...]:
    """All objects of one level, to the end of `data`.

    Raises:
        FormatError: they do not end where the data ends, or a tag or length has a form that does not exist.
    """
    return tuple(Tlv(tag, data[start:end]) for tag, start, end in locate(data))


def locate(data: bytes) -> list[tuple[int, int, int]]:
    """Tag, start and end of the value of every object of one level; raises as `parse` does."""
    found = []
    at = 0
    while at < len(data):
        tag, at = _read_tag(data, at)
        size, at = read_length(data, at)
        if size > len(data) - at:
            raise FormatError(f"tag {tag:X} says {size} bytes, only {len(data) - at} follow", offset=at)
        found.append((tag, at, at + size))
        at += size
    return found


def fill(data: bytes, at: int, failed: set[int]) -> bool:
    """Whether well-formed objects fill the data from `at` to the end.

    Args:
        failed: Places from which they do not. Who asks for many places of the same data hands it on, so that no object is read
            twice.
    """
    passed = set()
    try:
        while at < len(data) and at not in failed:
            passed.add(at)
            _, end = _read_tag(data, at)
            size, start = read_length(data, end)
            at = start + size
    except FormatError:
        at = -1
    if at != len(data):
        failed |= passed
    return at == len(data)


def build(items: Iterable[Tlv]) -> bytes:
    """Objects as bytes, in their order; raises as `Tlv.build` does."""
    return b"".join(item.build() for item in items)


def walk(data: bytes, depth: int = 1) -> Iterator[tuple[int, Tlv]]:
    """All objects of all levels with their depth (from 1), each before its parts.

    Raises:
        FormatError: as `parse`, or nested deeper than `MAX_DEPTH`.
    """
    if data and depth > MAX_DEPTH:
        raise FormatError(f"data objects are nested deeper than {MAX_DEPTH}")
    for item in parse(data):
        yield depth, item
        if item.constructed:
            yield from walk(item.value, depth + 1)


def read_length(data: bytes, at: int) -> tuple[int, int]:
    """A length and where it ends. Longer forms than necessary are taken.

    Raises:
        FormatError: cut off, or of a form that does not exist (80, 83 and above).
    """
    first = _byte(data, at)
    if first < 0x80:
        return first, at + 1
    size = first - 0x80
    if size not in (1, 2):
        raise FormatError(f"a length begins with {first:02X}; 81 and 82 are the only long forms", offset=at)
    if len(data) - at - 1 < size:
        raise FormatError("a length is cut off", offset=at)
    return int.from_bytes(data[at + 1 : at + 1 + size], "big"), at + 1 + size


def length_bytes(size: int) -> bytes:
    """A length in its shortest form.

    Raises:
        FormatError: above `MAX_LENGTH`.
    """
    if size > MAX_LENGTH:
        raise FormatError(f"a data object takes at most {MAX_LENGTH} bytes, not {size}")
    if size < 0x80:
        return bytes([size])
    return bytes([0x81, size]) if size <= 0xFF else b"\x82" + size.to_bytes(2, "big")


def _tag_bytes(tag: int) -> bytes:
    return tag.to_bytes(max(1, (tag.bit_length() + 7) // 8), "big")


def _read_tag(data: bytes, at: int) -> tuple[int, int]:
    """A tag and where it ends: low five bits all set, another byte follows; bit 8 set there, one more (S 9.1)."""
    first = _byte(data, at)
    if first & 0x1F != 0x1F:
        return first, at + 1
    two = first << 8 | _byte(data, at + 1)
    if not two & 0x80 or (two in TWO_BYTES and not _is_long_name(data, at)):
        return two, at + 2
    if (third := _byte(data, at + 2)) & 0x80:
        raise FormatError(f"a tag has more than {MAX_TAG} bytes", offset=at)
    return two << 8 | third, at + MAX_TAG


def _is_long_name(data: bytes, at: int) -> bool:
    return int.from_bytes(data[at : at + MAX_TAG], "big") in (FILE_NAME_LONG, MIME_TYPE_LONG)


def _byte(data: bytes, at: int) -> int:
    if at >= len(data):
        raise FormatError("a data object is cut off", offset=at)
    return data[at]
