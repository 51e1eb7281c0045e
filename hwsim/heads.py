"""The heads of one slot: what the package says, its block table, and the journal of blocks that are done."""

import struct
import zlib
from collections.abc import Iterable
from itertools import groupby
from typing import Final, NamedTuple

from formats.fwp.header import SIZE
from hwsim.flash import NorFlash
from hwsim.layout import HEAD_FIELDS, SlotLayout, Span
from hwsim.refusal import FlashFault

_FIELDS: Final = struct.Struct("<III")
_CRC: Final = struct.Struct("<I")
LAST_SEQUENCE: Final = 0xFFFFFFFF
assert _FIELDS.size + _CRC.size == HEAD_FIELDS


class Head(NamedTuple):
    """The head that counts."""

    span: Span
    sequence: int
    signed_size: int
    signatures_size: int


class Heads:
    """Reads and writes the heads of a slot. Of two, the one with the higher sequence counts."""

    def __init__(self, flash: NorFlash, layout: SlotLayout, most: tuple[int, int]) -> None:
        self._flash, self._layout = flash, layout
        self._most = most
        """Largest signed region and signature block."""

    def current(self) -> Head | None:
        """The head that counts; None: the slot holds no package."""
        found = [head for head in map(self._read, self._layout.heads) if head]
        return max(found, key=lambda head: head.sequence, default=None)

    def _read(self, span: Span) -> Head | None:
        raw = self._flash.read(span.address, HEAD_FIELDS)
        sequence, signed_size, signatures_size = _FIELDS.unpack_from(raw)
        if _CRC.unpack_from(raw, _FIELDS.size)[0] != zlib.crc32(raw[: _FIELDS.size]):
            return None
        if not SIZE < signed_size <= self._most[0] or signatures_size > self._most[1]:
            return None
        return Head(span, sequence, signed_size, signatures_size)

    def package(self) -> tuple[bytes, bytes] | None:
        """Signed region and signature block as they stand there; None if there are none."""
        head = self.current()
        if head is None:
            return None
        at = head.span.address + HEAD_FIELDS
        raw = self._flash.read(at, head.signed_size + head.signatures_size)
        return raw[: head.signed_size], raw[head.signed_size :]

    def spare(self) -> Span:
        """The head that does not count."""
        head, spans = self.current(), self._layout.heads
        return spans[-1] if head and head.span == spans[0] else spans[0]

    def erase_spare(self) -> None:
        self._flash.erase_span(*self.spare())

    def write(self, signed: bytes, signatures: bytes) -> None:
        """Start a new head in the spare one, which is erased; the one before it stays readable, and counts no more.

        Raises:
            FlashFault: it does not read back, or sequences have come to their end.
        """
        head, spare = self.current(), self.spare()
        if head and head.sequence == LAST_SEQUENCE:
            raise FlashFault("the slot has used all its sequence numbers")
        fields = _FIELDS.pack(head.sequence + 1 if head else 1, len(signed), len(signatures))
        raw = self._flash.padded(fields + _CRC.pack(zlib.crc32(fields)) + signed + signatures)
        self._flash.program(spare.address, raw)
        if self._flash.read(spare.address, len(raw)) != raw:
            raise FlashFault("the head of the slot reads back differently")

    # -- table ------------------------------------------------------------------------------------------------------

    def table_base(self) -> int:
        """Address of the block table. Raises FlashFault if there is no head."""
        head = self.current()
        if head is None:
            raise FlashFault("there is no package in the slot")
        return head.span.address + self._layout.table

    def write_table(self, offset: int, data: bytes) -> None:
        """Write a part of the table, unless it is there. Raises FlashFault if it does not read back."""
        at = self.table_base() + offset
        if self._flash.read(at, len(data)) == data:
            return
        self._flash.program(at, self._flash.padded(data))
        if self._flash.read(at, len(data)) != data:
            raise FlashFault("the block table reads back differently")

    # -- block journal ----------------------------------------------------------------------------------------------

    def marks(self, count: int) -> tuple[bool, ...]:
        """Of each of the first blocks: whether it is done. A mark that is only partly there was begun after that."""
        head, unit = self.current(), self._flash.geometry.unit
        if head is None:
            return (False,) * count
        raw = self._flash.read(head.span.address + self._layout.marks, count * unit)
        if unit == 1:
            return tuple(byte != self._flash.erased for byte in raw)
        blank = bytes([self._flash.erased]) * unit
        return tuple(raw[at : at + unit] != blank for at in range(0, len(raw), unit))

    def mark(self, blocks: Iterable[int]) -> None:
        """Note blocks, ascending, as done; each run of them with one program."""
        head, unit = self.current(), self._flash.geometry.unit
        assert head is not None
        base = head.span.address + self._layout.marks
        done = bytes([0xFF ^ self._flash.erased])
        wanted = [index for index in blocks if self._flash.blank(base + index * unit, unit)]
        for _, run in groupby(enumerate(wanted), lambda pair: pair[1] - pair[0]):
            numbers = [index for _, index in run]
            self._flash.program(base + numbers[0] * unit, done * (len(numbers) * unit))
