"""The ZIP form of a bundle (PKWARE APPNOTE 6.3.10), in one spelling: what is read must be, byte for byte, what would be
written for the members found. A comment, an extra field, a link, a gap, a second name: nothing of that has a place to be.

Members lie one behind the other from byte 0, each deflated (level 9) in one piece; times are 1980-01-01, modes 0644.
"""

import re
import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from formats.errors import FormatError

MAX_FILE: Final = 16 << 20
MAX_MEMBERS: Final = 32
MAX_MEMBER: Final = 8 << 20
"""Bytes of one member when it is unpacked."""
MAX_TOTAL: Final = 12 << 20
"""Bytes of all of them."""
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,40}\.[a-z]{1,6}")
"""No folder, no dot at the start, nothing that a system would take for something else."""
_LOCAL: Final = struct.Struct("<4s5H3I2H")
_CENTRAL: Final = struct.Struct("<4s6H3I5H2I")
_END: Final = struct.Struct("<4s4H2IH")
_LOCAL_MAGIC, _CENTRAL_MAGIC, _END_MAGIC = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_NEEDED: Final = 20
"""Version 2.0: deflate."""
_UNIX: Final = 3 << 8 | _NEEDED
_DEFLATE: Final = 8
_MIDNIGHT, _FIRST_DAY = 0, 1 << 5 | 1
"""1980-01-01 in the form of MS-DOS."""
_MODE: Final = 0o100644 << 16
_HINT: Final = "Ask for the bundle again; one that was packed anew by another program is not accepted either."


class Member(NamedTuple):
    """One file of the archive."""

    name: str
    data: bytes


class _Stored(NamedTuple):
    """A member as it lies in the archive."""

    name: bytes
    offset: int
    crc: int
    packed: int
    """Bytes."""
    size: int

    def local(self) -> bytes:
        fields = (_LOCAL_MAGIC, _NEEDED, 0, _DEFLATE, _MIDNIGHT, _FIRST_DAY, self.crc, self.packed, self.size)
        return _LOCAL.pack(*fields, len(self.name), 0) + self.name

    def central(self) -> bytes:
        fields = (
            _CENTRAL_MAGIC, _UNIX, _NEEDED, 0, _DEFLATE, _MIDNIGHT, _FIRST_DAY, self.crc, self.packed, self.size,
            len(self.name), 0, 0, 0, 0, _MODE, self.offset,
        )  # fmt: skip
        return _CENTRAL.pack(*fields) + self.name


def build(members: Sequence[Member]) -> bytes:
    """The archive; the same members give the same bytes (with the same zlib).

    Raises:
        FormatError: larger than what can be read again (`too_large`).
    """
    out, stored = bytearray(), []
    for member in members:
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        packed = packer.compress(member.data) + packer.flush()
        one = _Stored(member.name.encode("ascii"), len(out), zlib.crc32(member.data), len(packed), len(member.data))
        stored.append(one)
        out += one.local() + packed
    out += _tail(stored, len(out))
    sizes = [len(member.data) for member in members]
    if len(out) > MAX_FILE or len(members) > MAX_MEMBERS or max(sizes, default=0) > MAX_MEMBER or sum(sizes) > MAX_TOTAL:
        raise FormatError("the bundle would be larger than what can be opened again", name="too_large")
    return bytes(out)


def _tail(stored: Sequence[_Stored], offset: int) -> bytes:
    directory = b"".join(one.central() for one in stored)
    count = len(stored)
    return directory + _END.pack(_END_MAGIC, 0, 0, count, count, len(directory), offset, 0)


def parse(data: bytes) -> Iterator[Member]:
    """The members, one after the other. The form of the whole archive is checked before the first is unpacked.

    Raises:
        FormatError: no archive, or in another spelling than ours; a member that is damaged or larger than it says.
    """
    if len(data) > MAX_FILE:
        raise FormatError(f"the bundle has {len(data)} bytes, at most {MAX_FILE} are read", name="too_large")
    if not data.startswith(_LOCAL_MAGIC):
        raise FormatError("this is not a support bundle", name="unsupported_format", hint="Its files begin with PK 03 04.")
    stored = _members(data)
    at = stored[-1].offset + len(stored[-1].local()) + stored[-1].packed
    if data[at:] != _tail(stored, at):
        raise FormatError("the directory of the bundle does not fit its members", offset=at, hint=_HINT)
    for one in stored:
        yield Member(one.name.decode("ascii"), _unpacked(data, one))


def _members(data: bytes) -> list[_Stored]:
    """All members by their local headers."""
    stored: list[_Stored] = []
    names: set[bytes] = set()
    at, total = 0, 0
    while data[at : at + 4] == _LOCAL_MAGIC:
        one = _header(data, at)
        total += one.size
        if one.name.lower() in names:
            raise FormatError(f"the bundle has the name {one.name.decode()} twice", offset=at, hint=_HINT)
        if len(stored) == MAX_MEMBERS or total > MAX_TOTAL:
            raise FormatError("the bundle has too many members, or too much in them", name="too_large", offset=at)
        names.add(one.name.lower())
        stored.append(one)
        at += len(one.local()) + one.packed
    return stored


def _header(data: bytes, at: int) -> _Stored:
    if len(data) - at < _LOCAL.size:
        raise FormatError("the bundle ends inside a header", offset=len(data), hint=_HINT)
    fields = _LOCAL.unpack_from(data, at)
    crc, packed, size, length = fields[6:10]
    name = data[at + _LOCAL.size : at + _LOCAL.size + length]
    if not name.isascii() or not NAME.fullmatch(name.decode("ascii")):
        raise FormatError(f"the bundle has a member with a name that is not accepted: {name[:60]!r}", offset=at, hint=_HINT)
    one = _Stored(name, at, crc, packed, size)
    if data[at : at + len(one.local())] != one.local():
        raise FormatError(f"the header of {name.decode()} is none of ours", offset=at, hint=_HINT)
    if size > MAX_MEMBER:
        raise FormatError(f"{name.decode()} has {size} bytes, at most {MAX_MEMBER} are read", name="too_large", offset=at)
    if at + len(one.local()) + packed > len(data):
        raise FormatError(f"{name.decode()} is longer than the bundle", offset=at, hint=_HINT)
    return one


def _unpacked(data: bytes, one: _Stored) -> bytes:
    """Never more than the size that the header says, whatever the stream would give."""
    start = one.offset + len(one.local())
    unpacker = zlib.decompressobj(-15)
    try:
        found = unpacker.decompress(memoryview(data)[start : start + one.packed], one.size + 1)
    except zlib.error as error:
        raise FormatError(f"{one.name.decode()} is damaged: {error}", offset=start) from error
    whole = unpacker.eof and not unpacker.unused_data and not unpacker.unconsumed_tail
    if len(found) != one.size or not whole or zlib.crc32(found) != one.crc:
        raise FormatError(f"{one.name.decode()} is damaged, or not as large as it says", offset=start, hint=_HINT)
    return found
