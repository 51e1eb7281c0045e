"""What the acts of a visit work with: the terminal, the answers so far, and the gates before a change."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from formats.errors import ToolError
from formats.trust import Trust
from formats.work_order import WorkOrder
from fwtool.events import OnEvent, ignore
from fwtool.findings import Words
from fwtool.flashing import simulated
from fwtool.records import Records, new_job_id
from fwtool.visit.questions import Answer, Asker
from fwtool.visit.shelf import Shelf
from fwtool.visit.state import Visit
from transports.device import Device
from transports.dialects import connect
from transports.terminal_records import Facts

TRIES: Final = 10
"""How often somebody may say that a batch is settled that is not."""


@dataclasses.dataclass(frozen=True)
class Setup:
    """How a visit is carried out. Nothing in it changes during one."""

    port: str
    trust: Trust
    """Pinned on this computer."""
    technician: str
    records: Records
    shelf: Shelf
    asker: Asker
    now: Callable[[], float]
    """Seconds since 1970-01-01 UTC."""
    language: str = "en"
    defaults: Mapping[str, Answer] = dataclasses.field(default_factory=dict)
    """What the command line already says, by question."""
    dev: bool = False
    on_event: OnEvent = ignore
    port_options: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @contextlib.contextmanager
    def device(self) -> Iterator[Device]:
        """A session with the terminal. Raises as `transports.dialects.connect`."""
        with connect(self.port, **self.port_options) as device:
            yield device

    def origin(self, act: str, facts: Facts) -> dict[str, Any]:
        """How every entry of the record begins."""
        return {
            "act": act, "technician": self.technician, "port": self.port, "serial_number": facts.serial_number,
            **({"dev": True} if self.dev else {}), **simulated(self.port),
        }  # fmt: skip

    def say(self, en: str, zh: str) -> None:
        self.asker.tell(Words(en, zh))


@dataclasses.dataclass(frozen=True)
class At:
    """Where an act stands: the visit before this step, and what this step has come to so far."""

    setup: Setup
    visit: Visit
    order: WorkOrder | None
    answers: Mapping[str, Answer]
    """Of this step, by id."""
    facts: Mapping[str, Any]
    """Of this step, by act."""

    @contextlib.contextmanager
    def recorded(self, act: str, device: Device) -> Iterator[dict[str, Any]]:
        """A started entry before, a finished one after; what is put into the dictionary goes into the latter."""
        setup, job = self.setup, new_job_id()
        origin = {**setup.origin(act, device.facts()), "visit": self.visit.began}
        setup.records.append(job, "started", origin)
        facts: dict[str, Any] = {"verdict": "done"}
        try:
            yield facts
        except BaseException as error:
            told = {"error": error.name, "message": str(error)} if isinstance(error, ToolError) else {"error": "interrupted"}
            setup.records.append(job, "finished", {**origin, **facts, "verdict": "failed", **told})
            raise
        setup.records.append(job, "finished", {**origin, **facts})
