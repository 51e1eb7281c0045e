"""The terminal's own journal: a ring of fixed records in flash, readable over the line."""

import struct
import zlib
from typing import Final

from hwsim.flash import SECTOR, NorFlash
from hwsim.layout import JOURNAL, JOURNAL_SIZE
from transports.tsp.messages import JournalEntry

_RECORD: Final = struct.Struct("<IQ24s84s")
_CRC: Final = struct.Struct("<I4x")
SIZE: Final = _RECORD.size + _CRC.size
COUNT: Final = JOURNAL_SIZE // SIZE
assert SIZE == 128


class DeviceJournal:
    """Append and read; the oldest sector goes when the ring is full."""

    def __init__(self, flash: NorFlash) -> None:
        self._flash = flash
        self._entries = self._load()
        self._next = self._entries[-1].number + 1 if self._entries else 1

    def _load(self) -> list[JournalEntry]:
        found = []
        for number in range(COUNT):
            raw = self._flash.read(JOURNAL + number * SIZE, SIZE)
            body = raw[: _RECORD.size]
            if _CRC.unpack(raw[_RECORD.size :])[0] == zlib.crc32(body):
                serial, time, event, detail = _RECORD.unpack(body)
                found.append(JournalEntry(number=serial, time=time, event=_text(event), detail=_text(detail)))
        return sorted(found, key=lambda entry: entry.number)

    @property
    def total(self) -> int:
        return self._next - 1

    def add(self, time: int, event: str, detail: str = "") -> None:
        number = self._next
        self._next += 1
        at = JOURNAL + (number % COUNT) * SIZE
        if at % SECTOR == 0:
            self._flash.erase(at, SECTOR)
            self._entries = [entry for entry in self._entries if entry.number > number - COUNT + SECTOR // SIZE]
        elif not self._flash.blank(at, SIZE):
            return self.add(time, event, detail)  # a torn record stands there: step over it
        body = _RECORD.pack(number, time, event.encode()[:24], _cut(detail, 84))
        self._flash.program(at, body + _CRC.pack(zlib.crc32(body)))
        self._entries.append(JournalEntry(number=number, time=time, event=event[:24], detail=_text(_cut(detail, 84))))
        return None

    def since(self, first: int, at_most: int = 64) -> tuple[JournalEntry, ...]:
        return tuple(entry for entry in self._entries if entry.number >= first)[:at_most]


def _cut(text: str, size: int) -> bytes:
    return text.encode()[:size].decode("utf-8", "ignore").encode()


def _text(raw: bytes) -> str:
    return raw.rstrip(b"\0\xff").decode("utf-8", "replace")
