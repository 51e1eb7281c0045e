"""Acts that change a terminal leave a record, whether they succeed or not."""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from formats.errors import ToolError
from fwtool.cli.app import App
from fwtool.flashing import simulated
from fwtool.records import Records, new_job_id

if TYPE_CHECKING:
    from transports.device import Device


@contextlib.contextmanager
def recorded(app: App, act: str, device: "Device") -> Iterator[dict[str, Any]]:
    """A started entry before, a finished one after; what the verb puts into the dictionary goes into the latter."""
    records, job = Records(app.state_dir), new_job_id()
    origin = {
        "act": act,
        "technician": app.settings.technician,
        "port": device.port,
        "serial_number": device.facts().serial_number,
        **simulated(device.port),
    }
    records.append(job, "started", origin)
    facts: dict[str, Any] = {}
    try:
        yield facts
    except ToolError as error:
        records.append(job, "finished", {**origin, **facts, "verdict": "failed", "error": error.name, "message": str(error)})
        raise
    except BaseException:
        records.append(job, "finished", {**origin, **facts, "verdict": "failed", "error": "interrupted"})
        raise
    records.append(job, "finished", {**origin, **facts, "verdict": facts.get("verdict", "done")})
