"""What may be wrong with a flash part: bad sectors, slow and failing erases, stuck bits, read disturb, cells that an
interrupted erase has left between two values. All of it is repeatable: chance comes from `seed`."""

import random
import typing

from hwsim.geometry import Geometry
from hwsim.refusal import FlashFault

if typing.TYPE_CHECKING:
    from hwsim.flash import Cells


class Defects:
    """The defects of one part; none at first."""

    def __init__(self, geometry: Geometry, seed: int = 1) -> None:
        self._geometry = geometry
        self._erased = geometry.erased
        self._chance = random.Random(seed)  # noqa: S311 - repeatable on purpose
        self.dead: set[int] = set()
        """Sectors whose erase does nothing although the part reports success."""
        self.failing: dict[int, float] = {}
        """Sector -> how likely the part reports that a program or an erase failed."""
        self.lossy: dict[int, float] = {}
        """Sector -> how likely a program does nothing although the part reports success."""
        self.stuck: dict[int, tuple[int, int]] = {}
        """Address -> bits that always read 1, bits that always read 0."""
        self.slowness = 1.0
        """How many times longer an erase takes."""
        self.disturb_after = 0
        """So many reads of a sector since its erase move one more bit in it; 0: never."""
        self._reads: dict[int, int] = {}
        self.loose: dict[int, int] = {}
        """Address -> bits that have no sure value: each read draws them anew."""
        self.spoilt: set[int] = set()
        """Units that look erased, but whose code a torn program has begun to write."""

    def sow(self, seed: int) -> None:
        """Start chance again."""
        self._chance.seed(seed)

    @property
    def any(self) -> bool:
        """Whether anything is wrong at all."""
        return bool(self.loose or self.spoilt or self.dead or self.failing or self.lossy or self.stuck or self.disturb_after)

    # -- reading ----------------------------------------------------------------------------------------------------

    @property
    def reading(self) -> bool:
        """Whether reads give something else than the cells."""
        return bool(self.loose or self.stuck or self.disturb_after)

    def read(self, cells: "Cells", address: int, size: int) -> bytes:
        if self.disturb_after:
            self._disturb(cells, address, size)
        found = bytearray(cells[address : address + size])
        for at, bits in self._within(self.loose, address, size):
            found[at - address] ^= bits & self._chance.getrandbits(8)
        for at, (ones, zeros) in self._within(self.stuck, address, size):
            found[at - address] = found[at - address] & ~zeros | ones
        return bytes(found)

    @staticmethod
    def _within(where: dict[int, typing.Any], address: int, size: int) -> list[tuple[int, typing.Any]]:
        if len(where) > size:
            return [(at, where[at]) for at in range(address, address + size) if at in where]
        return [(at, bits) for at, bits in where.items() if address <= at < address + size]

    def _disturb(self, cells: "Cells", address: int, size: int) -> None:
        for sector in self._geometry.sectors(address, address + size):
            self._reads[sector] = self._reads.get(sector, 0) + 1
            if self._reads[sector] % self.disturb_after == 0:
                start, length = self._geometry.span(sector)
                at, bit = start + self._chance.randrange(length), 1 << self._chance.randrange(8)
                cells[at] = cells[at] & ~bit if self._erased else cells[at] | bit

    # -- writing ----------------------------------------------------------------------------------------------------

    def report(self, address: int) -> None:
        """Raises FlashFault if the part reports that what it did in this sector failed."""
        if self.failing and self._chance.random() < self.failing.get(self._geometry.sector_of(address), 0.0):
            raise FlashFault(f"the part reports a failure at 0x{address:06x}")

    def excuses(self, address: int) -> bool:
        """Whether a sector may hold something else than the firmware can know."""
        if not self.any:
            return False
        sector = self._geometry.sector_of(address)
        start, size = self._geometry.span(sector)
        near = self.loose or self.stuck
        return (
            sector in self.dead
            or sector in self.lossy
            or sector in self.failing
            or bool(self.disturb_after)
            or any(unit * self._geometry.unit in range(start, start + size) for unit in self.spoilt)
            or any(at in range(start, start + size) for at in near)
        )

    def programmed(self, cells: "Cells", address: int, result: bytes) -> bytes:
        """What the cells hold after a program that should have made them `result`."""
        if self.lossy and self._chance.random() < self.lossy.get(self._geometry.sector_of(address), 0.0):
            return bytes(cells[address : address + len(result)])
        if self.loose:  # a cell that has been programmed is sure again
            for at, bits in self._within(self.loose, address, len(result)):
                byte = result[at - address]
                left = bits & byte if self._erased else bits & ~byte
                self.loose.pop(at)
                if left:
                    self.loose[at] = left
        if self.spoilt:
            return self._garbled(address, result)
        return result

    def _garbled(self, address: int, result: bytes) -> bytes:
        """A unit that was programmed a second time fails its code: what it reads as is anybody's guess."""
        out, unit = bytearray(result), self._geometry.unit
        for number in range(address // unit, (address + len(result)) // unit):
            if number in self.spoilt:
                at = number * unit - address
                out[at : at + unit] = bytes(byte ^ 0x55 for byte in out[at : at + unit])
        return bytes(out)

    def erased(self, cells: "Cells", sector: int) -> None:
        """An erase of this sector has run to its end."""
        if sector in self.dead:
            return
        start, size = self._geometry.span(sector)
        cells[start : start + size] = bytes([self._erased]) * size
        self._reads.pop(sector, None)
        if self.loose:
            self.loose = {at: bits for at, bits in self.loose.items() if not start <= at < start + size}
        if self.spoilt:
            first, last = start // self._geometry.unit, (start + size) // self._geometry.unit
            self.spoilt = {unit for unit in self.spoilt if not first <= unit < last}
