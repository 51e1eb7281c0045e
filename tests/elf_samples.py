"""ELF files put together with `struct`, right or wrong (System V gABI, chapters 4 and 5)."""

import struct
from collections.abc import Sequence
from typing import Final, NamedTuple

ARM: Final = 40
X86_64: Final = 62
PROGBITS, SYMTAB, STRTAB, NOBITS = 1, 2, 3, 8
WRITE, ALLOC, EXECUTE = 1, 2, 4
NOTYPE, OBJECT, FUNCTION, SECTION, FILE = 0, 1, 2, 3, 4
ABSOLUTE: Final = 0xFFF1


class Part(NamedTuple):
    """A section; `size` counts where nothing is stored."""

    name: str
    flags: int
    address: int
    data: bytes = b""
    kind: int = PROGBITS
    size: int = 0
    load_address: int | None = None


class Name(NamedTuple):
    """A symbol; `section` counts from 1, in the order of the parts."""

    name: str | bytes
    value: int
    size: int = 0
    kind: int = FUNCTION
    section: int = 1


class Strings:
    """A string table."""

    def __init__(self) -> None:
        self.data = bytearray(b"\0")
        self.known: dict[bytes, int] = {}

    def add(self, text: str | bytes) -> int:
        raw = text.encode() if isinstance(text, str) else text
        if raw not in self.known:
            self.known[raw] = len(self.data)
            self.data += raw + b"\0"
        return self.known[raw]


def make(parts: Sequence[Part], names: Sequence[Name] = (), *, bits: int = 32, order: str = "<", machine: int = ARM) -> bytes:
    """An executable with one PT_LOAD for each part that is loaded, a symbol table behind the parts, headers at the end."""
    wide = bits == 64
    head, segment_size, section_size = (64, 56, 64) if wide else (52, 32, 40)
    loaded = [part for part in parts if part.flags & ALLOC and part.kind != NOBITS]
    out = bytearray(head + segment_size * len(loaded))
    places = []
    for part in parts:
        places.append(len(out))
        out += part.data
    symbols, strings, section_names = bytearray(24 if wide else 16), Strings(), Strings()
    for name in names:
        fields = (strings.add(name.name), name.value, name.size, 0x10 | name.kind, 0, name.section)
        n, value, size, info, other, index = fields
        if wide:
            symbols += struct.pack(order + "IBBHQQ", n, info, other, index, value, size)
        else:
            symbols += struct.pack(order + "IIIBBH", n, value, size, info, other, index)
    headers = [bytes(section_size)]

    def section(name: str, kind: int, flags: int, address: int, offset: int, size: int, link: int = 0, entry: int = 0) -> None:
        shape = "IIQQQQIIQQ" if wide else "IIIIIIIIII"
        place = section_names.add(name)
        headers.append(struct.pack(order + shape, place, kind, flags, address, offset, size, link, 1 if entry else 0, 4, entry))

    for part, place in zip(parts, places, strict=True):
        section(part.name, part.kind, part.flags, part.address, place, part.size or len(part.data))
    for name, kind, data, entry in (
        (".symtab", SYMTAB, symbols, 24 if wide else 16),
        (".strtab", STRTAB, strings.data, 0),
    ):
        section(name, kind, 0, 0, len(out), len(data), len(parts) + 2 if entry else 0, entry)
        out += data
    section_names.add(".shstrtab")
    section(".shstrtab", STRTAB, 0, 0, len(out), len(section_names.data))
    out += section_names.data
    start = len(out)
    out += b"".join(headers)
    identity = b"\x7fELF" + bytes([2 if wide else 1, 1 if order == "<" else 2, 1]) + bytes(9)
    shape = "HHIQQQIHHHHHH" if wide else "HHIIIIIHHHHHH"
    fields = (2, machine, 1, parts[0].address, head if loaded else 0, start, 0, head, segment_size, len(loaded), section_size)
    out[:head] = identity + struct.pack(order + shape, *fields, len(headers), len(headers) - 1)
    at = head
    for part in loaded:
        place, size = places[parts.index(part)], len(part.data)
        load = part.address if part.load_address is None else part.load_address
        if wide:
            raw = struct.pack(order + "IIQQQQQQ", 1, 5, place, part.address, load, size, size, 1)
        else:
            raw = struct.pack(order + "IIIIIIII", 1, place, part.address, load, size, size, 5, 1)
        out[at : at + segment_size] = raw
        at += segment_size
    return bytes(out)
