"""Firmware versions and hardware ranges, as numbers and not as strings."""

import re
import struct
from typing import NamedTuple, Self

from formats.errors import FormatError

_VERSION = re.compile(r"(\d{1,3})\.(\d{1,3})\.(\d{1,5})(?:\+(\d{1,10}))?")
_HARDWARE = re.compile(r"([^:]+)(?::(\d{1,10})\.\.(\d{1,10}))?")
_PACKED = struct.Struct("<BBHI")
VERSION_SIZE = _PACKED.size


class Version(NamedTuple):
    """`MAJOR.MINOR.PATCH[+BUILD]`, 8/8/16/32 bits, compared field by field as numbers."""

    major: int
    minor: int
    patch: int
    build: int = 0

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a version as people write it.

        Raises:
            FormatError: not of the form, or a number out of range.
        """
        match = _VERSION.fullmatch(text)
        version = cls(*(int(part or 0) for part in match.groups())) if match else None
        if version is None or any(n > top for n, top in zip(version, (255, 255, 65535, 2**32 - 1), strict=True)):
            raise FormatError(
                f"{text!r} is not a version",
                name="usage",
                hint="Write MAJOR.MINOR.PATCH[+BUILD], up to 255.255.65535+4294967295.",
            )
        return version

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        return cls(*_PACKED.unpack(data))

    def pack(self) -> bytes:
        """Eight bytes, little endian: u8 major, u8 minor, u16 patch, u32 build."""
        return _PACKED.pack(*self)

    def __str__(self) -> str:
        tail = f"+{self.build}" if self.build else ""
        return f"{self.major}.{self.minor}.{self.patch}{tail}"


class Hardware(NamedTuple):
    """A model and the revisions of it, both ends included, that an image is meant for."""

    model: str
    revision_min: int = 0
    revision_max: int = 2**32 - 1

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `MODEL[:A..B]`.

        Raises:
            FormatError: not of the form, or an empty range.
        """
        match = _HARDWARE.fullmatch(text)
        if not match or not match[1].strip() or len(match[1].encode()) > 64:
            raise FormatError(
                f"{text!r} is not a hardware range", name="usage", hint="Write MODEL or MODEL:A..B, e.g. VT-100:2..5."
            )
        if match[2] is None:
            return cls(match[1])
        first, last = int(match[2]), int(match[3])
        if first > last or last >= 2**32:
            raise FormatError(f"revisions {first}..{last} are no range", name="usage", hint="Write the smaller one first.")
        return cls(match[1], first, last)

    def fits(self, model: str, revision: int) -> bool:
        return model == self.model and self.revision_min <= revision <= self.revision_max

    def __str__(self) -> str:
        if (self.revision_min, self.revision_max) == (0, 2**32 - 1):
            return self.model
        return f"{self.model}:{self.revision_min}..{self.revision_max}"
