"""Where a terminal keeps its keys: battery-backed cells beside the tamper circuit (docs/device/boot.md section 10).

The circuit acts by itself, without firmware: first the latch, then the keys. Only the maker undoes the latch.
"""

import hashlib
import pathlib
from collections.abc import Callable
from typing import Final

from hwsim.flash import BLOCK, open_cells

KEYS: Final = 4
KEY_SIZE: Final = 32
_FIRST: Final = 64
_NONE: Final = bytes(KEY_SIZE)
_LATCH, _TOLD, _INJECTED = 0, 1, 2
_SET: Final = 0x5A


def _nobody() -> None:
    pass


class KeyCells:
    """Keys and latch.

    Args:
        path: File that keeps them; None: only in memory.
    """

    def __init__(self, path: pathlib.Path | None = None) -> None:
        self._cells, _ = open_cells(path, BLOCK)
        self.on_trip: Callable[[], None] = _nobody
        if self._cells[_INJECTED] != _SET and not self.tripped:
            self.inject()
        if self.tripped:
            self.erase()  # the power may have gone in between

    @property
    def tripped(self) -> bool:
        """Whether the case has been opened, ever."""
        return self._cells[_LATCH] == _SET

    @property
    def told(self) -> bool:
        """Whether the journal says so."""
        return self._cells[_TOLD] == _SET

    def tell(self) -> None:
        self._cells[_TOLD] = _SET

    def key(self, number: int) -> bytes:
        """One of the keys; zeros if it is gone."""
        at = _FIRST + number * KEY_SIZE
        return bytes(self._cells[at : at + KEY_SIZE])

    @property
    def present(self) -> bool:
        return all(self.key(number) != _NONE for number in range(KEYS))

    def trip(self) -> None:
        """The case is opened."""
        self._cells[_LATCH] = _SET
        self.erase()
        self.on_trip()

    def erase(self) -> None:
        """All keys, every bit of them."""
        self._cells[_INJECTED] = _SET
        self._cells[_FIRST : _FIRST + KEYS * KEY_SIZE] = bytes(KEYS * KEY_SIZE)

    def inject(self) -> None:
        """Keys are loaded, as in a secure room. The simulation's are no secret."""
        keys = b"".join(hashlib.sha256(b"simulated key %d" % number).digest() for number in range(KEYS))
        self._cells[_FIRST : _FIRST + KEYS * KEY_SIZE] = keys
        self._cells[_INJECTED] = _SET

    def renew(self) -> None:
        """What only the maker does: another circuit, and new keys."""
        self._cells[:_FIRST] = b"\xff" * _FIRST
        self.inject()
