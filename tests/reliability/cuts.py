"""Runs a scenario once and notes every operation; then builds what each cut of each operation leaves behind."""

import dataclasses
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from hwsim.flash import NorFlash, Operation
from hwsim.power import How, Tear, spoil
from tests.reliability.device import Device, Model
from tests.reliability.scenarios import Scenario, Step

EVERY_BYTE: Final = 32
"""Writes up to this size are torn after each of their bytes."""
LOST_AT_MOST: Final = 3
"""So many operations a brown-out can take back, although the part has reported them done."""


@dataclasses.dataclass(frozen=True)
class Done:
    """One operation of a run."""

    part: int
    """0: the flash, 1: the cells of the counter."""
    address: int
    data: bytes | None
    size: int
    step: int
    commits: int


class Before(NamedTuple):
    """An operation on the flash, and what it replaced."""

    done: Done
    old: bytes
    loose: dict[int, int]
    spoilt: set[int]


class Plan(NamedTuple):
    """How thoroughly: seeds for random tears, and which operations on blocks of an image get them all."""

    seeds: int = 4
    every: int = 1
    """Of operations on the payload, each so manyth gets all tears, the others one."""
    pick: int = 1
    """Of all cases, each so manyth is taken."""
    offset: int = 0
    """With which to begin."""
    lost: int = LOST_AT_MOST


FULL: Final = Plan()


class Case(NamedTuple):
    """One cut."""

    number: int
    """Operation, from 0; one more than the last: after everything."""
    kind: str
    device: Device
    steps: tuple[Step, ...]
    """The steps whose promises hold for what is left, the latest last."""


class Run(NamedTuple):
    """A scenario as it went."""

    model: Model
    start: Device
    """Switched off; stays as it is."""
    steps: tuple[Step, ...]
    done: tuple[Done, ...]
    commits: int
    """At the end."""


def watched(device: Device, done: list[Done], step: Callable[[], int]) -> None:
    """Note each operation of a device."""

    def watch(operation: Operation) -> None:
        part = device.parts.index(operation.part)
        done.append(Done(part, operation.address, operation.data, operation.size, step(), device.flash.commits))

    for part in device.parts:
        part.watch = watch


def record(model: Model, scenario: Scenario) -> Run:
    """Run it without a cut."""
    steps = scenario.steps(model)
    device, done = Device.of(model, scenario.start(model)), list[Done]()
    device.power_on()
    start, current = device.clone(), [0]
    watched(device, done, lambda: current[0])
    for number, step in enumerate(steps):
        current[0] = number
        step.act(device)
    return Run(model, start, steps, tuple(done), device.flash.commits)


def _tears(run: Run, done: Done, plan: Plan, number: int) -> Iterator[Tear]:
    geometry = run.model.geometry
    yield Tear(How.NOTHING)
    in_payload = (
        done.part == 0
        and done.data is not None
        and any(slot.payload.address <= done.address < slot.payload.end for slot in run.model.layout.slots)
    )
    seeds = plan.seeds if not in_payload or number % plan.every == 0 else 1
    if done.data is None:
        yield from (Tear(How.PREFIX, done.size * part // 16) for part in (4, 8, 15)[: seeds + 1])
        for how in (How.BITS, How.LOOSE, How.FADED):
            yield from (Tear(how, seed) for seed in range(seeds))
        return
    yield from (Tear(How.BITS, seed) for seed in range(seeds))
    if seeds > 1 or not in_payload:
        yield from (Tear(How.PREFIX, amount) for amount in _prefixes(done.size))
    if not geometry.again:
        yield Tear(How.SPOILT)


def _prefixes(size: int) -> Iterable[int]:
    """Bytes that are done: every number for a record, some for a page."""
    return range(1, size) if size <= EVERY_BYTE else (1, size // 2, size - 1)


def cases(run: Run, plan: Plan = FULL) -> Iterator[Case]:
    """Every cut of a run. The devices are switched off."""
    now = run.start.clone()
    recent: deque[Before] = deque(maxlen=plan.lost)
    taken = plan.offset
    for number, done in enumerate((*run.done, None)):
        step = done.step if done else len(run.steps) - 1
        commits = done.commits if done else run.commits
        for back, before in enumerate(reversed(recent), 1):
            if commits != before.done.commits:
                break
            taken += 1
            if taken % plan.pick == 0:
                steps = tuple(run.steps[n] for n in sorted({before.done.step, step}))
                yield Case(number, f"last {back} lost", _losing(now, list(recent)[-back:]), steps)
        if done is None:
            break
        left = set[object]()
        for tear in _tears(run, done, plan, number):
            taken += 1
            if taken % plan.pick:
                continue
            device = now.clone()
            spoil(Operation(device.parts[done.part], done.address, done.data, done.size), tear)
            trace = _trace(device.parts[done.part], done)
            if trace in left:
                continue  # another tear has left the same: no case of its own
            left.add(trace)
            what = "erase" if done.data is None else "write"
            kind = "before" if tear.how is How.NOTHING else f"torn {what}: {tear.how.value}"
            yield Case(number, kind, device, (run.steps[step],))
        if done.part == 0:
            recent.append(_before(now.flash, done))
        _apply(now.parts[done.part], done)


def _trace(part: NorFlash, done: Done) -> object:
    """What an operation that was cut has left where it was at work."""
    cells = bytes(part.cells[done.address : done.address + done.size])
    return cells, frozenset(part.defects.loose.items()), frozenset(part.defects.spoilt)


def _before(flash: NorFlash, done: Done) -> Before:
    old = bytes(flash.cells[done.address : done.address + done.size])
    return Before(done, old, dict(flash.defects.loose), set(flash.defects.spoilt))


def _losing(now: Device, lost: list[Before]) -> Device:
    """The flash has forgotten its last operations; the cells of the counter, a part of their own, have not."""
    device = now.clone()
    for before in reversed(lost):
        device.flash.fill(before.done.address, before.old)
    device.flash.defects.loose, device.flash.defects.spoilt = dict(lost[0].loose), set(lost[0].spoilt)
    return device


def _apply(part: NorFlash, done: Done) -> None:
    """Do an operation for real."""
    if done.data is None:
        part.erase(done.address, done.size)
    else:
        part.program(done.address, done.data)
