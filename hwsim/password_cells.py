"""The administrator's password on the terminal: a verifier, and a tally of tries that no power cut takes back (A46).

One byte for each try, programmed before the try is looked at, and again after it has been right; never erased but with a
new password. So the tries since the last right one can be counted, whatever happened in between.
"""

import pathlib
import zlib
from typing import Final

from hwsim.flash import BLOCK, open_cells
from hwsim.refusal import Refused
from transports.tsp.messages import PasswordVerifier, Status

MAGIC: Final = b"PWV1"
FREE_TRIES: Final = 3
"""Wrong ones without a wait."""
FIRST_WAIT_S: Final = 30
LONGEST_WAIT_S: Final = 4 * 3600
_TRIES: Final = 4096
_BLANK, _BEGUN, _RIGHT = 0xFF, 0xA5, 0x00


class PasswordCells:
    """Verifier and tally.

    Args:
        path: File that keeps them; None: only in memory.
    """

    def __init__(self, path: pathlib.Path | None = None) -> None:
        self._cells, _ = open_cells(path, BLOCK)
        self._size = PasswordVerifier.LAYOUT.sizeof()

    @property
    def verifier(self) -> PasswordVerifier | None:
        """None: no password was ever set, or setting it was cut short; then none opens anything."""
        raw = bytes(self._cells[4 : 4 + self._size])
        crc = int.from_bytes(self._cells[4 + self._size : 8 + self._size], "little")
        whole = self._cells[:4] == MAGIC and crc == zlib.crc32(raw)
        return PasswordVerifier.parse(raw) if whole else None

    def set(self, verifier: PasswordVerifier) -> None:
        """Another password; the old one is gone before the tally begins anew."""
        self._cells[:_TRIES] = bytes([_BLANK]) * _TRIES
        self._cells[_TRIES:] = bytes([_BLANK]) * (BLOCK - _TRIES)
        raw = verifier.build()
        self._cells[4 : 8 + self._size] = raw + zlib.crc32(raw).to_bytes(4, "little")
        self._cells[:4] = MAGIC

    @property
    def failures(self) -> int:
        """Tries since the last right one, those that were cut short too."""
        used = bytes(self._cells[_TRIES:]).rstrip(bytes([_BLANK]))
        return len(used) - 1 - used.rfind(bytes([_RIGHT]))

    @property
    def wait_s(self) -> int:
        """Seconds to wait after the last try, or after the last start."""
        over = self.failures - FREE_TRIES
        return 0 if over < 0 else min(FIRST_WAIT_S << min(over, 20), LONGEST_WAIT_S)

    def begin_try(self) -> int:
        """Count a try before it is looked at; get its place.

        Raises:
            Refused: there is no room to count it.
        """
        at = _TRIES + len(bytes(self._cells[_TRIES:]).rstrip(bytes([_BLANK])))
        if at >= BLOCK:
            raise Refused(Status.NOT_AUTHORISED, "this terminal cannot count another try; set its password anew")
        self._cells[at] = _BEGUN
        return at

    def was_right(self, at: int) -> None:
        self._cells[at] = _RIGHT
