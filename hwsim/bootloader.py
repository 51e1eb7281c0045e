"""What happens between power-on and the first instruction of the firmware, and at CONFIRM and REVERT: it carries out the rows
of hwsim/transitions.py (docs/device/boot.md section 3).

Rules, in this order: an image on trial has exactly the starts it was given, and each is counted *before* it is used; an
image is checked before every start; what fails is marked bad and never tried again; the security counter follows the
confirmed image, never one on trial.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from hwsim import permits
from hwsim.bootstate import BootLog, SlotMark
from hwsim.counter import Counter
from hwsim.flash import NorFlash
from hwsim.layout import DEFAULT, Layout
from hwsim.refusal import FlashFault, Refused
from hwsim.rotation import brought
from hwsim.slots import Identity, Offered, SlotStore
from hwsim.transitions import AT_REST, Do, Event, Row, State, When, row_for
from hwsim.trust_store import TrustStore
from transports.tsp.messages import SlotState, Status


class Booted(NamedTuple):
    """What runs now. No slot: nothing may be started, the boot loader waits for an update."""

    slot: int | None
    offered: Offered | None
    trial: bool
    events: tuple[tuple[str, str], ...]
    """For the terminal's journal: event and detail."""

    @property
    def state(self) -> State:
        if self.slot is None:
            return State.RECOVERY
        return State.ON_TRIAL if self.trial else State.RUNNING


class Loader:
    """The boot loader of one terminal."""

    def __init__(
        self, flash: NorFlash, log: BootLog, counter: Counter, trusts: TrustStore, identity: Identity, layout: Layout = DEFAULT
    ) -> None:
        self._flash, self._log, self._counter = flash, log, counter
        self._trusts, self._identity, self._layout = trusts, identity, layout
        self._event = Event.GO
        self._slot: int | None = None
        """The slot that was checked last, and what it holds."""
        self._offered: Offered | None = None
        self._events: list[tuple[str, str]] = []

    # -- the machine ------------------------------------------------------------------------------------------------

    def boot(self) -> Booted:
        """From power-on until something runs, or nothing may."""
        state = State.RESET
        while state not in AT_REST:
            row = row_for(state, self._event, self._holds)
            assert row is not None
            self._event = Event.GO
            self._note(row)
            self._carry_out(row)
            state = row.then or state
        if state is State.RECOVERY:
            self._events.append(("no_firmware", "nothing may be started; waiting for an update"))
            return Booted(None, None, False, tuple(self._events))
        assert self._offered is not None
        event = "start_on_trial" if state is State.ON_TRIAL else "start"
        self._events.append((event, f"slot {self._slot}, {self._offered.manifest.version}"))
        return Booted(self._slot, self._offered, state is State.ON_TRIAL, tuple(self._events))

    def _carry_out(self, row: Row) -> None:
        """A start must not depend on a part that fails: what cannot be counted does not start, what cannot be noted is
        decided again next time."""
        try:
            self._act(row)
        except FlashFault as fault:
            self._events.append(("flash_fault", fault.reason))
            if self._event is Event.GO and row.then in _AWAITS_CHECK:
                self._event = Event.BAD

    def _act(self, row: Row) -> None:
        for action in row.do:
            ACTIONS[action](self)

    def _note(self, row: Row) -> None:
        if row.when is When.TRIAL_USED:
            self._events.append(("reverted", f"slot {self._on_trial()} was not confirmed"))

    @property
    def events(self) -> tuple[tuple[str, str], ...]:
        """What there is to note: event and detail."""
        return tuple(self._events)

    def command(self, event: Event, running: Booted) -> State:
        """CONFIRM or REVERT, while `running` runs; the state after it.

        Raises:
            Refused: not now, or it cannot be written.
        """
        self._slot, self._offered = running.slot, running.offered
        row = row_for(running.state, event, self._holds)
        if row is None:
            raise Refused(Status.WRONG_STATE, f"{event.value} makes no sense now: there is no image for it")
        self._slot, self._offered = running.slot, running.offered
        self._act(row)
        return row.then or running.state

    # -- conditions -------------------------------------------------------------------------------------------------

    def _holds(self, when: When) -> bool:
        return CONDITIONS[when](self)

    def _mark(self, slot: int | None) -> SlotMark:
        return self._log.state.slots[slot] if slot is not None else SlotMark(SlotState.EMPTY)

    def _on_trial(self) -> int | None:
        slots = range(len(self._layout.slots))
        return next((slot for slot in slots if self._mark(slot).state is SlotState.TRIAL), None)

    def trial_left(self) -> bool:
        return self._on_trial() is not None and self._mark(self._on_trial()).starts_left > 0

    def trial_used(self) -> bool:
        return self._on_trial() is not None

    def _other(self) -> int | None:
        """The slot that is not active; None: there is only one."""
        return 1 - self._log.state.active if len(self._layout.slots) == 2 else None

    def active_confirmed(self) -> bool:
        return self._mark(self._log.state.active).state is SlotState.CONFIRMED

    def other_confirmed(self) -> bool:
        return self._mark(self._other()).state is SlotState.CONFIRMED

    def other_starts(self) -> bool:
        """Raises Refused with the reason if the image itself is why not."""
        other = self._other()
        if other is None or not self.other_confirmed():
            raise Refused(Status.WRONG_STATE, "there is no earlier firmware to go back to")
        self._image(other)
        return True

    # -- actions ----------------------------------------------------------------------------------------------------

    def _image(self, slot: int) -> Offered:
        store = SlotStore(self._flash, slot, self._layout)
        offered = store.check_start(self._trusts.current, self._identity, self._counter.value)
        permits.needed(store, offered, self._trusts.current, self._identity, self._counter.value)
        return offered

    def _check(self, slot: int | None) -> None:
        assert slot is not None
        self._slot = slot
        try:
            self._offered = self._image(slot)
            self._event = Event.GOOD
        except Refused as refused:
            self._events.append(("image_refused", f"slot {slot}: {refused.reason}"))
            self._event = Event.BAD

    def _set(self, slot: int | None, mark: SlotMark) -> None:
        assert slot is not None
        self._log.write(self._log.state.with_slot(slot, mark))

    def count_start(self) -> None:
        slot = self._on_trial()
        self._set(slot, SlotMark(SlotState.TRIAL, self._mark(slot).starts_left - 1))

    def check_trial(self) -> None:
        self._check(self._on_trial())

    def trial_bad(self) -> None:
        self._set(self._on_trial(), SlotMark(SlotState.BAD))

    def check_active(self) -> None:
        self._check(self._log.state.active)

    def active_bad(self) -> None:
        self._set(self._log.state.active, SlotMark(SlotState.BAD))

    def check_other(self) -> None:
        self._check(self._other())

    def other_bad(self) -> None:
        self._set(self._other(), SlotMark(SlotState.BAD))

    def make_active(self) -> None:
        other = self._other()
        assert other is not None
        self._log.write(self._log.state.with_active(other))

    def raise_counter(self) -> None:
        assert self._offered is not None
        self._counter.advance(self._offered.manifest.security_counter)

    def take_trust(self) -> None:
        """The confirmed image has been judged before; so has what it brings, but this is what counts from now on."""
        assert self._slot is not None
        assert self._offered is not None
        store = SlotStore(self._flash, self._slot, self._layout)
        try:
            new = brought(store, self._offered, self._trusts.current, self._trusts.capacity)
        except FlashFault:
            raise
        except Refused as refused:
            self._events.append(("trust_refused", refused.reason))
            return
        if new is not None:
            self._events.append(("trust_taken", f"version {new.record.version}"))
            self._trusts.write(new)
        self._trusts.mirror()

    def confirm(self) -> None:
        assert self._slot is not None
        state = self._log.state.with_slot(self._slot, SlotMark(SlotState.CONFIRMED))
        self._log.write(state.with_active(self._slot))

    def commit(self) -> None:
        self._log.commit()


_AWAITS_CHECK: Final = (State.TRYING, State.CHECKING, State.LAST_CHECK)
CONDITIONS: Final[dict[When, Callable[[Loader], bool]]] = {
    When.TRIAL_LEFT: Loader.trial_left,
    When.TRIAL_USED: Loader.trial_used,
    When.ACTIVE_CONFIRMED: Loader.active_confirmed,
    When.OTHER_CONFIRMED: Loader.other_confirmed,
    When.OTHER_STARTS: Loader.other_starts,
}
ACTIONS: Final[dict[Do, Callable[[Loader], None]]] = {
    Do.COUNT_START: Loader.count_start,
    Do.CHECK_TRIAL: Loader.check_trial,
    Do.TRIAL_BAD: Loader.trial_bad,
    Do.CHECK_ACTIVE: Loader.check_active,
    Do.ACTIVE_BAD: Loader.active_bad,
    Do.CHECK_OTHER: Loader.check_other,
    Do.OTHER_BAD: Loader.other_bad,
    Do.MAKE_ACTIVE: Loader.make_active,
    Do.RAISE_COUNTER: Loader.raise_counter,
    Do.CONFIRM: Loader.confirm,
    Do.COMMIT: Loader.commit,
    Do.TAKE_TRUST: Loader.take_trust,
}


def boot(
    flash: NorFlash, log: BootLog, counter: Counter, trusts: TrustStore, identity: Identity, layout: Layout = DEFAULT
) -> Booted:
    """Decide what to start, and note it."""
    return Loader(flash, log, counter, trusts, identity, layout).boot()
