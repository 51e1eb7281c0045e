"""Targets: Intel HEX and S-records."""

import binascii
import io
from collections.abc import Callable
from typing import Final

from formats import intel_hex, srec, text_writer
from formats.errors import FormatError
from formats.text_records import read_lines
from tests.fuzz.images import cells
from tests.fuzz.target import Target


class _SlowHex(intel_hex._Reader):
    """Reads line by line."""

    def run(self, text: bytes, at: int, size: int, most: int) -> int:
        return 0


class _SlowSrec(srec._Reader):
    """Reads line by line."""

    def run(self, text: bytes, at: int, size: int, most: int) -> int:
        return 0


def read_intel_hex(data: bytes) -> None:
    """As it is read in columns, so it is read line by line; and as it is written."""
    slow = _SlowHex()
    try:
        image = intel_hex.read(io.BytesIO(data))
    except FormatError as error:
        _refused_alike(slow, data, error)
        raise
    read_lines(io.BytesIO(data), slow, "HEX file")
    found = cells(image)
    assert cells(slow.memory.image(slow.entry)) == found
    out = io.BytesIO()
    text_writer.write_intel_hex(image, out)
    assert cells(intel_hex.read(out)) == found


def read_srec(data: bytes) -> None:
    """As `read_intel_hex`; an entry point of zero is none."""
    slow = _SlowSrec()
    try:
        image = srec.read(io.BytesIO(data))
    except FormatError as error:
        _refused_alike(slow, data, error)
        raise
    read_lines(io.BytesIO(data), slow, "S-record file")
    found = cells(image)
    assert cells(slow.memory.image(slow.entry)) == found
    out = io.BytesIO()
    text_writer.write_srec(image, out)
    assert cells(srec.read(out)) == found


def _refused_alike(slow: _SlowHex | _SlowSrec, data: bytes, error: FormatError) -> None:
    what, other = "HEX file" if isinstance(slow, _SlowHex) else "S-record file", None
    try:
        read_lines(io.BytesIO(data), slow, what)
        if slow.ended:
            slow.memory.image(slow.entry)
    except FormatError as found:
        other = found
    assert not slow.ended if other is None else (other.message, other.offset) == (error.message, error.offset)


def mend_hex(data: bytes) -> bytes:
    """Every line that is hexadecimal digits gets the length and checksum it should have; one end record, last."""
    lines = [_mended(line, b":", lambda body: len(body) - 4, 0x100) for line in data.split(b"\n")]
    return b"\n".join([*(line for line in lines if line[7:9] != b"01"), b":00000001FF", b""])


def mend_srec(data: bytes) -> bytes:
    """The same for S-records; an end record that is there stays."""
    lines = [_mended(line, line[:2], len, 0xFF) for line in data.split(b"\n")]
    ends = [line for line in lines if line[:2] in (b"S7", b"S8", b"S9")]
    return b"\n".join([*(line for line in lines if line not in ends), *(ends or [b"S9030000FC"])[-1:], b""])


def _mended(line: bytes, mark: bytes, count: Callable[[bytes], int], whole: int) -> bytes:
    digits = line[len(mark) :].strip()
    if line[:1] not in (b":", b"S") or len(digits) < 10:
        return line
    try:
        record = binascii.unhexlify(digits[: len(digits) & ~1])[:256]
    except ValueError:
        return line
    body = bytes([count(record[:-1])]) + record[1:-1]
    return mark + binascii.hexlify(body + bytes([whole - sum(body) & 0xFF])).upper()


TARGETS: Final = {
    "intel-hex": Target(read_intel_hex, mend=mend_hex),
    "srec": Target(read_srec, mend=mend_srec),
}
