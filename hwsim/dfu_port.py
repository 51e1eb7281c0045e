"""A simulated DFU device inside the process, in virtual time: `sim-dfu:?kind=dfuse&file=DEVICE.bin`.

`kind` is `plain` (DFU 1.1) or `dfuse` (as the boot loader of an STM32); with `file`, what it holds survives the process.
"""

import pathlib
import urllib.parse
from typing import Final

from formats.errors import ToolError
from hwsim.dfu_device import SimulatedDfu
from hwsim.dfu_memory import Geometry, Run
from hwsim.dfu_profile import CAN_DOWNLOAD, CAN_UPLOAD, DFUSE, WILL_DETACH, Profile
from transports.dfu.device import Identity

FLASH: Final = Geometry("Internal Flash", 0x08000000, (Run(4, 16 << 10), Run(1, 64 << 10), Run(3, 128 << 10)))
"""The first half megabyte of an STM32F4 (RM0090, table 5)."""
KINDS: Final = {
    "plain": Profile(memories=(Geometry("Firmware", 0, (Run(64, 4096),)),), transfer_size=2048),
    "dfuse": Profile(
        dfu=Identity(0x1209, 0xDF11, 0x2200), version=DFUSE, memories=(FLASH,), boot_pin=True,
        attributes=CAN_DOWNLOAD | CAN_UPLOAD | WILL_DETACH, transfer_size=2048,
    ),
}  # fmt: skip


class VirtualClock:
    """Time that passes only where somebody sleeps."""

    def __init__(self) -> None:
        self._now = 0.0

    def now(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        self._now += seconds


class _Kept(SimulatedDfu):
    """A device whose memory is a file."""

    def __init__(self, profile: Profile, clock: VirtualClock, path: pathlib.Path | None) -> None:
        super().__init__(profile, clock)
        self._path = path
        if path is not None and path.exists():
            cells = self.loader.memory.cells
            data = path.read_bytes()[: len(cells)]
            cells[: len(data)] = data

    def close(self) -> None:
        if self._path is not None:
            self._path.write_bytes(bytes(self.loader.memory.cells))
        super().close()


def open_port(port: str) -> tuple[SimulatedDfu, VirtualClock]:
    """The device that a port names.

    Raises:
        ToolError: an unknown option (`usage`).
    """
    query = urllib.parse.urlsplit(port).query
    options = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
    kind, file = options.pop("kind", "plain"), options.pop("file", "")
    if options or kind not in KINDS:
        raise ToolError(f"{port!r} is no simulated DFU device", name="usage", hint=f"sim-dfu:?kind={'|'.join(KINDS)}&file=F")
    clock = VirtualClock()
    return _Kept(KINDS[kind], clock, pathlib.Path(file) if file else None), clock
