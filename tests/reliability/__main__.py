"""The full run: `make reliability`. Prints what was tried, and every violation; with --report, notes it in the document."""

import argparse
import collections
import multiprocessing
import os
import pathlib
import sys
import time
from collections.abc import Iterable
from typing import Final, NamedTuple
from unittest import mock

from hwsim import slots
from tests.reliability.cuts import Plan
from tests.reliability.device import Model, remembering
from tests.reliability.explore import Tally, explore
from tests.reliability.faulty import faults
from tests.reliability.models import (
    MINI,
    MIXED,
    MIXED_FULL,
    NOR,
    PAGES_2K,
    QUADS,
    SINGLE,
    TINY,
    TWO_STARTS,
    WORDS_4,
    WORDS_32,
    ZEROS,
)
from tests.reliability.pairs import pairs
from tests.reliability.scenarios import scenarios_of

PLANS: Final[dict[Model, Plan]] = {
    NOR: Plan(),
    TINY: Plan(seeds=16),
    TWO_STARTS: Plan(seeds=8),
    SINGLE: Plan(seeds=16),
    ZEROS: Plan(),
    WORDS_32: Plan(every=16),
    QUADS: Plan(every=16, pick=2),
    PAGES_2K: Plan(every=16, pick=4),
    WORDS_4: Plan(every=16, pick=6),
    MIXED: Plan(every=16, pick=8),
    MIXED_FULL: Plan(every=16, pick=40),
}
"""How thoroughly each model is cut: a part that is programmed in words has ten times the operations of one with pages."""
PAIRED: Final = (MINI, SINGLE)
MARKS: Final = ("<!-- run: begin -->", "<!-- run: end -->")


class Task(NamedTuple):
    """One piece of the run. No scenario: defective parts instead of cuts."""

    model: Model
    scenario: str
    paired: bool


def tasks() -> list[Task]:
    """All of them, the longest first."""
    singles = [Task(model, scenario.name, False) for model in PLANS for scenario in scenarios_of(model)]
    twos = [Task(model, scenario.name, True) for model in PAIRED for scenario in scenarios_of(model)]
    return [*twos, *reversed(singles), *(Task(model, "", False) for model in PLANS if model.slots == 2)]


def carry_out(task: Task) -> Tally:
    """Do one piece."""
    with mock.patch.object(slots, "judge", remembering(slots.judge)):
        if not task.scenario:
            return faults(task.model)
        scenario = next(one for one in scenarios_of(task.model) if one.name == task.scenario)
        return pairs(task.model, scenario) if task.paired else explore(task.model, scenario, PLANS[task.model])


def table(tally: Tally, begun: float) -> list[str]:
    """The result as Markdown."""
    kinds = collections.Counter[str]()
    rows: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for (scenario, model, kind), count in tally.kinds.items():
        name = "two cuts" if " + " in kind else "defective part" if scenario == "faulty part" else kind
        kinds[name] += count
        rows[model][scenario if name not in ("two cuts", "defective part") else name] += count
    rate = (tally.cases - kinds["two cuts"] - kinds["defective part"]) / max(tally.cut_s, 1e-9)
    lines = ["| kind of cut | cases |", "|---|---|", *(f"| {kind} | {count:,} |" for kind, count in sorted(kinds.items()))]
    lines += ["", "| terminal | cases | of them by scenario |", "|---|---|---|"]
    lines += [
        f"| {model} | {found.total():,} | {', '.join(f'{name} {count:,}' for name, count in found.items())} |"
        for model, found in rows.items()
    ]
    lines += [
        "",
        f"{tally.cases:,} cases, {len(tally.violations)} violations. {tally.finished:,} different contents after recovery, from",
        f"each of which the same command was run again (d). End states (a) to (c): {rate:,.0f} cuts in a second of one core.",
        f"The whole took {(time.monotonic() - begun) / 60:.0f} minutes with {os.cpu_count()} cores.",
    ]
    return lines


def _gather(found: Iterable[Tally]) -> Tally:
    total = Tally()
    for tally in found:
        total.add(tally)
        for violation in tally.violations[:20]:
            print(violation, flush=True)
    return total


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.reliability", description=__doc__)
    parser.add_argument("--report", type=pathlib.Path, help="document whose part between the marks is replaced")
    given = parser.parse_args()
    begun = time.monotonic()
    with multiprocessing.Pool() as pool:
        total = _gather(pool.imap_unordered(carry_out, tasks()))
    lines = table(total, begun)
    print("\n".join(lines))
    if given.report:
        before, _, rest = given.report.read_text(encoding="utf-8").partition(MARKS[0])
        after = rest.partition(MARKS[1])[2]
        given.report.write_text("\n".join([before + MARKS[0], *lines, MARKS[1] + after]), encoding="utf-8")
    return 1 if total.violations else 0


if __name__ == "__main__":
    sys.exit(main())
