"""The terminal's own journal: a ring of fixed records in flash, readable over the line."""

import contextlib
import struct
import zlib
from typing import Final

from hwsim.flash import NorFlash
from hwsim.layout import DEFAULT, Layout
from hwsim.refusal import FlashFault
from transports.tsp.messages import JournalEntry

_RECORD: Final = struct.Struct("<IQ24s84s")
_CRC: Final = struct.Struct("<I4x")
SIZE: Final = _RECORD.size + _CRC.size
TRIES: Final = 3
"""An entry that does not read back is written again behind, so often at most."""
assert SIZE == 128


class DeviceJournal:
    """Append and read; the oldest sector goes when the ring is full."""

    def __init__(self, flash: NorFlash, layout: Layout = DEFAULT) -> None:
        self._flash = flash
        self._span = layout.journal
        self._sector = flash.geometry.span(flash.geometry.sector_of(self._span.address))[1]
        self._count = self._span.size // SIZE
        self._entries = self._load()
        self._next = self._entries[-1].number + 1 if self._entries else 1

    def _load(self) -> list[JournalEntry]:
        found, blank = [], bytes([self._flash.erased]) * 4
        whole = self._flash.read(*self._span)
        for at in range(0, self._count * SIZE, SIZE):
            raw = whole[at : at + SIZE]
            body = raw[: _RECORD.size]
            if raw[:4] == blank:
                continue
            if _CRC.unpack(raw[_RECORD.size :])[0] == zlib.crc32(body):
                serial, time, event, detail = _RECORD.unpack(body)
                found.append(JournalEntry(number=serial, time=time, event=_text(event), detail=_text(detail)))
        return sorted(found, key=lambda entry: entry.number)

    @property
    def total(self) -> int:
        return self._next - 1

    def add(self, time: int, event: str, detail: str = "") -> None:
        """Append an entry. One that cannot be written is no reason to stop."""
        for _ in range(TRIES):
            with contextlib.suppress(FlashFault):
                if self._append(time, event[:24], _cut(detail, 84)):
                    return

    def _append(self, time: int, event: str, detail: bytes) -> bool:
        """Write an entry at the next place that is free; whether it reads back."""
        number, at = self._next_place()
        body = _RECORD.pack(number, time, event.encode()[:24], detail)
        record = body + _CRC.pack(zlib.crc32(body))
        self._flash.program(at, record)
        if self._flash.read(at, SIZE) != record:
            return False
        self._entries.append(JournalEntry(number=number, time=time, event=event, detail=_text(detail)))
        return True

    def _next_place(self) -> tuple[int, int]:
        """Number and address; a sector is erased when its first place is due, a torn record is stepped over."""
        while True:
            number = self._next
            self._next += 1
            place = number % self._count * SIZE
            at = self._span.address + place
            if place % self._sector == 0:
                kept = number - self._count + self._sector // SIZE
                self._entries = [entry for entry in self._entries if entry.number >= kept]
                self._flash.erase(at, self._sector)
                return number, at
            if self._flash.blank(at, SIZE):
                return number, at

    def since(self, first: int, at_most: int = 64) -> tuple[JournalEntry, ...]:
        return tuple(entry for entry in self._entries if entry.number >= first)[:at_most]


def _cut(text: str, size: int) -> bytes:
    return text.encode()[:size].decode("utf-8", "ignore").encode()


def _text(raw: bytes) -> str:
    return raw.rstrip(b"\0\xff").decode("utf-8", "replace")
