"""Motorola S-records (M68000 Family Programmer's Reference Manual, appendix C).

S0 header, S1/S2/S3 data with 16/24/32-bit addresses, S5/S6 record count, S7/S8/S9 end and entry point. The count byte
covers address, data and checksum; the checksum is the ones' complement of the sum.
"""

import binascii
from typing import BinaryIO

from formats import columns
from formats.errors import FormatError
from formats.memory import Memory
from formats.sources import Image
from formats.text_records import read_lines

_ADDRESS_SIZE = {0: 2, 1: 2, 2: 3, 3: 4, 5: 2, 6: 3, 7: 4, 8: 3, 9: 2}


def recognise(start: bytes) -> bool:
    line = start.lstrip()[:10]
    return line[:1] == b"S" and line[1:2] in b"012356789" and all(c in b"0123456789abcdefABCDEF" for c in line[1:])


def read(file: BinaryIO) -> Image:
    """All data records as pieces.

    Raises:
        FormatError: a damaged record (with its line), a wrong record count, or no end record.
    """
    reader = _Reader()
    size = read_lines(file, reader, "S-record file")
    if not reader.ended:
        raise FormatError("the S-record file has no end record: it was cut off", offset=size)
    return reader.memory.image(reader.entry)


class _Reader:
    def __init__(self) -> None:
        self.memory = Memory()
        self.entry: int | None = None
        self.ended = False
        self._data_records = 0
        self._data_kind = 0
        self._number = 0

    def run(self, text: bytes, at: int, size: int, most: int) -> int:
        mark = text[at : at + 2]
        end = b"\r\n" if text[at + size - 2 : at + size - 1] == b"\r" else b"\n"
        kind = mark[1] - 0x30 if mark in (b"S1", b"S2", b"S3") else 0
        if self.ended or not kind or self._data_kind not in (0, kind):
            return 0
        width = _ADDRESS_SIZE[kind]
        count, odd = divmod(size - len(end) - 6 - 2 * width, 2)
        lines = columns.run_length(text, at, size, most, (0, 1, 2, 3, *range(size - len(end), size)))
        if odd or count <= 0 or lines < columns.MIN_RUN:
            return 0
        whole = count + width + 3
        data = columns.records(text[at : at + lines * size], end, mark, b"0" + mark[1:], lines * whole)
        if data is None or data[1] != whole - 2:
            return 0
        found = columns.addresses(data, whole, 2, width)
        good = columns.alike(columns.sums(data, whole, 1), 0xFF)
        lines = min(good, columns.ascending(found, count, 1 << 8 * width))
        if not lines:
            return 0
        self.memory.add(found[0], columns.cut(data[: lines * whole], whole, 2 + width, count))
        self._data_kind = kind
        self._data_records += lines
        self._number += lines
        return lines

    def line(self, line: bytes, offset: int) -> None:
        self._number += 1
        text = line.strip()
        if not text or text == b"\x1a":
            return
        kind = text[1] - 0x30 if text[:1] == b"S" and len(text) > 1 else -1
        width = _ADDRESS_SIZE.get(kind)
        if width is None:
            raise self._error("is no S-record of a known type", offset)
        try:
            record = binascii.unhexlify(text[2:])
        except ValueError:
            raise self._error("is not made of hexadecimal digits", offset) from None
        if len(record) < 2 + width or len(record) != record[0] + 1:
            raise self._error("does not have the length it says", offset)
        if sum(record) & 0xFF != 0xFF:
            raise self._error("has a wrong checksum", offset)
        if self.ended:
            raise self._error("stands behind the end record", offset)
        self._record(kind, int.from_bytes(record[1 : 1 + width], "big"), record[1 + width : -1], offset)

    def _record(self, kind: int, address: int, data: bytes, offset: int) -> None:
        if kind >= 5 and data:
            raise self._error(f"of type S{kind} holds data", offset)
        if kind in (1, 2, 3):
            if self._data_kind not in (0, kind):
                raise self._error(f"of type S{kind} follows ones of type S{self._data_kind}", offset)
            if address + len(data) > 1 << 8 * _ADDRESS_SIZE[kind]:
                raise self._error("ends beyond its address space", offset)
            self._data_kind = kind
            self._data_records += 1
            self.memory.add(address, data)
        elif kind in (5, 6):
            # The count has 16 or 24 bits and simply overflows in large files.
            if address != self._data_records % (1 << 16 if kind == 5 else 1 << 24):
                raise self._error(f"counts {address} data records, {self._data_records} were read", offset)
        elif kind in (7, 8, 9):
            # S7, S8, S9 belong to S3, S2, S1, but tools in the field end everything with S9; zero means no entry point.
            self.ended = True
            self.entry = address or None

    def _error(self, what: str, offset: int) -> FormatError:
        return FormatError(f"line {self._number} of the S-record file {what}", offset=offset)
