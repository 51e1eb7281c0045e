"""Collects records at addresses into pieces, the common part of the text formats.

Linkers write records in ascending order, so appending to the last run is the fast path; the rest is sorted at the end.
"""

from formats.errors import FormatError
from formats.sources import Image, Piece, image_of

MAX_BYTES = 256 << 20


class Memory:
    """Runs of bytes; `add` in any order."""

    def __init__(self) -> None:
        self._runs: list[tuple[int, bytearray]] = []
        self._run = bytearray()
        self._next = -1

    def add(self, address: int, data: bytes) -> None:
        if address != self._next:
            self._run = bytearray()
            self._runs.append((address, self._run))
        self._run += data
        self._next = address + len(data)

    def image(self, entry: int | None) -> Image:
        """All runs, merged where they touch.

        Raises:
            FormatError: nothing in there, too much, or runs that overlap with different bytes.
        """
        merged: list[tuple[int, bytearray]] = []
        for address, run in sorted(self._runs, key=lambda pair: pair[0]):
            if merged and address <= merged[-1][0] + len(merged[-1][1]):
                _join(*merged[-1], address, run)
            else:
                merged.append((address, run))
        if sum(len(run) for _, run in merged) > MAX_BYTES:
            raise FormatError(f"more than {MAX_BYTES} bytes in a text format", name="too_large")
        return image_of([Piece(address, len(run), data=run) for address, run in merged], entry)


def _join(start: int, run: bytearray, address: int, data: bytearray) -> None:
    """Append `data`; where it repeats bytes that are already there, they must be the same."""
    overlap = start + len(run) - address
    common = min(overlap, len(data))
    at = address - start
    if run[at : at + common] != data[:common]:
        raise FormatError(f"two records give different bytes for address 0x{address:08x}")
    run += data[common:]
