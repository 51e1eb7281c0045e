"""Whether two functions or tables are the same but for addresses: when code in front of them grows, the linker writes other
numbers into everything behind it, and nobody wants to review that.

Two kinds of places are understood: a word at an aligned address that is a pointer, on every processor; and on Arm the
32-bit Thumb branches B.W, BL and BLX (Armv7-M Architecture Reference Manual, A7.7.12 and A7.7.18, encodings T4 and T1/T2).
Bytes that are the same are not looked into: a caller of what only got another name is the same.
"""

from typing import Final

from formats.elf_symbols import Symbol
from fwtool.program import Program

LARGEST: Final = 1 << 16
"""Bytes of the largest symbol that is looked into."""


def same_but_for_addresses(first: Program, before: Symbol, second: Program, after: Symbol) -> bool:
    """Whether all bytes that differ belong to addresses that stand for the same thing in both programs.

    False where it cannot be told. The two symbols have the same size.
    """
    if before.size > LARGEST or first.machine != second.machine:
        return False
    one, other = (b"".join(program.chunks(symbol)) for program, symbol in ((first, before), (second, after)))
    return len(one) == len(other) == before.size > 0 and _Pair(first, before, one, second, after, other).agrees()


class _Pair:
    """The bytes of a thing in two programs."""

    def __init__(self, first: Program, before: Symbol, one: bytes, second: Program, after: Symbol, other: bytes) -> None:
        self.sides = ((first, before, one), (second, after, other))
        self.width = first.machine.address_size
        self.order = first.machine.byte_order
        self.thumb = first.machine.name == "EM_ARM" and self.order == "little" and before.kind == "function"

    def agrees(self) -> bool:
        one, other = self.sides[0][2], self.sides[1][2]
        at = 0
        while at < len(one):
            if one[at : at + 2] == other[at : at + 2]:
                at += 2
                continue
            after = self._pointer(at) or self._branch(at) or self._branch(at - 2)
            if not after:
                return False
            at = after
        return True

    def _pointer(self, at: int) -> int:
        """Where the pointer that holds the byte at `at` ends; 0 if there is none."""
        start = at - (self.sides[0][1].address + at) % self.width
        if (self.sides[1][1].address + start) % self.width or start < 0 or start + self.width > len(self.sides[0][2]):
            return 0
        words = [int.from_bytes(data[start : start + self.width], self.order) for _, _, data in self.sides]  # type: ignore[arg-type]
        return start + self.width if self._same_meaning(*words) else 0

    def _branch(self, at: int) -> int:
        """Where the branch that begins at `at` ends; 0 if there is none."""
        if not self.thumb or at < 0:
            return 0
        targets = [branch_target(data[at : at + 4], symbol.address + at) for _, symbol, data in self.sides]
        if None in targets or self._kind_of_branch(0, at) != self._kind_of_branch(1, at):
            return 0
        return at + 4 if self._same_meaning(*targets) else 0

    def _kind_of_branch(self, side: int, at: int) -> int:
        return self.sides[side][2][at + 3] & 0xD0

    def _same_meaning(self, one: int | None, other: int | None) -> bool:
        assert one is not None
        assert other is not None
        return not self.sides[0][0].meanings(one).isdisjoint(self.sides[1][0].meanings(other))


def branch_target(code: bytes, address: int) -> int | None:
    """Where the B.W, BL or BLX in these four bytes at `address` goes; None if they are none."""
    if len(code) < 4:
        return None
    high, low = int.from_bytes(code[:2], "little"), int.from_bytes(code[2:], "little")
    if high >> 11 != 0b11110 or low & 0xD000 not in (0x9000, 0xD000, 0xC000):
        return None
    sign = high >> 10 & 1
    i1, i2 = (~(low >> bit & 1 ^ sign) & 1 for bit in (13, 11))
    offset = (i1 << 23 | i2 << 22 | (high & 0x3FF) << 12 | (low & 0x7FF) << 1) - (sign << 24)
    base = address + 4 & ~3 if low & 0xD000 == 0xC000 else address + 4
    return base + offset & 0xFFFFFFFF
