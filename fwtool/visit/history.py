"""What the records say of earlier visits to a terminal, and of a technician's training."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from fwtool.records import Entry

ACT: Final = "visit"
TRAINING: Final = "training"
"""Kind of entry."""


class Training(NamedTuple):
    """The newest training of a technician."""

    technician: str
    course: str
    expires: str
    """Last day it counts, YYYY-MM-DD (UTC)."""


def visits_of(entries: Iterable[Entry], serial_number: str) -> list[Mapping[str, Any]]:
    """Finished visits to a terminal, the oldest first, as they stand in the record."""
    return [
        entry.body for entry in entries
        if entry.kind == "finished" and entry.body.get("act") == ACT and entry.body.get("serial_number") == serial_number
        and isinstance(entry.body.get("steps"), list)
    ]  # fmt: skip


def training_of(entries: Iterable[Entry], technician: str) -> Training | None:
    """The one that was entered last."""
    found = [entry.body for entry in entries if entry.kind == TRAINING and entry.body.get("technician") == technician]
    return Training(technician, str(found[-1].get("course", "")), str(found[-1].get("expires", ""))) if found else None


def evidence_of(visits: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Seals and photos of the last visit that had any; empty if there is none."""
    for visit in reversed(visits):
        for step in visit["steps"]:
            found = step.get("facts", {}).get("evidence") if isinstance(step, dict) else None
            if isinstance(found, dict) and (found.get("seals") or found.get("photos")):
                return found
    return {}
