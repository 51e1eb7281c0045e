"""Flash of a simulated DFU device: sectors that are erased at once, programming that only clears bits."""

import dataclasses
import enum


class Misplaced(Exception):
    """An address outside of the memory, or in a part of it that does not allow this."""


class Allows(enum.IntFlag):
    """What can be done with a sector; the low bits of its letter in a DfuSe memory map."""

    READ = 1
    ERASE = 2
    WRITE = 4
    ALL = 7


@dataclasses.dataclass(frozen=True)
class Run:
    """A number of equal sectors."""

    count: int
    size: int
    allows: Allows = Allows.ALL

    def text(self) -> str:
        unit, letter = ("K", self.size // 1024) if self.size % 1024 == 0 else (" ", self.size)
        return f"{self.count:02d}*{letter:03d}{unit}{chr(ord('`') + self.allows)}"


@dataclasses.dataclass(frozen=True)
class Geometry:
    """One memory, as an alternate setting shows it."""

    name: str
    address: int
    runs: tuple[Run, ...]

    @property
    def size(self) -> int:
        return sum(run.count * run.size for run in self.runs)

    def map_text(self) -> str:
        """The memory map a DfuSe device gives as name."""
        return f"@{self.name}  /0x{self.address:08X}/{','.join(run.text() for run in self.runs)}"


class Memory:
    """The cells. Addresses are the device's."""

    def __init__(self, geometry: Geometry) -> None:
        self.geometry = geometry
        self.cells = bytearray(b"\xff" * geometry.size)
        self.erased: list[int] = []
        """Addresses of the sectors that were erased, in order."""
        self._sectors: list[tuple[int, int, Allows]] = []
        at = geometry.address
        for run in geometry.runs:
            self._sectors += [(at + number * run.size, run.size, run.allows) for number in range(run.count)]
            at += run.count * run.size

    def program(self, address: int, data: bytes) -> None:
        start = address - self.geometry.address
        if start < 0 or start + len(data) > len(self.cells):
            raise Misplaced
        if not all(
            allows & Allows.WRITE for at, size, allows in self._sectors if at < address + len(data) and address < at + size
        ):
            raise Misplaced
        for i, byte in enumerate(data):
            self.cells[start + i] &= byte

    def erase(self, address: int) -> None:
        """Erase the sector that holds an address."""
        at, size, allows = self._at(address)
        if not allows & Allows.ERASE:
            raise Misplaced
        start = at - self.geometry.address
        self.cells[start : start + size] = b"\xff" * size
        self.erased.append(at)

    def erase_all(self) -> None:
        for at, _, allows in self._sectors:
            if allows & Allows.ERASE:
                self.erase(at)

    @property
    def sector_starts(self) -> list[int]:
        return [at for at, _, _ in self._sectors]

    def check(self, address: int) -> None:
        self._at(address)

    def _at(self, address: int) -> tuple[int, int, Allows]:
        for sector in self._sectors:
            if sector[0] <= address < sector[0] + sector[1]:
                return sector
        raise Misplaced
