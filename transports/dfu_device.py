"""The DFU dialect as a device: USB DFU 1.1 and DfuSe. What DFU has is used: erase, write, manifestation, upload, restart.

The device checks no signature: the host does. A package names the device by its USB numbers: `--hardware usb-VID-PID[:A..B]`,
revisions being bcdDevice.
"""

import abc
import importlib
import time
from collections.abc import Iterator, Mapping
from typing import ClassVar, Final, cast

from formats.errors import ToolError
from formats.fwp.content import open_component
from formats.fwp.manifest import NO_ADDRESS
from formats.fwp.package import Package
from formats.sources import Flat, Image, Piece
from formats.versions import Hardware
from transports.device import Choice, Device, Listener, Moved, Plan, Update
from transports.dfu.descriptors import Attribute, Mode
from transports.dfu.device import Clock, DfuDevice, Identity
from transports.dfu.dfuse import DfuseSession
from transports.dfu.enumeration import RETURN_S
from transports.dfu.session import DfuSession, Progress
from transports.offer import Offer
from transports.port_options import PortOptions
from transports.terminal_records import Capability, Facts

PHASES: Final = {"erase": "erasing", "write": "sending", "verify": "reading back"}


def open_port(port: str) -> tuple[DfuDevice, Clock]:
    """The device that a port names, and the clock it lives by.

    Raises:
        ToolError: no such kind of port (`usage`), no such device, several, or not allowed.
    """
    if port.startswith("sim-dfu:"):
        return cast("tuple[DfuDevice, Clock]", importlib.import_module("hwsim.dfu_port").open_port(port))
    if not port.startswith("usb:"):
        raise ToolError(f"{port} is no USB device", name="usage", hint="Write usb:VID:PID or usb:VID:PID:SERIAL.")
    from transports.dfu.usb import WallClock, open_usb

    return open_usb(port), WallClock()


class DfuFlash(Device):
    """A device with a DFU interface, in its firmware or in its boot loader."""

    protocol: ClassVar[str] = "dfu"
    verified_by: ClassVar[str] = "host"
    longest_silence_s: ClassVar[float] = RETURN_S
    instead: ClassVar[Mapping[Capability, str]] = {
        Capability.HEALTH: "DFU can only read and write memory: `fwtool flash` compares what is there.",
        Capability.SLOTS: "DFU knows one image: to go back, flash the older package.",
    }

    def __init__(self, options: PortOptions) -> None:
        if options.trace:
            raise ToolError(
                "what passes over USB is not written to a trace of ours", name="usage",
                hint="The system records it: usbmon with Wireshark (Linux), USBPcap (Windows). Run this without --trace.",
            )  # fmt: skip
        self.port = options.port
        self._device, self._clock = open_port(options.port)
        self.session = DfuSession(self._device, self._clock)

    @property
    def capabilities(self) -> frozenset[Capability]:
        can = {Capability.UPDATE, Capability.RESTART}
        return frozenset(can | {Capability.READ_BACK} if self.session.can(Attribute.CAN_UPLOAD) else can)

    def now(self) -> float:
        return self._clock.now()

    def wall_clock(self) -> int:
        return int(time.time())

    def facts(self) -> Facts:
        info = self._device.info
        return Facts(
            model=_model(info.identity),
            serial_number=info.serial_number or self._device.name,
            version="",
            revision=info.identity.release,
            mode="boot_loader" if info.mode is Mode.DFU else "ready",
            display=", ".join(one.name for one in info.alternates if one.name),
        )

    def fits(self, hardware: Hardware) -> bool:
        """By the numbers of any mode it was seen in. In its firmware it shows only that one's: then the maker has to fit, and
        `prepare` looks again."""
        if any(hardware.fits(_model(one), one.release) for one in self.session.identities):
            return True
        info = self._device.info
        return info.mode is Mode.RUN_TIME and hardware.model.startswith(f"usb-{info.identity.vendor:04x}-")

    def restart(self) -> None:
        """A device in its boot loader starts its firmware; one that runs it already starts it anew."""
        self.session.restart(confirmed=True)

    def prepare(self, offer: Offer, choice: Choice) -> Update:
        """Raises, besides what `Device.prepare` does: DeviceRefused, LinkError if it does not change to DFU mode."""
        ran = self._device.info.mode is Mode.RUN_TIME
        self.session.enter_dfu_mode()
        try:
            self._check(offer.manifest.hardware)
            kind = DfuseUpdate if self._device.info.functional.is_dfuse else PlainUpdate
            return kind(self.session, offer, choice, ran=ran)
        except ToolError:
            if ran:
                self.session.restart(confirmed=True)
            raise

    def _check(self, hardware: Hardware) -> None:
        if not self.fits(hardware):
            found = ", ".join(map(str, self.session.identities))
            raise ToolError(
                f"the package is for {hardware}; this device is {found}", name="wrong_hardware",
                hint=f"Build it with --hardware {_model(self.session.identities[0])} if it is meant for it.",
            )  # fmt: skip

    def close(self) -> None:
        self._device.close()


class DfuUpdate(Update):
    """An image and where it goes."""

    def __init__(self, session: DfuSession, offer: Offer, choice: Choice, *, ran: bool) -> None:
        self._session, self._offer, self._choice, self._ran = session, offer, choice, ran
        self.compared = self.readable

    def plan(self, look_s: float) -> Plan:
        """Without times: a device tells only while it writes how long it takes."""
        del look_s
        block = self._session.block_size
        return Plan("", str(self._offer.manifest.version), -(-self.size // block), 0, self.size)

    @property
    def readable(self) -> bool:
        """Whether the device can be read now."""
        return self._session.can(Attribute.CAN_UPLOAD)

    @property
    def was_content(self) -> bool:
        """Whether what the device holds may be good, as far as it tells."""
        return True

    def in_place(self) -> bool:
        """Whether the device has exactly this already, and was content with it."""
        if not (self.readable and self.was_content):
            return False
        try:
            self.compare(_Deaf())
        except ToolError as error:
            if error.name != "read_back_differs":
                raise
            return False
        return True

    def install(self, listener: Listener) -> Moved:
        start = self._session.talk.clock.now()
        confirmed = self.write(listener)
        seconds = self._session.talk.clock.now() - start
        if self.compared:
            self.compare(listener)
        listener.say("starting the new firmware")
        self.end(confirmed=confirmed)
        return Moved(self.size, self.size, seconds)

    def leave_alone(self) -> None:
        if self._ran:
            self._session.restart(confirmed=True)

    def read_back(self) -> None:
        """Done before the device was let go: now its firmware runs, which need not be readable."""

    @abc.abstractmethod
    def write(self, listener: Listener) -> bool:
        """Write it; get whether the device has said that all is well."""

    @abc.abstractmethod
    def compare(self, listener: Listener) -> None:
        """Read back and compare. Raises ToolError (`read_back_differs`)."""

    def end(self, *, confirmed: bool) -> None:
        """Let the device start what it has."""
        self._session.restart(confirmed=confirmed)


class _Deaf:
    """For what nobody watches."""

    def progress(self, phase: str, done: int, total: int) -> None:
        pass

    def say(self, text: str) -> None:
        pass


class PlainUpdate(DfuUpdate):
    """DFU 1.1: one run of bytes; the device knows where they belong."""

    def __init__(self, session: DfuSession, offer: Offer, choice: Choice, *, ran: bool) -> None:
        super().__init__(session, offer, choice, ran=ran)
        components = offer.manifest.installed
        if len(components) != 1:
            raise ToolError(
                f"the package has {len(components)} components, a DFU device takes one", name="wrong_hardware",
                hint="Build a package of its own for each alternate setting.",
            )  # fmt: skip
        session.select(choice.alternate)
        self._source = Flat(Image(tuple(_pieces(offer.package)), placed=False))
        self.size = self._source.size
        self.compared = self.readable and session.can(Attribute.MANIFESTATION_TOLERANT)

    @property
    def was_content(self) -> bool:
        # A device that refused an image at manifestation has all its bytes, and stays in DFU mode.
        return self._ran

    def write(self, listener: Listener) -> bool:
        self._session.download(self._source, None, _phases(listener))
        return self._session.manifest()

    def compare(self, listener: Listener) -> None:
        self._session.verify(self._source, _phases(listener))


class DfuseUpdate(DfuUpdate):
    """DfuSe: pieces at addresses."""

    def __init__(self, session: DfuSession, offer: Offer, choice: Choice, *, ran: bool) -> None:
        super().__init__(session, offer, choice, ran=ran)
        loose = [component.name for component in offer.manifest.installed if component.address == NO_ADDRESS]
        if loose:
            raise ToolError(f"component {loose[0]} has no address; this device wants to know it", name="wrong_hardware",
                            hint="Build it from ELF, HEX or S-records, or as FILE@ADDRESS.")  # fmt: skip
        self._dfuse = DfuseSession(session, choice.alternate)
        pieces = sorted(_pieces(offer.package), key=lambda piece: piece.address)
        self._writes = self._dfuse.plan(Image(tuple(pieces)), None)
        self.size = self._writes.written

    def write(self, listener: Listener) -> bool:
        self._dfuse.write(self._writes, _phases(listener))
        return True

    def compare(self, listener: Listener) -> None:
        self._dfuse.verify(self._writes, _phases(listener))

    def end(self, *, confirmed: bool) -> None:
        del confirmed
        self._dfuse.leave(self._writes.image.start)


def _phases(listener: Listener) -> Progress:
    return lambda phase, done, total: listener.progress(PHASES[phase], done, total)


def _pieces(package: Package) -> Iterator[Piece]:
    for component in package.manifest.installed:
        address = 0 if component.address == NO_ADDRESS else component.address
        yield Piece(address, component.installed_size, file=open_component(package, component))


def _model(identity: Identity) -> str:
    return f"usb-{identity.vendor:04x}-{identity.product:04x}"
