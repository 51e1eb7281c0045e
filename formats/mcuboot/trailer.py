"""The trailer at the end of a slot: what the boot loader and the device write down about an upgrade (docs/design.md "Image
trailer", bootutil_misc.h).

Counted from the end, A being the largest write size of the flash in use (8, 16 or 32): 16 bytes of magic in a field of at
least A; image_ok, copy_done, swap_info (one byte each) and swap_size (four bytes), each in a field of A; room for encryption
keys and for marks of progress. A file has at most the magic and the two flags image_ok and copy_done; all else is as erased.
No hash covers any of it.
"""

import dataclasses
from typing import BinaryIO, Final, NamedTuple

from formats.errors import FormatError
from formats.mcuboot.header import BIG
from formats.sources import Piece

MAGIC_SIZE: Final = 16
_MAGIC_8: Final = bytes.fromhex("77c295f360d2ef7f3552500f2cb67980")
_MAGIC_OTHER: Final = bytes.fromhex("2de15d29410b8d77679c110f1f8a")
"""For A other than 8, behind two bytes with A."""
ALIGNMENTS: Final = (8, 16, 32)
WRITE_SIZES: Final = (1, 2, 4, 8, 16, 32)
ERASED_VALUES: Final = (0xFF, 0x00)
SET: Final = 0x01
_MARKS: Final = 3
"""Marks of progress for each sector."""
STEP: Final = 1 << 20


class Trailer(NamedTuple):
    """A trailer that was read."""

    offset: int
    """Of its magic in the file."""
    align: int
    erased: int
    """What an erased byte reads as, 0xff or 0."""
    confirmed: bool
    """image_ok is set: the image stays. Otherwise it is on trial."""
    copied: bool
    """copy_done is set: the boot loader has put the image there."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Slot:
    """Where an image goes on the device. All sizes in bytes."""

    size: int
    align: int = 1
    """Smallest write of its flash."""
    max_align: int = 0
    """Largest of the smallest writes of all flash in use; 0: 8, or `align` if that is more."""
    max_sectors: int = 128
    overwrite_only: bool = False
    """The boot loader copies images and never swaps them, so that the trailer needs less room."""
    pad: bool = False
    """Fill the file up to the size of the slot, with a trailer that asks for an upgrade on trial."""
    confirm: bool = False
    """As `pad`, with the image confirmed, so that it is never reverted (not said where images are only copied)."""
    save_encrypted_key: bool = False
    """The boot loader keeps the encrypted key in the trailer, not the plain one."""

    @property
    def alignment(self) -> int:
        return self.max_align or max(ALIGNMENTS[0], self.align)

    def check(self) -> None:
        """Refuse what no boot loader has.

        Raises:
            FormatError: an impossible alignment or number of sectors (`usage`).
        """
        if self.align not in WRITE_SIZES or self.alignment not in ALIGNMENTS or self.align > self.alignment:
            raise FormatError(
                f"a slot cannot be aligned to {self.align} and {self.alignment} bytes", name="usage",
                hint="--align is one of 1, 2, 4, 8, 16, 32, and --max-align one of 8, 16, 32 that is not less.",
            )  # fmt: skip
        if not 0 < self.size <= 1 << 32 or not 0 < self.max_sectors <= 1 << 20:
            raise FormatError("a slot of that size is impossible", name="usage")

    def trailer_size(self, key_size: int = 0) -> int:
        """Bytes the trailer takes.

        Args:
            key_size: Of an encryption key as the boot loader keeps it, plain or encrypted; 0: no encryption.
        """
        magic = align_up(MAGIC_SIZE, self.alignment)
        if self.overwrite_only:
            return 2 * self.alignment + magic
        marks = self.max_sectors * _MARKS * self.align
        return marks + 2 * align_up(key_size, self.alignment) + 4 * self.alignment + magic


def align_up(number: int, step: int) -> int:
    return -(-number // step) * step


def magic_for(align: int, order: str) -> bytes:
    if align == ALIGNMENTS[0]:
        return _MAGIC_8
    return align.to_bytes(2, "big" if order == BIG else "little") + _MAGIC_OTHER


def build(align: int, order: str, erased: int, *, confirmed: bool, copied: bool = False) -> bytes:
    """The last fields of a slot: copy_done, image_ok and the magic."""
    blank = bytes([erased])
    flags = [bytes([SET if flag else erased]).ljust(align, blank) for flag in (copied, confirmed)]
    return b"".join(flags) + magic_for(align, order).rjust(align_up(MAGIC_SIZE, align), blank)


def finish(out: BinaryIO, end: int, slot: Slot, order: str, erased: int, *, key_size: int = 0) -> None:
    """Hold an image that ends at `end` against its slot, and pad the file if the slot asks for it.

    Args:
        key_size: As for `Slot.trailer_size`.

    Raises:
        FormatError: image and trailer do not fit (`too_large`).
    """
    needed = end + slot.trailer_size(key_size)
    if needed > slot.size:
        raise FormatError(
            f"image and trailer need {needed} bytes, the slot has {slot.size}", name="too_large",
            hint="Take a larger slot, or --overwrite-only if the boot loader never swaps.",
        )  # fmt: skip
    if slot.pad or slot.confirm:
        last = build(slot.alignment, order, erased, confirmed=slot.confirm and not slot.overwrite_only)
        fill(out, slot.size - end - len(last), erased)
        out.write(last)


def fill(out: BinaryIO, size: int, erased: int) -> None:
    """Write that many erased bytes."""
    out.writelines(bytes([erased]) * min(STEP, size - start) for start in range(0, size, STEP))


def read(file: BinaryIO, start: int, end: int, order: str) -> Trailer | None:
    """The trailer between the end of the image and the end of the file, and that nothing else is there.

    Returns:
        None: the file ends with the image.

    Raises:
        FormatError: bytes that are neither erased nor part of a trailer, or a trailer with impossible values.
    """
    if start == end:
        return None
    tail = Piece(0, end - start, file=file, offset=start)
    magic = tail.read(max(0, tail.size - MAGIC_SIZE), min(MAGIC_SIZE, tail.size))
    align = next((align for align in ALIGNMENTS if magic_for(align, order) == magic), 0)
    fields = align_up(MAGIC_SIZE, align or ALIGNMENTS[0])
    if not align or tail.size < fields + 2 * align:
        raise FormatError(
            f"{tail.size} bytes follow the image that are no trailer of it", offset=start,
            hint="Was something appended to the file, or is it a slot that was read without its end?",
        )  # fmt: skip
    return _Reader(tail, align, tail.size - fields).read()


class _Reader:
    """Reads the flags in front of the magic, and checks that nothing else has been written."""

    def __init__(self, tail: Piece, align: int, end: int) -> None:
        self.tail, self.align, self.end = tail, align, end
        self.erased = tail.read(end - 1, 1)[0]
        """The last byte of the field of image_ok is never written."""

    def read(self) -> Trailer:
        if self.erased not in ERASED_VALUES:
            raise self._bad("padding", self.end - 1)
        ok, done = self.end - self.align, self.end - 2 * self.align
        confirmed, copied = self._flag("image_ok", ok), self._flag("copy_done", done)
        for start, end in ((0, done), (done + 1, ok), (ok + 1, self.tail.size - MAGIC_SIZE)):
            self._check_erased(start, end)
        return Trailer(self.tail.offset + self.tail.size - MAGIC_SIZE, self.align, self.erased, confirmed, copied)

    def _flag(self, name: str, at: int) -> bool:
        value = self.tail.read(at, 1)[0]
        if value not in (SET, self.erased):
            raise self._bad(name, at)
        return value == SET

    def _check_erased(self, at: int, end: int) -> None:
        blank = bytes([self.erased])
        while at < end:
            data = self.tail.read(at, min(STEP, end - at))
            if data.count(blank) != len(data):
                raise self._bad("padding", at + len(data) - len(data.lstrip(blank)))
            at += len(data)

    def _bad(self, name: str, at: int) -> FormatError:
        return FormatError(
            f"the trailer behind the image is damaged or in use: its {name}", offset=self.tail.offset + at,
            hint="An image file has nothing there; a slot has after a swap.",
        )  # fmt: skip
