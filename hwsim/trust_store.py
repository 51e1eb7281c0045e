"""The trust that counts, in two places (docs/device/boot.md section 8).

A new one is written to the place that does not hold the newest, and counts when all of it is there: old or new, never a mix.
Then the other place follows, so that a place that decays neither locks the terminal nor brings an old trust back.
"""

import contextlib
import functools
import struct
import zlib
from typing import Final

from formats import trust as trust_format
from formats.trust import Trust
from hwsim.flash import NorFlash
from hwsim.layout import DEFAULT, Layout, Span
from hwsim.refusal import FlashFault

MAGIC: Final = b"TRST"
_HEAD: Final = struct.Struct("<4sIII")
"""Magic, sequence, size of the file, CRC-32 over the other three and the file."""
HEAD_SIZE: Final = _HEAD.size
_FIELDS: Final = 12
TRIES: Final = 2


@functools.lru_cache(maxsize=16)
def _parsed(raw: bytes) -> Trust:
    """A file that was parsed before it was written; its keys are read once and not at every start."""
    return trust_format.parse(raw)


class TrustStore:
    """Reads and replaces the trust."""

    def __init__(self, flash: NorFlash, layout: Layout = DEFAULT) -> None:
        self._flash, self._areas = flash, layout.trust
        self._sequence, self._newest_in = 0, 1
        self.current: Trust | None = None
        """None: the terminal is still in the factory."""
        for which in range(len(self._areas)):
            found = self._read(which)
            if found and found[0] > self._sequence:
                self._sequence, self._newest_in = found[0], which
                self.current = _parsed(found[1])

    @property
    def place(self) -> Span:
        """Where the one that counts stands."""
        return self._areas[self._newest_in]

    @property
    def capacity(self) -> int:
        """The largest trust file there is room for, in bytes."""
        return min(area.size for area in self._areas) - HEAD_SIZE

    def _read(self, which: int) -> tuple[int, bytes] | None:
        """Sequence and file of one place, if they are whole."""
        area = self._areas[which]
        head = self._flash.read(area.address, HEAD_SIZE)
        magic, sequence, size, crc = _HEAD.unpack(head)
        if magic != MAGIC or size > self.capacity:
            return None
        raw = self._flash.read(area.address + HEAD_SIZE, size)
        return (sequence, raw) if crc == zlib.crc32(raw, zlib.crc32(head[:_FIELDS])) else None

    def write(self, trust: Trust) -> None:
        """Make `trust` the one that counts; until its last byte is there, the one before it does.

        Raises:
            FlashFault: it does not fit, or the place does not hold it.
        """
        if len(trust.raw) > self.capacity:
            raise FlashFault(f"a trust file of {len(trust.raw)} bytes does not fit, there is room for {self.capacity}")
        self._put(trust)
        self.mirror()

    @property
    def in_both(self) -> bool:
        """Whether either place may decay."""
        return self.current is None or all(found and found[1] == self.current.raw for found in map(self._read, (0, 1)))

    def mirror(self) -> None:
        """Bring the other place up to the one that counts, unless it is.

        Raises:
            FlashFault: the place does not hold it.
        """
        if self.current is not None and not self.in_both:
            self._put(self.current)

    def _put(self, trust: Trust) -> None:
        """Into the place that does not hold the newest."""
        which = 1 - self._newest_in
        fields = _HEAD.pack(MAGIC, self._sequence + 1, len(trust.raw), 0)[:_FIELDS]
        crc = zlib.crc32(trust.raw, zlib.crc32(fields))
        record = self._flash.padded(fields + struct.pack("<I", crc) + trust.raw)
        for _ in range(TRIES):
            with contextlib.suppress(FlashFault):
                self._replace(which, record)
            if self._read(which) == (self._sequence + 1, trust.raw):
                self._sequence, self._newest_in, self.current = self._sequence + 1, which, trust
                return
        raise FlashFault("the place of the trust does not hold what is written to it")

    def _replace(self, which: int, record: bytes) -> None:
        """What a place reads as is no reason not to erase it: an erase that was cut may look finished."""
        area = self._areas[which]
        self._flash.erase_span(*area)
        self._flash.program(area.address, record)
