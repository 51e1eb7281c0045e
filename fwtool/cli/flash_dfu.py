"""`fwtool flash` for a device that speaks USB DFU."""

import dataclasses
import pathlib

from formats.errors import ToolError
from fwtool.cli.app import App, Outcome
from fwtool.cli.output import size_text
from fwtool.dfu import DfuJob, DfuResult, flash_dfu, opener
from fwtool.flashing import FlashJob
from fwtool.records import Records


def run(app: App, job: FlashJob, alternate: int) -> Outcome:
    """Flash the one device that the job's port names; see `fwtool.dfu`."""
    if not isinstance(job.package, pathlib.Path | str):
        raise ToolError("a stick cannot be picked from for a USB device yet", name="usage", hint="Name the package.")
    wanted = DfuJob(
        package=job.package, port=job.port, trust=job.trust, open=opener(job.port), alternate=alternate, dry_run=job.dry_run,
        dev=job.dev, technician=job.technician,
    )  # fmt: skip
    result = flash_dfu(wanted, Records(app.state_dir), app.output.on_event)
    app.output.context.update(port=result.port, serial_number=result.serial_number)
    return Outcome({"devices": [dataclasses.asdict(result)]}, _lines(result), result.changed)


def _lines(result: DfuResult) -> list[str]:
    if result.verdict == "planned":
        return [f"would write {size_text(result.bytes_image)} to {result.serial_number}"]
    if result.verdict == "unchanged":
        return [f"{result.serial_number}: has these bytes already, nothing to do"]
    checked = "read back and equal" if result.read_back else "the device says it is good; it cannot be read back"
    return [
        f"{size_text(result.bytes_sent)} in {result.duration_s:.1f} s, {checked}",
        f"{result.serial_number}: now {result.version_after}, record {result.job}",
    ]
