"""ST's DfuSe on top of DFU: memory with addresses, erased by sectors (ST AN3156, sections 4 and 5).

A command is a DNLOAD of block 0, data a DNLOAD of block 2 and up. When writing, the address is set before every block, which
is always number 2: some boot loaders count blocks from the address, others take the number for nothing.
"""

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from formats.dfu import Suffix
from formats.errors import FormatError, ToolError
from formats.sources import Image, Piece
from transports.dfu import enumeration
from transports.dfu.conversation import gone, unfinished
from transports.dfu.descriptors import Mode
from transports.dfu.device import Alternate
from transports.dfu.layout import Layout, Right, Sector, is_layout, parse_layout
from transports.dfu.session import DfuSession, Progress, compare, silent
from transports.dfu.status import State
from transports.errors import LinkError

SET_ADDRESS, ERASE, READ_UNPROTECT = 0x21, 0x41, 0x92
DATA_BLOCK: Final = 2
MAX_RUN: Final = (1 << 16) - DATA_BLOCK
"""Block numbers have 16 bits."""
MAX_SECTORS: Final = 1 << 16
_COMMAND: Final = struct.Struct("<BI")


class DfusePlan(NamedTuple):
    """What an image does to one memory of a device."""

    image: Image
    sectors: tuple[Sector, ...]
    """To be erased, ascending."""
    written: int
    """Bytes of the image."""

    @property
    def erased(self) -> int:
        """Bytes in these sectors, those outside of the image included."""
        return sum(sector.size for sector in self.sectors)


class DfuseSession:
    """One memory of a DfuSe device.

    Raises, besides what its methods say, what `DfuSession` does.

    Args:
        alternate: Number of the alternate setting.
    """

    def __init__(self, session: DfuSession, alternate: int = 0) -> None:
        self.session, self.talk = session, session.talk
        if not self.talk.is_dfuse:
            raise ToolError("this device does not speak DfuSe", name="wrong_device", hint="Send it a file without addresses.")
        self.alternate = session.select(alternate)
        self.layout: Layout = parse_layout(self.alternate.name)

    def plan(self, image: Image, suffix: Suffix | None) -> DfusePlan:
        """Check that an image is for this device and fits its memory, and find the sectors it needs. Nothing is sent.

        Raises:
            ToolError: for another device, or for addresses that are not there (`wrong_hardware`), or the device takes nothing
                (`wrong_device`).
            FormatError: more sectors than can be (`too_large`).
        """
        self.session.check_suffix(suffix)
        self.session.require_download()
        sectors: dict[Sector, None] = {}
        for piece in image.pieces:
            end = piece.address + piece.size
            if not self.layout.covers(piece.address, end, Right.WRITE):
                raise ToolError(
                    f"the image has bytes for 0x{piece.address:08x} to 0x{end - 1:08x}; "
                    f"{self.layout.name!r} of this device cannot be written there",
                    name="wrong_hardware", hint=_memory_hint(self.layout),
                )  # fmt: skip
            for sector in self.layout.sectors(piece.address, end, Right.ERASE):
                sectors[sector] = None
                if len(sectors) > MAX_SECTORS:
                    raise FormatError(f"the image needs more than {MAX_SECTORS} sectors", name="too_large")
        return DfusePlan(image, tuple(sectors), sum(piece.size for piece in image.pieces))

    def write(self, plan: DfusePlan, progress: Progress = silent) -> None:
        """Erase the sectors of a plan, then write its image.

        Raises:
            LinkLost: the device fell silent in between (`transfer_incomplete`); begin again.
        """
        self.talk.to_idle()
        with unfinished():
            done = 0
            for sector in plan.sectors:
                self._command(_COMMAND.pack(ERASE, sector.address), f"erasing 0x{sector.address:08x}")
                done += sector.size
                progress("erase", done, plan.erased)
            done = 0
            for address, data in self._blocks(plan.image):
                self.set_address(address)
                self.talk.download(DATA_BLOCK, data)
                self.talk.settle({State.DNLOAD_IDLE}, f"writing 0x{address:08x}")
                done += len(data)
                progress("write", done, plan.written)
            self.talk.to_idle()

    def _blocks(self, image: Image) -> Iterator[tuple[int, bytes]]:
        for piece in image.pieces:
            for start, data in self._parts(piece):
                yield piece.address + start, data

    def _parts(self, piece: Piece) -> Iterator[tuple[int, bytes]]:
        size = self.session.block_size
        for start in range(0, piece.size, size):
            yield start, piece.read(start, min(size, piece.size - start))

    def verify(self, plan: DfusePlan, progress: Progress = silent) -> None:
        """Read back what was written.

        Raises:
            ToolError: it differs (`read_back_differs`), or the memory cannot be read (`wrong_device`).
        """
        before = 0
        for piece in plan.image.pieces:
            written = (data for _, data in self._parts(piece))
            for done in compare(written, self.read(piece.address, piece.size), piece.address, piece.size):
                progress("verify", before + done, plan.written)
            before += piece.size

    def read(self, address: int, size: int) -> Iterator[bytes]:
        """Bytes from an address on; fewer than `size` if the device has no more.

        Raises:
            ToolError: the memory cannot be read (`wrong_device`).
        """
        self.session.require_upload()
        if not self.layout.covers(address, address + size, Right.READ):
            raise ToolError(f"{self.layout.name!r} of this device cannot be read at 0x{address:08x}", name="wrong_device",
                            hint=_memory_hint(self.layout))  # fmt: skip
        for at, blocks, want in self._runs(address, size):
            self.talk.to_idle()
            self.set_address(at)
            self.talk.to_idle()
            for number in range(blocks):
                data = self.talk.upload(DATA_BLOCK + number, want)
                yield data
                if len(data) < want:
                    self.talk.to_idle()
                    return
        self.talk.to_idle()

    def _runs(self, address: int, size: int) -> Iterator[tuple[int, int, int]]:
        """Address, number of blocks and their size, for reads that follow one another without a new address.

        The device counts blocks by its own transfer size (AN3156, 4.1), so only whole ones can follow one another.
        """
        block = self.session.block_size
        longest = MAX_RUN if block == self.talk.device.info.functional.transfer_size else 1
        whole, rest = divmod(size, block)
        for first in range(0, whole, longest):
            yield address + first * block, min(longest, whole - first), block
        if rest:
            yield address + whole * block, 1, rest

    def set_address(self, address: int) -> None:
        """Where the next block goes to, or comes from, or where to start when leaving."""
        self._command(_COMMAND.pack(SET_ADDRESS, address), f"choosing address 0x{address:08x}")

    def erase_all(self) -> None:
        """Erase the whole device, whatever the layout says of it."""
        self.talk.to_idle()
        with unfinished():
            self._command(bytes([ERASE]), "erasing everything")
            self.talk.to_idle()

    def read_unprotect(self) -> Mode | None:
        """Take the read protection off. The device erases all its memory, and restarts.

        Returns:
            The mode it came back in, or None.
        """
        self.talk.to_idle()
        self.talk.download(0, bytes([READ_UNPROTECT]))
        try:
            self.talk.settle({State.DNBUSY}, "removing the read protection")
            self.talk.settle({State.DNLOAD_IDLE}, "removing the read protection", silence_s=0)
        except LinkError as error:  # it restarts in the middle of its answer
            if not gone(error):
                raise
        return enumeration.wait_for(self.talk, None)

    def leave(self, address: int | None = None) -> bool:
        """Let the device leave DFU mode and start what it has at an address; None: where it always starts.

        Returns:
            Whether it went; False: it says that it is done, and stays.
        """
        self.talk.to_idle()
        if address is not None:
            self.set_address(address)
        try:
            self.talk.download(DATA_BLOCK, b"")
            report = self.talk.settle({State.MANIFEST, State.MANIFEST_WAIT_RESET, State.IDLE}, "leaving DFU mode", silence_s=0)
        except LinkError as error:  # gone before it could say so, as the GD32 is
            if not gone(error):
                raise
            return True
        return report.state is not State.IDLE

    def _command(self, command: bytes, doing: str) -> None:
        """A command takes effect when the status is asked for (AN3156, 5.2 to 5.4)."""
        self.talk.download(0, command)
        self.talk.settle({State.DNLOAD_IDLE}, doing)


def memories(alternates: tuple[Alternate, ...]) -> list[tuple[Alternate, Layout]]:
    """The alternate settings whose names are memory maps.

    Raises:
        FormatError: one of the maps cannot be read.
    """
    return [(one, parse_layout(one.name)) for one in alternates if is_layout(one.name)]


def _memory_hint(layout: Layout) -> str:
    zones = ", ".join(f"0x{group.address:08x} to 0x{group.end - 1:08x}" for group in layout.groups)
    return f"It has {zones}. Is the file for this device, and this the right alternate setting?"
