"""What a station does to a unit: a table of steps. Each does one thing, or raises what went wrong."""

import contextlib
import csv
import dataclasses
import functools
import io
import os
import pathlib
import threading
from collections.abc import Callable, Iterator
from typing import Final

from formats.errors import LocalError, ToolError
from fwtool.diagnosis import diagnose
from fwtool.events import Measurement, OnEvent
from fwtool.findings import Finding, Outcome
from fwtool.flashing import Attempt, FlashJob, FlashResult
from fwtool.line.station_file import Slot, Station, read_numbers
from fwtool.locks import file_lock
from fwtool.packages import PackageSource
from fwtool.records import Records, new_job_id
from transports.device import Device
from transports.dialects import connect
from transports.errors import LinkError
from transports.terminal_records import Facts


@dataclasses.dataclass
class UnitRun:
    """One unit's way through the station."""

    slot: Slot
    port: str = ""
    vendor: str = ""
    model: str = ""
    serial_number: str = ""
    version_before: str = ""
    version: str = ""
    digest: str = ""
    step_s: dict[str, float] = dataclasses.field(default_factory=dict)
    error: ToolError | None = None
    first_pass: bool = True
    """It has never failed at this station before."""

    @property
    def empty(self) -> bool:
        """There is nothing in the slot."""
        return self.error is not None and self.error.name == "no_device"

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
        self.failed: set[str] = {
            str(entry.body.get("serial_number"))
            for entry in records.entries()
            if entry.body.get("act") == "station" and entry.body.get("verdict") == "red"
        }


@contextlib.contextmanager
def connected(work: Work, unit: UnitRun) -> Iterator[Device]:
    """The unit at its port; every step looks whether it is still the same one.

    Raises:
        LinkError: another unit is in the slot now (`wrong_device`).
    """
    with connect(unit.port, **work.port_options) as device:
        check_unit(unit, device.facts())
        yield device


def check_unit(unit: UnitRun, facts: Facts) -> None:
    """Raises LinkError if this is another unit than the one that was here at the start."""
    if (facts.vendor, facts.model, facts.serial_number) != (unit.vendor, unit.model, unit.serial_number):
        raise LinkError(
            f"another unit is in the slot now: {facts.model} {facts.serial_number or 'without a serial number'}, "
            f"expected {unit.model} {unit.serial_number or 'without one'}",
            name="wrong_device",
            hint="Units must stay where they are until their line is green or red.",
        )


def _step_serial(work: Work, unit: UnitRun, on_event: OnEvent) -> None:
    """Give a unit without a serial number the next one of the list."""
    del on_event
    if unit.serial_number:
        return
    assert work.station.serial_numbers is not None
    with connected(work, unit) as device:
        number = _next_number(work.station.serial_numbers)
        entry = {"act": "serial", "serial_number": number, "port": unit.port, "technician": work.job.technician}
        job = new_job_id()
        work.records.append(job, "started", entry)
        device.set_serial_number(number)
        unit.serial_number = device.facts().serial_number
        if unit.serial_number != number:
            raise ToolError(f"the unit says it is {unit.serial_number!r}; {number} was written", name="read_back_differs")
        work.records.append(job, "finished", {**entry, "verdict": "done"})


def _next_number(path: pathlib.Path) -> str:
    """The first number of the list that nobody has been given: what is given is kept beside the list, under a lock, so that
    several stations can share one list."""
    numbers = read_numbers(path)
    with file_lock(path.with_name(path.name + ".used")) as used:
        used.seek(0)
        given = {line.strip() for line in used.read().decode("utf-8", "replace").splitlines()}
        number = next((number for number in numbers if number not in given), None)
        if number is None:
            raise LocalError(
                f"{path} has no serial number left", name="file_unreadable", hint="Add numbers, one a line; none twice."
            )
        used.write(f"{number}\n".encode())
        used.flush()
        os.fsync(used.fileno())
    return number


def _step_flash(work: Work, unit: UnitRun, on_event: OnEvent) -> None:
    """Update the unit."""
    assert work.source is not None
    job = dataclasses.replace(work.job, port=unit.port, port_options=work.port_options)
    attempt = Attempt(job, work.records, on_event, functools.partial(check_unit, unit))
    with attempt.recorded():
        result: FlashResult = attempt.run(work.source)
    unit.version, unit.digest = result.version_after, work.source.digest.hex()


def _step_diagnose(work: Work, unit: UnitRun, on_event: OnEvent) -> None:
    """Run the health check, with the station's own limits on top."""
    with connected(work, unit) as device:
        findings = [_limited(finding, work.station.limits) for finding in diagnose(device, work.station.level)]
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
