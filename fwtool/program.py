"""An ELF program for a comparison: the bytes of a symbol, and what an address in it stands for."""

import bisect
import hashlib
from collections.abc import Iterator
from typing import BinaryIO, Final

from formats import elf, elf_symbols
from formats.elf_symbols import Symbol
from formats.errors import FormatError
from fwtool.compare_ranges import ImageBytes

MAX_DIGESTED: Final = 256 << 20
"""Bytes of symbols that are read in one comparison: symbols may overlap, so their sizes say nothing."""
STEP: Final = 1 << 16
_CONTROL: Final = "\a\b\t\n\v\f\r\x1b"
TEXT: Final = 256
"""Longest string that is compared where an address points at one."""


class Program:
    """Sections, symbols and bytes of one ELF file.

    Raises:
        FormatError: damaged.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.machine, self.sections, symbols = elf_symbols.tables(file)
        self.symbols = sorted(symbols, key=lambda symbol: (symbol.kind, symbol.name))
        self._bytes = ImageBytes(elf.read(file))
        self._loaded = [section for section in self.sections if section.load_address is not None]
        self._placed = sorted((s for s in self.symbols if s.section != "ABS"), key=_address)
        self._ambiguous = {a.name for a, b in zip(self.symbols, self.symbols[1:], strict=False) if a.name == b.name}
        self._left = MAX_DIGESTED

    def digest(self, symbol: Symbol) -> bytes | None:
        """SHA-256 of a symbol's bytes; None of what the file does not store.

        Raises:
            FormatError: the symbols of this file overlap so much that reading them all would take too long (`too_large`).
        """
        if self.load_address(symbol) is None:
            return None
        self._left -= symbol.size
        if self._left < 0:
            raise FormatError(f"the symbols of the ELF file have more than {MAX_DIGESTED} bytes", name="too_large",
                              hint="Strip both files of symbols to compare the rest.")  # fmt: skip
        found = hashlib.sha256()
        for data in self.chunks(symbol):
            found.update(data)
        return found.digest()

    def load_address(self, symbol: Symbol) -> int | None:
        """Where a symbol's bytes are stored, None if they are not."""
        for section in self._loaded:
            inside = symbol.address - section.address
            if section.name == symbol.section and 0 <= inside <= section.size - symbol.size:
                assert section.load_address is not None
                return section.load_address + inside
        return None

    def chunks(self, symbol: Symbol) -> Iterator[bytes]:
        """The stored bytes of a symbol."""
        start = self.load_address(symbol)
        for at in range(0, symbol.size if start is not None else 0, STEP):
            assert start is not None
            yield self._bytes.at(start + at, start + min(at + STEP, symbol.size)) or b""

    def meanings(self, address: int) -> set[tuple[str, int | str]]:
        """What an address may stand for, whatever number the linker gave it.

        A place in a named thing (things that lie at one address have several names); or else a text, which has no name; or
        else the end of a named thing. Empty if it is nothing of these, or if the name is of several things.
        """
        last = bisect.bisect_right(self._placed, address, key=_address)
        if not last:
            return set()
        start = self._placed[last - 1].address
        inside, names = address - start, self._placed[bisect.bisect_left(self._placed, start, key=_address) : last]
        named = [symbol for symbol in names if inside < max(1, symbol.size)]
        text = "" if named else self._text(address)
        if text:
            return {("", text)}
        found = named or [symbol for symbol in names if inside == symbol.size]
        return {(symbol.name, inside if named else "end") for symbol in found if symbol.name not in self._ambiguous}

    def _text(self, address: int) -> str:
        for section in self._loaded:
            if section.address <= address < section.address + section.size:
                assert section.load_address is not None
                start = section.load_address + address - section.address
                end = min(start + TEXT, section.load_address + section.size)
                data, ended, _ = (self._bytes.at(start, end) or b"").partition(b"\0")
                text = data.decode("utf-8", "replace")
                return text if ended and "\ufffd" not in text and _readable(text) else ""
        return ""


def _address(symbol: Symbol) -> int:
    return symbol.address


def _readable(text: str) -> bool:
    return all(character.isprintable() or character in _CONTROL for character in text)
