"""The reduced set of cuts that every test run makes; `make reliability` makes all of them."""

import time
from collections.abc import Iterator
from unittest import mock

import pytest

from hwsim import slots
from tests.reliability.cuts import Plan
from tests.reliability.device import Model, remembering
from tests.reliability.explore import Tally, explore
from tests.reliability.faulty import faults, watchdog_holds
from tests.reliability.models import (
    MINI,
    MIXED,
    MIXED_FULL,
    MODELS,
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
from tests.reliability.mutants import MUTANTS, hunt, warm
from tests.reliability.pairs import pairs
from tests.reliability.scenarios import SCENARIOS, scenarios_of
from tests.support import ROOT

PLANS: dict[Model, tuple[Plan, int]] = {
    TINY: (Plan(seeds=2), 12_000), SINGLE: (Plan(), 700), TWO_STARTS: (Plan(seeds=1, pick=5), 1_800), NOR: (Plan(pick=23), 2_700),
    ZEROS: (Plan(pick=29), 3_900), QUADS: (Plan(every=64, pick=61), 3_100), WORDS_32: (Plan(every=64, pick=41), 2_900),
    PAGES_2K: (Plan(every=64, pick=83), 3_200), WORDS_4: (Plan(every=64, pick=97), 3_100),
    MIXED: (Plan(every=64, pick=131), 3_500), MIXED_FULL: (Plan(every=64, pick=99), 280),
}  # fmt: skip
"""How thoroughly each is cut, and how many cases that makes at least."""
LEAST = 20_000
FEW_PAIRS = 100
RELIABILITY_MD = ROOT / "docs/reliability.md"


@pytest.fixture(autouse=True)
def quick() -> Iterator[None]:
    with mock.patch.object(slots, "judge", remembering(slots.judge)):
        yield


def clean(tally: Tally) -> None:
    assert not tally.violations, "\n".join(map(str, tally.violations[:10]))


@pytest.mark.parametrize("model", PLANS, ids=lambda model: model.name)
def test_f1_f2_f3_f5_f9_every_cut(model: Model) -> None:
    """Before each operation, within it, and with the last ones lost; over a whole life cycle (two of it on the largest)."""
    plan, least = PLANS[model]
    tried = 0
    for scenario in scenarios_of(model)[:: 8 if model is MIXED_FULL else 1]:
        tally = explore(model, scenario, plan)
        clean(tally)
        tried += tally.cases
    assert tried >= least


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_f4_two_cuts(scenario: object) -> None:
    tally = pairs(MINI, scenario, pick=41)  # type: ignore[arg-type]
    if tally.cases < FEW_PAIRS:  # what hardly writes: all of them
        tally = pairs(MINI, scenario)  # type: ignore[arg-type]
    clean(tally)
    assert tally.cases


@pytest.mark.parametrize("model", [TINY, MIXED, QUADS], ids=lambda model: model.name)
def test_f6_f7_parts_that_fail(model: Model) -> None:
    clean(faults(model))


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_f22_the_watchdog_is_fed_during_a_slow_erase(model: Model) -> None:
    assert watchdog_holds(model, limit_s=0.1, slowness=15.0)


def test_there_are_enough_cases() -> None:
    """Each model's own number is held where it is cut."""
    assert sum(least for _, least in PLANS.values()) >= LEAST


def test_f1_cuts_are_quick() -> None:
    """1,500 cuts in a second of one core, on images of 64 KiB, for end states (a) to (c); half of it on a busy machine."""
    begun = time.process_time()
    tally = explore(NOR, SCENARIOS[0], Plan(seeds=1, pick=3))
    assert tally.cases / tally.cut_s > 750, f"{tally.cases} cases, {time.process_time() - begun:.1f} s"


HANDFUL = (
    "the counter rises before the confirmation is written", "starts on trial are not counted", "a torn boot record is accepted",
    "REVERT goes below the counter", "the spare head is not erased", "a boot record is not read back",
    "a full storage of the counter is found at CONFIRM",
)  # fmt: skip


@pytest.mark.parametrize("name", HANDFUL)
def test_broken_boot_rules_are_noticed(name: str) -> None:
    """All of them: `make mutants`."""
    warm([TINY])
    (mutant,) = (one for one in MUTANTS if one.name == name)
    assert hunt(mutant)


def test_there_are_enough_broken_rules_and_the_document_lists_them() -> None:
    names = [mutant.name for mutant in MUTANTS]
    assert len(set(names)) == len(names) >= 25
    listed = RELIABILITY_MD.read_text(encoding="utf-8").split("## Broken rules")[1]
    assert [name for name in names if f"| {name} | " not in listed] == []
    assert f"({len(names)} of {len(names)}, " in listed
