"""What a power cut makes of the operation under way, and a watchdog that cuts when nobody feeds it.

A program that is cut has set some of its bits, an erase that is cut has freed some of its cells; what it was about to change
may also be left without a sure value (NOR parts: see the note on power loss in any vendor's reliability application notes;
threats F2, F3).
"""

import enum
import random
from collections.abc import Callable
from typing import Final, NamedTuple

from hwsim.flash import NorFlash, Operation, PowerCut

LOOSE_BYTES: Final = (2, 96)
"""At most so many bytes without a sure value: so few that all may read as it should, or enough to spoil whatever is read.
An even seed takes the first, and in each of its bytes one bit."""
POLL_S: Final = 0.001
"""The firmware asks a busy part so often, and feeds the watchdog each time."""


class How(enum.Enum):
    """Ways in which an operation ends half done. `amount` of a tear means something else for each."""

    NOTHING = "nothing"
    """It had not begun."""
    PREFIX = "prefix"
    """The first `amount` bytes are done."""
    BITS = "bits"
    """Each bit that was to change has changed or not; `amount` seeds the chance."""
    SPOILT = "spoilt"
    """Program: nothing shows, but the unit's error-correcting code is begun."""
    LOOSE = "loose"
    """Erase: all reads as erased, except for cells that read differently each time; `amount` is a seed."""
    FADED = "faded"
    """Erase: the old bytes are still there, and cells of them read differently each time; `amount` is a seed."""


class Tear(NamedTuple):
    """One way for one operation to end."""

    how: How
    amount: int = 0


def spoil(operation: Operation, tear: Tear) -> None:
    """Leave the part as an operation leaves it that ends so."""
    if operation.data is None:
        _ERASES[tear.how](operation, tear.amount)
    else:
        _PROGRAMS[tear.how](operation, tear.amount)


def _target(operation: Operation) -> bytes:
    """What the cells would hold if the operation were done."""
    part = operation.part
    if operation.data is None:
        return bytes([part.erased]) * operation.size
    there = part.cells[operation.address : operation.address + operation.size]
    both = zip(there, operation.data, strict=True)
    return bytes(old & new for old, new in both) if part.erased else bytes(old | new for old, new in both)


def _nothing(operation: Operation, amount: int) -> None:
    del operation, amount


def _prefix(operation: Operation, amount: int) -> None:
    operation.part.fill(operation.address, _target(operation)[:amount])


def _bits(operation: Operation, amount: int) -> None:
    part, size = operation.part, operation.size
    old = int.from_bytes(part.cells[operation.address : operation.address + size], "big")
    changing = old ^ int.from_bytes(_target(operation), "big")
    chosen = random.Random(amount * 1_000_003 + operation.address).getrandbits(size * 8)  # noqa: S311
    part.fill(operation.address, (old ^ changing & chosen).to_bytes(size, "big"))


def _spoilt(operation: Operation, amount: int) -> None:
    del amount
    unit = operation.part.geometry.unit
    operation.part.defects.spoilt.add(operation.address // unit)


def _loosen(operation: Operation, amount: int, old: bytes) -> None:
    """Cells that were programmed have no sure value any more."""
    part = operation.part
    chance = random.Random(amount * 1_000_003 + operation.address)  # noqa: S311
    written = [at for at, byte in enumerate(old) if byte != part.erased]
    most = LOOSE_BYTES[amount % 2]
    for at in written if len(written) <= most else chance.sample(written, most):
        bits = old[at] ^ part.erased
        few = bits & -bits  # the lowest
        part.defects.loose[operation.address + at] = (chance.randrange(1, 256) & bits if amount % 2 else few) or bits
    part.defects.sow(amount)


def _loose(operation: Operation, amount: int) -> None:
    part, old = operation.part, bytes(operation.part.cells[operation.address : operation.address + operation.size])
    part.fill(operation.address, _target(operation))
    _loosen(operation, amount, old)


def _faded(operation: Operation, amount: int) -> None:
    old = bytes(operation.part.cells[operation.address : operation.address + operation.size])
    _loosen(operation, amount, old)


_PROGRAMS: Final[dict[How, Callable[[Operation, int], None]]] = {
    How.NOTHING: _nothing, How.PREFIX: _prefix, How.BITS: _bits, How.SPOILT: _spoilt
}  # fmt: skip
_ERASES: Final[dict[How, Callable[[Operation, int], None]]] = {
    How.NOTHING: _nothing, How.PREFIX: _prefix, How.BITS: _bits, How.LOOSE: _loose, How.FADED: _faded
}  # fmt: skip


def cut_at(part: NorFlash, number: int, tear: Tear) -> None:
    """Let the power go in operation `number` from now (1: the next one), with this tear. Happens once."""
    last = part.operations + number

    def watch(operation: Operation) -> None:
        if part.operations >= last:
            part.watch = None
            spoil(operation, tear)
            raise PowerCut

    part.watch = watch


class Watchdog:
    """Restarts the terminal when it has not been fed for `limit_s`."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._hungry_s = 0.0

    def feed(self) -> None:
        self._hungry_s = 0.0

    def elapse(self, seconds: float) -> None:
        """Time passes. Raises PowerCut when it has been too long."""
        self._hungry_s += seconds
        if self._hungry_s > self._limit_s:
            raise PowerCut


def poll(watchdog: Watchdog) -> Callable[[float], None]:
    """The firmware's loop around a busy part, for `NorFlash.while_busy`."""

    def busy(seconds: float) -> None:
        while seconds > 0:
            watchdog.elapse(min(seconds, POLL_S))
            watchdog.feed()
            seconds -= POLL_S

    return busy
