"""The health check: ask the terminal once, then judge with the table of checks."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from formats.errors import ToolError
from fwtool.causes import Ranking, Rule, about, advised, load, rank
from fwtool.checks import CHECKS
from fwtool.checks.base import Check
from fwtool.findings import Finding, Outcome, Snapshot
from transports.device import Device
from transports.terminal_records import Capability
from transports.tsp.messages import Level


class Examination(NamedTuple):
    """A health check with what follows from it."""

    findings: list[Finding]
    """Those asked for. Where something else has to be done first, that is their action."""
    ranking: Ranking
    """Their causes, and every security case, asked for or not."""
    snapshot: Snapshot


def diagnose(
    device: Device,
    level: Level = Level.EXTERNAL,
    only: Sequence[str] = (),
    answers: Mapping[str, bool] | None = None,
) -> list[Finding]:
    """Run the checks of a level, or those that are named.

    Args:
        only: Ids, or first parts of ids (`printer` means all of `printer.*`).
        answers: What a person said to the questions of the interactive level (`fwtool.quantities.ANSWERS`).

    Raises:
        ToolError: there is no such check (`usage`).
    """
    return _findings(_look(device, level, only, answers), level, only)


def examine(
    device: Device,
    level: Level = Level.EXTERNAL,
    only: Sequence[str] = (),
    answers: Mapping[str, bool] | None = None,
    rules: Sequence[Rule] | None = None,
) -> Examination:
    """As `diagnose`, with the causes of what is bad.

    Args:
        rules: What `fwtool.causes.load` returned; None: the shipped ones.

    Raises:
        ToolError: there is no such check (`usage`).
    """
    table = load() if rules is None else rules
    snapshot = _look(device, level, only, answers)
    findings = _findings(snapshot, level, only)
    ranking = about(rank(table, [check.run(snapshot) for check in CHECKS], snapshot), findings)
    return Examination(advised(findings, ranking), ranking, snapshot)


def _chosen(only: Sequence[str]) -> list[Check]:
    for name in only:
        if not any(_named(check.id, name) for check in CHECKS):
            raise ToolError(
                f"there is no check {name!r}", name="usage", hint=f"Known: {', '.join(check.id for check in CHECKS)}."
            )
    return [check for check in CHECKS if not only or any(_named(check.id, name) for name in only)]


def _look(device: Device, level: Level, only: Sequence[str], answers: Mapping[str, bool] | None) -> Snapshot:
    deepest = max(check.level for check in _chosen(only)) if only else level
    return take_snapshot(device, deepest, answers or {})


def _findings(snapshot: Snapshot, level: Level, only: Sequence[str]) -> list[Finding]:
    return [check.run(snapshot) for check in _chosen(only) if only or check.level <= level]


def _named(check: str, name: str) -> bool:
    return check == name or check.startswith(name + ".")


def take_snapshot(device: Device, level: Level, answers: Mapping[str, bool]) -> Snapshot:
    """Everything the checks look at, asked in one go; what the device does not have stays open."""
    can = device.can
    readings = device.readings(level) if can(Capability.HEALTH) else {}
    skew = device.clock() - device.wall_clock() if can(Capability.CLOCK) else None
    return Snapshot(
        facts=device.facts(),
        readings=readings,
        statistics=device.statistics() if can(Capability.STATISTICS) else {},
        batch=device.batch() if can(Capability.BATCH) else None,
        clock_skew_s=skew,
        answers=answers,
    )


def worst(findings: Sequence[Finding]) -> Outcome:
    """The outcome of the whole."""
    order = [Outcome.NOT_RUN, Outcome.PASS, Outcome.WARN, Outcome.FAIL]
    return max((finding.outcome for finding in findings), key=order.index, default=Outcome.PASS)
