"""What happens between power-on and the first instruction of the firmware (docs/device/boot.md section 3).

Rules, in this order: an image on trial has exactly the starts it was given, and each is counted *before* it is used; an
image is checked before every start; what fails is marked bad and never tried again; the security counter follows the
confirmed image, never one on trial.
"""

from typing import NamedTuple, Protocol

from formats.trust import Trust
from hwsim.bootstate import BootLog, BootState, SlotMark
from hwsim.flash import NorFlash
from hwsim.slots import Identity, Offered, Refused, SlotStore
from transports.tsp.messages import SlotState


class OneWayCounter(Protocol):
    """A number in storage that only goes up."""

    @property
    def value(self) -> int: ...
    def advance(self, value: int) -> None: ...


class Booted(NamedTuple):
    """What runs now. No slot: nothing may be started, the boot loader waits for an update."""

    slot: int | None
    offered: Offered | None
    trial: bool
    events: tuple[tuple[str, str], ...]
    """For the terminal's journal: event and detail."""


def boot(flash: NorFlash, log: BootLog, counter: OneWayCounter, trust: Trust | None, identity: Identity) -> Booted:
    """Decide what to start, and note it."""
    events: list[tuple[str, str]] = []

    def check(slot: int) -> Offered | None:
        try:
            return SlotStore(flash, slot).check_start(trust, identity, counter.value)
        except Refused as refused:
            events.append(("image_refused", f"slot {slot}: {refused.reason}"))
            return None

    other = 1 - log.state.active
    mark = log.state.slots[other]
    if mark.state is SlotState.TRIAL:
        if mark.starts_left > 0:
            log.write(log.state.with_slot(other, SlotMark(SlotState.TRIAL, mark.starts_left - 1)))
            offered = check(other)
            if offered:
                events.append(("start_on_trial", f"slot {other}, {offered.manifest.version}"))
                return Booted(other, offered, True, tuple(events))
        else:
            events.append(("reverted", f"slot {other} was not confirmed"))
        log.write(log.state.with_slot(other, SlotMark(SlotState.BAD)))
    for slot in (log.state.active, 1 - log.state.active):
        if log.state.slots[slot].state is not SlotState.CONFIRMED:
            continue
        offered = check(slot)
        if offered:
            if slot != log.state.active:
                log.write(BootState(slot, log.state.slots))
            counter.advance(offered.manifest.security_counter)  # completes a confirm that was cut short
            events.append(("start", f"slot {slot}, {offered.manifest.version}"))
            return Booted(slot, offered, False, tuple(events))
        log.write(log.state.with_slot(slot, SlotMark(SlotState.BAD)))
    events.append(("no_firmware", "nothing may be started; waiting for an update"))
    return Booted(None, None, False, tuple(events))


def confirm(log: BootLog, counter: OneWayCounter, running: Booted) -> None:
    """Make the image on trial the one that starts from now on; only then may the counter follow."""
    assert running.slot is not None
    assert running.offered is not None
    state = log.state.with_slot(running.slot, SlotMark(SlotState.CONFIRMED))
    log.write(BootState(running.slot, state.slots))
    counter.advance(running.offered.manifest.security_counter)
