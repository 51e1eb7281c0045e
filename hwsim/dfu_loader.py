"""What a simulated DFU device does with blocks and commands, once its states have let them through (ST AN3156, 4 and 5)."""

from collections.abc import Callable
from typing import Final

from hwsim.dfu_memory import Memory, Misplaced
from hwsim.dfu_profile import Faults, Profile
from transports.dfu.status import Status

DATA_BLOCK: Final = 2
Work = Callable[[], float]
"""Something to do; returns the seconds it takes."""


class Failed(Exception):
    """An operation did not work; the device reports this status."""

    def __init__(self, status: Status) -> None:
        super().__init__(status.name)
        self.status = status


class Refused(Exception):
    """The request makes no sense: it is stalled."""


class Loader:
    """The boot loader and its memories."""

    def __init__(self, profile: Profile, faults: Faults) -> None:
        self.profile, self.faults = profile, faults
        self.memories = [Memory(geometry) for geometry in profile.memories]
        self.firmware_good = True
        self.protected = False
        self.data_blocks = 0
        self._block = self._position = 0
        self.choose(0)

    def choose(self, alternate: int) -> None:
        self.memory = self.memories[alternate]
        self._pointer = self.memory.geometry.address

    def begin(self) -> None:
        """The next block is the first one of a transfer."""
        self._block = self._position = 0

    def download(self, block: int, data: bytes) -> tuple[Work, bool]:
        """What to do with a block, and whether the power goes in the middle of it.

        Raises:
            Refused: not a block or command that the loader knows.
        """
        if self.profile.is_dfuse and block < DATA_BLOCK:
            return self._command(block, data), False
        number, self.data_blocks = self.data_blocks, self.data_blocks + 1
        if number == self.faults.stall_at:
            raise Refused
        address = self._address(block)
        self._position += len(data)
        if number == self.faults.cut_at:
            return lambda: self._program(address, data[: len(data) // 2], Status.OK), True
        failure = self.faults.fail_at[1] if self.faults.fail_at and self.faults.fail_at[0] == number else Status.OK
        return lambda: self._program(address, data, failure), False

    def _address(self, block: int) -> int:
        """Where a block belongs. Plain DFU has no addresses: blocks follow one another, and are numbered for control."""
        if self.profile.is_dfuse:
            return self._pointer + (block - DATA_BLOCK) * self.profile.transfer_size
        if block != self._block & 0xFFFF:
            raise Refused
        self._block += 1
        return self.memory.geometry.address + self._position

    def _program(self, address: int, data: bytes, failure: Status) -> float:
        self._writeable()
        took = self.profile.block_s
        try:
            took += 0.0 if self.profile.is_dfuse else self._erase_ahead(address, len(data))
            self.memory.program(address, data)
        except Misplaced as error:
            raise Failed(Status.ERR_TARGET if self.profile.is_dfuse else Status.ERR_ADDRESS) from error
        if failure is not Status.OK:
            raise Failed(failure)
        return took

    def _writeable(self) -> None:
        if self.protected:
            raise Failed(Status.ERR_VENDOR)
        self.firmware_good = False

    def _erase_ahead(self, address: int, size: int) -> float:
        """A plain DFU device erases each sector when the first byte of it comes."""
        starts = [at for at in self.memory.sector_starts if address <= at < address + size]
        for at in starts:
            self.memory.erase(at)
        return len(starts) * self.profile.erase_s

    def _command(self, block: int, data: bytes) -> Work:
        commands: dict[tuple[int, int], Callable[[int], float]] = {
            (0x21, 5): self._set_pointer, (0x41, 5): self._erase, (0x41, 1): self._erase_all, (0x92, 1): self.unprotect,
        }  # fmt: skip
        command = commands.get((data[0], len(data)))
        if block or command is None:
            raise Refused
        return lambda: self._at_address(command, int.from_bytes(data[1:], "little"))

    def _at_address(self, command: Callable[[int], float], address: int) -> float:
        try:
            return command(address)
        except Misplaced as error:
            raise Failed(Status.ERR_TARGET) from error

    def _set_pointer(self, address: int) -> float:
        self.memory.check(address)
        self._pointer = address
        return 0.0

    def _erase(self, address: int) -> float:
        self._writeable()
        self.memory.erase(address)
        return self.profile.erase_s

    def _erase_all(self, _address: int) -> float:
        self._writeable()
        self.memory.erase_all()
        return len(self.memory.sector_starts) * self.profile.erase_s

    def unprotect(self, _address: int = 0) -> float:
        """Erase all memories, and let them be read again."""
        for memory in self.memories:
            memory.erase_all()
        self.protected = self.firmware_good = False
        return 0.0

    def manifest(self) -> float:
        self.firmware_good = self.faults.manifest is Status.OK
        if not self.firmware_good:
            raise Failed(self.faults.manifest)
        return self.profile.manifest_s

    def upload(self, block: int, length: int) -> bytes:
        """Bytes for the host; fewer than asked for at the end of the memory.

        Raises:
            Refused: not a block that can be read.
            Failed: the read protection is on.
        """
        if self.protected:
            raise Failed(Status.ERR_VENDOR)
        if self.profile.is_dfuse and block < DATA_BLOCK:
            if block:
                raise Refused
            return bytes([0x00, 0x21, 0x41, 0x92])[:length]
        data = self._told(self._address(block) - self.memory.geometry.address, length)
        self._position += len(data)
        return data

    def _told(self, start: int, length: int) -> bytes:
        if self.faults.upload_endless:
            return bytes(length)
        end = self.faults.upload_ends if self.faults.upload_ends >= 0 else len(self.memory.cells)
        data = bytearray(self.memory.cells[start : max(start, min(end, start + length))])
        if 0 <= self.faults.upload_flip - start < len(data):
            data[self.faults.upload_flip - start] ^= 1
        return bytes(data)
