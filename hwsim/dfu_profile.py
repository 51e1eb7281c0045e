"""What kind of DFU device is simulated, and what goes wrong with it."""

import dataclasses
from collections.abc import Callable
from typing import Final

from hwsim.dfu_memory import Geometry, Run
from transports.dfu.device import Identity
from transports.dfu.status import Status

CAN_DOWNLOAD, CAN_UPLOAD, TOLERANT, WILL_DETACH = 1, 2, 4, 8
DFUSE: Final = 0x011A


@dataclasses.dataclass(frozen=True)
class Profile:
    """What kind of device it is. Times in seconds."""

    dfu: Identity = Identity(0x1209, 0x0002, 0x0100)
    run_time: Identity = Identity(0x1209, 0x0001, 0x0100)
    serial_number: str = "SIM-0001"
    attributes: int = CAN_DOWNLOAD | CAN_UPLOAD | TOLERANT
    version: int = 0x0110
    transfer_size: int = 256
    detach_timeout_ms: int = 1000
    memories: tuple[Geometry, ...] = (Geometry("Firmware", 0, (Run(8, 1024),)),)
    boot_pin: bool = False
    """Whether it starts in DFU mode whatever it holds, as with a jumper set."""
    block_s: float = 0.02
    erase_s: float = 0.5
    manifest_s: float = 1.0
    away_s: float = 1.0
    """How long it is off the bus when it restarts."""

    @property
    def is_dfuse(self) -> bool:
        return self.version == DFUSE

    def can(self, attribute: int) -> bool:
        return bool(self.attributes & attribute)


@dataclasses.dataclass
class Faults:
    """What goes wrong; blocks of data are counted from 0 since the device was made."""

    stall_at: int = -1
    fail_at: tuple[int, Status] | None = None
    cut_at: int = -1
    """The power goes in the middle of this block."""
    manifest: Status = Status.OK
    cut_at_manifest: bool = False
    silent_after_manifest: bool = False
    """It does not answer between manifestation and reset, as is allowed to devices that are not tolerant."""
    accepts: int = 0
    """Most bytes it really takes in a block; 0: as it says."""
    upload_flip: int = -1
    """Byte of an upload that is told wrong."""
    upload_ends: int = -1
    """Byte at which an upload ends."""
    upload_endless: bool = False
    poll_ms: int = -1
    """bwPollTimeout of every status; -1: as long as it takes."""
    busy_for_ever: bool = False
    busy_stalls: int = 0
    """How often it refuses to tell its status while it is busy."""
    busy_silent: int = 0
    """How often it does not answer while it is busy."""
    never_back: bool = False
    stays_in_run_time: bool = False
    leaves_early: bool = False
    """It leaves DFU mode before it has said so (GD32)."""
    answer: Callable[[bytes], bytes] = bytes
    """What it makes of each status that it should tell."""
