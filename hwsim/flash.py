"""NOR flash that refuses what a real part refuses, and takes a real part's time.

Geometry and typical times are those of the Winbond W25Q128JV data sheet (rev. F, section 9.6): page program 0.4 ms,
sector erase 45 ms (4 KiB), block erase 150 ms (64 KiB); it reads 66 MB/s by four lines at 133 MHz (section 1). Programming
only clears bits.
"""

import dataclasses
import mmap
import pathlib
from collections.abc import Callable
from typing import TypeAlias

SECTOR = 4096
BLOCK = 65536
PAGE = 256


class FlashMisuse(Exception):
    """The firmware asked for something the part does not do: a bug of the firmware."""


class PowerCut(Exception):
    """The power went before an operation of the part."""


Cells: TypeAlias = bytearray | mmap.mmap
"""Where the bits are: memory, or a file that is mapped into memory."""


@dataclasses.dataclass(frozen=True)
class Timing:
    """Typical times of the part, seconds."""

    program_page_s: float = 0.0004
    erase_sector_s: float = 0.045
    erase_block_s: float = 0.150
    read_byte_s: float = 1 / 66e6


def open_cells(path: pathlib.Path | None, size: int) -> tuple[Cells, bool]:
    """Cells in memory, or mapped from a file so that they survive even a kill; True if they are new."""
    if path is None:
        return bytearray(b"\xff") * size, True
    import mmap

    new = not path.exists() or path.stat().st_size != size
    if new:
        with path.open("wb") as file:
            for _ in range(size // BLOCK):
                file.write(b"\xff" * BLOCK)
    with path.open("r+b") as file:
        return mmap.mmap(file.fileno(), size), new


class NorFlash:
    """One part. Operations are counted; `before_operation` may cut the power before any of them."""

    def __init__(self, cells: Cells, size: int, timing: Timing | None = None) -> None:
        self.size = size
        self.timing = timing or Timing()
        self.operations = 0
        self.busy_s = 0.0
        """Time that all operations so far have taken together."""
        self.dead_sectors: set[int] = set()
        """Sectors (by number) whose erase does nothing although the part reports success."""
        self.before_operation: Callable[[int], None] = lambda number: None
        self._cells = cells

    def read(self, address: int, size: int) -> bytes:
        self._inside(address, size)
        self.busy_s += size * self.timing.read_byte_s
        return bytes(self._cells[address : address + size])

    def program(self, address: int, data: bytes) -> None:
        """Program any range, page by page.

        Raises:
            FlashMisuse: a bit would have to change from 0 to 1.
            PowerCut: before one of the pages.
        """
        self._inside(address, len(data))
        at = 0
        while at < len(data):
            step = min(PAGE - (address + at) % PAGE, len(data) - at)
            self._program_page(address + at, data[at : at + step])
            at += step

    def _program_page(self, address: int, data: bytes) -> None:
        self._count(self.timing.program_page_s)
        there = int.from_bytes(self._cells[address : address + len(data)], "big")
        wanted = int.from_bytes(data, "big")
        if wanted & ~there and address // SECTOR not in self.dead_sectors:
            raise FlashMisuse(f"program without erase at 0x{address:06x}")
        self._cells[address : address + len(data)] = (wanted & there).to_bytes(len(data), "big")

    def erase(self, address: int, size: int) -> None:
        """Erase one sector or one block.

        Raises:
            FlashMisuse: not a sector or block, or not aligned to its size.
            PowerCut: before the erase.
        """
        if size not in (SECTOR, BLOCK) or address % size:
            raise FlashMisuse(f"erase of {size} bytes at 0x{address:06x}")
        self._inside(address, size)
        self._count(self.timing.erase_sector_s if size == SECTOR else self.timing.erase_block_s)
        for sector in range(address // SECTOR, (address + size) // SECTOR):
            if sector not in self.dead_sectors:
                self._cells[sector * SECTOR : (sector + 1) * SECTOR] = b"\xff" * SECTOR

    def fill(self, address: int, data: bytes) -> None:
        """Set cells at once, outside of time: what a life before the simulation has left."""
        self._inside(address, len(data))
        self._cells[address : address + len(data)] = data

    def blank(self, address: int, size: int) -> bool:
        """Whether all of it is erased; stops reading at the first page that is not."""
        return all(self.read(at, min(PAGE, address + size - at)).count(0xFF) == min(PAGE, address + size - at)
                   for at in range(address, address + size, PAGE))  # fmt: skip

    def _count(self, time_s: float) -> None:
        self.operations += 1
        self.before_operation(self.operations)
        self.busy_s += time_s

    def _inside(self, address: int, size: int) -> None:
        if address < 0 or size < 0 or address + size > self.size:
            raise FlashMisuse(f"0x{address:06x} + {size} is outside of the part")
