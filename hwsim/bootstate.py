"""The boot state: a log of whole states in two sectors that take turns, so that every change is one page program.

A record is valid or it is not there: a torn one fails its CRC and the one before it counts. A sector is erased only when
the newest record stands in the other.
"""

import dataclasses
import struct
import zlib
from typing import Final, NamedTuple

from hwsim.flash import SECTOR, NorFlash
from hwsim.layout import BOOT_STATE
from transports.tsp.messages import SlotState

_RECORD: Final = struct.Struct("<2sHIB3x BB2x BB2x")
_CRC: Final = struct.Struct("<I")
RECORD_SIZE: Final = 64
PER_SECTOR: Final = SECTOR // RECORD_SIZE
MAGIC: Final = b"BS"


class SlotMark(NamedTuple):
    """What the boot loader knows of a slot: its state, and how many starts an unconfirmed image has left."""

    state: SlotState
    starts_left: int = 0


@dataclasses.dataclass(frozen=True)
class BootState:
    """The whole state."""

    active: int = 0
    """Slot that starts unless the other one is on trial."""
    slots: tuple[SlotMark, SlotMark] = (SlotMark(SlotState.EMPTY), SlotMark(SlotState.EMPTY))

    def with_slot(self, index: int, mark: SlotMark) -> "BootState":
        marks = list(self.slots)
        marks[index] = mark
        return dataclasses.replace(self, slots=(marks[0], marks[1]))


class BootLog:
    """Reads and appends boot states."""

    def __init__(self, flash: NorFlash) -> None:
        self._flash = flash
        self._sequence = 0
        self._sector = 0
        self._used = [0, 0]
        self.state = self._load()

    def _load(self) -> BootState:
        newest, state = 0, BootState()
        for which, base in enumerate(BOOT_STATE):
            for number in range(PER_SECTOR):
                raw = self._flash.read(base + number * RECORD_SIZE, RECORD_SIZE)
                if raw != b"\xff" * RECORD_SIZE:
                    self._used[which] = number + 1
                found = _decode(raw)
                if found and found[0] > newest:
                    newest, state = found
                    self._sector = which
        self._sequence = newest
        return state

    def write(self, state: BootState) -> None:
        """Make `state` the newest one. Before and after the one page program there is a valid state."""
        if self._used[self._sector] == PER_SECTOR:
            other = 1 - self._sector
            self._flash.erase(BOOT_STATE[other], SECTOR)
            self._used[other] = 0
            self._sector = other
        at = BOOT_STATE[self._sector] + self._used[self._sector] * RECORD_SIZE
        self._used[self._sector] += 1
        self._sequence += 1
        self._flash.program(at, _encode(self._sequence, state))
        self.state = state


def _encode(sequence: int, state: BootState) -> bytes:
    marks = [number for mark in state.slots for number in (int(mark.state), mark.starts_left)]
    body = _RECORD.pack(MAGIC, 1, sequence, state.active, *marks)
    return (body + _CRC.pack(zlib.crc32(body))).ljust(RECORD_SIZE, b"\xff")


def _decode(raw: bytes) -> tuple[int, BootState] | None:
    body = raw[: _RECORD.size]
    magic, version, sequence, active, *marks = _RECORD.unpack(body)
    if magic != MAGIC or version != 1 or active > 1 or _CRC.unpack_from(raw, _RECORD.size)[0] != zlib.crc32(body):
        return None
    if not {marks[0], marks[2]} <= set(SlotState):
        return None
    return sequence, BootState(active, (SlotMark(SlotState(marks[0]), marks[1]), SlotMark(SlotState(marks[2]), marks[3])))
