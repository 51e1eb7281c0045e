"""What is known of a visit so far: a value that is saved after each step. Pure."""

import dataclasses
import enum
from collections.abc import Mapping
from typing import Any, Final, Self

from formats.errors import LocalError
from fwtool.visit.steps import STEPS, Step

SCHEMA: Final = 1


class Outcome(enum.StrEnum):
    """How a step ended, or a visit."""

    DONE = "done"
    NOT_NEEDED = "not_needed"
    ATTENTION = "attention"
    """Done, and something has to be seen to."""
    STOPPED = "stopped"
    """A security case: nothing more is done on the terminal."""
    INCOMPLETE = "incomplete"
    """Of a visit: it was ended before its last step."""


@dataclasses.dataclass(frozen=True)
class StepDone:
    """One step that is over."""

    id: str
    outcome: Outcome
    time: str
    """UTC, ISO 8601."""
    answers: Mapping[str, Any]
    """By the second part of the question's id."""
    facts: Mapping[str, Any]
    """What each act came to, by its name."""
    reasons: tuple[str, ...] = ()
    """Ids of what needs attention: questions, checks, acts."""


@dataclasses.dataclass(frozen=True)
class Visit:
    """A visit. Everything in it is plain text and numbers: it goes into the record as it is."""

    job: str
    started: str
    technician: str
    port: str
    model: str
    serial_number: str
    version_before: str
    began: int = 0
    """Number of its `started` entry, by which the entries of its acts name it."""
    order: Mapping[str, Any] | None = None
    """number, bank, digest."""
    overrides: tuple[Mapping[str, Any], ...] = ()
    """gate, reason, approver, digest of the grant."""
    steps: tuple[StepDone, ...] = ()

    @property
    def verdict(self) -> Outcome:
        outcomes = [step.outcome for step in self.steps]
        if Outcome.STOPPED in outcomes:
            return Outcome.STOPPED
        if self.next_step is not None:
            return Outcome.INCOMPLETE
        return Outcome.ATTENTION if Outcome.ATTENTION in outcomes else Outcome.DONE

    @property
    def next_step(self) -> Step | None:
        """The first one that is not over; None: there is nothing left to do."""
        if any(step.outcome is Outcome.STOPPED for step in self.steps):
            return None
        over = {step.id for step in self.steps}
        return next((step for step in STEPS if step.id not in over), None)

    def fact(self, step: str, act: str) -> Mapping[str, Any]:
        """What an act came to; empty where it was not done."""
        found = next((one.facts.get(act) for one in self.steps if one.id == step), None)
        return found or {}

    def answer(self, question: str) -> Any:
        """The answer to a question by its id; None where it was not asked."""
        step, _, key = question.partition(".")
        return next((one.answers.get(key) for one in self.steps if one.id == step), None)

    @property
    def version_after(self) -> str:
        return str(self.fact("verify", "reexamine").get("version") or self.version_before)

    def with_step(self, done: StepDone) -> Self:
        return dataclasses.replace(self, steps=(*self.steps, done))

    def with_override(self, override: Mapping[str, Any]) -> Self:
        return dataclasses.replace(self, overrides=(*self.overrides, override))

    def as_json(self) -> dict[str, Any]:
        return {"schema": SCHEMA, **dataclasses.asdict(self)}


def _step(fields: Mapping[str, Any]) -> StepDone:
    """Raises KeyError, TypeError or ValueError."""
    answers, facts = dict(fields["answers"]), {act: dict(found) for act, found in dict(fields["facts"]).items()}
    fixed = {"outcome": Outcome(fields["outcome"]), "answers": answers, "facts": facts, "reasons": tuple(fields["reasons"])}
    return StepDone(**{**fields, **fixed})


def from_json(fields: Mapping[str, Any]) -> Visit:
    """A visit as `as_json` has written it, or as the record holds it.

    Raises:
        LocalError: it is not what was written (`record_damaged`).
    """
    try:
        names = {field.name for field in dataclasses.fields(Visit)}
        steps = tuple(_step(step) for step in fields["steps"])
        known = {name: value for name, value in fields.items() if name in names}
        return Visit(**{**known, "steps": steps, "overrides": tuple(fields["overrides"])})
    except (KeyError, TypeError, ValueError) as error:
        raise LocalError(
            f"a saved visit is damaged: {error!r}",
            name="record_damaged",
            hint="End it with `fwtool visit finish --reason TEXT`; if that fails too, move visit/current.json away.",
        ) from error
