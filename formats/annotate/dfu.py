"""USB DFU files (Device Firmware Upgrade 1.1, appendix B) and ST's DfuSe (UM0391). The CRC in the suffix covers everything
but itself; it is not computed here, for that would take the whole payload.
"""

from collections.abc import Iterator
from typing import BinaryIO, Final

import construct as c

from formats.annotate.records import fields_in
from formats.annotate.whole import read_at, whole
from formats.annotate.words import Words, ascii_text, hexed
from formats.dfu import MAX_ELEMENTS, SUFFIX_SIZE, recognise_end
from formats.errors import FormatError
from formats.fields import Field
from formats.sources import file_size

SUFFIX: Final = c.Struct(
    "bcdDevice" / c.Int16ul,
    "idProduct" / c.Int16ul,
    "idVendor" / c.Int16ul,
    "bcdDFU" / c.Int16ul,
    "ucDfuSignature" / c.Const(b"UFD"),
    "bLength" / c.Const(SUFFIX_SIZE, c.Int8ul),
)
"""The first twelve bytes; the tool itself reads this and the next three with `struct`: formats/dfu.py."""
CRC: Final = c.Struct("dwCRC" / c.Int32ul)
PREFIX: Final = c.Struct(
    "szSignature" / c.Const(b"DfuSe"), "bVersion" / c.Const(1, c.Int8ul), "DFUImageSize" / c.Int32ul, "bTargets" / c.Int8ul
)
TARGET: Final = c.Struct(
    "szSignature" / c.Const(b"Target"),
    "bAlternateSetting" / c.Int8ul,
    "bTargetNamed" / c.Int32ul,
    "szTargetName" / c.Bytes(255),
    "dwTargetSize" / c.Int32ul,
    "dwNbElements" / c.Int32ul,
)
ELEMENT: Final = c.Struct("dwElementAddress" / c.Int32ul, "dwElementSize" / c.Int32ul)
WORDS: Final[Words] = {
    **dict.fromkeys(("bcdDevice", "idProduct", "idVendor", "bcdDFU"), lambda number: f"0x{number:04x}"),
    "dwCRC": hexed, "dwElementAddress": hexed, "szTargetName": ascii_text,
}  # fmt: skip
_CRC: Final = "CRC-32"
_DFU: Final = "DFU 1.1 appendix B"


@whole
def fields(file: BinaryIO) -> Iterator[Field]:
    """Every byte of a file with a DFU suffix (see `whole`)."""
    size = file_size(file)
    if size > SUFFIX_SIZE:
        yield Field(0, size - SUFFIX_SIZE, "content", "", _DFU, _CRC)
    yield from _suffix(file, size)


def _suffix(file: BinaryIO, size: int) -> Iterator[Field]:
    at = max(0, size - SUFFIX_SIZE)
    data = read_at(file, at, SUFFIX_SIZE)
    cut = SUFFIX.sizeof()
    yield from fields_in(SUFFIX, data[:cut], offset=at, prefix="suffix", clause=_DFU, covered_by=_CRC, words=WORDS)
    yield from fields_in(CRC, data[cut:], offset=at + cut, prefix="suffix", clause=_DFU, words=WORDS)


@whole
def dfuse_fields(file: BinaryIO) -> Iterator[Field]:
    """Every byte of a DfuSe file, damaged or not (see `whole`)."""
    head = read_at(file, 0, PREFIX.sizeof())
    yield from fields_in(PREFIX, head, offset=0, prefix="prefix", clause="UM0391 2.1", covered_by=_CRC)
    prefix, at = PREFIX.parse(head), PREFIX.sizeof()
    size = file_size(file)
    end = size - SUFFIX_SIZE
    if prefix.DFUImageSize != end and not recognise_end(read_at(file, max(0, end), SUFFIX_SIZE)):
        end = size  # nothing says that there is a suffix
    for number in range(prefix.bTargets):
        for field in _target(file, at, end, f"targets[{number}]"):
            yield field
            at = field.offset + field.size
    if end == size:
        raise FormatError("a DfuSe file without its suffix was cut off")
    if prefix.DFUImageSize != end or at != end:
        raise FormatError(f"the targets end at byte {at}, the prefix says {prefix.DFUImageSize}, the suffix is at {end}")
    yield from _suffix(file, size)


def _target(file: BinaryIO, at: int, end: int, name: str) -> Iterator[Field]:
    head = _taken(file, at, end, TARGET.sizeof())
    yield from fields_in(TARGET, head, offset=at, prefix=name, clause="UM0391 2.3.2", covered_by=_CRC, words=WORDS)
    target, at = TARGET.parse(head), at + len(head)
    if target.dwNbElements > MAX_ELEMENTS:
        raise FormatError(f"{name} claims {target.dwNbElements} elements, at most {MAX_ELEMENTS} are read")
    last = at + target.dwTargetSize
    for number in range(target.dwNbElements):
        head, element = _taken(file, at, end, ELEMENT.sizeof()), f"{name}.elements[{number}]"
        yield from fields_in(ELEMENT, head, offset=at, prefix=element, clause="UM0391 2.3.3", covered_by=_CRC, words=WORDS)
        size, at = ELEMENT.parse(head).dwElementSize, at + len(head)
        if at + size > min(end, last):
            raise FormatError(f"{element} claims {size} bytes, {max(0, min(end, last) - at)} are there")
        yield Field(at, size, f"{element}.data", "", "UM0391 2.3.3", _CRC)
        at += size
    if at != last:
        raise FormatError(f"{name} claims {target.dwTargetSize} bytes, its elements end {abs(last - at)} bytes beside that")


def _taken(file: BinaryIO, at: int, end: int, size: int) -> bytes:
    """Bytes of a part, fewer where the targets end."""
    return read_at(file, at, max(0, min(size, end - at)))
