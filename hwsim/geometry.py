"""Flash parts as data: sectors, write units, erased value, times. Each names the data sheet its numbers come from.

Times are typical ones; a worn part takes up to fifteen times as long to erase (the same tables, column "max").
"""

import bisect
import dataclasses
import functools
from typing import Final, NamedTuple

KIB: Final = 1024


@dataclasses.dataclass(frozen=True)
class Timing:
    """Typical times of a part, seconds. The defaults are those of `W25Q128JV`."""

    program_page_s: float = 0.0004
    erase_sector_s: float = 0.045
    """Of the smallest sector."""
    erase_block_s: float = 0.150
    """Of the largest unit that is erased at once."""
    read_byte_s: float = 1 / 66e6
    program_first_s: float = 30e-6
    """First byte of a program operation; each further one takes `program_more_s`, and none takes longer than a page."""
    program_more_s: float = 2.5e-6
    between: tuple[tuple[int, float], ...] = ()
    """Sector sizes between the smallest and the largest, with their erase times."""


class Run(NamedTuple):
    """A number of equal sectors."""

    number: int
    size: int


@dataclasses.dataclass(frozen=True)
class Geometry:
    """One kind of part."""

    name: str
    runs: tuple[Run, ...]
    page: int
    """Most bytes of one program operation, which stays within a page."""
    unit: int
    """Fewest: programs begin and end at multiples of it."""
    source: str
    block: int = 0
    """Size of a larger erase that takes many sectors at once; 0: there is none."""
    erased: int = 0xFF
    """Every byte after an erase. Programming moves bits away from it."""
    again: bool = True
    """Whether a unit may be programmed again before it is erased; not where an error-correcting code covers it."""
    timing: Timing = Timing()

    @functools.cached_property
    def size(self) -> int:
        return sum(run.number * run.size for run in self.runs)

    @functools.cached_property
    def starts(self) -> tuple[int, ...]:
        """Address of every sector, and of the end."""
        found = [0]
        for run in self.runs:
            found += [found[-1] + run.size * (n + 1) for n in range(run.number)]
        return tuple(found)

    @functools.cached_property
    def largest(self) -> int:
        """Size of the largest sector."""
        return max(run.size for run in self.runs)

    def sector_of(self, address: int) -> int:
        """Number of the sector that an address is in."""
        if len(self.runs) == 1:
            return address // self.runs[0].size
        return bisect.bisect_right(self.starts, address) - 1

    def span(self, sector: int) -> tuple[int, int]:
        """Address and size of a sector."""
        return self.starts[sector], self.starts[sector + 1] - self.starts[sector]

    def sectors(self, first: int, last: int) -> range:
        """Numbers of the sectors from address `first` to `last`."""
        return range(self.sector_of(first), self.sector_of(last - 1) + 1 if last > first else self.sector_of(first))

    def erase_s(self, size: int, timing: Timing) -> float:
        """How long an erase of this size takes."""
        if size == max(self.block, self.largest):
            return timing.erase_block_s
        return dict(timing.between).get(size, timing.erase_sector_s)

    def program_s(self, size: int, timing: Timing) -> float:
        """How long one program operation of so many bytes takes."""
        return min(timing.program_page_s, timing.program_first_s + timing.program_more_s * (size - 1))


def _by_unit(unit_s: float, erase_sector_s: float, erase_block_s: float = 0.0, **other: object) -> Timing:
    """Times of a part that programs one unit per operation, and is read at 30 MB/s (internal flash at 120 MHz)."""
    return Timing(unit_s, erase_sector_s, erase_block_s or erase_sector_s, 1 / 30e6, unit_s, 0.0, **other)  # type: ignore[arg-type]


W25Q128JV: Final = Geometry(
    "W25Q128JV", (Run(4096, 4 * KIB),), 256, 1, "Winbond W25Q128JV, rev. F, sections 1 and 9.6", block=64 * KIB
)
STM32F407: Final = Geometry(
    "STM32F407", (Run(4, 16 * KIB), Run(1, 64 * KIB), Run(7, 128 * KIB)), 4, 4,
    "ST DS8626, flash memory programming, 32 bits at a time", timing=_by_unit(16e-6, 0.25, 1.0, between=((64 * KIB, 0.55),)),
)  # fmt: skip
STM32L476: Final = Geometry(
    "STM32L476", (Run(512, 2 * KIB),), 8, 8, "ST DS10198, flash memory characteristics", again=False,
    timing=_by_unit(81.69e-6, 0.02202),
)  # fmt: skip
STM32L071: Final = Geometry(
    "STM32L071", (Run(1536, 128),), 64, 4, "ST DS10688, flash memory and data EEPROM characteristics; RM0377 section 3",
    erased=0x00, again=False, timing=_by_unit(3.28e-3, 3.28e-3),
)  # fmt: skip
STM32U575: Final = Geometry(
    "STM32U575", (Run(256, 8 * KIB),), 16, 16, "ST DS13737, flash memory characteristics", again=False,
    timing=_by_unit(118e-6, 0.0015),
)  # fmt: skip
STM32H743: Final = Geometry(
    "STM32H743", (Run(16, 128 * KIB),), 32, 32, "ST DS12110, flash memory programming, 64 bits at a time", again=False,
    timing=_by_unit(100e-6, 1.0),
)  # fmt: skip
NRF52840: Final = Geometry(
    "nRF52840", (Run(256, 4 * KIB),), 4, 4, "Nordic nRF52840 product specification 1.1, NVMC", timing=_by_unit(41e-6, 0.085)
)
PARTS: Final = (W25Q128JV, STM32F407, STM32L476, STM32L071, STM32U575, STM32H743, NRF52840)


def scaled(part: Geometry, *runs: Run, page: int = 0) -> Geometry:
    """A part of the same kind with other sectors: what a quick test wants."""
    return dataclasses.replace(part, name=f"{part.name}-small", runs=runs, page=page or part.page, block=0)
