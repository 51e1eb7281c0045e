"""A finding: what one check of a terminal came to, with cause, action and part for the person in front of it."""

import dataclasses
import enum
from collections.abc import Mapping
from typing import NamedTuple

from transports.terminal_records import Batch, Facts


class Outcome(enum.StrEnum):
    """How a check ended."""

    PASS = "pass"  # noqa: S105 - a word, not a password
    WARN = "warn"
    FAIL = "fail"
    NOT_RUN = "not_run"


class Words(NamedTuple):
    """The same sentence in the languages of the product."""

    en: str
    zh: str

    def get(self, language: str) -> str:
        return self.zh if language == "zh" else self.en


class Measured(NamedTuple):
    """One number that was measured, by the name that `fwtool.quantities` has for it."""

    name: str
    value: float
    unit: str = ""

    def text(self) -> str:
        """For people: at most two decimals."""
        return f"{round(self.value, 2):.12g} {self.unit}".rstrip()

    def as_json(self) -> dict[str, object]:
        return {"name": self.name, "value": self.value, "unit": self.unit}


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """All that has been asked from a terminal, at one moment; checks are functions of it."""

    facts: Facts
    readings: Mapping[str, float]
    statistics: Mapping[str, int]
    batch: Batch | None
    """None: a device that takes no payments."""
    clock_skew_s: int | None
    answers: Mapping[str, bool]
    """What a person has said to the questions of the interactive level."""


@dataclasses.dataclass(frozen=True)
class Finding:
    """One result. `severity` is info, warning, error or security."""

    id: str
    outcome: Outcome
    title: Words
    severity: str = "info"
    value: float | None = None
    unit: str = ""
    low: float | None = None
    high: float | None = None
    cause: Words = Words("", "")
    action: Words = Words("", "")
    part: str = ""
    measurements: tuple[Measured, ...] = ()
    """The numbers that it came from."""

    @property
    def bad(self) -> bool:
        return self.outcome in (Outcome.WARN, Outcome.FAIL)

    def as_json(self, language: str) -> dict[str, object]:
        return {
            "id": self.id,
            "outcome": str(self.outcome),
            "severity": self.severity,
            "value": self.value,
            "unit": self.unit,
            "low": self.low,
            "high": self.high,
            "cause": self.cause.get(language),
            "action": self.action.get(language),
            "part": self.part,
            "measurements": [measured.as_json() for measured in self.measurements],
        }
