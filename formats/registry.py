"""The table of image formats that are read. To add one: a file beside this one, and a line here."""

from collections.abc import Callable
from typing import BinaryIO, NamedTuple

from formats import elf, intel_hex, raw, srec
from formats.sources import Image, file_size


class ImageFormat(NamedTuple):
    """One format: how it is recognised by its content, and how it is read."""

    name: str
    recognise: Callable[[bytes], bool]
    """Given the first `SNIFF_SIZE` bytes."""
    read: Callable[[BinaryIO], Image]
    has_addresses: bool = True


SNIFF_SIZE = 512
FORMATS = (
    ImageFormat("elf", elf.recognise, elf.read),
    ImageFormat("intel-hex", intel_hex.recognise, intel_hex.read),
    ImageFormat("srec", srec.recognise, srec.read),
    ImageFormat("raw", raw.recognise, raw.read, has_addresses=False),
)
"""In order of recognition; raw takes what nobody else knows."""


def detect(file: BinaryIO) -> ImageFormat:
    """The format of an open file, by content and never by name."""
    if file_size(file) == 0:
        return FORMATS[-1]
    file.seek(0)
    start = file.read(SNIFF_SIZE)
    return next(entry for entry in FORMATS if entry.recognise(start))
