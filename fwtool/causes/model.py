"""What a rule and a cause are."""

import dataclasses
import enum
from typing import NamedTuple

from fwtool.findings import Measured, Outcome, Words


class Urgency(enum.IntEnum):
    """What comes first, highest first in this list."""

    SECURITY = 0
    """Out of service or stop, and tell the bank; nothing else is advised meanwhile."""
    DANGER = 1
    """People or keys are in danger."""
    MONEY = 2
    """Money may be lost."""
    STOPPED = 3
    """No payment can be taken."""
    DEGRADED = 4
    """One way of paying, printing or talking is out."""
    DUE = 5
    """Soon."""


class Confidence(enum.IntEnum):
    """How sure the conditions of a rule make its cause."""

    CERTAIN = 0
    LIKELY = 1
    POSSIBLE = 2


class Condition(NamedTuple):
    """One thing that holds or not: a quantity against bounds, or the outcome of a check.

    `tests` are pairs of an operator (`above`, `below`, `at_least`, `at_most`, `equals`) and a number; all must hold.
    """

    quantity: str = ""
    tests: tuple[tuple[str, float], ...] = ()
    finding: str = ""
    outcomes: frozenset[Outcome] = frozenset()


@dataclasses.dataclass(frozen=True)
class Rule:
    """One row of the table. Words that a rule leaves out are those of the first check that it explains."""

    id: str
    urgency: Urgency
    confidence: Confidence
    explains: tuple[str, ...]
    """Ids of checks whose bad findings come from this cause."""
    consequences: tuple[str, ...]
    """Ids of checks that this cause makes fail besides; no cause of their own is looked for."""
    withholds: tuple[str, ...]
    """Steps that must not be taken while this cause stands; `*`: none, but for other security cases."""
    when: tuple[Condition, ...]
    any_of: tuple[Condition, ...]
    unless: tuple[Condition, ...]
    steps: tuple[str, ...]
    reason: Words
    cause: Words
    action: Words
    part: str
    replace: bool = False
    """It takes the place of the shipped rule with its id."""


@dataclasses.dataclass(frozen=True)
class Cause:
    """A rule that holds for one terminal, in words."""

    id: str
    urgency: Urgency
    confidence: Confidence
    cause: Words
    reason: Words
    action: Words
    part: str
    steps: tuple[str, ...]
    findings: tuple[str, ...]
    """Bad findings that it explains."""
    consequences: tuple[str, ...]
    """Bad findings that follow from it."""
    measurements: tuple[Measured, ...]
    """The numbers of the reason."""

    def as_json(self, rank: int, language: str) -> dict[str, object]:
        return {
            "rank": rank,
            "id": self.id,
            "urgency": self.urgency.name.lower(),
            "confidence": self.confidence.name.lower(),
            "cause": self.cause.get(language),
            "reason": self.reason.get(language),
            "action": self.action.get(language),
            "part": self.part,
            "steps": list(self.steps),
            "findings": list(self.findings),
            "consequences": list(self.consequences),
            "measurements": [measured.as_json() for measured in self.measurements],
        }


class Ranking(NamedTuple):
    """Causes, the first one to deal with first; and those that wait, as pairs of the cause and the id it waits for."""

    causes: tuple[Cause, ...] = ()
    withheld: tuple[tuple[Cause, str], ...] = ()
