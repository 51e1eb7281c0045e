"""What is printed: 06 D1 brings a line, 06 D3 a block of lines (S 3.5, 3.6). Both directions.

Attribute: low four bits indent, 40 centred, 20 double width, 10 double height; bit 80 (but not 80 or FF alone) marks the
last line of a receipt; FF feeds lines.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from transports.zvt import tlv
from transports.zvt.heads import Fixed, Remainder
from transports.zvt.layout import Message, Tag
from transports.zvt.tlv import Tlv
from transports.zvt.values import BYTE, RAW, Codec

CENTRED: Final = 0x40
DOUBLE_WIDTH: Final = 0x20
DOUBLE_HEIGHT: Final = 0x10
INDENT: Final = 0x0F
LAST: Final = 0x81
FEED: Final = 0xFF
_LAST_BIT: Final = 0x80
_NOT_LAST: Final = (0x80, FEED)
TEXT_TAG: Final = 0x07
ATTRIBUTE_TAG: Final = 0x09

MERCHANT: Final = 0x01
"""Type of a receipt (tag 1F07)."""
CUSTOMER: Final = 0x02
ADMINISTRATION: Final = 0x03


class Line(NamedTuple):
    """One line of a receipt, as bytes of the agreed character set."""

    text: bytes
    attribute: int = 0
    feeds: int = 1
    """Lines that the paper moves on."""

    @property
    def last(self) -> bool:
        """The receipt ends here: cut."""
        return bool(self.attribute & _LAST_BIT) and self.attribute not in _NOT_LAST


class PrintLine(Message):
    """06 D1. K puts a container with the type of the receipt behind the text."""

    attribute: int
    text: bytes = b""
    """After attribute FF the count of line feeds."""
    receipt_type: int | None = None
    LAYOUT = (Fixed("attribute", 1, BYTE), Remainder("text", RAW), Tag("receipt_type", 0x1F07, BYTE))

    @property
    def line(self) -> Line:
        """The line; no text is an empty one."""
        if self.attribute == FEED:
            return Line(b"", FEED, self.text[0] if self.text else 1)
        return Line(self.text, self.attribute)


class PrintTextBlock(Message):
    """06 D3. The end of a receipt shows in the last attribute; some makers leave it out."""

    receipt_type: int | None = None
    information: int | None = None
    """01 positive, 02 with a field for the signature, 04 negative, 80 must be printed."""
    charset: int | None = None
    content: tuple[Tlv, ...] = ()
    """Lines (07) and attributes (09) in their order; a bar code (E3) is not a line."""
    LAYOUT = (
        Tag("receipt_type", 0x1F07, BYTE),
        Tag("information", 0x1F37, BYTE),
        Tag("charset", 0x14, BYTE),
        Tag("content", 0x25, Codec(tlv.parse, tlv.build)),
    )

    @property
    def lines(self) -> tuple[Line, ...]:
        """The lines with the attributes that hold for them."""
        return tuple(_lines(self.content))


def block(lines: Sequence[bytes], receipt_type: int = ADMINISTRATION, *, last: bool = True) -> PrintTextBlock:
    """Plain lines as a block, by default a whole receipt."""
    content = [Tlv(TEXT_TAG, line) for line in lines]
    end = [Tlv(ATTRIBUTE_TAG, bytes([LAST]))] if last else []
    return PrintTextBlock(receipt_type=receipt_type, content=(*content, *end))


def _lines(content: Sequence[Tlv]) -> Iterator[Line]:
    attribute, pending, feed = 0, False, False
    for item in content:
        if item.tag == ATTRIBUTE_TAG and item.value:
            if feed:
                yield Line(b"", FEED)
            feed = item.value[0] == FEED
            attribute, pending = (attribute, pending) if feed else (item.value[0], True)
        elif item.tag == TEXT_TAG:
            count = _feed_count(item.value) if feed else 0
            if feed:
                yield Line(b"", FEED, count or 1)
            if not count:
                yield Line(item.value, attribute)
            feed = pending = False
    if feed:
        yield Line(b"", FEED)
    if pending and Line(b"", attribute).last:
        yield Line(b"", attribute, 0)


def _feed_count(text: bytes) -> int:
    """K tells the count of feeds in a line of one byte behind the attribute; a byte that is no character."""
    return text[0] if len(text) == 1 and text[0] < 0x20 else 0
