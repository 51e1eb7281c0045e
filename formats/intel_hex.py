"""Intel HEX (Intel, Hexadecimal Object File Format Specification, rev. A, 1988).

Record types 00 data, 01 end, 02 segment base (x16), 04 linear base (<<16); 03 and 05 name the entry point and are no
bases. Records may come in any order. `;` comments, blank lines, CR LF and a trailing Ctrl-Z occur in the wild.
"""

import binascii
from typing import BinaryIO

from formats import columns
from formats.errors import FormatError
from formats.memory import Memory
from formats.sources import Image
from formats.text_records import read_lines

DATA, END, SEGMENT, START_SEGMENT, LINEAR, START_LINEAR = range(6)
BOM = b"\xef\xbb\xbf"


def recognise(start: bytes) -> bool:
    lines = (line.strip() for line in start.removeprefix(BOM).split(b"\n"))
    line = next((line for line in lines if line and not line.startswith(b";")), b"")[:11]
    return line.startswith(b":") and all(c in b"0123456789abcdefABCDEF" for c in line[1:])


def read(file: BinaryIO) -> Image:
    """All data records as pieces.

    Raises:
        FormatError: a damaged record (with its line), an unknown type, or no end record.
    """
    reader = _Reader()
    size = read_lines(file, reader, "HEX file")
    if not reader.ended:
        raise FormatError("the HEX file has no end record: it was cut off", offset=size)
    return reader.memory.image(reader.entry)


class _Reader:
    def __init__(self) -> None:
        self.memory = Memory()
        self.base = 0
        self.segmented = False
        self.entry: int | None = None
        self.ended = False
        self._number = 0

    def run(self, text: bytes, at: int, size: int, most: int) -> int:
        end = b"\r\n" if text[at + size - 2 : at + size - 1] == b"\r" else b"\n"
        count, odd = divmod(size - len(end) - 11, 2)
        if self.ended or self._number == 0 or odd or count <= 0 or text[at + 7 : at + 9] != b"00":
            return 0
        lines = columns.run_length(text, at, size, most, (0, 1, 2, 7, 8, *range(size - len(end), size)))
        if lines < columns.MIN_RUN:
            return 0
        data = columns.records(text[at : at + lines * size], end, b":", b"", lines * (count + 5))
        if data is None or data[0] != count:
            return 0
        offsets = columns.addresses(data, count + 5, 1, 2)
        lines = min(columns.alike(columns.sums(data, count + 5, 0), 0), columns.ascending(offsets, count, 0x10000))
        if not lines:
            return 0
        self.memory.add(self.base + offsets[0], columns.cut(data[: lines * (count + 5)], count + 5, 4, count))
        self._number += lines
        return lines

    def line(self, line: bytes, offset: int) -> None:
        self._number += 1
        if self._number == 1:
            line = line.removeprefix(BOM)
        if line[:1] != b":":
            self._other(line, offset)
            return
        try:
            record = binascii.unhexlify(line[1:].rstrip())
        except ValueError:
            raise self._error("is not made of hexadecimal digits", offset) from None
        if len(record) < 5 or len(record) != record[0] + 5:
            raise self._error("does not have the length it says", offset)
        if sum(record) & 0xFF:
            raise self._error("has a wrong checksum", offset)
        if self.ended:
            raise self._error("stands behind the end record", offset)
        address = record[1] << 8 | record[2]
        if record[3] == DATA:
            self._data(address, record[4:-1], offset)
        else:
            self._control(record[3], record[4:-1], offset)

    def _data(self, address: int, data: bytes, offset: int) -> None:
        # Under a segment an offset wraps inside its 64 KiB, under a linear base it goes on (specification, record type 00).
        if address + len(data) <= 0x10000 or not self.segmented:
            if self.base + address + len(data) > 1 << 32:
                raise self._error("goes beyond the last address", offset)
            self.memory.add(self.base + address, data)
            return
        fits = 0x10000 - address
        self.memory.add(self.base + address, data[:fits])
        self.memory.add(self.base, data[fits:])

    def _control(self, kind: int, data: bytes, offset: int) -> None:
        sizes = {END: 0, SEGMENT: 2, START_SEGMENT: 4, LINEAR: 2, START_LINEAR: 4}
        if kind not in sizes:
            raise self._error(f"has the unknown type {kind:02X}", offset)
        if len(data) != sizes[kind]:
            raise self._error(f"of type {kind:02X} has {len(data)} data bytes", offset)
        value = int.from_bytes(data, "big")
        if kind == END:
            self.ended = True
        elif kind == SEGMENT:
            self.base, self.segmented = value << 4, True
        elif kind == LINEAR:
            self.base, self.segmented = value << 16, False
        elif kind == START_LINEAR:
            self.entry = value
        else:
            self.entry = (value >> 16 << 4) + (value & 0xFFFF)

    def _other(self, line: bytes, offset: int) -> None:
        text = line.strip()
        if text.startswith(b";") and _is_record(text[1:]):
            # `:` and `;` differ in one bit: a record must not turn into a comment unseen.
            raise self._error("is a comment that holds a whole record: damaged?", offset)
        if text and not text.startswith(b";") and text != b"\x1a":
            raise self._error("does not start with a colon", offset)

    def _error(self, what: str, offset: int) -> FormatError:
        return FormatError(f"line {self._number} of the HEX file {what}", offset=offset)


def _is_record(digits: bytes) -> bool:
    try:
        record = binascii.unhexlify(digits)
    except ValueError:
        return False
    return len(record) >= 5 and len(record) == record[0] + 5 and sum(record) & 0xFF == 0
