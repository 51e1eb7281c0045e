"""A health check as the record keeps it: in both languages where there is something to say, short where there is not. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from fwtool.causes.model import Cause, Urgency
from fwtool.diagnosis import Examination
from fwtool.findings import Finding, Outcome, Snapshot, Words
from fwtool.quantities import QUANTITIES

KEPT: Final = (
    "battery.charge", "battery.voltage", "battery.cycles", "battery.age", "backup_cell.voltage", "printer.head_distance",
    "printer.since_cleaning", "printer.paper_left", "printer.dead_dots",
)  # fmt: skip
"""Readings that are worth following from visit to visit (docs/protocol/tsp.md, 5.3)."""


WEAR: Final = (
    "printer.head_distance", "statistics.HoursPoweredCount", "printer.since_cleaning", "battery.cycles", "battery.age",
    "backup_cell.voltage", "certificate.days_left", "firmware_approval.days_left", "msr.worst_failed", "chip.torn",
    "card_slot.light",
)  # fmt: skip
"""Quantities (`fwtool.quantities`) from which `fwtool parts` tells when a part is due; a record holds them as `wear`."""


def wear(snapshot: Snapshot) -> dict[str, float]:
    """Of these, what this terminal tells."""
    found = ((name, QUANTITIES[name].value(snapshot)) for name in WEAR)
    return {name: value for name, value in found if value is not None}


def both(words: Words) -> dict[str, str]:
    """A sentence for the record."""
    return {"en": words.en, "zh": words.zh}


def examined(found: Examination) -> dict[str, Any]:
    """Findings, causes, readings to follow, parts that are needed, and whether it is a security case."""
    causes = found.ranking.causes
    parts = [part for part in (*(cause.part for cause in causes), *(one.part for one in found.findings if one.bad)) if part]
    return {
        "findings": [_finding(one) for one in found.findings],
        "causes": [_cause(one) for one in causes],
        "readings": kept(found.snapshot.readings),
        "wear": wear(found.snapshot),
        "parts_needed": list(dict.fromkeys(parts)),
        "security": [cause.id for cause in causes if cause.urgency is Urgency.SECURITY],
        "attention": [one.id for one in found.findings if one.bad],
    }


def kept(readings: Mapping[str, float]) -> dict[str, float]:
    """Of all readings, those to follow."""
    return {name: readings[name] for name in KEPT if name in readings}


def _finding(one: Finding) -> dict[str, Any]:
    short: dict[str, Any] = {"id": one.id, "outcome": str(one.outcome), "title": both(one.title)}
    if one.value is not None:
        short |= {"value": one.value, "unit": one.unit}
    if one.bad:
        short |= {"severity": one.severity, "cause": both(one.cause), "action": both(one.action), "part": one.part}
    return short


def _cause(one: Cause) -> dict[str, Any]:
    return {
        "id": one.id, "urgency": one.urgency.name.lower(), "cause": both(one.cause), "action": both(one.action), "part": one.part
    }  # fmt: skip


def worse(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> list[str]:
    """Checks that did not fail and do now."""
    failed = {one["id"] for one in before if one["outcome"] == Outcome.FAIL}
    return [one["id"] for one in after if one["outcome"] == Outcome.FAIL and one["id"] not in failed]


def better(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> list[str]:
    """Checks that were not good and pass now."""
    bad = {one["id"] for one in before if one["outcome"] in (Outcome.WARN, Outcome.FAIL)}
    return [one["id"] for one in after if one["outcome"] == Outcome.PASS and one["id"] in bad]
