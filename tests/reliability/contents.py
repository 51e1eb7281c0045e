"""What is in a terminal when a scenario begins; made by firmware that nothing disturbs, once for each model."""

import functools
from typing import NamedTuple

from hwsim.counter import SPARE_PLACES
from hwsim.refusal import Refused
from hwsim.slots import SlotStore
from tests.reliability.device import Content, Device, Model, factory
from tests.reliability.releases import Release, bringing, next_trust, permitted, release
from tests.support import KEY, SECOND_KEY


class Releases(NamedTuple):
    """The packages for one model. Counters: 7 for what is there at first."""

    old: Release
    new: Release
    """Counter 8; shares its first half with `old`, and has a blank part where it is large enough."""
    same: Release
    """Counter 7: may be backed out."""
    other: Release
    """Counter 8, another one of the same day."""
    next: Release
    """Counter 9."""
    low: Release
    """Counter 6: refused."""
    several: Release
    """Counter 8, three components that belong together."""
    rotating: Release
    """Counter 8, brings the next trust; signed so that both like it."""
    after: Release
    """Counter 9, signed by the key that only the next trust knows."""
    again: Release
    """Counter 9, brings the trust after the next."""
    half_signed: Release
    """Brings a trust that the old one does not vouch for."""
    down: Release
    """Counter 6, with a permit for terminals at counter 8."""
    no_way_down: Release
    """Counter 6, with a permit for terminals at counter 9."""
    left_behind: Release
    """Brings a good trust under which it would not start itself."""


@functools.cache
def releases(model: Model) -> Releases:
    size, erased = model.image - 100, model.geometry.erased
    blank = 8192 if size > 30_000 else 0
    less = min(model.image, model.layout.capacity - 4096) - 100
    return Releases(
        release("1.0.0", 7, size, 1), release("1.1.0", 8, size, 2, kept=size // 2, blank=blank, erased=erased),
        release("1.1.0+1", 7, size, 3), release("1.1.0+2", 8, size, 4), release("1.2.0", 9, size, 5),
        release("0.9.0", 6, size, 6), release("1.1.0+3", 8, min(size, 4096 * 3 - 100), 7, parts=3 if size > 9000 else 2),
        bringing("1.1.0+4", 8, less, (next_trust(KEY, SECOND_KEY),), KEY, SECOND_KEY),
        bringing("1.2.0+1", 9, less, (), SECOND_KEY),
        bringing("1.2.0+2", 9, less, (next_trust(SECOND_KEY, version=3),), SECOND_KEY),
        bringing("1.1.0+5", 8, less, (next_trust(SECOND_KEY),), KEY, SECOND_KEY),
        permitted("0.9.0+1", 6, less, 8),
        permitted("0.9.0+2", 6, less, 9),
        bringing("1.1.0+6", 8, less, (next_trust(KEY, SECOND_KEY),), KEY),
    )  # fmt: skip


@functools.cache
def new_terminal(model: Model) -> Content:
    device = factory(model, releases(model).old)
    device.power_on()
    return device.content


def update(device: Device, package: Release) -> None:
    """A whole update, to its confirmation."""
    try:
        device.send(package)
    except Refused:
        if device.model.slots > 1:
            raise
        device.power_on()
        device.send(package)
    device.power_on()
    device.confirm()


@functools.cache
def updated_terminal(model: Model) -> Content:
    """Both slots have been written; `new` runs from slot 1."""
    device = Device.of(model, new_terminal(model))
    device.power_on()
    update(device, releases(model).new)
    device.power_on()
    device.tidy()
    return device.content


@functools.cache
def used_terminal(model: Model) -> Content:
    """Every head and every block has been written before; `new` runs."""
    device = Device.of(model, new_terminal(model))
    device.power_on()
    for package in (releases(model).other, releases(model).new) * 2:
        update(device, package)
    return device.content


@functools.cache
def rotated_terminal(model: Model) -> Content:
    """The second trust counts; the old image in the other slot is not vouched for any more."""
    device = Device.of(model, new_terminal(model))
    device.power_on()
    update(device, releases(model).rotating)
    return device.content


@functools.cache
def backable_terminal(model: Model) -> Content:
    """`same` runs, `old` with the same counter stands in the other slot."""
    device = Device.of(model, new_terminal(model))
    device.power_on()
    update(device, releases(model).same)
    return device.content


@functools.cache
def interrupted_terminal(model: Model) -> Content:
    """`new` was sent half."""
    device = Device.of(model, new_terminal(model))
    device.power_on()
    device.send(releases(model).new, stop=len(releases(model).new.blocks) // 2)
    return device.content


@functools.cache
def full_log(model: Model) -> Content:
    """The boot log is about to turn over."""
    device = Device.of(model, used_terminal(model))
    device.power_on()
    while device.log._room() > 4:
        device.log.write(device.log.state)
    return device.content


@functools.cache
def broken_terminal(model: Model) -> Content:
    """Both images have decayed: nothing may start."""
    content = updated_terminal(model)
    device = Device.of(model, content)
    for index in range(model.slots):
        _decay(device, index, releases(model).new)
    device.power_on()
    assert device.booted.slot is None
    return device.content


def _decay(device: Device, slot: int, release: Release) -> None:
    """Flip a bit of a stored image."""
    address = SlotStore(device.flash, slot, device.model.layout).block_span(release.manifest, 0)[0]
    device.flash.fill(address + 5, bytes([device.flash.cells[address + 5] ^ 0x10]))


@functools.cache
def decayed_terminal(model: Model) -> Content:
    """The active image has decayed, the other one is below the counter."""
    device = Device.of(model, updated_terminal(model))
    _decay(device, 1, releases(model).new)
    return device.content


@functools.cache
def decayed_after_trial(model: Model) -> Content:
    """The active image has decayed; the other slot holds a whole one that was tried and not confirmed."""
    device = Device.of(model, new_terminal(model))
    device.power_on()
    device.send(releases(model).new)
    for _ in range(model.trial_starts + 2):
        device.power_on()
    _decay(device, 0, releases(model).old)
    return device.content


@functools.cache
def decayed_backable_terminal(model: Model) -> Content:
    """The active image has decayed, the other one may start."""
    device = Device.of(model, backable_terminal(model))
    _decay(device, 1, releases(model).same)
    return device.content


@functools.cache
def worn_out_terminal(model: Model) -> Content:
    """The storage of the counter is nearly full."""
    device = Device.of(model, new_terminal(model))
    device.power_on()
    for at in range(0, (device.counter.room - SPARE_PLACES + 1) * device.counter.place, device.counter.place):
        device.one_way.fill(device.counter.place + at, bytes([0x5A]) * device.counter.place)
    return device.content
