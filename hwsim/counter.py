"""The security counter: a log of records in cells that nothing ever erases (one-time programmable memory, or flash whose
erase is locked). The last valid record counts, so a torn one leaves the counter where it was.
"""

import contextlib
import struct
import zlib
from typing import Final

from hwsim.flash import NorFlash
from hwsim.geometry import KIB, Geometry, Run
from hwsim.refusal import FlashFault

CELLS: Final = Geometry("one-way cells", (Run(1, 64 * KIB),), 256, 1, "as the flash part beside it")
_VALUE: Final = struct.Struct("<II")
_CRC: Final = struct.Struct("<I")
RECORD_SIZE: Final = 16
SPARE_PLACES: Final = 4
"""So many free places must be left before an update begins: one for its record, the others for torn ones."""
LAST: Final = 0xFFFFFFFF
"""A release with this counter could never be followed by another; it is refused."""


class Counter:
    """A number that only goes up."""

    def __init__(self, part: NorFlash) -> None:
        self.part = part
        self.place = max(RECORD_SIZE, part.geometry.unit)
        raw = part.read(0, part.size)
        used = len(raw.rstrip(bytes([part.erased])))
        self._next = -(-used // self.place)
        self.value = 0
        for number in reversed(range(self._next)):
            value = _decode(raw[number * self.place : number * self.place + RECORD_SIZE])
            if value is not None:
                self.value = value
                break

    @property
    def room(self) -> int:
        """Free places."""
        return self.part.size // self.place - self._next

    def advance(self, value: int) -> None:
        """Make `value` the counter, if it is higher; each record is read back.

        Raises:
            FlashFault: no place is left.
        """
        if value <= self.value:
            return
        body = _VALUE.pack(value, value ^ LAST)
        record = self.part.padded(body + _CRC.pack(zlib.crc32(body)))
        while self.room:
            at = self._next * self.place
            self._next += 1
            with contextlib.suppress(FlashFault):
                self.part.program(at, record)
            if self.part.read(at, len(record)) == record:
                self.value = value
                return
        raise FlashFault("the storage of the security counter is full")


def _decode(raw: bytes) -> int | None:
    value, inverse = _VALUE.unpack_from(raw)
    if value ^ inverse != LAST or _CRC.unpack_from(raw, _VALUE.size)[0] != zlib.crc32(raw[: _VALUE.size]):
        return None
    return int(value)
