"""ELF sections and symbols: what the file holds for linkers, debuggers, and people who compare two builds.

System V gABI, chapter 4 ("Sections", "Symbol Table"). Headers come from pyelftools; symbols are read with struct, because
there are many of them. What is loaded is the segments (`formats.elf`).
"""

import dataclasses
import hashlib
import struct
from collections.abc import Iterator
from typing import Any, BinaryIO, Final, NamedTuple

from formats.elf_tables import MAX_STRINGS, Machine, Opened, content, is_stored, loaded_segments, opened, section_names, text_at
from formats.errors import FormatError

MAX_ENTRIES: Final = 1 << 18
"""Entries of the symbol table that are read; many are sections, files and mapping symbols."""
MAX_SYMBOLS: Final = 1 << 16
MAX_NAMES: Final = 4 << 20
"""Bytes of all symbol names together: in the string table names may share theirs, their copies do not."""
STEP: Final = 1 << 20
FLAGS: Final = (
    (0x1, "W"), (0x2, "A"), (0x4, "X"), (0x10, "M"), (0x20, "S"), (0x40, "I"), (0x80, "L"), (0x100, "O"), (0x200, "G"),
    (0x400, "T"), (0x800, "C"), (0x80000000, "E"), (0x0FF00000, "o"), (0x7F000000, "p"),
)  # fmt: skip
"""Bits of sh_flags with readelf's letters; the last two are masks of operating systems and processors."""
KINDS: Final = {0: "notype", 1: "object", 2: "function", 5: "common", 6: "tls", 10: "ifunc"}
_FUNCTION, _SECTION, _FILE = 2, 3, 4
_UNDEFINED, _RESERVED = 0, 0xFF00
_PLACES: Final = {0xFFF1: "ABS", 0xFFF2: "COMMON"}
_MAPPING: Final = ("$a", "$d", "$t", "$x")


@dataclasses.dataclass(frozen=True, slots=True)
class Section:
    """One section; `flags` in readelf's letters, `sha256` of its stored bytes, None where the file stores none."""

    name: str
    address: int
    size: int
    flags: str
    sha256: str | None
    load_address: int | None
    """Where its bytes lie before the program starts (in the flash); None for what no segment holds bytes of."""


@dataclasses.dataclass(frozen=True, slots=True)
class Symbol:
    """One defined symbol. `section` is a section's name, ABS or COMMON. Arm functions are without their Thumb bit."""

    name: str
    address: int
    size: int
    kind: str
    section: str


class Tables(NamedTuple):
    """What an ELF file says besides its segments."""

    machine: Machine
    sections: tuple[Section, ...]
    symbols: tuple[Symbol, ...]


def tables(file: BinaryIO) -> Tables:
    """Machine, sections and symbols at once. Raises as `sections` and `symbols`."""
    with opened(file) as source:
        return Tables(source.machine, tuple(_sections(source)), tuple(_symbols(source)))


def sections(file: BinaryIO) -> tuple[Section, ...]:
    """All sections in the order of the file, without null sections.

    Raises:
        FormatError: damaged, or too many (`too_large`).
    """
    with opened(file) as source:
        return tuple(_sections(source))


def symbols(file: BinaryIO) -> tuple[Symbol, ...]:
    """The defined symbols of SHT_SYMTAB in the order of the file; none of a stripped file.

    Sections, files and mapping symbols (AAELF32, 5.5.5) are left out: they stand for nothing of the program.

    Raises:
        FormatError: damaged, or too many, or their names too long (`too_large`).
    """
    with opened(file) as source:
        return tuple(_symbols(source))


def _sections(source: Opened) -> Iterator[Section]:
    segments = loaded_segments(source)
    for name, header in zip(section_names(source), source.headers, strict=True):
        if header["sh_type"] != "SHT_NULL":
            flags, place = flags_text(header["sh_flags"]), _load_address(header, segments)
            yield Section(name, header["sh_addr"], header["sh_size"], flags, _digest(source, header), place)


def flags_text(flags: int) -> str:
    """sh_flags in readelf's letters."""
    text = ""
    for mask, letter in FLAGS:
        if flags & mask:
            text += letter
            flags &= ~mask
    return text + ("x" if flags else "")


def _digest(source: Opened, header: Any) -> str | None:
    if not is_stored(header):
        return None
    start, size = header["sh_offset"], header["sh_size"]
    found = hashlib.sha256()
    if size and start + size > source.size:
        raise FormatError("a section lies beyond the end of the ELF file", offset=min(start, source.size))
    for at in range(start, start + size, STEP):
        source.file.seek(at)
        found.update(source.file.read(min(STEP, start + size - at)))
    return found.hexdigest()


def _load_address(header: Any, segments: tuple[Any, ...]) -> int | None:
    start, end = header["sh_addr"], header["sh_addr"] + header["sh_size"]
    for segment in segments if is_stored(header) and "A" in flags_text(header["sh_flags"]) else ():
        if segment["p_vaddr"] <= start and end <= segment["p_vaddr"] + segment["p_filesz"]:
            return int(start - segment["p_vaddr"] + segment["p_paddr"])
    return None


def entry_layout(target: Machine) -> tuple[struct.Struct, tuple[int, ...]]:
    """How an Elf32_Sym or Elf64_Sym is stored, and where in it are st_name, st_value, st_size, st_info, st_shndx."""
    order = "<" if target.byte_order == "little" else ">"
    if target.address_size == 8:
        return struct.Struct(order + "IBBHQQ"), (0, 4, 5, 1, 3)
    return struct.Struct(order + "IIIBBH"), (0, 1, 2, 3, 5)


def _symbols(source: Opened) -> Iterator[Symbol]:
    table = next((header for header in source.headers if header["sh_type"] == "SHT_SYMTAB"), None)
    if table is None:
        return
    layout, order = entry_layout(source.machine)
    if table["sh_entsize"] != layout.size or table["sh_size"] % layout.size or table["sh_link"] >= len(source.headers):
        raise FormatError("the symbol table of the ELF file is damaged", offset=min(table["sh_offset"], source.size))
    entries = content(source, table, at_most=MAX_ENTRIES * layout.size, what="symbol table")
    strings = content(source, source.headers[table["sh_link"]], at_most=MAX_STRINGS, what="table of symbol names")
    places, thumb = section_names(source), source.machine.name == "EM_ARM"
    count = length = 0
    for entry in layout.iter_unpack(entries):
        offset, value, size, info, index = (entry[n] for n in order)
        kind = info & 15
        if index == _UNDEFINED or kind in (_SECTION, _FILE):
            continue
        name = text_at(strings, offset)
        if not name or name.split(".")[0] in _MAPPING:
            continue
        count, length = count + 1, length + len(name) * (1 if name.isascii() else 4)
        if count > MAX_SYMBOLS or length > MAX_NAMES:
            raise FormatError(
                f"the ELF file has more than {MAX_SYMBOLS} symbols, or {MAX_NAMES} bytes of names",
                name="too_large", hint="Strip both files of symbols to compare the rest.",
            )  # fmt: skip
        address = value & ~1 if thumb and kind == _FUNCTION else value
        yield Symbol(name, address, size, KINDS.get(kind, f"type-{kind}"), _place(index, places))


def _place(index: int, places: list[str]) -> str:
    if index < len(places):
        return places[index]
    if index < _RESERVED:
        raise FormatError(f"a symbol of the ELF file lies in section {index}, and there is none")
    return _PLACES.get(index, f"0x{index:04x}")
