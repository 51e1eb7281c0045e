"""The boot state: a log of whole states in two areas that take turns.

A record is valid or it is not there: a torn one fails its CRC and the one before it counts. Each is read back; where it does
not hold, it is written again behind. An area is erased only when the newest record stands in the other, and always before it
is used again, whatever it reads as.
"""

import dataclasses
import struct
import zlib
from typing import Final, NamedTuple

from hwsim.flash import NorFlash
from hwsim.layout import DEFAULT, Layout
from hwsim.refusal import FlashFault
from transports.tsp.messages import SlotState

_RECORD: Final = struct.Struct("<2sHIBB2x BB2x BB2x")
_CRC: Final = struct.Struct("<I")
RECORD_SIZE: Final = 64
_USED: Final = _RECORD.size + _CRC.size
MAGIC: Final = b"BS"
LAST_SEQUENCE: Final = 0xFFFFFFFF
STEPS: Final = 6
"""The most records from the begin of an update to the start after its confirmation: writing, trial, start counted, confirmed
or bad, and two for a write that fails."""


class SlotMark(NamedTuple):
    """What the boot loader knows of a slot: its state, and how many starts an unconfirmed image has left."""

    state: SlotState
    starts_left: int = 0


@dataclasses.dataclass(frozen=True)
class BootState:
    """The whole state."""

    active: int = 0
    """Slot that starts unless another one is on trial."""
    slots: tuple[SlotMark, SlotMark] = (SlotMark(SlotState.EMPTY), SlotMark(SlotState.EMPTY))
    spare_clean: tuple[bool, bool] = (True, True)
    """Of each slot: the head that does not count has been erased to the end, and not been written to since. Looking at the
    cells does not tell: after an erase that was cut they may read as erased, today."""

    def with_slot(self, index: int, mark: SlotMark) -> "BootState":
        return dataclasses.replace(self, slots=_at(self.slots, index, mark))

    def with_active(self, index: int) -> "BootState":
        return dataclasses.replace(self, active=index)

    def with_spare(self, index: int, *, clean: bool) -> "BootState":
        return dataclasses.replace(self, spare_clean=_at(self.spare_clean, index, clean))


def _at(pair: tuple, index: int, value: object) -> tuple:  # type: ignore[type-arg]
    return (value, pair[1]) if index == 0 else (pair[0], value)


class BootLog:
    """Reads and appends boot states."""

    def __init__(self, flash: NorFlash, layout: Layout = DEFAULT) -> None:
        self._flash = flash
        self._areas = layout.boot_log
        self._sequence = 0
        self._area = self._newest_in = 0
        self._used = [0, 0]
        self.state = self._load()

    def _load(self) -> BootState:
        newest, state = 0, BootState()
        for which, area in enumerate(self._areas):
            raw = self._flash.read(area.address, area.size)
            self._used[which] = -(-len(raw.rstrip(bytes([self._flash.erased]))) // RECORD_SIZE)
            for number in reversed(range(self._used[which])):
                found = _decode(raw[number * RECORD_SIZE : number * RECORD_SIZE + _USED])
                if found:
                    if found[0] > newest:
                        newest, state = found
                        self._area = self._newest_in = which
                    break  # within an area sequences ascend
        self._sequence = newest
        return state

    def _room(self) -> int:
        return self._areas[self._area].size // RECORD_SIZE - self._used[self._area]

    def reserve(self) -> None:
        """Make sure that the records of a whole update fit, so that none of its later steps depends on an erase.

        Raises:
            FlashFault: neither area holds what is written to it.
        """
        if self._room() < STEPS:
            self._turn_over()
            self.write(self.state)

    def _turn_over(self) -> None:
        """Go on in the area that does not hold the newest record."""
        other = 1 - self._newest_in
        self._flash.erase_span(*self._areas[other])
        self._used[other] = 0
        self._area = other

    def write(self, state: BootState) -> None:
        """Make `state` the newest one; until its record is whole, the one before it counts.

        Raises:
            FlashFault: it cannot be written.
        """
        for turn in (False, True):
            if turn:
                self._turn_over()
            while self._room():
                if self._append(state):
                    self.state, self._newest_in = state, self._area
                    return
        raise FlashFault("the boot state cannot be written")

    def commit(self) -> None:
        """Wait until the newest state is safe."""
        self._flash.commit()

    def _append(self, state: BootState) -> bool:
        """Write one record; whether it reads back. Raises FlashFault where sequences end, long after the cells have."""
        if self._sequence == LAST_SEQUENCE:
            raise FlashFault("the boot log has used all its sequence numbers")
        at = self._areas[self._area].address + self._used[self._area] * RECORD_SIZE
        self._used[self._area] += 1
        record = self._flash.padded(_encode(self._sequence + 1, state))
        try:
            self._flash.program(at, record)
        except FlashFault:
            return False
        if self._flash.read(at, len(record)) != record:
            return False
        self._sequence += 1
        return True


def _encode(sequence: int, state: BootState) -> bytes:
    marks = [number for mark in state.slots for number in (int(mark.state), mark.starts_left)]
    clean = state.spare_clean[0] | state.spare_clean[1] << 1
    body = _RECORD.pack(MAGIC, 2, sequence, state.active, clean, *marks)
    return body + _CRC.pack(zlib.crc32(body))


def _decode(raw: bytes) -> tuple[int, BootState] | None:
    body = raw[: _RECORD.size]
    magic, version, sequence, active, clean, *marks = _RECORD.unpack(body)
    if magic != MAGIC or version != 2 or active > 1 or _CRC.unpack_from(raw, _RECORD.size)[0] != zlib.crc32(body):
        return None
    if not {marks[0], marks[2]} <= set(SlotState):
        return None
    slots = SlotMark(SlotState(marks[0]), marks[1]), SlotMark(SlotState(marks[2]), marks[3])
    return sequence, BootState(active, slots, (bool(clean & 1), bool(clean & 2)))
