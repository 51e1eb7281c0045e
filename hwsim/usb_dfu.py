"""A simulated DFU device, or another one of its shape, on a USB bus."""

import dataclasses
from typing import Any

from hwsim.dfu_device import SimulatedDfu
from hwsim.dfu_profile import Profile
from hwsim.usb_device import IN, SERIAL_STRING, Setup, UsbDevice
from transports.dfu.device import Identity, Stalled
from transports.dfu.usb import WallClock

CLASS_OUT, CLASS_IN = 0x21, 0xA1


class DfuUsb(UsbDevice):
    """The device on the bus.

    Args:
        device: As `hwsim.dfu_device.SimulatedDfu`: a `DfuDevice` that tells its descriptors too.
    """

    def __init__(self, device: Any, ports: tuple[int, ...] = (1,)) -> None:
        super().__init__(ports)
        self.device = device

    @property
    def identity(self) -> Identity:
        found = self.device.info.identity
        assert isinstance(found, Identity)
        return found

    @property
    def on_bus(self) -> bool:
        return bool(self.device.find_again())

    @property
    def session(self) -> object:
        return None if getattr(self.device, "gone", False) else self

    def configuration(self) -> bytes:
        return bytes(self.device.configuration())

    def string(self, index: int) -> str:
        return str(self.device.info.serial_number if index == SERIAL_STRING else self.device.string(index))

    def select(self, alternate: int) -> None:
        self.device.select(alternate)

    def reset(self) -> None:
        super().reset()
        self.device.reset()

    def other_request(self, setup: Setup, data: bytes) -> bytes:
        if setup.kind not in (CLASS_OUT, CLASS_IN) or setup.target:
            raise Stalled(-1)
        if setup.kind & IN:
            return bytes(self.device.control_in(setup.request, setup.value, setup.length))
        self.device.control_out(setup.request, setup.value, data)
        return b""


def dfu_usb(profile: Profile, ports: tuple[int, ...] = (2,)) -> DfuUsb:
    """A device that starts in DFU mode, as with its boot key held, in real time."""
    return DfuUsb(SimulatedDfu(dataclasses.replace(profile, boot_pin=True), WallClock()), ports)
