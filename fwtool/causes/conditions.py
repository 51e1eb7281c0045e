"""Whether conditions hold for a terminal, and whether they can hold at all.

Each condition is about one variable: a quantity, or a check whose value is more than one quantity. So a list of conditions can
hold exactly if, for each variable, some value does what is asked of it; and of the values it is enough to try the bounds that
are named, their neighbours, the ends of the range, and no value at all.
"""

import itertools
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from fwtool.causes.model import Condition, Rule
from fwtool.checks import CHECKS
from fwtool.checks.base import Check, Reading
from fwtool.findings import Finding, Outcome, Snapshot
from fwtool.quantities import QUANTITIES

OPERATORS: Final[dict[str, Callable[[float, float], bool]]] = {
    "above": operator.gt, "below": operator.lt, "at_least": operator.ge, "at_most": operator.le, "equals": operator.eq
}  # fmt: skip
BY_ID: Final[Mapping[str, Check]] = {check.id: check for check in CHECKS}
NEAR: Final = 1e-6
Value = float | Outcome | None


class Situation(NamedTuple):
    """One terminal: outcomes of its checks by id, and what was measured."""

    outcomes: Mapping[str, Outcome]
    snapshot: Snapshot

    @classmethod
    def of(cls, findings: Sequence[Finding], snapshot: Snapshot) -> "Situation":
        return cls({finding.id: finding.outcome for finding in findings}, snapshot)

    def holds(self, condition: Condition) -> bool:
        if condition.finding:
            return self.outcomes.get(condition.finding) in condition.outcomes
        return _within(condition, QUANTITIES[condition.quantity].value(self.snapshot))

    def fires(self, rule: Rule) -> bool:
        """All of `when`, one of `any`, none of `unless`."""
        return (
            all(map(self.holds, rule.when))
            and (not rule.any_of or any(map(self.holds, rule.any_of)))
            and not any(map(self.holds, rule.unless))
        )


def _within(condition: Condition, value: float | None) -> bool:
    return value is not None and all(OPERATORS[name](value, bound) for name, bound in condition.tests)


def variable(condition: Condition) -> str:
    """What a condition is about."""
    if not condition.finding:
        return condition.quantity
    source = BY_ID[condition.finding].value
    return source.name if isinstance(source, Reading) else f"outcome of {condition.finding}"


def admits(condition: Condition, value: Value) -> bool:
    """Whether a condition holds where its variable has this value."""
    if isinstance(value, Outcome):
        return value in condition.outcomes
    if condition.finding:
        return BY_ID[condition.finding].judge(value) in condition.outcomes
    return _within(condition, value)


def values(name: str, conditions: Iterable[Condition]) -> list[Value]:
    """All values of a variable that could make a difference to these conditions."""
    if name not in QUANTITIES:
        return list(_outcomes(BY_ID[name.removeprefix("outcome of ")]))
    quantity = QUANTITIES[name]
    bounds = {quantity.low, quantity.high, *_bounds(name, conditions)}
    step = 1.0 if quantity.whole else NEAR
    ordered = sorted(bounds)
    tried = {near for bound in ordered for near in (bound - step, bound, bound + step)}
    tried |= {(low + high) / 2 for low, high in itertools.pairwise(ordered) if not quantity.whole}
    fits = [value for value in sorted(tried) if quantity.low <= value <= quantity.high]
    return [None, *(value for value in fits if not quantity.whole or float(value).is_integer())]


def _outcomes(check: Check) -> Iterator[Outcome]:
    yield Outcome.NOT_RUN
    yield Outcome.PASS
    if check.warn_low is not None or check.warn_high is not None:
        yield Outcome.WARN
    if check.low is not None or check.high is not None:
        yield Outcome.FAIL


def _bounds(name: str, conditions: Iterable[Condition]) -> Iterator[float]:
    for condition in conditions:
        yield from (bound for _, bound in condition.tests)
    for check in CHECKS:
        if isinstance(check.value, Reading) and check.value.name == name:
            yield from (bound for bound in (check.low, check.high, check.warn_low, check.warn_high) if bound is not None)


def possible(rule: Rule, name: str, besides: Iterable[Condition] = ()) -> list[Value]:
    """The values of a variable under which the rule's `when` and `unless` allow it to hold."""
    own = [condition for condition in rule.when if variable(condition) == name]
    never = [condition for condition in rule.unless if variable(condition) == name]
    return [
        value
        for value in values(name, [*own, *never, *besides])
        if all(admits(condition, value) for condition in own) and not any(admits(condition, value) for condition in never)
    ]


def implies(rule: Rule, other: Rule) -> bool:
    """Whether the other rule holds wherever this one does."""

    def sure(condition: Condition, wanted: bool) -> bool:
        return all(admits(condition, value) is wanted for value in possible(rule, variable(condition), [condition]))

    return (
        all(sure(condition, True) for condition in other.when)
        and (not other.any_of or any(sure(condition, True) for condition in other.any_of))
        and all(sure(condition, False) for condition in other.unless)
    )
