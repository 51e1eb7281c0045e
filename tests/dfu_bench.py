"""A simulated DFU device, a session with it, and virtual time, for the tests of `transports.dfu`."""

from typing import Any, NamedTuple

from formats.sources import Flat, Image, Piece
from hwsim.dfu_device import SimulatedDfu
from hwsim.dfu_memory import Allows, Geometry, Run
from hwsim.dfu_profile import CAN_DOWNLOAD, CAN_UPLOAD, DFUSE, WILL_DETACH, Faults, Profile
from tests.support import pattern
from transports.dfu import conversation
from transports.dfu.descriptors import Attribute, Mode
from transports.dfu.device import Identity
from transports.dfu.dfuse import DfuseSession
from transports.dfu.session import DfuSession


class VirtualClock:
    """Time that passes only where somebody sleeps."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        assert 0 < seconds <= conversation.LONGEST_BUSY_S
        self.time += seconds


def flat(data: bytes) -> Flat:
    return Flat(Image((Piece(0, len(data), data=data),)))


IMAGE = pattern(5 * 1024 + 77, seed=21)
"""Longer than five sectors, and not a whole number of blocks."""
PLAIN = Profile()
STUBBORN = Profile(attributes=CAN_DOWNLOAD | CAN_UPLOAD)
"""Not tolerant: after manifestation it wants a reset."""
FLASH = Geometry("Internal Flash", 0x08000000, (Run(4, 1024), Run(1, 4096), Run(3, 8192)))
OPTIONS = Geometry("Option Bytes", 0x1FFFC000, (Run(1, 16, Allows.READ | Allows.WRITE),))
ST = Profile(
    dfu=Identity(0x1209, 0xDF11, 0x2200), version=DFUSE, memories=(FLASH, OPTIONS), boot_pin=True,
    attributes=CAN_DOWNLOAD | CAN_UPLOAD | WILL_DETACH, transfer_size=512,
)  # fmt: skip
"""As the boot loader in ROM of an STM32."""


class Bench(NamedTuple):
    """A simulated device and a session with it."""

    device: SimulatedDfu
    session: DfuSession
    clock: VirtualClock

    @property
    def cells(self) -> bytes:
        return bytes(self.device.loader.memory.cells)


def bench(profile: Profile = PLAIN, faults: Faults | None = None, **session: Any) -> Bench:
    clock = VirtualClock()
    device = SimulatedDfu(profile, clock, faults)
    return Bench(device, DfuSession(device, clock, **session), clock)


def in_dfu_mode(profile: Profile = PLAIN, faults: Faults | None = None, **session: Any) -> Bench:
    made = bench(profile, faults, **session)
    made.session.enter_dfu_mode()
    return made


def update(session: DfuSession, data: bytes = IMAGE) -> Mode | None:
    """A whole update, as far as the device lets itself be read."""
    source = flat(data)
    session.enter_dfu_mode()
    session.download(source, None)
    confirmed = session.manifest()
    if session.can(Attribute.MANIFESTATION_TOLERANT) and session.can(Attribute.CAN_UPLOAD):
        session.verify(source)
    return session.restart(confirmed=confirmed)


ST_IMAGE = Image((Piece(0x08000000, len(IMAGE), data=IMAGE), Piece(0x08002100, 600, data=b"\x5a" * 600)))
ST_CELLS = IMAGE + b"\xff" * (0x2100 - len(IMAGE)) + b"\x5a" * 600 + b"\xff" * (0x8000 - 0x2100 - 600)


def update_st(session: DfuSession) -> bool:
    memory = DfuseSession(session)
    plan = memory.plan(ST_IMAGE, None)
    memory.write(plan)
    memory.verify(plan)
    return memory.leave(0x08000000)
