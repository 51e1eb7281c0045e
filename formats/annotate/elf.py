"""ELF (System V gABI, chapters 4 and 5): headers field by field, then whose bytes the rest of the file are. Nothing covers it.

Sections and segments may overlap: a byte is described by the headers if it belongs to one, else by its section, else by its
segment. Names of sections are data: they stand in values, never in names.
"""

import heapq
import itertools
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, Final, NamedTuple

import construct as c
from elftools.elf import enums

from formats.annotate.records import fields_in
from formats.annotate.whole import read_at, whole
from formats.annotate.words import Words, ascii_text, flags, hexed
from formats.errors import FormatError
from formats.fields import Field
from formats.sources import file_size

IDENT: Final = c.Struct(
    "EI_MAG" / c.Const(b"\x7fELF"),
    "EI_CLASS" / c.Int8ul,
    "EI_DATA" / c.Int8ul,
    "EI_VERSION" / c.Int8ul,
    "EI_OSABI" / c.Int8ul,
    "EI_ABIVERSION" / c.Int8ul,
    "EI_PAD" / c.Bytes(7),
)
_HEADER: Final = (
    "e_type:H e_machine:H e_version:L e_entry:A e_phoff:A e_shoff:A e_flags:L e_ehsize:H e_phentsize:H e_phnum:H "
    "e_shentsize:H e_shnum:H e_shstrndx:H"
)
_PROGRAM: Final = {
    1: "p_type:L p_offset:A p_vaddr:A p_paddr:A p_filesz:A p_memsz:A p_flags:L p_align:A",
    2: "p_type:L p_flags:L p_offset:A p_vaddr:A p_paddr:A p_filesz:A p_memsz:A p_align:A",
}
_SECTION: Final = "sh_name:L sh_type:L sh_flags:A sh_addr:A sh_offset:A sh_size:A sh_link:L sh_info:L sh_addralign:A sh_entsize:A"
_WIDE: Final = {1: "L", 2: "Q"}
"""EI_CLASS -> how an address or offset (A) is stored."""
_ORDER: Final = {1: "<", 2: ">"}
"""EI_DATA -> byte order."""
SHT_NULL, SHT_NOBITS, SHN_XINDEX, PN_XNUM = 0, 8, 0xFFFF, 0xFFFF
MAX_HEADERS: Final = 8192
"""Program headers, and section headers, that are described; an image has a few dozen."""
_HEADERS, _SECTIONS, _SEGMENTS = range(3)
"""Who describes a byte, in this order."""
_ELF_HEADER: Final = "gABI chapter 4, ELF Header"
_IN_SECTIONS: Final = "gABI chapter 4, Sections"
_IN_PROGRAM: Final = "gABI chapter 5, Program Header"


class Claim(NamedTuple):
    """Bytes that belong to something. The first of several claims wins, by rank and number."""

    rank: int
    number: int
    start: int
    end: int
    field: Field
    layout: Any = None
    """How a header is laid out; it is described by its fields if all of it is there."""


def _named(table: Mapping[str, Any], prefix: str) -> Any:
    """A writer of numbers that have names in pyelftools."""
    names = {value: name.removeprefix(prefix) for name, value in reversed(list(table.items())) if isinstance(value, int)}
    return lambda number: f"{names[number]} ({number})" if number in names else hexed(number)


_p_type, _sh_type = _named(enums.ENUM_P_TYPE_BASE, "PT_"), _named(enums.ENUM_SH_TYPE_BASE, "SHT_")
WORDS: Final[Words] = {
    "EI_CLASS": _named(enums.ENUM_EI_CLASS, "ELFCLASS"),
    "EI_DATA": _named(enums.ENUM_EI_DATA, "ELFDATA"),
    "EI_OSABI": _named(enums.ENUM_EI_OSABI, "ELFOSABI_"),
    "e_type": _named(enums.ENUM_E_TYPE, "ET_"),
    "e_machine": _named(enums.ENUM_E_MACHINE, "EM_"),
    "p_type": _p_type,
    "sh_type": _sh_type,
    "p_flags": lambda value: flags(value, {4: "R", 2: "W", 1: "X"}),
    "sh_flags": lambda value: flags(value, {1: "WRITE", 2: "ALLOC", 4: "EXECINSTR", 0x10: "MERGE", 0x20: "STRINGS"}),
    **dict.fromkeys(("e_entry", "e_flags", "p_vaddr", "p_paddr", "sh_addr"), hexed),
}


@whole
def fields(file: BinaryIO) -> Iterator[Field]:
    """Every byte of an ELF file, damaged or not (see `whole`)."""
    size = file_size(file)
    ident = read_at(file, 0, IDENT.sizeof())
    yield from fields_in(IDENT, ident, offset=0, prefix="header", clause=_ELF_HEADER, words=WORDS)
    found = IDENT.parse(ident)
    if found.EI_CLASS not in _WIDE or found.EI_DATA not in _ORDER:
        raise FormatError(f"the ELF file has the class {found.EI_CLASS} and the byte order {found.EI_DATA}: there are 1 and 2")
    reader = _Reader(file, size, found.EI_CLASS, found.EI_DATA)
    data = read_at(file, len(ident), reader.header.sizeof())
    yield from fields_in(reader.header, data, offset=len(ident), prefix="header", clause=_ELF_HEADER, words=WORDS)
    claims = reader.claims(reader.header.parse(data))
    beyond = sum(claim.end > size for claim in claims)
    behind = len(ident) + len(data)
    for start, end, claim in _disjoint(claims, behind, size):
        if claim.layout is not None and (start, end) == (claim.start, claim.end):
            raw, prefix, clause = read_at(file, start, end - start), claim.field.name, claim.field.clause
            yield from fields_in(claim.layout, raw, offset=start, prefix=prefix, clause=clause, words=WORDS)
        else:
            yield claim.field._replace(offset=start, size=end - start)
    if beyond:
        raise FormatError(f"{beyond} parts of the ELF file lie beyond its end")


class _Reader:
    """Reads the headers of one file."""

    def __init__(self, file: BinaryIO, size: int, kind: int, order: int) -> None:
        self._file, self._size = file, size
        self.header, self._program, self._section = (
            c.Struct(*(name / c.FormatField(_ORDER[order], code.replace("A", _WIDE[kind])) for name, code in pairs))
            for pairs in (_pairs(_HEADER), _pairs(_PROGRAM[kind]), _pairs(_SECTION))
        )

    def claims(self, header: Any) -> list[Claim]:
        """What the headers say of the bytes of the file.

        Raises:
            FormatError: headers that are too many or too small.
        """
        programs, sections, names = header.e_phnum, header.e_shnum, header.e_shstrndx
        first = self._at(self._section, header.e_shoff) if header.e_shoff else None
        if first:  # numbers beyond 16 bits stand in section header 0 (gABI, chapter 4, ELF Header)
            sections = sections or first.sh_size
            programs = first.sh_info if programs == PN_XNUM else programs
            names = first.sh_link if names == SHN_XINDEX else names
        claims = self._headers("program_headers", self._program, header.e_phoff, header.e_phentsize, programs, _IN_PROGRAM)
        claims += self._headers("section_headers", self._section, header.e_shoff, header.e_shentsize, sections, _IN_SECTIONS)
        strings = self._at(self._section, header.e_shoff + names * header.e_shentsize) if names < sections else None
        return claims + [claim for head in claims for claim in self._contents(head, strings)]

    def _headers(self, name: str, layout: Any, offset: int, step: int, count: int, clause: str) -> list[Claim]:
        size = layout.sizeof()
        if count > MAX_HEADERS or (count and step < size):
            raise FormatError(f"the ELF file claims {count} {name.replace('_', ' ')} of {step} bytes")
        return [
            Claim(_HEADERS, number, at, at + size, Field(at, size, f"{name}[{number}]", "", clause), layout)
            for number, at in enumerate(range(offset, offset + count * step, step or 1))
        ]

    def _contents(self, head: Claim, strings: Any) -> Iterator[Claim]:
        """The bytes that a program or section header is about."""
        found = self._at(head.layout, head.start)
        if found is None:
            return
        if head.layout is self._program:
            value = f"{_p_type(found.p_type)} at {hexed(found.p_paddr)}"
            start, size, rank, name = found.p_offset, found.p_filesz, _SEGMENTS, "segments"
        else:
            value = f"{self._name(found.sh_name, strings)} {_sh_type(found.sh_type)} at {hexed(found.sh_addr)}"
            start, rank, name = found.sh_offset, _SECTIONS, "sections"
            size = 0 if found.sh_type in (SHT_NULL, SHT_NOBITS) else found.sh_size
        if size:
            field = Field(start, size, f"{name}[{head.number}]", value, head.field.clause)
            yield Claim(rank, head.number, start, start + size, field)

    def _name(self, index: int, strings: Any) -> str:
        at = strings.sh_offset + index if strings else self._size
        return ascii_text(read_at(self._file, at, 64) if at < self._size else b"")

    def _at(self, layout: Any, offset: int) -> Any:
        """A header, or None where the file has ended."""
        size = layout.sizeof()
        return layout.parse(read_at(self._file, offset, size)) if offset + size <= self._size else None


def _pairs(text: str) -> list[tuple[str, str]]:
    return [(name, code) for name, _, code in (one.partition(":") for one in text.split())]


def _disjoint(claims: list[Claim], low: int, high: int) -> Iterator[tuple[int, int, Claim]]:
    """The bytes from `low` to `high`, each given to one claim; bytes that nobody claims are left out."""
    waiting = sorted(claims, key=lambda claim: claim.start, reverse=True)
    bounds = sorted({min(max(low, bound), high) for claim in claims for bound in (claim.start, claim.end)})
    active: list[tuple[int, int, int, Claim]] = []
    held: tuple[int, int, Claim] | None = None
    for start, end in itertools.pairwise(bounds):
        while waiting and waiting[-1].start <= start:
            claim = waiting.pop()
            heapq.heappush(active, (claim.rank, claim.number, len(waiting), claim))
        while active and active[0][-1].end <= start:
            heapq.heappop(active)
        owner = active[0][-1] if active else None
        if held and held[2] is owner:
            held = (held[0], end, held[2])
            continue
        if held:
            yield held
        held = (start, end, owner) if owner else None
    if held:
        yield held
