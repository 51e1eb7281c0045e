"""What must not leave: passwords, card numbers, tracks. Everything keeps its length.

Three nets: fields that hold such data by their number; digits that are a card number by their check digit, as text and as
half bytes; and all of a message that cannot be read, or that nobody knows.
"""

from typing import Final

from formats.errors import FormatError
from transports.scrub import SHOWN, scrub_digits, scrub_text
from transports.zvt import bitmaps, tlv
from transports.zvt.apdu import Apdu
from transports.zvt.bitmaps import BITMAPS, CONTAINER, Kind
from transports.zvt.files import FileBlock
from transports.zvt.heads import Values
from transports.zvt.layout import Message

PAN: Final = 0x22
"""BMP whose last digits may be shown, as on a receipt."""
SECRET_BITMAPS: Final = frozenset({0x23, 0x24, 0x2D, 0x2E, 0x3A, 0x3D, 0x92, 0x9A, 0xA7, 0xAF, 0xD1})
"""Tracks, chip data, CVV, password, GeldKarte and chip records, PIN data."""
SECRET_TAGS: Final = frozenset({0x1F14, 0x1F74, 0x4C, 0x56, 0x57, 0x5A, 0x5F20, 0x9F1F, 0x9F20, 0x9F6B, 0xFF40})
"""Card identifier, long password, card UID; EMV: track 1 and 2, PAN, name, discretionary data; Feig: password."""
AMOUNTS: Final = 0x60
"""BMP full of decimal digits, in which a check digit is right by chance."""
TEXT_TAGS: Final = frozenset({0x07, 0x0F, 0x15, 0x1F17, 0x1F40, 0x1F41, 0x1F59, 0x1F80, 0x1F8000, 0x1F81, 0x1F8001})
"""Tags of text. The codes of most letters are pairs of decimal digits: text is not searched for half bytes."""
BLOCK: Final = 0x1C
"""Tag of a piece of a file; of our own file, where it goes to the terminal."""


def scrub(apdu: Apdu, record: type[Message] | None) -> Apdu:
    """The message without what must not leave.

    Args:
        record: What its data are (`commands.Context`); None: not known, and nothing of them is kept.
    """
    nothing = bytes(len(apdu.data))
    if record is None:
        return Apdu(apdu.opcode, nothing)
    try:
        return Apdu(apdu.opcode, _Scrubber(apdu.data, record).run())
    except FormatError:
        return Apdu(apdu.opcode, nothing)


class _Scrubber:
    """Goes through the values of one message."""

    def __init__(self, data: bytes, record: type[Message]) -> None:
        self._data = data
        self._record = record
        self._out = bytearray(data)

    def run(self) -> bytes:
        """Raises FormatError: the data are not what they should be."""
        at = self._heads()
        for number, start, end in bitmaps.locate(self._data[at:]):
            self._bitmap(number, at + start, at + end)
        return bytes(self._out)

    def _heads(self) -> int:
        at, seen = 0, Values()
        for head in self._record.heads():
            seen[head.name], used = head.take(self._data[at:], seen)
            if head.codec.secret:
                self._zero(at, at + used)
            else:
                self._scan(at, at + used, digits=False)
            at += used
        return at

    def _bitmap(self, number: int, start: int, end: int) -> None:
        if number == CONTAINER:
            self._objects(start, end, 1)
        elif number in SECRET_BITMAPS:
            self._zero(start, end)
        elif number == PAN:
            self._zero(start, end - SHOWN // 2)
        else:
            self._scan(start, end, digits=number != AMOUNTS and BITMAPS[number].kind is not Kind.TEXT)

    def _objects(self, start: int, end: int, depth: int) -> None:
        """Raises FormatError: not well-formed."""
        for tag, inner, outer in tlv.locate(self._data[start:end]):
            self._object(tag, start + inner, start + outer, depth)

    def _object(self, tag: int, start: int, end: int, depth: int) -> None:
        if tag in SECRET_TAGS or depth > tlv.MAX_DEPTH:
            self._zero(start, end)
        elif tlv.is_constructed(tag) and _is_list(self._data[start:end]):
            self._objects(start, end, depth + 1)
        else:
            ours = tag == BLOCK and self._record is FileBlock
            self._scan(start, end, digits=not ours and tag not in TEXT_TAGS)

    def _zero(self, start: int, end: int) -> None:
        if end > start:
            self._out[start:end] = bytes(end - start)

    def _scan(self, start: int, end: int, *, digits: bool = True) -> None:
        value = scrub_text(self._data[start:end])
        self._out[start:end] = scrub_digits(value) if digits else value


def _is_list(value: bytes) -> bool:
    try:
        tlv.locate(value)
    except FormatError:
        return False
    return True
