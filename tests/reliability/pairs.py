"""A second cut while the terminal recovers from a first one: all pairs."""

from collections.abc import Iterator
from typing import Final

from tests.reliability import judge
from tests.reliability.cuts import Case, Done, Plan, Run, cases, record, watched
from tests.reliability.device import Model
from tests.reliability.explore import Tally, Violation
from tests.reliability.scenarios import Scenario, Step

FIRST: Final = Plan(seeds=1, lost=1)
"""Ways of the first cut: before, one random tear or three prefixes, weak cells, the last operation lost."""
SECOND: Final = Plan(seeds=1, lost=1)


def pairs(model: Model, scenario: Scenario, pick: int = 1) -> Tally:
    """Cut everywhere; then run the same command again, and cut that everywhere.

    Args:
        pick: Each so manyth pair.
    """
    tally = Tally()
    run = record(model, scenario)
    tally.operations[scenario.name, model.name] = len(run.done)
    seen: set[int] = set()
    for number, first in enumerate(cases(run, FIRST)):
        for case in _second(run, first, scenario, Plan(1, 1, pick, number, 1)):
            kind = f"{first.kind} + {case.kind}"
            tally.kinds[scenario.name, model.name, kind] += 1
            wrong = judge.end_state(case)
            left = None if wrong else judge.new_content(case.device, seen)
            wrong = wrong or judge.reverts(case)
            if left is not None and not wrong:
                tally.finished += 1
                wrong = judge.finishes(left, scenario)
            if wrong:
                tally.violations.append(Violation(scenario.name, model.name, first.number, f"{kind} at {case.number}", wrong))
    return tally


def _second(run: Run, first: Case, scenario: Scenario, plan: Plan) -> Iterator[Case]:
    """Every cut of what a terminal does after a first cut: its start, and the same command again."""
    device = first.device
    before = device.clone()
    done: list[Done] = []
    watched(device, done, lambda: 0)
    wrong = judge.finishes(device, scenario)
    assert not wrong, f"{scenario.name}, operation {first.number}, {first.kind}: {wrong}"
    promise = _either(run, scenario)
    again = Run(run.model, before, (promise,), tuple(done), device.flash.commits)
    return cases(again, plan)


def _either(run: Run, scenario: Scenario) -> Step:
    """What may run, whatever is cut: anything that any step allows."""
    allowed = {release.digest: release for step in run.steps for release in step.allowed}
    allowed[scenario.goal(run.model).digest] = scenario.goal(run.model)
    counters = {value for step in run.steps for value in step.counters}
    if scenario.goal(run.model).counter > max(counters):
        counters.add(scenario.goal(run.model).counter)
    trusts = {value for step in run.steps for value in step.trusts}
    recovery = any(step.recovery for step in run.steps)
    return Step(lambda device: None, tuple(allowed.values()), tuple(sorted(counters)), recovery, tuple(sorted(trusts)))
