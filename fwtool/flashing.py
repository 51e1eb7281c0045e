"""The main job: verify, gate, plan, record, send, restart, read back, check, confirm, record.

`flash` is the whole of it; each step is a function that does one thing and raises what went wrong. Nothing is printed
here; what happens is told through events.
"""

import contextlib
import dataclasses
import pathlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from formats.errors import ToolError
from formats.fwp.table import ENTRIES_PER_PAGE
from formats.trust import Trust
from fwtool import gates
from fwtool.connection import Connection, connect
from fwtool.events import Log, OnEvent, TaskBegin, TaskEnd, TaskProgress, ignore
from fwtool.locks import device_lock
from fwtool.look import Before, look
from fwtool.packages import PackageSource, load_package
from fwtool.plan import Plan, make_plan
from fwtool.read_back import compare_health, read_back, same_terminal
from fwtool.records import Records, new_job_id
from fwtool.stick.shelf import FromStick, Shelf, Stick, taken
from transports.errors import DeviceRefused, LinkError, LinkLost
from transports.rehearsal import LineFacts
from transports.tsp import messages
from transports.tsp.messages import Mode, Opcode, SlotState
from transports.tsp_rate import raise_rate
from transports.tsp_update import send_update

MAX_BAUD = 3_000_000
"""Full-speed USB-serial adapters end there."""


@dataclasses.dataclass(frozen=True)
class FlashJob:
    """What is to be done."""

    package: pathlib.Path | str | Stick
    """A file, or a stick that the right one is picked from."""
    port: str
    trust: Trust
    dry_run: bool = False
    resume: bool = True
    confirm: bool = True
    dev: bool = False
    technician: str = ""
    max_baud: int = MAX_BAUD
    """The line is made as fast as it goes up to this rate; 0: it is left as it is."""
    port_options: dict[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class FlashResult:
    """What was done, to one terminal."""

    job: str
    port: str
    serial_number: str
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
        admit: Callable[[messages.Info], None] = lambda info: None,
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
        with connect(job.port, **job.port_options) as connection:
            info = connection.info()
            self._origin["serial_number"] = info.serial_number
            self._origin["version_before"] = str(info.version)
            self._admit(info)
            with device_lock(self._records.path.parent, f"{info.vendor}/{info.model}/{info.serial_number}"):
                result = self._update(connection, self._chosen(source, info))
                return dataclasses.replace(result, from_stick=self._from_stick)

    def _chosen(self, source: PackageSource | Shelf, info: messages.Info) -> PackageSource:
        """A stick is chosen from once the terminal is known."""
        if isinstance(source, PackageSource):
            return source
        choice = source.choose(info)
        self._from_stick = told = choice.told
        self._origin |= {"package": told.package, "digest": choice.source.digest.hex()}
        self._on_event(Log(f"from the stick: {told.package}, {choice.source.manifest.version}"))
        for other in told.not_taken:
            self._on_event(Log(f"not taken: {other.path}: {other.reason}"))
        return choice.source

    def _update(self, connection: Connection, source: PackageSource) -> FlashResult:
        job = self._job
        before = look(connection, source)
        gates.check(before.situation)
        raise_rate(connection.terminal, job.max_baud)
        same_terminal(connection, before)  # raising may have taken a new session
        plan = _plan(job, connection, source, before)
        if job.dry_run:
            return _result(self._id, connection, before, source, plan, verdict="planned")
        if _installed(before, source):
            self._note("finished", {"verdict": "unchanged"})
            return _result(self._id, connection, before, source, plan, verdict="unchanged")
        self._note("started", {"plan": dataclasses.asdict(plan)})
        self._started = True
        result = _carry_out(job, self._id, connection, source, before, plan, self._on_event)
        self._note("finished", dataclasses.asdict(result))
        return result


def _failure(error: BaseException) -> dict[str, Any]:
    if isinstance(error, ToolError):
        return {"verdict": "failed", "error": error.name, "message": str(error)}
    return {"verdict": "failed", "error": "interrupted" if isinstance(error, KeyboardInterrupt) else "internal"}


def _plan(job: FlashJob, connection: Connection, source: PackageSource, before: Before) -> Plan:
    terminal = connection.terminal
    trip = terminal.link.round_trip.least_s or 0.0
    return make_plan(
        source,
        before.situation.info,
        terminal.peer,
        LineFacts(terminal.pipe.byte_time_s, trip),
        held=_holding(connection, source) if job.resume else frozenset(),
        baud=terminal.pipe.baud,
        look_s=before.look_s,
    )


def _holding(connection: Connection, source: PackageSource) -> frozenset[int]:
    """Blocks that the terminal says it has."""
    held: set[int] = set()
    for first in range(0, source.block_count, ENTRIES_PER_PAGE):
        hints = source.hints(first)
        question = messages.HoldingRequest(block_size=source.manifest.block_size, first=first, digests=b"".join(hints))
        try:
            answer = connection.ask(Opcode.HOLDING, messages.Held, question)
        except DeviceRefused:
            return frozenset()  # an older terminal: it tells only while the update runs
        held |= {first + n for n in range(len(hints)) if answer.blocks >> n & 1}
    return frozenset(held)


def _installed(before: Before, source: PackageSource) -> bool:
    running = before.situation.running
    return running is not None and running.digest == source.digest and running.state is SlotState.ACTIVE


def _carry_out(
    job: FlashJob, job_id: str, connection: Connection, source: PackageSource, before: Before, plan: Plan, on_event: OnEvent
) -> FlashResult:
    start = connection.now()
    running = before.situation.running
    on_trial = running is not None and running.digest == source.digest and before.situation.status.mode is Mode.TRIAL
    sent = None if on_trial else _send(job, connection, source, on_event)
    if not on_trial:
        on_event(Log("restarting into the new firmware"))
        connection.restart()
    read_back(connection, source, before)
    compare_health(connection, before)
    verdict = "on_trial"
    if job.confirm:
        connection.ask(Opcode.CONFIRM, messages.Empty, messages.Confirm(digest=source.digest))
        verdict = "updated"
    return _result(job_id, connection, before, source, plan, verdict=verdict, sent=sent, start=start)


class _Transfer(NamedTuple):
    bytes_written: int
    bytes_payload: int
    duration_s: float
    resumed: bool


def _send(job: FlashJob, connection: Connection, source: PackageSource, on_event: OnEvent) -> _Transfer:
    total = source.manifest.installed_size
    start = connection.now()
    first: int | None = None

    def progress(blocks: int, written: int) -> None:
        del written
        nonlocal first
        done = source.bytes_before(blocks)
        if first is None:
            first = done
            on_event(TaskBegin("transfer", total, done))
            return
        elapsed = connection.now() - start
        rate = (done - first) / elapsed if elapsed > 0 else 0.0
        on_event(TaskProgress("transfer", done, total, rate, (total - done) / rate if rate else None))

    try:
        sent = send_update(connection.terminal, source, resume=job.resume, progress=progress)
    except LinkLost as error:
        raise LinkError(
            f"the transfer stopped: {error.message}",
            name="transfer_incomplete",
            hint="The terminal keeps its old firmware. Run the same command again: it goes on where it stopped.",
            resumable=True,
        ) from error
    duration = connection.now() - start
    on_event(TaskEnd("transfer", duration))
    return _Transfer(sent.bytes_written, sent.payload_sent, duration, sent.blocks_resumed > 0)


def _result(
    job_id: str,
    connection: Connection,
    before: Before,
    source: PackageSource,
    plan: Plan,
    *,
    verdict: str,
    sent: _Transfer | None = None,
    start: float | None = None,
) -> FlashResult:
    changed = verdict in ("updated", "on_trial")
    byte_time = connection.terminal.pipe.byte_time_s * (connection.terminal.pipe.baud / plan.baud if plan.baud else 1)
    return FlashResult(
        job=job_id,
        port=connection.port,
        serial_number=before.situation.info.serial_number,
        version_before=str(before.situation.info.version),
        version_after=str(source.manifest.version if changed else before.situation.info.version),
        bytes_image=source.manifest.installed_size,
        bytes_sent=sent.bytes_written if sent else 0,
        duration_s=round(connection.now() - start, 3) if start is not None else 0.0,
        transfer_s=round(sent.duration_s, 3) if sent else 0.0,
        predicted_s=plan.total_s,
        resumed=bool(sent and sent.resumed),
        verdict=verdict,
        changed=changed,
        plan=plan,
        line_limit=1 / byte_time if byte_time else None,
        bytes_payload=sent.bytes_payload if sent else 0,
        baud=plan.baud,
    )
