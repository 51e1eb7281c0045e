"""Intel HEX (Hexadecimal Object File Format Specification, rev. A, 1988) and Motorola S-records (M68000 Family Programmer's
Reference Manual, appendix C), one field for each part of a record.

A record is taken as it stands: whether records fit each other is for those who read an image out of them.
"""

import binascii
from collections.abc import Iterator
from typing import BinaryIO, Final, NamedTuple

from formats.annotate.whole import whole
from formats.annotate.words import quoted
from formats.errors import FormatError, LocalError
from formats.fields import Field
from formats.intel_hex import BOM, DATA, END, LINEAR, SEGMENT, START_LINEAR, START_SEGMENT
from formats.text_records import MAX_LINE, STEP

CHECKSUM: Final = "record checksum"
SHOWN: Final = 512
"""Bytes of a comment that are its value."""


class Part(NamedTuple):
    """Some characters of a line."""

    name: str
    size: int
    value: str = ""
    covered_by: str = CHECKSUM


class HexType(NamedTuple):
    """A type of Intel HEX record: its name, and its section of the specification."""

    name: str
    section: int


HEX_TYPES: Final = {
    DATA: HexType("data", 5),
    END: HexType("end", 8),
    SEGMENT: HexType("segment base", 4),
    START_SEGMENT: HexType("entry point", 7),
    LINEAR: HexType("linear base", 3),
    START_LINEAR: HexType("entry point", 6),
}


class SType(NamedTuple):
    """A type of S-record: its name, and the bytes of its address."""

    name: str
    width: int
    address: str = "address"


S_TYPES: Final = {
    b"0": SType("header", 2),
    b"1": SType("data", 2),
    b"2": SType("data", 3),
    b"3": SType("data", 4),
    b"5": SType("count", 2, "records"),
    b"6": SType("count", 3, "records"),
    b"7": SType("end", 4, "entry"),
    b"8": SType("end", 3, "entry"),
    b"9": SType("end", 2, "entry"),
}


@whole
def hex_fields(file: BinaryIO) -> Iterator[Field]:
    """Every byte of an Intel HEX file, damaged or not (see `whole`)."""
    base, ended = 0, False
    for number, at, line in _lines(file):
        name = f"line {number}"
        if number == 1 and line.startswith(BOM):
            yield Field(at, len(BOM), "byte order mark", "")
            at, line = at + len(BOM), line.removeprefix(BOM)
        if not line.startswith(b":"):
            yield _other(name, at, line)
            continue
        record = _digits(line[1:].rstrip(), name, extra=5, total=0)
        known = HEX_TYPES.get(record[3], HexType("unknown", 2))
        ended = ended or record[3] == END
        if record[3] in (LINEAR, SEGMENT):
            base = int.from_bytes(record[4:-1], "big") << (16 if record[3] == LINEAR else 4)
        yield from _cut(_hex_parts(record, known, base), name, at, line, f"Intel HEX section {known.section}")
    if not ended:
        raise FormatError("the HEX file has no end record: it was cut off")


def _hex_parts(record: bytes, known: HexType, base: int) -> Iterator[Part]:
    offset = int.from_bytes(record[1:3], "big")
    yield Part("start", 1, "", "")
    yield Part("count", 2, str(record[0]))
    yield Part("address", 4, f"0x{offset:04x}, at 0x{base + offset:08x}" if record[3] == DATA else f"0x{offset:04x}")
    yield Part("type", 2, f"{record[3]:02x} ({known.name})")
    yield Part("data", 2 * record[0], _hex_value(record, base))
    yield Part("checksum", 2, f"{record[-1]:02x}")


def _hex_value(record: bytes, base: int) -> str:
    data = int.from_bytes(record[4:-1], "big")
    if record[3] == START_SEGMENT:
        data = (data >> 16 << 4) + (data & 0xFFFF)
    values = {SEGMENT: base, LINEAR: base, START_SEGMENT: data, START_LINEAR: data}
    return f"0x{values[record[3]]:08x}" if record[3] in values else ""


@whole
def srec_fields(file: BinaryIO) -> Iterator[Field]:
    """Every byte of a file of S-records, damaged or not (see `whole`)."""
    ended = False
    for number, at, line in _lines(file):
        name, text = f"line {number}", line.strip()
        if not text or text == b"\x1a":
            yield _other(name, at, line)
            continue
        known = S_TYPES.get(text[1:2]) if text.startswith(b"S") else None
        if known is None:
            raise FormatError(f"{name} is no S-record of a known type")
        record = _digits(text[2:], name, extra=1, total=0xFF, least=2 + known.width)
        ended = ended or known.name == "end"
        indent = len(line) - len(line.lstrip())
        if indent:
            yield Field(at, indent, f"{name}.indent", "")
        yield from _cut(_s_parts(record, known, text[1:2].decode()), name, at + indent, line[indent:], "M68000PRM appendix C.1")
    if not ended:
        raise FormatError("the S-record file has no end record: it was cut off")


def _s_parts(record: bytes, known: SType, digit: str) -> Iterator[Part]:
    number, data = int.from_bytes(record[1 : 1 + known.width], "big"), record[1 + known.width : -1]
    yield Part("type", 2, f"S{digit} ({known.name})", "")
    yield Part("count", 2, str(record[0]))
    yield Part(known.address, 2 * known.width, str(number) if known.address == "records" else f"0x{number:0{2 * known.width}x}")
    yield Part("data", 2 * len(data), quoted(data.decode("ascii", "backslashreplace")) if known.name == "header" else "")
    yield Part("checksum", 2, f"{record[-1]:02x}")


def _lines(file: BinaryIO) -> Iterator[tuple[int, int, bytes]]:
    """Number (from one), offset and bytes of each line."""
    at, number = 0, 1
    while line := _line(file, at):
        yield number, at, line
        at, number = at + len(line), number + 1


def _line(file: BinaryIO, offset: int) -> bytes:
    """The line that begins at `offset`, with its end; nothing at the end of the file.

    Raises:
        FormatError: it does not end (comments may be long, records are not).
        LocalError: the medium cannot be read.
    """
    try:
        file.seek(offset)
        line = file.readline(STEP)
    except OSError as error:
        raise LocalError(f"the file cannot be read: {error.strerror}", offset=offset) from error
    if len(line) > MAX_LINE and not line.endswith(b"\n"):
        raise FormatError(f"a line is longer than {MAX_LINE} characters")
    return line


def _digits(text: bytes, name: str, *, extra: int, total: int, least: int = 0) -> bytes:
    """The bytes of a record whose first one counts those that follow, `extra - 1` of them uncounted.

    Raises:
        FormatError: no hexadecimal digits, another length, or bytes whose sum does not end in `total`.
    """
    try:
        record = binascii.unhexlify(text)
    except ValueError:
        raise FormatError(f"{name} is not made of hexadecimal digits") from None
    if len(record) < max(extra, least) or len(record) != record[0] + extra:
        raise FormatError(f"{name} does not have the length it says")
    if sum(record) & 0xFF != total:
        good = (total - sum(record[:-1])) & 0xFF
        raise FormatError(f"{name} has the checksum {record[-1]:02x} instead of {good:02x}")
    return record


def _cut(parts: Iterator[Part], name: str, at: int, line: bytes, clause: str) -> Iterator[Field]:
    """The parts of a record where they stand, and what ends the line."""
    end = at + len(line)
    for part in parts:
        if part.size:
            yield Field(at, part.size, f"{name}.{part.name}", part.value, clause, part.covered_by)
        at += part.size
    if at < end:
        yield Field(at, end - at, f"{name}.end", "")


def _other(name: str, at: int, line: bytes) -> Field:
    """A line that is no record.

    Raises:
        FormatError: such lines do not belong there.
    """
    text = line.strip()
    if text and text != b"\x1a" and not text.startswith(b";"):
        raise FormatError(f"{name} does not start with a colon")
    value = quoted(text[:SHOWN].decode("utf-8", "backslashreplace"))
    return Field(at, len(line), f"{name}.comment", value) if text else Field(at, len(line), f"{name}.blank", "")
