"""Parts that fail (F6, F7, F22): an update on a part with one defect ends well or is refused, and never lies about it."""

import contextlib
import functools
import itertools
from collections.abc import Callable
from typing import Final

from hwsim.flash import FlashMisuse, PowerCut
from hwsim.power import Watchdog, poll
from hwsim.refusal import Refused
from tests.reliability import judge
from tests.reliability.contents import releases, updated_terminal
from tests.reliability.device import Device, Model
from tests.reliability.explore import Tally, Violation

Plant = Callable[[Device, int], None]
"""Gives a device a defect in one sector."""


def _dead(device: Device, sector: int) -> None:
    device.flash.defects.dead.add(sector)


def _failing(device: Device, sector: int, likely: float) -> None:
    device.flash.defects.failing[sector] = likely


def _lossy(device: Device, sector: int, likely: float) -> None:
    device.flash.defects.lossy[sector] = likely


def _stuck(device: Device, sector: int, byte: int) -> None:
    start, size = device.model.geometry.span(sector)
    device.flash.defects.stuck[start + byte % size] = (0, 0x08) if device.flash.erased else (0x08, 0)


DEFECTS: Final[dict[str, Plant]] = {
    "erase does nothing": _dead,
    "always reports failure": functools.partial(_failing, likely=1.0),
    "sometimes reports failure": functools.partial(_failing, likely=0.5),
    "writes are lost": functools.partial(_lossy, likely=1.0),
    "some writes are lost": functools.partial(_lossy, likely=0.5),
    **{f"a bit is stuck at byte {byte}": functools.partial(_stuck, byte=byte) for byte in (0, 17, 70, 1000, 1037)},
}


MOMENTS: Final = ("from the begin", "from the confirmation")
"""When the defect comes."""


def faults(model: Model) -> Tally:
    """An upgrade on parts with one bad sector: for each sector, each defect and both moments."""
    tally = Tally()
    sectors = range(len(model.geometry.starts) - 1)
    for sector, (name, plant), late in itertools.product(sectors, DEFECTS.items(), (False, True)):
        kind = f"{name}, {MOMENTS[late]}"
        tally.kinds["faulty part", model.name, kind] += 1
        device = Device.of(model, updated_terminal(model))
        device.power_on()
        try:
            wrong = upgraded(device, functools.partial(plant, sector=sector), sector, late=late)
        except FlashMisuse as misuse:
            wrong = f"the firmware misuses the flash: {misuse}"
        if wrong:
            tally.violations.append(Violation("faulty part", model.name, sector, kind, wrong))
    return tally


def upgraded(device: Device, plant: Callable[[Device], None], sector: int, *, late: bool) -> str:
    """Try the update three times, as a technician would; what is wrong then, or nothing."""
    r = releases(device.model)
    if not late:
        plant(device)
    for _ in range(3):
        with contextlib.suppress(Refused):
            device.send(r.next)
            device.power_on()
            if not device.booted.trial and _in_slot(device, sector, 0):
                return "F7: it said that all was well"
            if late:
                plant(device)
            device.confirm()
            break
        device.power_on()
    confirmed = device.booted.slot is not None and not device.booted.trial and device.version == r.next.version
    raised = device.counter.value == r.next.counter
    device.power_on()
    return _outcome(device, sector, confirmed=confirmed, raised=raised)


def _outcome(device: Device, sector: int, *, confirmed: bool, raised: bool) -> str:
    r, booted = releases(device.model), device.booted
    if raised and not confirmed:
        return "c: the counter ran ahead"
    if booted.slot is None or booted.offered is None:
        return "" if _in_slot(device, sector, 0 if confirmed else 1) else "a: nothing runs"
    if confirmed and booted.offered.digest != r.next.digest:
        return "a: what was confirmed does not run"
    running = {release.digest: release for release in r}[booted.offered.digest]
    return "" if judge.whole(device, booted.slot, running) else "a: what runs is not whole"


def _in_slot(device: Device, sector: int, slot: int) -> bool:
    """Whether the bad sector is in this slot: no boot rule helps an image whose own cells are bad."""
    found = device.model.layout.slots[slot]
    return found.heads[0].address <= device.model.geometry.span(sector)[0] < found.payload.end


def watchdog_holds(model: Model, limit_s: float, slowness: float) -> bool:
    """F22: whether an update on a part that erases so much slower gets through under this watchdog."""
    device = Device.of(model, updated_terminal(model))
    device.power_on()
    device.flash.defects.slowness = slowness
    device.flash.while_busy = poll(Watchdog(limit_s))
    try:
        device.send(releases(model).next)
    except PowerCut:
        return False
    return True
