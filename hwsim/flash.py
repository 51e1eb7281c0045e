"""A flash part that refuses what a real part refuses, and takes a real part's time (hwsim/geometry.py has the parts).

What may be wrong with it is in hwsim/defects.py; what a power cut does to the operation under way in hwsim/power.py.
"""

import mmap
import pathlib
from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

from hwsim.defects import Defects
from hwsim.geometry import W25Q128JV, Geometry, Timing

SECTOR: Final = 4096
BLOCK: Final = 65536
PAGE: Final = 256
"""Of the terminal's part, the W25Q128JV."""


class FlashMisuse(Exception):
    """The firmware asked for something the part does not do: a bug of the firmware."""


class PowerCut(Exception):
    """The power went before an operation of the part, or in it."""


class Operation(NamedTuple):
    """What a part is about to do."""

    part: "NorFlash"
    address: int
    data: bytes | None
    """What is programmed; None: an erase."""
    size: int


Cells: TypeAlias = bytearray | mmap.mmap
"""Where the bits are: memory, or a file that is mapped into memory."""


def open_cells(path: pathlib.Path | None, size: int, erased: int = 0xFF) -> tuple[Cells, bool]:
    """Cells in memory, or mapped from a file so that they survive even a kill; True if they are new."""
    blank = bytes([erased])
    if path is None:
        return bytearray(blank) * size, True
    new = not path.exists() or path.stat().st_size != size
    if new:
        with path.open("wb") as file:
            for _ in range(size // BLOCK):
                file.write(blank * BLOCK)
    with path.open("r+b") as file:
        return mmap.mmap(file.fileno(), size), new


def _nobody(number: int) -> None:
    """Nothing happens before an operation."""


class NorFlash:
    """One part. Operations are counted; `before_operation` may cut the power before any of them.

    Args:
        timing: Other times than those of the geometry.
    """

    def __init__(self, cells: Cells, size: int, timing: Timing | None = None, geometry: Geometry = W25Q128JV) -> None:
        self.size = size
        self.geometry = geometry
        self.timing = timing or geometry.timing
        self.erased = geometry.erased
        self.operations = 0
        self.busy_s = 0.0
        """Time that all operations so far have taken together."""
        self.defects = Defects(geometry)
        self.dead_sectors = self.defects.dead
        self.wear: dict[int, int] = {}
        """Sector -> how often it has been erased."""
        self.before_operation: Callable[[int], None] = _nobody
        self.watch: Callable[[Operation], None] | None = None
        """Sees each operation before it takes effect; may spoil it and raise `PowerCut`."""
        self.while_busy: Callable[[float], None] | None = None
        """Called while the part is busy, with the seconds since the last call: the loop that polls the part."""
        self.commits = 0
        """How often the firmware has waited until everything written was safe."""
        self._cells = cells

    @property
    def cells(self) -> Cells:
        return self._cells

    def read(self, address: int, size: int) -> bytes:
        if address < 0 or size < 0 or address + size > self.size:
            raise FlashMisuse(f"0x{address:06x} + {size} is outside of the part")
        self.busy_s += size * self.timing.read_byte_s
        if self.defects.reading:
            return self.defects.read(self._cells, address, size)
        return bytes(self._cells[address : address + size])

    def program(self, address: int, data: bytes) -> None:
        """Program a range of whole units, page by page.

        Raises:
            FlashMisuse: a bit would have to move towards its erased value, or the range is not made of units.
            FlashFault: the part reports that it failed.
            PowerCut: before one of the pages, or in it.
        """
        self._inside(address, len(data))
        geometry = self.geometry
        if geometry.unit > 1 and (address % geometry.unit or len(data) % geometry.unit):
            raise FlashMisuse(f"program of {len(data)} bytes at 0x{address:06x}: not made of units")
        if self._at_once(address, data):
            return
        at, page = 0, geometry.page
        while at < len(data):
            step = min(page - (address + at) % page, len(data) - at)
            self._program_page(address + at, data[at : at + step])
            at += step

    def _at_once(self, address: int, data: bytes) -> bool:
        """Program many pages in one go, where nobody watches, nothing is wrong, and all of it is blank."""
        geometry, size = self.geometry, len(data)
        idle = self.watch is None and self.while_busy is None and self.before_operation is _nobody
        if not idle or size <= geometry.page or self.defects.any or not self._reads_blank(address, size):
            return False
        pages = (address + size - 1) // geometry.page - address // geometry.page + 1
        self.operations += pages
        self.busy_s += pages * geometry.program_s(min(size, geometry.page), self.timing)
        self._cells[address : address + size] = data
        return True

    def _reads_blank(self, address: int, size: int) -> bool:
        return self._cells[address : address + size].count(self.erased) == size

    def _program_page(self, address: int, data: bytes) -> None:
        size = len(data)
        self._begin(Operation(self, address, data, size), self.geometry.program_s(size, self.timing))
        there = int.from_bytes(self._cells[address : address + size], "big")
        wanted = int.from_bytes(data, "big")
        result = wanted & there if self.erased else wanted | there
        if (result != wanted or not self.geometry.again) and not self.defects.excuses(address):
            self._insist(address, data, result == wanted)
        self._cells[address : address + size] = self.defects.programmed(self._cells, address, result.to_bytes(size, "big"))

    def _insist(self, address: int, data: bytes, possible: bool) -> None:
        """A unit that an error-correcting code covers must be blank; any other may only lose bits."""
        unit = self.geometry.unit
        blank = bytes([self.erased]) * unit
        spent = not self.geometry.again and any(
            self._cells[address + at : address + at + unit] != blank for at in range(0, len(data), unit)
        )
        if spent or not possible:
            raise FlashMisuse(f"program without erase at 0x{address:06x}")

    def erase(self, address: int, size: int) -> None:
        """Erase one sector, or one block of many.

        Raises:
            FlashMisuse: not a sector or block, or not aligned to its size.
            FlashFault: the part reports that it failed.
            PowerCut: before the erase, or in it.
        """
        self._inside(address, size)
        geometry = self.geometry
        sector = geometry.sector_of(address)
        whole = geometry.block and size == geometry.block and address % size == 0
        if not whole and (address, size) != geometry.span(sector):
            raise FlashMisuse(f"erase of {size} bytes at 0x{address:06x}")
        seconds = geometry.erase_s(size, self.timing) * self.defects.slowness
        self._begin(Operation(self, address, None, size), seconds)
        for number in geometry.sectors(address, address + size):
            self.wear[number] = self.wear.get(number, 0) + 1
            self.defects.erased(self._cells, number)

    def erase_span(self, address: int, size: int) -> None:
        """Erase a range of whole sectors, in the largest steps there are."""
        geometry, end = self.geometry, address + size
        while address < end:
            step = geometry.block
            if not step or address % step or address + step > end:
                step = geometry.span(geometry.sector_of(address))[1]
            self.erase(address, step)
            address += step

    def fill(self, address: int, data: bytes) -> None:
        """Set cells at once, outside of time: what a life before the simulation has left."""
        self._inside(address, len(data))
        self._cells[address : address + len(data)] = data

    def blank(self, address: int, size: int) -> bool:
        """Whether all of it reads as erased; stops reading at the first page that does not."""
        step = max(PAGE, self.geometry.page)
        for at in range(address, address + size, step):
            count = min(step, address + size - at)
            if self.read(at, count).count(self.erased) != count:
                return False
        return True

    def padded(self, data: bytes) -> bytes:
        """The bytes with erased ones behind them, up to a whole number of units."""
        unit = self.geometry.unit
        return data.ljust(-(-len(data) // unit) * unit, bytes([self.erased])) if unit > 1 else data

    def commit(self) -> None:
        """Wait until all that was written is safe, whatever buffers there are between here and the cells."""
        self.commits += 1

    def _begin(self, operation: Operation, time_s: float) -> None:
        self.operations += 1
        self.before_operation(self.operations)
        if self.watch is not None:
            self.watch(operation)
        self.busy_s += time_s
        if self.while_busy is not None:
            self.while_busy(time_s)
        self.defects.report(operation.address)

    def _inside(self, address: int, size: int) -> None:
        if address < 0 or size < 0 or address + size > self.size:
            raise FlashMisuse(f"0x{address:06x} + {size} is outside of the part")
