"""What a check is made of: a value from the snapshot, its limits, and words."""

import dataclasses
from collections.abc import Callable

from fwtool.findings import Finding, Outcome, Snapshot, Words
from transports.tsp.messages import Level


@dataclasses.dataclass(frozen=True)
class Check:
    """One test of the health check.

    `value` gives the number to judge, or None if the terminal did not say. Outside of `low`..`high` (both included) the
    check fails; outside of `warn_low`..`warn_high` it warns.
    """

    id: str
    level: Level
    title: Words
    value: Callable[[Snapshot], float | None]
    cause: Words
    action: Words
    unit: str = ""
    low: float | None = None
    high: float | None = None
    warn_low: float | None = None
    warn_high: float | None = None
    severity: str = "error"
    part: str = ""

    def run(self, snapshot: Snapshot) -> Finding:
        value = self.value(snapshot)
        outcome = self._judge(value)
        bad = outcome in (Outcome.WARN, Outcome.FAIL)
        severity = "info" if not bad else "warning" if outcome is Outcome.WARN else self.severity
        return Finding(
            id=self.id,
            outcome=outcome,
            title=self.title,
            severity=severity,
            value=value,
            unit=self.unit,
            low=self.low if self.low is not None else self.warn_low,
            high=self.high if self.high is not None else self.warn_high,
            cause=self.cause if bad else Words("", ""),
            action=self.action if bad else Words("", ""),
            part=self.part if bad else "",
        )

    def _judge(self, value: float | None) -> Outcome:
        if value is None:
            return Outcome.NOT_RUN
        if _outside(value, self.low, self.high):
            return Outcome.FAIL
        return Outcome.WARN if _outside(value, self.warn_low, self.warn_high) else Outcome.PASS


def _outside(value: float, low: float | None, high: float | None) -> bool:
    return (low is not None and value < low) or (high is not None and value > high)


def reading(name: str) -> Callable[[Snapshot], float | None]:
    """The value of a reading of the terminal's self-test."""
    return lambda snapshot: snapshot.readings.get(name)
