"""The main job: verify, gate, plan, record, send, restart, read back, check, confirm, record. For every device alike.

`flash` is the whole of it. What differs between devices is behind `transports.device.Update`. Nothing is printed here; what
happens is told through events.
"""

import contextlib
import dataclasses
import pathlib
from collections.abc import Callable, Iterator
from typing import Any

from formats.errors import ToolError
from formats.trust import Trust
from fwtool import gates, permits
from fwtool.events import Log, OnEvent, TaskBegin, TaskEnd, TaskProgress, ignore
from fwtool.locks import device_lock
from fwtool.look import Before, compare_health, look
from fwtool.packages import PackageSource, load_package
from fwtool.records import Records, new_job_id
from fwtool.stick.shelf import FromStick, Shelf, Stick, taken
from transports.device import Choice, Device, Moved, Plan, Update
from transports.dialects import connect
from transports.serial_touch import touch_and_find
from transports.terminal_records import Capability, Facts

MAX_BAUD = 3_000_000
"""Full-speed USB-serial adapters end there."""
NOTHING = Moved(0, 0, 0.0)


@dataclasses.dataclass(frozen=True)
class FlashJob:
    """What is to be done."""

    package: pathlib.Path | str | Stick
    """A file, or a stick that the right one is picked from."""
    port: str
    trust: Trust
    settle: bool = False
    """Settle the batch first."""
    dry_run: bool = False
    resume: bool = True
    confirm: bool = True
    dev: bool = False
    technician: str = ""
    max_baud: int = MAX_BAUD
    """The line is made as fast as it goes up to this rate; 0: it is left as it is."""
    alternate: int = 0
    """Of a USB DFU device: which of its memories."""
    touch: str = ""
    """A serial port that is touched at 1200 baud first: the board behind it starts its boot loader, which `port` names."""
    port_options: dict[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class FlashResult:
    """What was done, to one terminal."""

    job: str
    port: str
    serial_number: str
    protocol: str
    verified_by: str
    """Who checked the signature: the device too, or only the host."""
    read_back: bool
    """What the device holds was compared with the package; elsewhere only its version."""
    version_before: str
    version_after: str
    bytes_image: int
    bytes_sent: int
    duration_s: float
    transfer_s: float
    """Of `duration_s`, the time in which blocks were sent."""
    predicted_s: float
    resumed: bool
    verdict: str
    """updated, unchanged, on_trial or planned."""
    changed: bool
    plan: Plan
    line_limit: float | None
    """Payload bytes per second the line can carry; None if the line is not the limit."""
    bytes_payload: int = 0
    """Payload bytes that were sent in this run, before compression."""
    baud: int = 0
    """Line rate of the transfer; 0 if the line has none."""
    from_stick: FromStick | None = None


def flash(job: FlashJob, records: Records, on_event: OnEvent = ignore) -> FlashResult:
    """Update one terminal, or find that there is nothing to do.

    Every attempt leaves a record; a `started` entry is on the disk before anything is written to the terminal.

    Raises:
        ToolError: with its name and exit code; `resumable` says whether the same call continues the job.
    """
    attempt = Attempt(job, records, on_event)
    with attempt.recorded(), offered(job, on_event) as source:
        return attempt.run(source)


@contextlib.contextmanager
def offered(job: FlashJob, on_event: OnEvent) -> Iterator[PackageSource | Shelf]:
    """What may be sent, every byte of it verified before anybody is called: a package, or those of a stick."""
    if not isinstance(job.package, Stick):
        with verified(job, on_event) as source:
            yield source
        return
    on_event(TaskBegin("verify"))
    with taken(job.package, job.trust, dev=job.dev) as shelf:
        on_event(TaskEnd("verify", 0.0))
        yield shelf


@contextlib.contextmanager
def verified(job: FlashJob, on_event: OnEvent) -> Iterator[PackageSource]:
    """The job's package, every byte of it verified before anybody is called."""
    if isinstance(job.package, Stick):
        hint = "Name the package for several terminals at once; from a stick they are updated one by one."
        raise ToolError("no package is named", name="usage", hint=hint)
    on_event(TaskBegin("verify"))
    package = load_package(job.package, job.trust, dev=job.dev)
    on_event(TaskEnd("verify", 0.0))
    with package.sealed.file:
        yield PackageSource(package)


def simulated(port: str) -> dict[str, Any]:
    """For the record: no real terminal was touched."""
    return {"simulated": True} if port.startswith(("sim:", "replay:")) else {}


class Attempt:
    """One terminal's update, and the record of it.

    Args:
        admit: Told who answers at the port before anything else happens; may raise to keep it out.
    """

    def __init__(
        self,
        job: FlashJob,
        records: Records,
        on_event: OnEvent = ignore,
        admit: Callable[[Facts], None] = lambda facts: None,
    ) -> None:
        self._job, self._records, self._on_event, self._admit = job, records, on_event, admit
        self._id = new_job_id()
        self._started = False
        self._from_stick: FromStick | None = None
        self._origin: dict[str, Any] = {
            "act": "flash",
            "technician": job.technician,
            "port": job.port,
            "package": str(job.package),
            "dev": job.dev,
            **simulated(job.port),
        }

    @contextlib.contextmanager
    def recorded(self) -> Iterator[None]:
        """Whatever ends the attempt goes into the record."""
        try:
            yield
        except BaseException as error:
            if not self._job.dry_run:
                self._note("finished" if self._started else "refused", _failure(error))
            raise

    def _note(self, kind: str, facts: dict[str, Any]) -> None:
        if self._from_stick:
            facts = {**facts, "from_stick": dataclasses.asdict(self._from_stick)}
        self._records.append(self._id, kind, {**self._origin, **facts})

    def run(self, source: PackageSource | Shelf) -> FlashResult:
        """Do it; raises as `flash` does."""
        job = self._job
        if isinstance(source, PackageSource):
            self._origin["digest"] = source.digest.hex()
        if job.touch:
            touch_and_find(job.touch, job.port)
        with connect(job.port, **job.port_options) as device:
            facts = device.facts()
            self._origin |= {
                "serial_number": facts.serial_number, "version_before": facts.version, "protocol": device.protocol,
                "verified_by": device.verified_by,
            }  # fmt: skip
            self._admit(facts)
            with device_lock(self._records.path.parent, facts.who):
                result = self._update(device, self._chosen(source, facts))
                return dataclasses.replace(result, from_stick=self._from_stick)

    def _chosen(self, source: PackageSource | Shelf, facts: Facts) -> PackageSource:
        """A stick is chosen from once the terminal is known."""
        if isinstance(source, PackageSource):
            return source
        choice = source.choose(facts)
        self._from_stick = told = choice.told
        self._origin |= {"package": told.package, "digest": choice.source.digest.hex()}
        self._on_event(Log(f"from the stick: {told.package}, {choice.source.manifest.version}"))
        for other in told.not_taken:
            self._on_event(Log(f"not taken: {other.path}: {other.reason}"))
        return choice.source

    def _update(self, device: Device, source: PackageSource) -> FlashResult:
        job = self._job
        if job.settle and not job.dry_run:
            self._settle(device)
        before = look(device, source.manifest)
        gates.check(before.situation.settled() if job.settle else before.situation)
        self._origin |= permits.check(source.package, job.trust, before.facts)
        update = device.prepare(source, Choice(job.resume, job.max_baud, job.alternate))
        plan = update.plan(before.look_s)
        if job.dry_run or update.in_place():
            update.leave_alone()
            verdict = "planned" if job.dry_run else "unchanged"
            if not job.dry_run:
                self._note("finished", {"verdict": verdict})
            return self._result(device, before, source, update, plan, verdict)
        self._note("started", {"plan": dataclasses.asdict(plan)})
        self._started = True
        result = self._carry_out(device, before, source, update, plan)
        self._note("finished", dataclasses.asdict(result))
        return result

    def _settle(self, device: Device) -> None:
        """Money first: what the bank has cannot be lost."""
        if device.can(Capability.SETTLE) and device.batch().counts_as_open:
            settled = device.settle().batch
            self._on_event(Log(f"settled {settled.count or 0} transactions"))
            self._origin["settled"] = settled.count

    def _carry_out(self, device: Device, before: Before, source: PackageSource, update: Update, plan: Plan) -> FlashResult:
        start = device.now()
        told = _Told(device, self._on_event)
        moved = update.install(told)
        told.end()
        update.read_back()
        compare_health(device, before, update)
        verdict = "updated"
        if self._job.confirm:
            update.confirm()
        elif update.on_trial():
            verdict = "on_trial"
        return self._result(device, before, source, update, plan, verdict, moved, device.now() - start)

    def _result(
        self, device: Device, before: Before, source: PackageSource, update: Update, plan: Plan, verdict: str,
        moved: Moved = NOTHING, duration_s: float = 0.0,
    ) -> FlashResult:  # fmt: skip
        changed = verdict in ("updated", "on_trial")
        return FlashResult(
            job=self._id,
            port=device.port,
            serial_number=before.facts.serial_number,
            protocol=device.protocol,
            verified_by=device.verified_by,
            read_back=update.compared and verdict != "planned",
            version_before=before.facts.version,
            version_after=str(source.manifest.version) if changed else before.facts.version,
            bytes_image=update.size,
            bytes_sent=moved.bytes_written,
            duration_s=round(duration_s, 3),
            transfer_s=round(moved.transfer_s, 3),
            predicted_s=plan.total_s,
            resumed=moved.resumed,
            verdict=verdict,
            changed=changed,
            plan=plan,
            line_limit=update.line_limit,
            bytes_payload=moved.bytes_payload,
            baud=plan.baud,
        )


class _Told:
    """What a device says of an update's progress, as events; each phase begins and ends once."""

    def __init__(self, device: Device, on_event: OnEvent) -> None:
        self._device, self._on_event = device, on_event
        self._phase = ""
        self._first = 0
        self._since = 0.0

    def progress(self, phase: str, done: int, total: int) -> None:
        now = self._device.now()
        if phase != self._phase:
            self.end()
            self._phase, self._first, self._since = phase, done, now
            self._on_event(TaskBegin(phase, total, done))
            return
        elapsed = now - self._since
        rate = (done - self._first) / elapsed if elapsed > 0 else 0.0
        self._on_event(TaskProgress(phase, done, total, rate, (total - done) / rate if rate else None))

    def say(self, text: str) -> None:
        self.end()
        self._on_event(Log(text))

    def end(self) -> None:
        """The phase under way is over."""
        if self._phase:
            self._on_event(TaskEnd(self._phase, self._device.now() - self._since))
        self._phase = ""


def _failure(error: BaseException) -> dict[str, Any]:
    if isinstance(error, ToolError):
        return {"verdict": "failed", "error": error.name, "message": str(error)}
    return {"verdict": "failed", "error": "interrupted" if isinstance(error, KeyboardInterrupt) else "internal"}
