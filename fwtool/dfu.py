"""Flashing a device over USB DFU (1.1 or DfuSe): verify the package, see that it is for this device, write, let the device
judge, read back, record.

The device checks no signature: the host does (`verified_by` host), and the record says so. A package names the device by
its USB numbers: `--hardware usb-VID-PID[:A..B]`, revisions being bcdDevice.
"""

import dataclasses
import pathlib
from collections.abc import Callable, Iterator
from typing import Any, Final

from formats.errors import ToolError
from formats.fwp.content import open_component
from formats.fwp.manifest import NO_ADDRESS, Manifest
from formats.fwp.package import Package
from formats.sources import Flat, Image, Piece
from formats.trust import Trust
from fwtool.events import Log, OnEvent, TaskBegin, TaskEnd, TaskProgress, ignore
from fwtool.locks import device_lock
from fwtool.packages import load_package
from fwtool.records import Records, new_job_id
from transports.dfu.descriptors import Attribute, Mode
from transports.dfu.device import Clock, DfuDevice, Identity
from transports.dfu.dfuse import DfuseSession
from transports.dfu.session import DfuSession

PHASES: Final = {"erase": "erasing", "write": "sending", "verify": "reading back"}


@dataclasses.dataclass(frozen=True)
class DfuJob:
    """What is to be done."""

    package: pathlib.Path | str
    port: str
    trust: Trust
    open: Callable[[], tuple[DfuDevice, Clock]]
    """Finds the device; called after the package has been verified."""
    alternate: int = 0
    """Alternate setting: which of the device's memories."""
    dry_run: bool = False
    dev: bool = False
    technician: str = ""


@dataclasses.dataclass(frozen=True)
class DfuResult:
    """What was done."""

    job: str
    port: str
    serial_number: str
    version_before: str
    """Empty: DFU does not tell."""
    version_after: str
    bytes_image: int
    bytes_sent: int
    duration_s: float
    predicted_s: float
    """0: a device tells only while it writes how long it takes."""
    verdict: str
    """updated, unchanged or planned."""
    changed: bool
    read_back: bool
    """Whether what is in the device was read and compared."""
    resumed: bool = False
    verified_by: str = "host"


def flash_dfu(job: DfuJob, records: Records, on_event: OnEvent = ignore) -> DfuResult:
    """Update one device. A `started` entry is on the disk before anything is written to it.

    Raises:
        ToolError: with its name and exit code.
    """
    job_id = new_job_id()
    origin: dict[str, Any] = {
        "act": "flash", "protocol": "dfu", "verified_by": "host", "technician": job.technician, "port": job.port,
        "package": str(job.package), "dev": job.dev,
    }  # fmt: skip
    started = False

    def note(kind: str, facts: dict[str, Any]) -> None:
        records.append(job_id, kind, {**origin, **facts})

    try:
        on_event(TaskBegin("verify"))
        package = load_package(job.package, job.trust, dev=job.dev)
        on_event(TaskEnd("verify", 0.0))
        with package.sealed.file:
            origin["digest"] = package.sealed.digest.hex()
            device, clock = job.open()
            try:
                serial_number = device.info.serial_number or device.name
                origin["serial_number"] = serial_number
                with device_lock(records.path.parent, f"usb/{serial_number}"):
                    target = _target(job, package, DfuSession(device, clock), on_event)
                    if job.dry_run:
                        return target.result(job_id, "planned")
                    if target.holds_already():
                        note("finished", {"verdict": "unchanged"})
                        return target.result(job_id, "unchanged")
                    note("started", {"bytes": target.size})
                    started = True
                    result = target.update(job_id)
                    note("finished", dataclasses.asdict(result))
                    return result
            finally:
                device.close()
    except BaseException as error:
        if not job.dry_run:
            told = {"error": error.name, "message": str(error)} if isinstance(error, ToolError) else {"error": "interrupted"}
            note("finished" if started else "refused", {"verdict": "failed", **told})
        raise


def check_hardware(manifest: Manifest, identities: tuple[Identity, ...]) -> None:
    """Whether a package is for a device that goes by these numbers in one of its modes.

    Raises:
        ToolError: it is not (`wrong_hardware`).
    """
    if any(manifest.hardware.fits(f"usb-{one.vendor:04x}-{one.product:04x}", one.release) for one in identities):
        return
    found = ", ".join(map(str, identities))
    raise ToolError(
        f"the package is for {manifest.hardware}; this device is {found}", name="wrong_hardware",
        hint=f"Build it with --hardware usb-{identities[0].vendor:04x}-{identities[0].product:04x} if it is meant for it.",
    )  # fmt: skip


def _target(job: DfuJob, package: Package, session: DfuSession, on_event: OnEvent) -> "_Target":
    # A device that runs its firmware shows only the numbers of that; another maker's is not even restarted.
    maker = f"usb-{session.device.info.identity.vendor:04x}-"
    if not package.manifest.model.startswith(maker):
        check_hardware(package.manifest, session.identities)
    ran = session.device.info.mode is Mode.RUN_TIME
    session.enter_dfu_mode()
    try:
        check_hardware(package.manifest, session.identities)
    except ToolError:
        session.restart(confirmed=True)
        raise
    kind = _DfuseTarget if session.device.info.functional.is_dfuse else _PlainTarget
    return kind(job, package, session, on_event, ran=ran)


class _Target:
    """An image and where it goes. Nothing has been written yet."""

    size = 0

    def __init__(self, job: DfuJob, package: Package, session: DfuSession, on_event: OnEvent, *, ran: bool) -> None:
        self._ran = ran
        self._job, self._package, self._session, self._on_event = job, package, session, on_event
        self._start = session.talk.clock.now()
        self._phase = ""
        self.prepare()

    def prepare(self) -> None:
        """Choose what fits the device; raises if nothing does."""
        raise NotImplementedError

    def write(self) -> bool:
        """Write it; get whether the device has said that all is well."""
        raise NotImplementedError

    def compare(self) -> None:
        """Read back and compare. Raises ToolError (`read_back_differs`)."""
        raise NotImplementedError

    def end(self, *, confirmed: bool) -> None:
        """Let the device start what it has."""
        self._session.restart(confirmed=confirmed)

    @property
    def readable(self) -> bool:
        """Whether the device can be read now."""
        return self._session.can(Attribute.CAN_UPLOAD)

    @property
    def was_content(self) -> bool:
        """Whether what the device holds may be good, as far as it tells."""
        return True

    @property
    def readable_after(self) -> bool:
        """Whether it still can when it has been written."""
        return self.readable

    def holds_already(self) -> bool:
        """Whether the device has exactly this already, and was content with it."""
        if not (self.readable and self.was_content):
            return False
        try:
            self.compare()
        except ToolError as error:
            if error.name != "read_back_differs":
                raise
            return False
        return True

    def update(self, job_id: str) -> DfuResult:
        confirmed = self.write()
        if self.readable_after:
            self.compare()
        self._on_event(Log("starting the new firmware"))
        self.end(confirmed=confirmed)
        return self.result(job_id, "updated", sent=self.size, read_back=self.readable_after)

    def result(self, job_id: str, verdict: str, *, sent: int = 0, read_back: bool = False) -> DfuResult:
        clock = self._session.talk.clock
        return DfuResult(
            job=job_id,
            port=self._job.port,
            serial_number=self._session.device.info.serial_number,
            version_before="",
            version_after=str(self._package.manifest.version) if verdict != "planned" else "",
            bytes_image=self.size,
            bytes_sent=sent,
            duration_s=round(clock.now() - self._start, 3),
            predicted_s=0.0,
            verdict=verdict,
            changed=verdict == "updated",
            read_back=read_back or verdict == "unchanged",
        )

    def progress(self, phase: str, done: int, total: int) -> None:
        if phase != self._phase:
            self._phase = phase
            self._on_event(TaskBegin(PHASES[phase], total, 0))
        self._on_event(TaskProgress(PHASES[phase], done, total, 0.0, None))
        if done >= total:
            self._on_event(TaskEnd(PHASES[phase], 0.0))


class _PlainTarget(_Target):
    """DFU 1.1: one run of bytes; the device knows where they belong."""

    def prepare(self) -> None:
        components = self._package.manifest.installed
        if len(components) != 1:
            raise ToolError(
                f"the package has {len(components)} components, a DFU device takes one", name="wrong_hardware",
                hint="Build a package of its own for each alternate setting.",
            )  # fmt: skip
        self._session.select(self._job.alternate)
        self._source = Flat(Image(tuple(_pieces(self._package)), placed=False))
        self.size = self._source.size

    @property
    def was_content(self) -> bool:
        # A device that refused an image at manifestation has all its bytes, and stays in DFU mode.
        return self._ran

    @property
    def readable_after(self) -> bool:
        return self.readable and self._session.can(Attribute.MANIFESTATION_TOLERANT)

    def write(self) -> bool:
        self._session.download(self._source, None, self.progress)
        return self._session.manifest()

    def compare(self) -> None:
        self._session.verify(self._source, self.progress)


class _DfuseTarget(_Target):
    """DfuSe: pieces at addresses."""

    def prepare(self) -> None:
        loose = [component.name for component in self._package.manifest.installed if component.address == NO_ADDRESS]
        if loose:
            raise ToolError(f"component {loose[0]} has no address; this device wants to know it", name="wrong_hardware",
                            hint="Build it from ELF, HEX or S-records, or as FILE@ADDRESS.")  # fmt: skip
        self._dfuse = DfuseSession(self._session, self._job.alternate)
        pieces = sorted(_pieces(self._package), key=lambda piece: piece.address)
        self._plan = self._dfuse.plan(Image(tuple(pieces)), None)
        self.size = self._plan.written

    def write(self) -> bool:
        self._dfuse.write(self._plan, self.progress)
        return True

    def compare(self) -> None:
        self._dfuse.verify(self._plan, self.progress)

    def end(self, *, confirmed: bool) -> None:
        del confirmed
        self._dfuse.leave(self._plan.image.start)


def _pieces(package: Package) -> Iterator[Piece]:
    for component in package.manifest.installed:
        address = 0 if component.address == NO_ADDRESS else component.address
        yield Piece(address, component.installed_size, file=open_component(package, component))


def opener(port: str) -> Callable[[], tuple[DfuDevice, Clock]]:
    """How to find the device that a port names.

    Raises:
        ToolError: no such kind of port (`usage`).
    """
    if port.startswith("sim-dfu:"):
        import importlib

        return lambda: importlib.import_module("hwsim.dfu_port").open_port(port)
    if not port.startswith("usb:"):
        raise ToolError(f"{port} is no USB device", name="usage", hint="Write usb:VID:PID or usb:VID:PID:SERIAL.")

    def found() -> tuple[DfuDevice, Clock]:
        from transports.dfu.usb import WallClock, open_usb

        return open_usb(port), WallClock()

    return found
