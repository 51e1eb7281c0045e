"""The standard end-state check (threats, section 3): what must hold after every fault."""

import itertools

from hwsim.flash import FlashMisuse
from hwsim.journal import DeviceJournal
from hwsim.layout import Span
from hwsim.refusal import Refused
from hwsim.slots import SlotStore
from tests.reliability.contents import update
from tests.reliability.cuts import Case
from tests.reliability.device import Device
from tests.reliability.releases import Release
from tests.reliability.scenarios import Scenario


def end_state(case: Case) -> str:
    """Switch on and look: (a) to (c) and the journal of (e). What is wrong, or nothing."""
    device = case.device
    try:
        device.power_on()
    except FlashMisuse as misuse:
        return f"the firmware misuses the flash: {misuse}"
    return _what_runs(case) or _counter(case) or _trust(case) or _journal(device)


def _what_runs(case: Case) -> str:
    """(a) old or new, whole; neither only where the step allows it."""
    device, allowed = case.device, {release.digest: release for step in case.steps for release in step.allowed}
    offered = device.booted.offered
    if device.booted.slot is None or offered is None:
        return "" if any(step.recovery for step in case.steps) else "a: nothing runs"
    release = allowed.get(offered.digest)
    if release is None:
        return f"a: {offered.manifest.version} runs, which may not"
    return "" if whole(device, device.booted.slot, release) else "a: what runs is not whole"


def whole(device: Device, slot: int, release: Release) -> bool:
    """Whether the cells hold exactly the release, and will tomorrow, whatever the device believes."""
    store, cells = SlotStore(device.flash, slot, device.model.layout), memoryview(device.flash.cells)
    for index, data in enumerate(release.blocks):
        address = store.block_span(release.manifest, index)[0]
        if cells[address : address + len(data)] != data:
            return False
    head, payload = store.heads.current(), device.model.layout.slots[slot].payload
    assert head is not None
    blocks = Span(payload.address, release.manifest.block_count * release.manifest.block_size)
    weak = device.flash.defects.loose
    return not any(span.address <= at < span.end for at in weak for span in (head.span, blocks))


def _counter(case: Case) -> str:
    """(c) it never ran ahead of the confirmation."""
    device, counters = case.device, {value for step in case.steps for value in step.counters}
    value, booted = device.counter.value, device.booted
    if value not in counters:
        return f"c: the counter is {value}, not one of {sorted(counters)}"
    if booted.offered and value > min(counters) and (booted.trial or booted.offered.manifest.security_counter != value):
        return f"c: the counter is {value}, but its image is not confirmed"
    return ""


def _trust(case: Case) -> str:
    """(c) likewise for the trust: the old one or the new one, and the new one not before the confirmation."""
    device, versions = case.device, {version for step in case.steps for version in step.trusts}
    found = device.trusts.current.record.version if device.trusts.current else 0
    if found not in versions:
        return f"c: the trust has version {found}, not one of {sorted(versions)}"
    place = device.trusts.place
    if any(place.address <= at < place.end for at in device.flash.defects.loose):
        return "c: the trust stands in cells that may read otherwise tomorrow"
    return "c: the trust is ahead of the confirmation" if found > min(versions) and device.booted.trial else ""


def _journal(device: Device) -> str:
    """(e) the terminal's journal holds together, and tells of this start."""
    entries = DeviceJournal(device.flash, device.model.layout).since(1, 1000)
    if any(earlier.number >= later.number for earlier, later in itertools.pairwise(entries)):
        return "e: the journal is out of order"
    told = {entry.event for entry in entries[-len(device.booted.events) :]}
    return "" if {event for event, _ in device.booted.events} <= told else "e: the journal does not tell of this start"


def reverts(case: Case) -> str:
    """(b) an image on trial that nobody confirms goes away again. Uses the device up."""
    device = case.device
    if not device.booted.trial:
        return ""
    trial = device.booted.offered
    for _ in range(device.model.trial_starts):
        device.power_on()
        if not device.booted.trial:
            break
    if device.booted.trial:
        return "b: it is still on trial"
    if device.booted.offered and trial and device.booted.offered.digest == trial.digest:
        return "b: it stayed without being confirmed"
    old = {release.digest for step in case.steps for release in step.allowed if not trial or release.digest != trial.digest}
    if device.booted.offered is None:
        return "" if any(step.recovery for step in case.steps) else "b: nothing runs after the trial"
    return "" if device.booted.offered.digest in old else "b: something else runs after the trial"


def finishes(device: Device, scenario: Scenario) -> str:
    """(d) the same command again, on a terminal that was left like this, ends where it should. Uses the device up."""
    try:
        device.power_on()
        return _finish(device, scenario)
    except Refused as refused:
        return f"d: refused: {refused.reason}"
    except FlashMisuse as misuse:
        return f"d: the firmware misuses the flash: {misuse}"


def _finish(device: Device, scenario: Scenario) -> str:
    goal = scenario.goal(device.model)
    arrived = device.booted.offered is not None and device.booted.offered.digest == goal.digest
    if not arrived and scenario.reverts and device.booted.slot is not None:
        device.revert()
        device.power_on()
    elif not arrived or device.booted.trial:
        if arrived:
            device.confirm()
        else:
            if device.booted.trial:
                device.revert()
                device.power_on()
            update(device, goal)
    device.power_on()
    booted = device.booted
    if booted.offered is None or booted.offered.digest != goal.digest or booted.trial or booted.slot is None:
        return f"d: {device.version} runs, not {goal.version}"
    if device.counter.value < goal.counter:
        return f"d: the counter stayed at {device.counter.value}"
    if device.trusts.current is None or device.trusts.current.record.version != scenario.trust:
        return "d: the trust is not the one it should be"
    if not device.trusts.in_both:
        return "d: the trust stands in one place only"
    return "" if whole(device, booted.slot, goal) else "d: what runs is not whole"


def new_content(device: Device, seen: set[int]) -> Device | None:
    """A terminal as this one is now, unless one was like this before."""
    weak = tuple(frozenset(part.defects.loose.items()) | part.defects.spoilt for part in device.parts)
    key = hash((bytes(device.flash.cells), bytes(device.one_way.cells), weak))
    if key in seen:
        return None
    seen.add(key)
    return device.clone()
