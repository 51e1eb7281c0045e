"""The health check: ask the terminal once, then judge with the table of checks."""

from collections.abc import Mapping, Sequence

from formats.errors import ToolError
from fwtool.checks import CHECKS
from fwtool.connection import Connection
from fwtool.findings import Finding, Outcome, Snapshot
from transports.tsp import messages
from transports.tsp.messages import Level, Opcode

HEALTH_S = 60.0


def diagnose(
    connection: Connection,
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
    snapshot = take_snapshot(connection, Level(max(deepest, level if not only else 1)), answers or {})
    return [check.run(snapshot) for check in chosen if only or check.level <= level]


def _named(check: str, name: str) -> bool:
    return check == name or check.startswith(name + ".")


def take_snapshot(connection: Connection, level: Level, answers: Mapping[str, bool]) -> Snapshot:
    """Everything the checks look at, asked in one go."""
    ask = connection.ask
    readings = ask(Opcode.HEALTH, messages.Readings, messages.HealthRequest(level=level), timeout_s=HEALTH_S)
    clock = ask(Opcode.CLOCK, messages.Clock)
    reference = connection.wall_clock()
    return Snapshot(
        status=ask(Opcode.STATUS, messages.TerminalStatus),
        readings={reading.name: reading.number for reading in readings.readings},
        statistics={counter.name: counter.value for counter in ask(Opcode.STATISTICS, messages.Statistics).counters},
        batch=ask(Opcode.BATCH, messages.Batch),
        clock_skew_s=clock.time - reference,
        answers=answers,
    )


def worst(findings: Sequence[Finding]) -> Outcome:
    """The outcome of the whole."""
    order = [Outcome.NOT_RUN, Outcome.PASS, Outcome.WARN, Outcome.FAIL]
    return max((finding.outcome for finding in findings), key=order.index, default=Outcome.PASS)
