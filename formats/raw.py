"""Raw binary: bytes without an address. The caller says where they belong (`FILE@ADDRESS`)."""

from typing import BinaryIO

from formats.errors import FormatError
from formats.sources import Flat, Image, Piece, file_size

STEP = 1 << 20


def recognise(start: bytes) -> bool:
    del start
    return True


def read(file: BinaryIO, address: int | None = None) -> Image:
    """The whole file as one piece, read when it is needed.

    Args:
        address: Where it belongs; None: nobody says.

    Raises:
        FormatError: the file is empty.
    """
    size = file_size(file)
    if size == 0:
        raise FormatError("the file is empty")
    start = address or 0
    if start + size > 2**64 - 1:
        raise FormatError(f"an image of {size} bytes does not fit at address 0x{start:x}")
    return Image((Piece(start, size, file=file),), placed=address is not None)


def write(image: Image, out: BinaryIO, *, fill: int = 0xFF) -> None:
    """The bytes from the lowest to the highest address, holes filled."""
    out.writelines(Flat(image, fill).chunks(STEP))
