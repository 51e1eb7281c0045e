"""The end of a visit: its entry in the record."""

import datetime

from formats.errors import ToolError
from fwtool.flashing import simulated
from fwtool.records import Entry, Records
from fwtool.visit.history import ACT
from fwtool.visit.parts_used import used
from fwtool.visit.shelf import Shelf
from fwtool.visit.state import Outcome, Visit


def stamp(now: float) -> str:
    """Seconds since 1970 as the record writes a time."""
    return datetime.datetime.fromtimestamp(now, datetime.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def finish(records: Records, shelf: Shelf, visit: Visit, now: float, reason: str = "") -> Entry:
    """Write the visit into the record, and close it.

    Args:
        now: Seconds since 1970-01-01 UTC.
        reason: Why it ends before its last step.

    Raises:
        ToolError: steps are missing, and there is no reason (`usage`).
    """
    if visit.verdict is Outcome.INCOMPLETE and not reason.strip():
        step = visit.next_step
        raise ToolError(
            f"the visit is not over: step {step.id if step else ''} is next", name="usage",
            hint="Go on with `fwtool visit`, or say why it ends here: fwtool visit finish --reason TEXT",
        )  # fmt: skip
    fields = {name: value for name, value in visit.as_json().items() if name not in ("job", "schema")}
    ending = {"version_after": visit.version_after, "verdict": str(visit.verdict), "ended": stamp(now), "reason": reason.strip()}
    last = visit.fact("verify", "reexamine") or visit.fact("inspect", "examine")
    parts = {"wear": dict(last.get("wear", {})), "used_parts": used(visit)[0]}  # for `fwtool parts`
    entry = records.append(visit.job, "finished", {"act": ACT, **fields, **ending, **parts, **simulated(visit.port)})
    shelf.close()
    return entry
