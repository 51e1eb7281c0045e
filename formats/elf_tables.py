"""The tables of an ELF file: section headers, loadable segments, strings. Opened and bounded once, for `elf_symbols`.

Layouts from the System V gABI, chapters 4 and 5, as pyelftools declares them. Its section objects are not used: building
one may follow links, decompress, or read a table whose count comes from the file.
"""

import contextlib
from collections.abc import Iterator
from typing import Any, BinaryIO, Final, NamedTuple

from formats.elf import MAX_SEGMENTS
from formats.errors import FormatError
from formats.sources import file_size

MAX_SECTIONS: Final = 4096
MAX_STRINGS: Final = 8 << 20
"""Bytes of a string table."""
MAX_NAME: Final = 4096


class Machine(NamedTuple):
    """What a program runs on: pyelftools' name of e_machine, bytes of an address, and "little" or "big"."""

    name: str
    address_size: int
    byte_order: str


class Opened(NamedTuple):
    """An ELF file whose section headers have been read, and lie within it."""

    file: BinaryIO
    size: int
    elf: Any
    headers: tuple[Any, ...]

    @property
    def machine(self) -> Machine:
        return Machine(str(self.elf["e_machine"]), self.elf.elfclass // 8, "little" if self.elf.little_endian else "big")


@contextlib.contextmanager
def opened(file: BinaryIO) -> Iterator[Opened]:
    """Read the section headers; within the block, pyelftools' errors become ours.

    Raises:
        FormatError: damaged, or too many sections (`too_large`).
    """
    from elftools.common.exceptions import ELFError
    from elftools.construct import ConstructError
    from elftools.elf.elffile import ELFFile

    try:
        size = file_size(file)
        elf = ELFFile(file)
        yield Opened(file, size, elf, _headers(elf, size))
    except (ELFError, ConstructError) as error:
        raise FormatError(f"the ELF file is damaged: {type(error).__name__}") from error


def _headers(elf: Any, size: int) -> tuple[Any, ...]:
    if not elf["e_shoff"]:
        return ()
    count = elf["e_shnum"]
    if not 0 < count <= MAX_SECTIONS:
        claimed = count or "0xff00 or more"
        raise FormatError(f"the ELF file claims {claimed} sections, at most {MAX_SECTIONS} are read", name="too_large")
    headers = _table(elf, size, elf.structs.Elf_Shdr, "e_sh", count)
    if sum(header["sh_size"] for header in headers if is_stored(header)) > size:
        raise FormatError("sections of the ELF file overlap, or lie beyond its end")
    return headers


def _table(elf: Any, size: int, layout: Any, prefix: str, count: int) -> tuple[Any, ...]:
    start, entry = elf[f"{prefix}off"], layout.sizeof()
    if elf[f"{prefix}entsize"] != entry or start + count * entry > size:
        raise FormatError("the ELF headers are damaged, or lie beyond the end of the file", offset=min(start, size))
    elf.stream.seek(start)
    return tuple(layout.parse_stream(elf.stream) for _ in range(count))


def is_stored(header: Any) -> bool:
    """Whether the file holds bytes of this section."""
    return header["sh_type"] not in ("SHT_NULL", "SHT_NOBITS")


def loaded_segments(source: Opened) -> tuple[Any, ...]:
    """Program headers of type PT_LOAD.

    Raises:
        FormatError: damaged, or too many (`too_large`).
    """
    count = source.elf["e_phnum"]
    if count > MAX_SEGMENTS:
        raise FormatError(f"the ELF file claims {count} segments, at most {MAX_SEGMENTS} are read", name="too_large")
    found = _table(source.elf, source.size, source.elf.structs.Elf_Phdr, "e_ph", count) if count else ()
    return tuple(segment for segment in found if segment["p_type"] == "PT_LOAD")


def content(source: Opened, header: Any, *, at_most: int, what: str) -> bytes:
    """The stored bytes of a section that is a table.

    Raises:
        FormatError: not in the file, or larger than `at_most` (`too_large`).
    """
    start, size = header["sh_offset"], header["sh_size"]
    if size > at_most:
        raise FormatError(f"the {what} of the ELF file has {size} bytes, at most {at_most} are read", name="too_large")
    if not is_stored(header) or start + size > source.size:
        raise FormatError(f"the {what} lies beyond the end of the ELF file", offset=min(start, source.size))
    source.file.seek(start)
    return source.file.read(size)


def section_names(source: Opened) -> list[str]:
    """The name of each section header; empty where the file has no table of them.

    Raises:
        FormatError: damaged.
    """
    index = source.elf["e_shstrndx"]
    if not index:
        return [""] * len(source.headers)
    if index >= len(source.headers):
        raise FormatError("the ELF file has no table of section names where it says")
    table = content(source, source.headers[index], at_most=MAX_STRINGS, what="table of section names")
    return [text_at(table, header["sh_name"]) for header in source.headers]


def text_at(table: bytes, offset: int) -> str:
    """The string that begins at an offset of a string table.

    Raises:
        FormatError: it does not end, or is longer than `MAX_NAME`.
    """
    end = table.find(b"\0", offset, offset + MAX_NAME + 1)
    if end < 0:
        raise FormatError(f"a name in the ELF file does not end, or has more than {MAX_NAME} bytes")
    return table[offset:end].decode("utf-8", "backslashreplace")
