"""ELF: what is loaded is the segments, at their load addresses (System V gABI, chapter 5).

Sections are for linkers. A segment's physical address is where its bytes lie in the flash (`.data` runs elsewhere), its
file size is what there is to program; the rest of its memory size is zeroed at start and never stored.
"""

from typing import BinaryIO

from formats.errors import FormatError
from formats.sources import Image, Piece, file_size, image_of

MAX_SEGMENTS = 256


def recognise(start: bytes) -> bool:
    return start.startswith(b"\x7fELF")


def read(file: BinaryIO) -> Image:
    """The loadable segments as pieces of the file, read when they are needed.

    Raises:
        FormatError: damaged, or nothing to load.
    """
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile

    size = file_size(file)
    file.seek(0)
    pieces = []
    try:
        elf = ELFFile(file)
        if elf.num_segments() > MAX_SEGMENTS:
            raise FormatError(f"the ELF file claims {elf.num_segments()} segments, at most {MAX_SEGMENTS} are read")
        for segment in elf.iter_segments():
            if segment["p_type"] == "PT_LOAD" and segment["p_filesz"]:
                pieces.append(_piece(segment, file, size))
        entry = int(elf.header["e_entry"])
    except FormatError:
        raise
    except (
        ELFError,
        ValueError,
        KeyError,
        IndexError,
        OverflowError,
        AttributeError,
        TypeError,
        AssertionError,
    ) as error:
        raise FormatError(f"the ELF file is damaged: {type(error).__name__}") from error
    except Exception as error:  # construct errors of pyelftools' own copy have no importable base class
        if "construct" not in type(error).__module__:
            raise
        raise FormatError(f"the ELF file is damaged: {type(error).__name__}") from error
    if not pieces:
        raise FormatError("the ELF file has no loadable segment", hint="Is it a relocatable object? Link it first.")
    return image_of(pieces, entry)


def _piece(segment: object, file: BinaryIO, size: int) -> Piece:
    offset, length = int(segment["p_offset"]), int(segment["p_filesz"])  # type: ignore[index]
    address = int(segment["p_paddr"])  # type: ignore[index]
    if offset + length > size:
        raise FormatError("an ELF segment lies beyond the end of the file", offset=min(offset, size))
    if address + length > 2**64 - 1:
        raise FormatError("an ELF segment ends beyond the address space", offset=offset)
    return Piece(address, length, file=file, offset=offset)
