"""Grants that have been used, in one-way storage of its own: 16 bytes each, one after another, never erased. Full means
refuse: an attacker must not be able to make a terminal forget."""

import pathlib
from typing import Final

from formats.grant import ID_SIZE
from hwsim.flash import BLOCK, open_cells
from hwsim.refusal import Refused
from transports.tsp.messages import Status

CAPACITY: Final = 256
_LATEST: Final = CAPACITY * ID_SIZE
_NEVER: Final = 2**64 - 1
_BLANK: Final = b"\xff" * ID_SIZE


class UsedGrants:
    """What this terminal has taken.

    Args:
        path: File that keeps it; None: only in memory.
    """

    def __init__(self, path: pathlib.Path | None = None) -> None:
        self._cells, _ = open_cells(path, BLOCK)

    def note(self, grant_id: bytes, uses: int) -> None:
        """Take a grant, as often as it may be.

        Raises:
            Refused: used up, or no room to remember it.
        """
        places = range(0, CAPACITY * ID_SIZE, ID_SIZE)
        ids = [bytes(self._cells[at : at + ID_SIZE]) for at in places]
        if ids.count(grant_id) >= uses or grant_id == _BLANK:
            raise Refused(Status.NOT_AUTHORISED, "this grant has been used already")
        if _BLANK not in ids:
            raise Refused(Status.NOT_AUTHORISED, "this terminal cannot remember another grant")
        at = ids.index(_BLANK) * ID_SIZE
        self._cells[at : at + ID_SIZE] = grant_id

    @property
    def latest(self) -> int:
        """The latest time of day this terminal knows of, seconds since 1970 UTC: a clock that is set back brings no grant
        back to life."""
        found = int.from_bytes(self._cells[_LATEST : _LATEST + 8], "little")
        return 0 if found == _NEVER else found

    def see(self, now: int) -> None:
        """Remember a time of day."""
        if now > self.latest:
            self._cells[_LATEST : _LATEST + 8] = now.to_bytes(8, "little")
