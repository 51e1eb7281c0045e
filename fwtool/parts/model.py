"""What a need and a life are."""

import dataclasses
import datetime
import enum
from typing import NamedTuple

from fwtool.findings import Measured, Words


class Basis(enum.StrEnum):
    """What a forecast rests on."""

    FAULT = "fault"
    """It is needed already: a cause of the health check."""
    RECORDS = "records"
    """The slope of what was measured at earlier visits."""
    LIFE = "life"
    """The average since it was new."""
    DATE = "date"
    """A date that is known."""


class Way(enum.StrEnum):
    """How a quantity moves to its limit."""

    UP = "up"
    DOWN = "down"
    COUNTDOWN = "countdown"
    """Days that are left."""


@dataclasses.dataclass(frozen=True)
class Life:
    """How long something lasts."""

    id: str
    part: str
    """Class of `fwtool.causes.parts`; empty: no part, but work that has to be arranged."""
    quantity: str
    """Of `fwtool.quantities`."""
    way: Way
    limit: float
    what: Words
    source: str
    """Where the limit is from."""
    age: str = ""
    """Quantity that says how long it took to get there, and in how many days one of it goes by; for averages over a life."""
    days_per_age: float = 1.0
    least_slope: float = 0.0
    """Change per day that is told from noise."""


@dataclasses.dataclass(frozen=True)
class Need:
    """One thing that will be needed."""

    id: str
    part: str
    count: int
    days: float
    """Until it is due; 0: now."""
    basis: Basis
    reason: Words
    measurements: tuple[Measured, ...] = ()

    def as_json(self, today: datetime.date, language: str) -> dict[str, object]:
        return {
            "id": self.id,
            "part": self.part,
            "count": self.count,
            "due": (today + datetime.timedelta(days=int(self.days))).isoformat(),
            "days": round(self.days, 1),
            "basis": str(self.basis),
            "reason": self.reason.get(language),
            "measurements": [measured.as_json() for measured in self.measurements],
        }


class Plan(NamedTuple):
    """Needs by visit: this one, the next one, and so on."""

    visits: tuple[tuple[datetime.date, tuple[Need, ...]], ...]
    later: tuple[Need, ...]
    """After the last of these visits."""
