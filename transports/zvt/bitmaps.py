"""Fields that announce themselves with a number, which ZVT calls bitmaps (BMP): their table, and lists of them (S 13).

A list in which one number is not known cannot be read further, since nobody can tell how long that field is.
"""

import enum
from collections.abc import Iterable
from typing import Final, NamedTuple

from formats.errors import FormatError
from transports.zvt import tlv


class Form(enum.IntEnum):
    """How the length of a field is told: not at all, in two or three bytes `Fx` (a decimal digit each), or as in TLV."""

    FIXED = 0
    LL = 2
    LLL = 3
    TLV = 9


class Kind(enum.Enum):
    """What the bytes mean."""

    BINARY = "binary"
    BCD = "BCD"
    TEXT = "text"


class Bitmap(NamedTuple):
    """One row of the table."""

    name: str
    form: Form
    kind: Kind
    size: int = 0
    """Bytes, if fixed."""


def _fixed(name: str, size: int, kind: Kind = Kind.BINARY) -> Bitmap:
    return Bitmap(name, Form.FIXED, kind, size)


def _bcd(name: str, size: int) -> Bitmap:
    return _fixed(name, size, Kind.BCD)


_LL, _LLL, _BIN, _BCD, _TEXT = Form.LL, Form.LLL, Kind.BINARY, Kind.BCD, Kind.TEXT

CONTAINER: Final = 0x06

BITMAPS: Final[dict[int, Bitmap]] = {
    0x01: _fixed("time-out", 1),
    0x02: _fixed("maximum of status informations", 1),
    0x03: _fixed("service byte", 1),
    0x04: _bcd("amount", 6),
    0x05: _fixed("pump number", 1),
    0x06: Bitmap("container", Form.TLV, _BIN),
    0x0B: _bcd("trace number", 3),
    0x0C: _bcd("time", 3),
    0x0D: _bcd("date MMDD", 2),
    0x0E: _bcd("expiry", 2),
    0x17: _bcd("card sequence number", 2),
    0x19: _fixed("status byte", 1),
    0x22: Bitmap("PAN", _LL, _BCD),
    0x23: Bitmap("track 2", _LL, _BCD),
    0x24: Bitmap("track 3", _LLL, _BCD),
    0x27: _fixed("result code", 1),
    0x29: _bcd("terminal id", 4),
    0x2A: _fixed("contract number", 15, _TEXT),
    0x2D: Bitmap("track 1", _LL, _TEXT),
    0x2E: Bitmap("chip data", _LLL, _BIN),
    0x37: _bcd("original trace number", 3),
    0x3A: _bcd("CVV", 2),
    0x3B: _fixed("authorisation attribute", 8, _TEXT),
    0x3C: Bitmap("additional text", _LLL, _TEXT),
    0x3D: _bcd("password", 3),
    0x49: _bcd("currency", 2),
    0x4C: Bitmap("blocked goods groups", _LL, _BCD),
    0x60: Bitmap("individual totals", _LLL, _BIN),
    0x70: _fixed("image request id", 4),
    0x71: _fixed("image size", 4),
    0x72: _fixed("image type", 1),
    0x73: _fixed("image encoding", 1),
    0x74: _fixed("chunk count", 1),
    0x75: _fixed("chunk index", 1),
    0x87: _bcd("receipt number", 2),
    0x88: _bcd("turnover record number", 3),
    0x8A: _fixed("card type", 1),
    0x8B: Bitmap("card name", _LL, _TEXT),
    0x8C: _fixed("operator's card type", 1),
    0x92: Bitmap("offline chip data", _LLL, _BIN),
    0x9A: Bitmap("GeldKarte record", _LLL, _BIN),
    0xA0: _fixed("result code of the host", 1),
    0xA7: Bitmap("chip EF_ID", _LL, _BIN),
    0xAA: _bcd("date YYMMDD", 3),
    0xAF: Bitmap("EF_Info", _LLL, _BIN),
    0xBA: _fixed("AID parameter", 5),
    0xD0: _fixed("algorithm key", 1),
    0xD1: Bitmap("PIN data", _LL, _BIN),
    0xD2: _fixed("card output", 1),
    0xD3: _fixed("DUKPT key id", 1),
    0xE0: _fixed("minimum input length", 1),
    **{0xE0 + line: Bitmap(f"second text, line {line}", _LL, _TEXT) for line in range(1, 9)},
    0xE9: _fixed("maximum input length", 1),
    0xEA: _fixed("echo", 1),
    0xEB: _fixed("MAC", 8),
    0xF0: _fixed("display time", 1),
    **{0xF0 + line: Bitmap(f"text, line {line}", _LL, _TEXT) for line in range(1, 9)},
    0xF9: _fixed("beeps", 1),
    0xFA: _fixed("card reader", 1),
    0xFB: _fixed("OK key needed", 1),
    0xFC: _fixed("dialogue control", 1),
    0xFD: _fixed("display", 1),
}
"""Number -> field."""


class Field(NamedTuple):
    """One field."""

    number: int
    value: bytes

    def build(self) -> bytes:
        """The field as bytes.

        Raises:
            FormatError: not in the table, or a value that does not fit.
        """
        return bytes([self.number]) + _head(self.number, len(self.value)) + self.value


def parse(data: bytes) -> tuple[Field, ...]:
    """All fields, to the end of `data`.

    Raises:
        FormatError: a number that is not known (`unsupported_format`), or a field that does not fit.
    """
    return tuple(Field(number, data[start:end]) for number, start, end in locate(data))


def locate(data: bytes) -> list[tuple[int, int, int]]:
    """Number, start and end of every field's value; raises as `parse` does."""
    found = []
    at = 0
    while at < len(data):
        number = data[at]
        start, size = _extent(data, at + 1, number)
        if size > len(data) - start:
            raise FormatError(f"BMP {number:02X} wants {size} bytes, only {max(0, len(data) - start)} follow", offset=at)
        found.append((number, start, start + size))
        at = start + size
    return found


def build(fields: Iterable[Field]) -> bytes:
    """Fields as bytes, in their order; raises as `Field.build` does."""
    return b"".join(field.build() for field in fields)


def is_container(data: bytes, at: int = 0, failed: set[int] | None = None) -> bool:
    """Whether what begins at `at` is exactly one well-formed container, its number included; `failed` as in `tlv.fill`."""
    if data[at : at + 1] != bytes([CONTAINER]):
        return False
    try:
        size, start = tlv.read_length(data, at + 1)
    except FormatError:
        return False
    return start + size == len(data) and tlv.fill(data, start, set() if failed is None else failed)


def read_digits(data: bytes, at: int, count: int) -> int | None:
    """A length of `count` bytes `Fx`, or None if there is none."""
    digits = data[at : at + count]
    if len(digits) < count or any(not 0xF0 <= digit <= 0xF9 for digit in digits):
        return None
    return int("".join(str(digit & 0x0F) for digit in digits))


def write_digits(size: int, count: int) -> bytes:
    """A length as `count` bytes `Fx`.

    Raises:
        FormatError: too large for so few digits.
    """
    if size >= 10**count:
        raise FormatError(f"a field with a length of {count} digits cannot hold {size} bytes")
    return bytes(0xF0 | int(digit) for digit in f"{size:0{count}d}")


def _row(number: int) -> Bitmap:
    if number not in BITMAPS:
        raise FormatError(f"BMP {number:02X} is not known", name="unsupported_format")
    return BITMAPS[number]


def _extent(data: bytes, at: int, number: int) -> tuple[int, int]:
    """Where the value of a field starts, and its size."""
    row = _row(number)
    if row.form is Form.FIXED:
        return at, row.size
    if row.form is Form.TLV:
        size, start = tlv.read_length(data, at)
        return start, size
    length = read_digits(data, at, row.form)
    if length is None:
        raise FormatError(f"BMP {number:02X} has no length of {int(row.form)} digits", offset=at)
    return at + row.form, length


def _head(number: int, size: int) -> bytes:
    row = _row(number)
    if row.form is Form.TLV:
        return tlv.length_bytes(size)
    if row.form is not Form.FIXED:
        return write_digits(size, row.form)
    if size != row.size:
        raise FormatError(f"BMP {number:02X} ({row.name}) takes {row.size} bytes, not {size}")
    return b""
