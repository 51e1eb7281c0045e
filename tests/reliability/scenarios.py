"""What happens in a terminal's life, step by step, and what may run if the power goes in each step."""

import dataclasses
from collections.abc import Callable
from typing import Final

from hwsim.refusal import Refused
from tests.reliability.contents import (
    backable_terminal,
    broken_terminal,
    decayed_after_trial,
    decayed_backable_terminal,
    decayed_terminal,
    full_log,
    interrupted_terminal,
    new_terminal,
    releases,
    rotated_terminal,
    updated_terminal,
    used_terminal,
    worn_out_terminal,
)
from tests.reliability.device import Content, Device, Model
from tests.reliability.releases import Release


@dataclasses.dataclass(frozen=True)
class Step:
    """One thing that happens.

    Attributes:
        allowed: What may run when the power goes in it and comes back (on trial counts as running).
        counters: Values the security counter may have then.
        recovery: Whether nothing may run either (a single slot that is being written).
        trusts: Versions the trust may have then.
    """

    act: Callable[[Device], object]
    allowed: tuple[Release, ...]
    counters: tuple[int, ...]
    recovery: bool = False
    trusts: tuple[int, ...] = (1,)


@dataclasses.dataclass(frozen=True)
class Scenario:
    """Steps from a starting content, and the state that running it again must reach."""

    name: str
    start: Callable[[Model], Content]
    steps: Callable[[Model], tuple[Step, ...]]
    goal: Callable[[Model], Release]
    """What the whole is for: `finish` gets a terminal there from wherever a cut has left it."""
    reverts: bool = False
    """Whether the goal is reached by going back."""
    trust: int = 1
    """Version of the trust that counts in the end."""


def refused(act: Callable[[Device], object]) -> Callable[[Device], None]:
    def run(device: Device) -> None:
        try:
            act(device)
        except Refused as refusal:
            device.note("refused", refusal.reason)
            return
        raise AssertionError("this should have been refused")

    return run


def restart(device: Device) -> None:
    device.power_on()


def sending(package: Release, *, resume: bool = True, stop: int | None = None) -> Callable[[Device], None]:
    return lambda device: device.send(package, resume=resume, stop=stop)


def confirming(device: Device) -> None:
    device.confirm()


# -- the list -----------------------------------------------------------------------------------------------------------


def _update_steps(old: Release, new: Release, *, first: tuple[Step, ...] = (), recovery: bool = False) -> tuple[Step, ...]:
    """Send, restart, confirm."""
    before = (old.counter,)
    return (
        *first,
        Step(sending(new), (old, new), before, recovery),
        Step(restart, (old, new), before, recovery),
        Step(confirming, (old, new), (old.counter, new.counter), recovery),
        Step(restart, (new,), (new.counter,)),
    )


def _install(model: Model) -> tuple[Step, ...]:
    r = releases(model)
    return _update_steps(r.old, r.new)


def _upgrade(model: Model) -> tuple[Step, ...]:
    r = releases(model)
    return _update_steps(r.new, r.next)


def _several(model: Model) -> tuple[Step, ...]:
    r = releases(model)
    return _update_steps(r.old, r.several)


def _back_to_an_image(model: Model) -> tuple[Step, ...]:
    """Its blocks stand in the other slot already."""
    r = releases(model)
    return _update_steps(r.same, r.old)


def _downgrade(model: Model) -> tuple[Step, ...]:
    r = releases(model)
    low = Step(refused(sending(r.low)), (r.new,), (8,))
    return (low, Step(refused(lambda device: device.revert()), (r.new,), (8,)), Step(restart, (r.new,), (8,)))


def _permitted(model: Model) -> tuple[Step, ...]:
    """Below the counter, which stays where it is."""
    r = releases(model)
    both = (r.new, r.down)
    return (
        Step(refused(sending(r.no_way_down)), (r.new,), (8,)), Step(sending(r.down), both, (8,)), Step(restart, both, (8,)),
        Step(confirming, both, (8,)), Step(restart, (r.down,), (8,)),
    )  # fmt: skip


def _not_confirmed(model: Model) -> tuple[Step, ...]:
    r = releases(model)
    tried = Step(restart, (r.old, r.new), (7,))
    return (Step(sending(r.new), (r.old, r.new), (7,)), *(tried,) * (model.trial_starts + 1), Step(restart, (r.old,), (7,)))


def _trial_reverted(model: Model) -> tuple[Step, ...]:
    r = releases(model)
    return (
        Step(sending(r.new), (r.old, r.new), (7,)), Step(restart, (r.old, r.new), (7,)),
        Step(lambda device: device.revert(), (r.old, r.new), (7,)), Step(restart, (r.old,), (7,)),
    )  # fmt: skip


def _reverted(model: Model) -> tuple[Step, ...]:
    r = releases(model)
    return (
        Step(lambda device: device.revert(), (r.old, r.same), (7,)), Step(restart, (r.old,), (7,)),
        Step(lambda device: device.tidy(), (r.old,), (7,)),
    )  # fmt: skip


def _resumed(model: Model) -> tuple[Step, ...]:
    r = releases(model)
    return _update_steps(r.old, r.new, first=(Step(restart, (r.old,), (7,)),))


def _switched(model: Model) -> tuple[Step, ...]:
    """Half of one package, then another."""
    r = releases(model)
    return _update_steps(r.old, r.other, first=(Step(restart, (r.old,), (7,)),))


def _stopped_twice(model: Model) -> tuple[Step, ...]:
    r = releases(model)
    count = len(r.new.blocks)
    halts = (sending(r.new, stop=count // 3), restart, sending(r.other, stop=count // 2), restart)
    return _update_steps(r.old, r.new, first=tuple(Step(act, (r.old,), (7,)) for act in halts))


def _tidied(model: Model) -> tuple[Step, ...]:
    r = releases(model)
    first = (Step(restart, (r.new,), (8,)), Step(lambda device: device.tidy(), (r.new,), (8,)))
    return _update_steps(r.new, r.next, first=first)


def _rescued(model: Model) -> tuple[Step, ...]:
    r = releases(model)
    return (
        Step(restart, (), (8,), recovery=True),
        Step(sending(r.next), (r.next,), (8,), recovery=True),
        Step(restart, (r.next,), (8,), recovery=True),
        Step(confirming, (r.next,), (8, 9), recovery=True),
        Step(restart, (r.next,), (9,)),
    )


def _decayed(model: Model) -> tuple[Step, ...]:
    """The image before must not come back: it is below the counter."""
    return _rescued(model)


def _decayed_after_trial(model: Model) -> tuple[Step, ...]:
    """What was given up does not come back, not even as a last resort."""
    r = releases(model)
    return (
        Step(restart, (), (7,), recovery=True),
        Step(sending(r.next), (r.next,), (7,), recovery=True),
        Step(restart, (r.next,), (7,), recovery=True),
        Step(confirming, (r.next,), (7, 9), recovery=True),
        Step(restart, (r.next,), (9,)),
    )


def _decayed_backable(model: Model) -> tuple[Step, ...]:
    r = releases(model)
    return _update_steps(r.old, r.new, first=(Step(restart, (r.old,), (7,)),))


def _worn_out(model: Model) -> tuple[Step, ...]:
    """F5: a counter that cannot follow any more is found before anything is written."""
    r = releases(model)
    return (Step(refused(sending(r.new)), (r.old,), (7,)), Step(restart, (r.old,), (7,)))


def _rotation(model: Model) -> tuple[Step, ...]:
    """The new trust counts from the confirmation on, not before."""
    r = releases(model)
    both = (r.old, r.rotating)
    return (
        Step(sending(r.rotating), both, (7,)), Step(restart, both, (7,)),
        Step(confirming, both, (7, 8), trusts=(1, 2)), Step(restart, (r.rotating,), (8,), trusts=(2,)),
    )  # fmt: skip


def _rotated(model: Model) -> tuple[Step, ...]:
    """What only the new trust vouches for."""
    r = releases(model)
    steps = _update_steps(r.rotating, r.after)
    return tuple(dataclasses.replace(step, trusts=(2,)) for step in steps)


def _rotation_again(model: Model) -> tuple[Step, ...]:
    """Into the place that has been written before."""
    r = releases(model)
    both = (r.rotating, r.again)
    return (
        Step(sending(r.again), both, (8,), trusts=(2,)), Step(restart, both, (8,), trusts=(2,)),
        Step(confirming, both, (8, 9), trusts=(2, 3)), Step(restart, (r.again,), (9,), trusts=(3,)),
    )  # fmt: skip


def _rotation_refused(model: Model) -> tuple[Step, ...]:
    """Not vouched for by the old trust; or good, but the package would not start under it any more."""
    r = releases(model)
    tries = [Step(refused(sending(package)), (r.old,), (7,)) for package in (r.half_signed, r.left_behind)]
    return (*tries, Step(restart, (r.old,), (7,)))


def _single(model: Model) -> tuple[Step, ...]:
    r = releases(model)
    enter = Step(refused(sending(r.new)), (r.old,), (7,), recovery=True)
    loader = Step(restart, (), (7,), recovery=True)
    return (
        enter, loader, Step(sending(r.new), (r.new,), (7,), recovery=True), Step(restart, (r.new,), (7,), recovery=True),
        Step(confirming, (r.new,), (7, 8), recovery=True), Step(restart, (r.new,), (8,)),
    )  # fmt: skip


def _new(model: Model) -> Release:
    return releases(model).new


def _old(model: Model) -> Release:
    return releases(model).old


def _next(model: Model) -> Release:
    return releases(model).next


SCENARIOS: Final[tuple[Scenario, ...]] = (
    Scenario("install", new_terminal, _install, _new),
    Scenario("upgrade", updated_terminal, _upgrade, _next),
    Scenario("several components", new_terminal, _several, lambda model: releases(model).several),
    Scenario("blocks in place", backable_terminal, _back_to_an_image, _old),
    Scenario("downgrade refused", updated_terminal, _downgrade, _new),
    Scenario("downgrade permitted", updated_terminal, _permitted, lambda model: releases(model).down),
    Scenario("not confirmed", new_terminal, _not_confirmed, _new),
    Scenario("trial reverted", new_terminal, _trial_reverted, _old, reverts=True),
    Scenario("reverted", backable_terminal, _reverted, _old, reverts=True),
    Scenario("resumed", interrupted_terminal, _resumed, _new),
    Scenario("interrupted, then another", interrupted_terminal, _switched, lambda model: releases(model).other),
    Scenario("stopped twice", new_terminal, _stopped_twice, _new),
    Scenario("upgrade of a used one", used_terminal, _upgrade, _next),
    Scenario("tidied", used_terminal, _tidied, _next),
    Scenario("boot log turns over", full_log, _upgrade, _next),
    Scenario("rescued", broken_terminal, _rescued, _next),
    Scenario("decayed", decayed_terminal, _decayed, _next),
    Scenario("decayed after a trial", decayed_after_trial, _decayed_after_trial, _next),
    Scenario("decayed, backable", decayed_backable_terminal, _decayed_backable, _new),
    Scenario("root rotation", new_terminal, _rotation, lambda model: releases(model).rotating, trust=2),
    Scenario("second root rotation", rotated_terminal, _rotation_again, lambda model: releases(model).again, trust=3),
    Scenario("after a root rotation", rotated_terminal, _rotated, lambda model: releases(model).after, trust=2),
    Scenario("root rotation refused", new_terminal, _rotation_refused, _old),
    Scenario("counter storage full", worn_out_terminal, _worn_out, _old),
)
SINGLE_SLOT: Final[tuple[Scenario, ...]] = (Scenario("single slot", new_terminal, _single, _new),)


def scenarios_of(model: Model) -> tuple[Scenario, ...]:
    return SCENARIOS if model.slots == 2 else SINGLE_SLOT
