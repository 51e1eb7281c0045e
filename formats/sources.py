"""Where a component's bytes come from: a range of a file, or pieces at addresses with filled holes between them.

A source is read in order, in the sizes the reader asks for, and never held whole.
"""

import dataclasses
import os
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple, Protocol

from formats.errors import FormatError

MAX_HOLE = 1 << 20
"""Largest hole between two pieces that is filled without being asked to: 1 MiB, as in fwupd."""


class Piece(NamedTuple):
    """Bytes that belong at an address: a range of an open file, or a buffer."""

    address: int
    size: int
    file: BinaryIO | None = None
    offset: int = 0
    data: bytes | bytearray = b""

    def read(self, start: int, size: int) -> bytes:
        if self.file is None:
            return bytes(self.data[start : start + size])
        self.file.seek(self.offset + start)
        data = self.file.read(size)
        if len(data) != size:
            raise FormatError("the file ends too early", offset=self.offset + start + len(data))
        return data


class Image(NamedTuple):
    """What a reader found in a file: pieces in ascending order, and where execution starts, if the format says."""

    pieces: tuple[Piece, ...]
    entry: int | None = None
    placed: bool = True
    """Whether the format says where the bytes belong; if not, addresses count from 0."""

    @property
    def start(self) -> int:
        return self.pieces[0].address

    @property
    def end(self) -> int:
        return self.pieces[-1].address + self.pieces[-1].size


class Source(Protocol):
    """Installed bytes of one component."""

    @property
    def size(self) -> int: ...
    @property
    def address(self) -> int | None: ...
    def chunks(self, size: int) -> Iterator[bytes]: ...


@dataclasses.dataclass(frozen=True)
class Flat:
    """An image as one run of bytes from its lowest to its highest address, holes filled."""

    image: Image
    fill: int = 0xFF

    @property
    def size(self) -> int:
        return self.image.end - self.image.start

    @property
    def address(self) -> int | None:
        return self.image.start if self.image.placed else None

    def chunks(self, size: int) -> Iterator[bytes]:
        """The bytes in chunks of `size`; only the last may be shorter."""
        pending = bytearray()
        for data in self._runs(max(size, 1 << 16)):
            if not pending and len(data) % size == 0:
                yield from (data[i : i + size] for i in range(0, len(data), size))
                continue
            pending += data
            whole = len(pending) // size * size
            yield from (bytes(pending[i : i + size]) for i in range(0, whole, size))
            del pending[:whole]
        if pending:
            yield bytes(pending)

    def _runs(self, step: int) -> Iterator[bytes]:
        at = self.image.start
        for piece in self.image.pieces:
            hole = piece.address - at
            for start in range(0, hole, step):
                yield bytes([self.fill]) * min(step, hole - start)
            for start in range(0, piece.size, step):
                yield piece.read(start, min(step, piece.size - start))
            at = piece.address + piece.size


def image_of(pieces: list[Piece], entry: int | None = None) -> Image:
    """Sort pieces by address and refuse what cannot be one image.

    Raises:
        FormatError: no bytes at all, or two pieces overlap.
    """
    ordered = sorted((piece for piece in pieces if piece.size), key=lambda piece: piece.address)
    if not ordered:
        raise FormatError("there are no bytes to load in this file")
    for first, second in zip(ordered, ordered[1:], strict=False):
        if second.address < first.address + first.size:
            raise FormatError(f"two pieces of this file overlap at address 0x{second.address:08x}")
    return Image(tuple(ordered), entry)


def check_holes(image: Image, *, max_hole: int, max_size: int) -> None:
    """Keep a few bytes at far addresses from becoming gigabytes of filling.

    Raises:
        FormatError: a hole or the whole is larger than allowed (`name="too_large"`).
    """
    for first, second in zip(image.pieces, image.pieces[1:], strict=False):
        hole = second.address - first.address - first.size
        if hole > max_hole:
            raise FormatError(
                f"there is a hole of {hole} bytes at address 0x{first.address + first.size:08x}, at most {max_hole} are filled",
                name="too_large",
                hint="If it belongs there, allow it with --max-hole.",
            )
    if image.end - image.start > max_size:
        raise FormatError(f"the image spans {image.end - image.start} bytes, at most {max_size}", name="too_large")


def file_size(file: BinaryIO) -> int:
    return file.seek(0, os.SEEK_END)
