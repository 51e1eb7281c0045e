"""Broken boot rules, one at a time: the harness must notice each of them (`make mutants`).

A harness that finds nothing proves little; these say what it would have found.
"""

import sys
import time
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple
from unittest import mock

from formats.errors import ToolError
from hwsim import bootloader, bootstate, counter, installer, slots
from hwsim.bootloader import Loader
from hwsim.bootstate import BootLog
from hwsim.counter import Counter
from hwsim.erasing import Eraser
from hwsim.flash import FlashMisuse
from hwsim.heads import Heads
from hwsim.journal import DeviceJournal
from hwsim.refusal import Refused
from hwsim.slots import SlotStore
from hwsim.transitions import Do, Event, State, When
from hwsim.trust_store import TrustStore
from tests.reliability import faulty
from tests.reliability.broken import (
    any_partly_there,
    confirm_stays_inactive,
    counter_without_check,
    crc_of_anything,
    current_is_spare,
    erase_by_looks,
    finish_and_raise,
    finish_and_take_trust,
    finish_confirmed,
    hungry,
    image_below_counter,
    image_unchecked,
    journal_first,
    journal_over_torn,
    journal_starts_again,
    no_read_back,
    oldest_state,
    one_start_more,
    resume_by_hash,
    resume_unrounded,
    room_behind_valid,
    same_sequence,
    spare_looks_clean,
    tidy_notes_first,
    torn_place_again,
    trial_bad_hits_active,
    trust_all_erased,
    trust_erased_by_looks,
    trust_in_one_place,
    trust_without_crc,
    turn_over_in_place,
    unconfirmed_too,
)
from tests.reliability.cuts import Plan
from tests.reliability.device import Model, remembering
from tests.reliability.explore import explore
from tests.reliability.models import MIXED, QUADS, SINGLE, TINY
from tests.reliability.patches import Patch, action, begins, does, method, rows, without
from tests.reliability.scenarios import scenarios_of

QUICK: Final = Plan(seeds=2, every=64)
CHANCY: Final = Plan(seeds=16, every=64)
"""For what only shows when weak cells happen to read as erased."""


class Mutant(NamedTuple):
    """One broken rule."""

    name: str
    patch: Callable[[], Patch]
    where: str
    """Scenario that is tried first; "faulty" and "watchdog" are runs of their own."""
    model: Model = TINY
    plan: Plan = QUICK


MUTANTS: Final[tuple[Mutant, ...]] = (
    Mutant("the counter rises when an image on trial starts",
           does(State.TRYING, Event.GOOD, Do.RAISE_COUNTER), "install"),
    Mutant("the counter rises before the confirmation is written",
           does(State.ON_TRIAL, Event.CONFIRM, Do.RAISE_COUNTER, Do.CONFIRM, Do.COMMIT), "install"),
    Mutant("the counter rises before the flash is known to hold the confirmation",
           does(State.ON_TRIAL, Event.CONFIRM, Do.CONFIRM, Do.RAISE_COUNTER), "install"),
    Mutant("the counter rises at FINISH", action(installer.ACTIONS, Do.PUT_ON_TRIAL, finish_and_raise), "install"),
    Mutant("a counter cut short by a confirmation is never completed",
           does(State.CHECKING, Event.GOOD), "install"),
    Mutant("FINISH confirms at once", action(installer.ACTIONS, Do.PUT_ON_TRIAL, finish_confirmed), "install"),
    Mutant("starts on trial are not counted",
           does(State.RESET, Event.GO, Do.CHECK_TRIAL, when=When.TRIAL_LEFT), "not confirmed"),
    Mutant("one start too many", action(installer.ACTIONS, Do.PUT_ON_TRIAL, one_start_more), "not confirmed"),
    Mutant("confirmed, but not made active",
           action(bootloader.ACTIONS, Do.CONFIRM, confirm_stays_inactive), "blocks in place"),
    Mutant("what fails on trial marks the active slot bad",
           action(bootloader.ACTIONS, Do.TRIAL_BAD, trial_bad_hits_active), "trial reverted"),
    Mutant("images start without a look at their blocks", method(Loader, "_image", image_unchecked), "decayed"),
    Mutant("images start below the counter", method(Loader, "_image", image_below_counter), "decayed"),
    Mutant("REVERT goes below the counter",
           action(bootloader.CONDITIONS, When.OTHER_STARTS, Loader.other_confirmed), "downgrade refused"),
    Mutant("REVERT does not make the other slot active",
           does(State.RUNNING, Event.REVERT, when=When.OTHER_STARTS), "reverted"),
    Mutant("the last resort starts what was given up", unconfirmed_too(), "decayed after a trial"),
    Mutant("recovery takes no updates",
           rows(lambda row: None if (row.state, row.event) == (State.RECOVERY, Event.BEGIN) else row), "rescued"),
    Mutant("a full storage of the counter is found at CONFIRM",
           without(Event.BEGIN, When.CANNOT_FINISH), "counter storage full"),
    Mutant("the only slot is overwritten while it runs", without(Event.BEGIN, When.ONLY_SLOT), "single slot", SINGLE),
    Mutant("the old content is not struck out", begins(Do.RESERVE, Do.CLEAN_HEAD, Do.WRITE_HEAD), "upgrade"),
    Mutant("the spare head is not erased", begins(Do.RESERVE, Do.STRIKE_OUT, Do.WRITE_HEAD), "upgrade"),
    Mutant("the head is written before the old content is struck out",
           begins(Do.RESERVE, Do.CLEAN_HEAD, Do.WRITE_HEAD, Do.WRITING), "upgrade"),
    Mutant("a head that reads as blank counts as erased", method(SlotStore, "spare_is_clean", spare_looks_clean),
           "upgrade of a used one", TINY, CHANCY),
    Mutant("a spare head is noted as clean before it is erased",
           method(SlotStore, "tidy", tidy_notes_first), "tidied", TINY, CHANCY),
    Mutant("the head that counts is the one that is erased", method(Heads, "spare", current_is_spare), "tidied"),
    Mutant("the sequence of a head is used again", method(Heads, "write", same_sequence), "upgrade"),
    Mutant("a torn boot record is accepted", crc_of_anything(bootstate), "install"),
    Mutant("the oldest boot record counts", method(BootLog, "_load", oldest_state), "upgrade"),
    Mutant("a torn boot record is written over", method(BootLog, "_room", room_behind_valid), "install"),
    Mutant("the boot log turns over into the area with its newest record",
           method(BootLog, "_turn_over", turn_over_in_place), "boot log turns over"),
    Mutant("a torn counter record is accepted", method(counter, "_decode", counter_without_check), "install"),
    Mutant("a torn counter record is written over", method(Counter, "__init__", torn_place_again), "install", QUADS),
    Mutant("the block journal is written first, and believed", journal_first, "resumed"),
    Mutant("resume goes on with whatever package is there",
           action(installer.CONDITIONS, When.SAME_PARTLY_THERE, any_partly_there), "interrupted, then another"),
    Mutant("resume believes what reads right, marked or not",
           method(SlotStore, "resumable", resume_by_hash), "stopped twice", QUADS),
    Mutant("resume keeps half a sector", method(SlotStore, "resumable", resume_unrounded), "stopped twice", MIXED),
    Mutant("blocks stay in place in a sector that is erased",
           method(SlotStore, "keeps_neighbours", lambda self, block_size: True), "blocks in place", QUADS),
    Mutant("a sector that reads as blank counts as erased",
           method(Eraser, "to_erase", erase_by_looks), "upgrade of a used one", TINY, CHANCY),
    Mutant("the journal writes over a torn entry", method(DeviceJournal, "_next_place", journal_over_torn), "install"),
    Mutant("the journal counts from one again", method(DeviceJournal, "_load", journal_starts_again), "install"),
    Mutant("the trust is taken over at FINISH", action(installer.ACTIONS, Do.PUT_ON_TRIAL, finish_and_take_trust),
           "root rotation"),
    Mutant("the trust is taken over when an image on trial starts",
           does(State.TRYING, Event.GOOD, Do.TAKE_TRUST), "root rotation"),
    Mutant("the trust is taken over before the confirmation is written",
           does(State.ON_TRIAL, Event.CONFIRM, Do.TAKE_TRUST, Do.CONFIRM, Do.COMMIT, Do.RAISE_COUNTER), "root rotation"),
    Mutant("a trust cut short by a confirmation is never completed",
           does(State.CHECKING, Event.GOOD, Do.RAISE_COUNTER), "root rotation"),
    Mutant("the trust that a package brings is believed",
           does(State.UPDATING, Event.FINISH, Do.CHECK_SET, Do.CHECK_PERMIT, Do.PUT_ON_TRIAL, when=When.ALL_THERE),
           "root rotation refused"),
    Mutant("a package that brings a permit goes on trial, whatever the permit says",
           does(State.UPDATING, Event.FINISH, Do.CHECK_SET, Do.CHECK_TRUST, Do.PUT_ON_TRIAL, when=When.ALL_THERE),
           "downgrade permitted"),
    Mutant("both places of the trust are erased before the new one is written",
           method(TrustStore, "_replace", trust_all_erased), "root rotation"),
    Mutant("the second place of the trust never follows", method(TrustStore, "mirror", trust_in_one_place), "root rotation"),
    Mutant("a place of the trust that reads as blank counts as erased",
           method(TrustStore, "_replace", trust_erased_by_looks), "second root rotation", TINY,
           CHANCY._replace(seeds=64)),
    Mutant("a torn trust is accepted", method(TrustStore, "_read", trust_without_crc), "root rotation"),
    Mutant("a block is not read back", does(State.UPDATING, Event.BLOCK, Do.ERASE, Do.PROGRAM, Do.MARK), "faulty"),
    Mutant("a boot record is not read back", no_read_back(BootLog, "_append"), "faulty"),
    Mutant("a head is not read back", no_read_back(Heads, "write"), "faulty"),
    Mutant("the watchdog is not fed during an erase", method(faulty, "poll", hungry), "watchdog"),
)  # fmt: skip


# -- the hunt -----------------------------------------------------------------------------------------------------------


def _watchdog(model: Model) -> str:
    return "" if faulty.watchdog_holds(model, 0.1, 15.0) else "the watchdog cuts an erase"


def _faulty(model: Model) -> str:
    return next((str(found) for found in faulty.faults(model).violations), "")


def _scenario(name: str, plan: Plan) -> Callable[[Model], str]:
    def run(model: Model) -> str:
        (scenario,) = (one for one in scenarios_of(model) if one.name == name)
        return next((str(found) for found in explore(model, scenario, plan, stop_at_first=True).violations), "")

    return run


_OTHER: Final[dict[str, Callable[[Model], str]]] = {"faulty": _faulty, "watchdog": _watchdog}


def hunt(mutant: Mutant) -> str:
    """How the harness notices it; empty if it does not."""
    search = _OTHER.get(mutant.where) or _scenario(mutant.where, mutant.plan)
    try:
        with mutant.patch():
            return search(mutant.model)
    except (AssertionError, FlashMisuse, Refused, ToolError) as broken:
        return f"{mutant.where} / {mutant.model.name}, without a cut: {type(broken).__name__} {broken}"


def warm(models: Iterable[Model]) -> None:
    """The starting contents are made by firmware that is whole."""
    for model in models:
        for scenario in scenarios_of(model):
            scenario.start(model)


def main() -> int:
    """Hunt them all; print caught/total."""
    begun = time.monotonic()
    with mock.patch.object(slots, "judge", remembering(slots.judge)):
        warm((TINY, MIXED, QUADS, SINGLE))
        found = [(mutant, hunt(mutant)) for mutant in MUTANTS]
    for mutant, how in found:
        print(f"{'caught' if how else 'MISSED'}  {mutant.name}")
        print(f"        {how}" if how else "")
    caught = sum(bool(how) for _, how in found)
    print(f"{caught}/{len(found)} caught in {time.monotonic() - begun:.0f} s")
    return 0 if caught == len(found) else 1


if __name__ == "__main__":
    sys.exit(main())
