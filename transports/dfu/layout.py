"""The memory map that a DfuSe device gives as the name of an alternate setting (ST UM0424, section 10.3.2).

`@Internal Flash  /0x08000000/04*016Kg,01*064Kg,07*128Kg`: a name, then zones of an address and groups of equal sectors: how
many, how large, unit (blank or B: bytes, K, M), and a letter `a` to `g` whose low bits say readable, erasable, writeable.
"""

import enum
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from formats.errors import FormatError

MAX_TEXT: Final = 255
"""Characters; more than a USB string can hold. There is room for 50 groups of sectors."""
ADDRESS_SPACE: Final = 1 << 32
_UNITS: Final = {"": 1, " ": 1, "B": 1, "K": 1 << 10, "M": 1 << 20}
_GROUP: Final = re.compile(r" ?(\d{1,5})\*(\d{1,5})([ BKM]?)([a-g])", re.ASCII)
_ADDRESS: Final = re.compile(r"0[xX]([0-9a-fA-F]{1,8})", re.ASCII)


class Right(enum.IntFlag):
    """What can be done with a sector."""

    READ = 1
    ERASE = 2
    WRITE = 4


class Sector(NamedTuple):
    """What is erased at once."""

    address: int
    size: int


class Group(NamedTuple):
    """A number of equal sectors side by side."""

    address: int
    sectors: int
    sector_size: int
    rights: Right

    @property
    def end(self) -> int:
        """The first address behind them."""
        return self.address + self.sectors * self.sector_size


class Layout(NamedTuple):
    """The memory of one alternate setting, by address."""

    name: str
    groups: tuple[Group, ...]

    def covers(self, start: int, end: int, right: Right) -> bool:
        """Whether all of a range is there and can be treated so."""
        for group in self.groups:
            if group.address <= start < group.end and group.rights & right:
                start = group.end
        return start >= end

    def sectors(self, start: int, end: int, right: Right) -> Iterator[Sector]:
        """The sectors with this right that hold a byte of the range, ascending."""
        for group in self.groups:
            if start < group.end and end > group.address and group.rights & right:
                first = max(0, start - group.address) // group.sector_size
                last = (min(end, group.end) - 1 - group.address) // group.sector_size
                for number in range(first, last + 1):
                    yield Sector(group.address + number * group.sector_size, group.sector_size)


def is_layout(text: str) -> bool:
    """Whether the name of an alternate setting is a memory map at all."""
    return text.startswith("@")


def parse_layout(text: str) -> Layout:
    """Read a memory map.

    Rubbish behind it, as some boot loaders send (BIGTREETECH Octopus Pro, issue 42), is cut off at its first character that
    is not printable ASCII.

    Raises:
        FormatError: not of this form, too long, beyond 32 bits of address, or zones that overlap.
    """
    name, *zones = re.split(r"[^\x20-\x7e]", text, maxsplit=1)[0].rstrip().split("/")
    if not is_layout(name) or not zones or len(zones) % 2 or len(text) > MAX_TEXT:
        raise FormatError(f"the device names this memory {text[:MAX_TEXT]!r}; a DfuSe memory map was expected")
    groups: list[Group] = []
    for address, sizes in zip(zones[::2], zones[1::2], strict=True):
        groups += _zone(address.strip(), sizes.strip())
    groups.sort()
    if any(one.end > other.address for one, other in zip(groups, groups[1:], strict=False)):
        raise FormatError("two zones of the memory map overlap")
    return Layout(name[1:].strip(), tuple(groups))


def _zone(address: str, sizes: str) -> Iterator[Group]:
    start = _ADDRESS.fullmatch(address)
    if start is None:
        raise FormatError(f"{address!r} in the memory map is not an address")
    at = int(start[1], 16)
    for text in sizes.split(","):
        match = _GROUP.fullmatch(text)
        if match is None:
            raise FormatError(f"{text!r} in the memory map does not describe sectors")
        count, size = int(match[1]), int(match[2]) * _UNITS[match[3]]
        group = Group(at, count, size, Right(ord(match[4]) & 7))
        if not count or not size or group.end > ADDRESS_SPACE:
            raise FormatError(f"{text!r} in the memory map describes no memory, or more than 32 bits can address")
        yield group
        at = group.end
