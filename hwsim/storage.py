"""What survives without power: the flash part, the one-way counter, and the provisioned trust.

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
from hwsim.layout import DEFAULT, FLASH_SIZE
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

    @property
    def trust(self) -> Trust | None:
        """The trust file that was provisioned, if one was."""
        magic, size = _SIZE.unpack(self.flash.read(DEFAULT.trust.address, _SIZE.size))
        if magic != b"TRST" or size > DEFAULT.trust.size - _SIZE.size:
            return None
        return trust_module.parse(self.flash.read(DEFAULT.trust.address + _SIZE.size, size))

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
        if self.trust is not None:
            return
        raw = trust_module.parse(raw).raw  # a lone public key becomes a trust of one
        self.flash.program(DEFAULT.trust.address, _SIZE.pack(b"TRST", len(raw)) + raw)
