"""What a check is made of: a value from the snapshot, its limits, and words."""

import dataclasses
from collections.abc import Callable

from fwtool.findings import Finding, Measured, Outcome, Snapshot, Words
from fwtool.quantities import QUANTITIES
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
    measures: tuple[str, ...] = ()
    """Quantities to show besides the value, by their names in `fwtool.quantities`."""

    def run(self, snapshot: Snapshot) -> Finding:
        value = self.value(snapshot)
        outcome = self.judge(value)
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
            measurements=self._measured(snapshot),
        )

    def _measured(self, snapshot: Snapshot) -> tuple[Measured, ...]:
        own = (self.value.name,) if isinstance(self.value, Reading) else ()
        found = (QUANTITIES[name].measured(name, snapshot) for name in (*own, *self.measures))
        return tuple(measured for measured in found if measured is not None)

    def judge(self, value: float | None) -> Outcome:
        """How this value ends the check."""
        if value is None:
            return Outcome.NOT_RUN
        if _outside(value, self.low, self.high):
            return Outcome.FAIL
        return Outcome.WARN if _outside(value, self.warn_low, self.warn_high) else Outcome.PASS


def _outside(value: float, low: float | None, high: float | None) -> bool:
    return (low is not None and value < low) or (high is not None and value > high)


@dataclasses.dataclass(frozen=True)
class Reading:
    """A check's value that is one quantity as it was measured."""

    name: str

    def __call__(self, snapshot: Snapshot) -> float | None:
        return QUANTITIES[self.name].value(snapshot)


def reading(name: str) -> Reading:
    """The quantity of this name (`fwtool.quantities`).

    Raises:
        KeyError: there is no such quantity; a mistake in a check, seen when it is loaded.
    """
    QUANTITIES[name]
    return Reading(name)
