"""What survives without power: the flash part, the one-way counter, the trust, the keys.

In memory, or in a folder (`--state DIR`) where every bit is in a mapped file the moment it is written.
"""

import pathlib
import struct

from formats import trust as trust_module
from formats.errors import LocalError
from formats.trust import Trust
from hwsim.counter import CELLS, Counter
from hwsim.flash import NorFlash, open_cells
from hwsim.geometry import Timing
from hwsim.key_cells import KeyCells
from hwsim.layout import DEFAULT, FLASH_SIZE
from hwsim.password_cells import PasswordCells
from hwsim.trust_store import TrustStore
from hwsim.used_grants import UsedGrants

_SIZE = struct.Struct("<4sI")


class Storage:
    """All of it, for one terminal."""

    def __init__(self, folder: pathlib.Path | None = None, timing: Timing | None = None) -> None:
        if folder is not None:
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise LocalError(f"{folder} cannot be made: {error.strerror}", name="disk") from error
        cells, self.new = open_cells(folder / "flash.bin" if folder else None, FLASH_SIZE)
        self.flash = NorFlash(cells, FLASH_SIZE, timing)
        one_way, _ = open_cells(folder / "counter.bin" if folder else None, CELLS.size)
        self.counter = Counter(NorFlash(one_way, CELLS.size, geometry=CELLS))
        self.used_grants = UsedGrants(folder / "grants.bin" if folder else None)
        self.password = PasswordCells(folder / "password.bin" if folder else None)
        self.trust_store = TrustStore(self.flash)
        self.key_cells = KeyCells(folder / "keys.bin" if folder else None)

    @property
    def trust(self) -> Trust | None:
        """The trust that counts; None before the first one has been set."""
        return self.trust_store.current

    @property
    def serial_number(self) -> str:
        """The serial number that was set in the factory; empty if none was."""
        magic, size = _SIZE.unpack(self.flash.read(DEFAULT.serial.address, _SIZE.size))
        if magic != b"SERN" or size > 64:
            return ""
        return self.flash.read(DEFAULT.serial.address + _SIZE.size, size).decode("ascii", "replace")

    def set_serial_number(self, text: str) -> None:
        """In the factory, or with a grant that lets it be done again."""
        if self.serial_number:
            self.flash.erase_span(*DEFAULT.serial)
        if self.serial_number != text:
            self.flash.program(DEFAULT.serial.address, _SIZE.pack(b"SERN", len(text)) + text.encode("ascii"))

    def provision(self, raw: bytes) -> None:
        """Set the first root; once, in the factory state."""
        if self.trust is None:
            self.trust_store.write(trust_module.parse(raw))  # a lone public key becomes a trust of one
