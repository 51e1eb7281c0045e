"""What a station does to a unit: a table of steps. Each does one thing, or raises what went wrong."""

import csv
import dataclasses
import io
import pathlib
import threading
from collections.abc import Callable, Sequence
from typing import Final

from formats.errors import LocalError, ToolError
from fwtool.connection import connect
from fwtool.diagnosis import diagnose
from fwtool.events import Measurement, OnEvent
from fwtool.findings import Finding, Outcome
from fwtool.flashing import Attempt, FlashJob, FlashResult
from fwtool.line.station_file import Slot, Station
from fwtool.packages import PackageSource
from fwtool.records import Records, new_job_id
from transports.tsp import messages
from transports.tsp.messages import Opcode


@dataclasses.dataclass
class UnitRun:
    """One unit's way through the station."""

    slot: Slot
    port: str = ""
    serial_number: str = ""
    version: str = ""
    digest: str = ""
    step_s: dict[str, float] = dataclasses.field(default_factory=dict)
    error: ToolError | None = None
    first_pass: bool = True
    """It has never failed at this station before."""

    @property
    def green(self) -> bool:
        return self.error is None


class Work:
    """What the steps of all units share."""

    def __init__(self, station: Station, records: Records, source: PackageSource | None, job: FlashJob) -> None:
        self.station, self.records, self.source, self.job = station, records, source, job
        self.lock = threading.Lock()
        self.stop = threading.Event()
        self.port_options = {**job.port_options, "stop": self.stop}
        self.given: set[str] = {
            str(entry.body.get("serial_number")) for entry in records.entries() if entry.body.get("act") == "serial"
        }
        self.failed: set[str] = {
            str(entry.body.get("serial_number"))
            for entry in records.entries()
            if entry.body.get("act") == "station" and entry.body.get("verdict") == "red"
        }


def _step_serial(work: Work, unit: UnitRun, on_event: OnEvent) -> None:
    """Give a unit without a serial number the next one of the list."""
    del on_event
    if unit.serial_number:
        return
    assert work.station.serial_numbers is not None
    with work.lock:
        number = next((n for n in _numbers(work.station.serial_numbers) if n not in work.given), None)
        if number is None:
            raise LocalError(f"{work.station.serial_numbers} has no serial number left", name="file_unreadable")
        work.given.add(number)
        facts = {"act": "serial", "serial_number": number, "port": unit.port, "technician": work.job.technician}
        job = new_job_id()
        work.records.append(job, "started", facts)
    with connect(unit.port, **work.port_options) as connection:
        connection.ask(Opcode.SERIAL_SET, messages.Empty, messages.SerialNumber(serial_number=number))
        unit.serial_number = connection.info().serial_number
    if unit.serial_number != number:
        raise ToolError(f"the unit says it is {unit.serial_number!r}; {number} was written", name="read_back_differs")
    work.records.append(job, "finished", {**facts, "verdict": "done"})


def _numbers(path: pathlib.Path) -> Sequence[str]:
    try:
        return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise LocalError(f"{path} cannot be read: {error}") from error


def _step_flash(work: Work, unit: UnitRun, on_event: OnEvent) -> None:
    """Update the unit."""
    assert work.source is not None
    job = dataclasses.replace(work.job, port=unit.port, port_options=work.port_options)
    attempt = Attempt(job, work.records, on_event)
    with attempt.recorded():
        result: FlashResult = attempt.run(work.source)
    unit.version, unit.digest = result.version_after, work.source.digest.hex()


def _step_diagnose(work: Work, unit: UnitRun, on_event: OnEvent) -> None:
    """Run the health check, with the station's own limits on top."""
    with connect(unit.port, **work.port_options) as connection:
        findings = [_limited(finding, work.station.limits) for finding in diagnose(connection, work.station.level)]
    for finding in findings:
        if finding.value is not None:
            measured = Measurement(finding.id, finding.value, finding.unit, finding.low, finding.high, str(finding.outcome))
            on_event(measured)
    failed = [finding for finding in findings if finding.outcome is Outcome.FAIL]
    if failed:
        raise ToolError(", ".join(_said(finding) for finding in failed), name="diagnostic_failed", hint=failed[0].action.en)


def _limited(finding: Finding, limits: dict[str, dict[str, float]]) -> Finding:
    own = limits.get(finding.id)
    if own is None or finding.value is None:
        return finding
    low, high = own.get("low", finding.low), own.get("high", finding.high)
    outside = (low is not None and finding.value < low) or (high is not None and finding.value > high)
    return dataclasses.replace(finding, low=low, high=high, outcome=Outcome.FAIL if outside else finding.outcome)


def _said(finding: Finding) -> str:
    if finding.value is None:
        return finding.id
    bounds = [f"{word} {bound:g}" for word, bound in (("at least", finding.low), ("at most", finding.high)) if bound is not None]
    return f"{finding.id} is {finding.value:g} {finding.unit}".rstrip() + (f" ({', '.join(bounds)})" if bounds else "")


def _step_label(work: Work, unit: UnitRun, on_event: OnEvent) -> None:
    """Append the data of the unit's label to the file that the label printer reads."""
    del on_event
    path = work.station.labels
    assert path is not None
    row = {"serial_number": unit.serial_number, "version": unit.version, "digest": unit.digest[:16], "slot": unit.slot.name}
    with work.lock:
        text = io.StringIO()
        writer = csv.DictWriter(text, list(row))
        try:
            if not path.exists():
                writer.writeheader()
            writer.writerow(row)
            with path.open("a", encoding="utf-8", newline="") as file:
                file.write(text.getvalue())
        except OSError as error:
            raise LocalError(f"{path} cannot be written: {error.strerror}", name="disk") from error


STEPS: Final[dict[str, Callable[[Work, UnitRun, OnEvent], None]]] = {
    "serial": _step_serial,
    "flash": _step_flash,
    "diagnose": _step_diagnose,
    "label": _step_label,
}
