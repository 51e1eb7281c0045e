"""The health check: ask the terminal once, then judge with the table of checks."""

from collections.abc import Mapping, Sequence

from formats.errors import ToolError
from fwtool.checks import CHECKS
from fwtool.findings import Finding, Outcome, Snapshot
from transports.device import Device
from transports.terminal_records import Capability
from transports.tsp.messages import Level


def diagnose(
    device: Device,
    level: Level = Level.EXTERNAL,
    only: Sequence[str] = (),
    answers: Mapping[str, bool] | None = None,
) -> list[Finding]:
    """Run the checks of a level, or those that are named.

    Args:
        only: Ids, or first parts of ids (`printer` means all of `printer.*`).
        answers: What a person said to the questions of the interactive level (`keypad`, `display`).

    Raises:
        ToolError: there is no such check (`usage`).
    """
    chosen = [check for check in CHECKS if not only or any(_named(check.id, name) for name in only)]
    for name in only:
        if not any(_named(check.id, name) for check in CHECKS):
            raise ToolError(
                f"there is no check {name!r}", name="usage", hint=f"Known: {', '.join(check.id for check in CHECKS)}."
            )
    deepest = max((check.level for check in chosen), default=level) if only else level
    snapshot = take_snapshot(device, Level(max(deepest, level if not only else 1)), answers or {})
    return [check.run(snapshot) for check in chosen if only or check.level <= level]


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
