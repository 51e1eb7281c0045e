"""How often transactions fail and money comes late, for each bank, inside and outside of maintenance windows. Counts only."""

import dataclasses
from typing import Any


@dataclasses.dataclass
class Share:
    """Counts of one bank, inside or outside of windows."""

    attempts: int = 0
    failed: int = 0
    paid: int = 0
    """Transactions of which it is known when their money came."""
    delayed: int = 0

    @property
    def failure_rate(self) -> int | None:
        """In millionths; None without transactions."""
        return None if not self.attempts else self.failed * 1_000_000 // self.attempts

    @property
    def delay_rate(self) -> int | None:
        return None if not self.paid else self.delayed * 1_000_000 // self.paid

    def as_json(self) -> dict[str, Any]:
        rates = {
            name: None if value is None else value / 1_000_000
            for name, value in (("failure_rate", self.failure_rate), ("delay_rate", self.delay_rate))
        }
        return {**dataclasses.asdict(self), **rates}


@dataclasses.dataclass
class Tally:
    """Both halves of one bank."""

    inside: Share = dataclasses.field(default_factory=Share)
    outside: Share = dataclasses.field(default_factory=Share)
    unknown: int = 0
    """Pairs whose due date the calendar does not know."""

    def add(self, inside: bool, failed: bool, delayed: bool | None) -> None:
        share = self.inside if inside else self.outside
        share.attempts += 1
        share.failed += failed
        if delayed is not None:
            share.paid += 1
            share.delayed += delayed

    def as_json(self) -> dict[str, Any]:
        return {"inside": self.inside.as_json(), "outside": self.outside.as_json(), "due_date_unknown": self.unknown}
