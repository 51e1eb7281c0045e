"""Cuts one scenario everywhere, and counts."""

import collections
import time
from typing import NamedTuple

from tests.reliability import judge
from tests.reliability.cuts import FULL, Plan, cases, record
from tests.reliability.device import Model
from tests.reliability.scenarios import Scenario


class Violation(NamedTuple):
    """Something that must not be."""

    scenario: str
    model: str
    operation: int
    kind: str
    what: str

    def __str__(self) -> str:
        return f"{self.scenario} / {self.model}, operation {self.operation}, {self.kind}: {self.what}"


class Tally:
    """What a run of the harness found."""

    def __init__(self) -> None:
        self.kinds: collections.Counter[tuple[str, str, str]] = collections.Counter()
        """(scenario, model, kind) -> cases."""
        self.operations: dict[tuple[str, str], int] = {}
        self.finished = 0
        """Contents from which the same command was run again."""
        self.violations: list[Violation] = []
        self.cut_s = 0.0
        """Processor time for end states (a) to (c)."""
        self.finish_s = 0.0
        """Processor time for (d)."""

    @property
    def cases(self) -> int:
        return self.kinds.total()

    def add(self, other: "Tally") -> None:
        self.kinds += other.kinds
        self.operations |= other.operations
        self.finished += other.finished
        self.violations += other.violations
        self.cut_s += other.cut_s
        self.finish_s += other.finish_s


def explore(model: Model, scenario: Scenario, plan: Plan = FULL, *, stop_at_first: bool = False) -> Tally:
    """Every cut of one scenario on one model; (d) once for each content that a start leaves behind."""
    tally = Tally()
    run, seen = record(model, scenario), set[int]()
    tally.operations[scenario.name, model.name] = len(run.done)
    for case in cases(run, plan):
        tally.kinds[scenario.name, model.name, case.kind] += 1
        begun = time.process_time()
        wrong = judge.end_state(case)
        left = None if wrong else judge.new_content(case.device, seen)
        wrong = wrong or judge.reverts(case)
        middle = time.process_time()
        tally.cut_s += middle - begun
        if left is not None and not wrong:
            tally.finished += 1
            wrong = judge.finishes(left, scenario)
            tally.finish_s += time.process_time() - middle
        if wrong:
            tally.violations.append(Violation(scenario.name, model.name, case.number, case.kind, wrong))
            if stop_at_first:
                break
    return tally
