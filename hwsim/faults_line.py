"""Faults of the line, of power and of the terminal as a whole: they are met on the wire or when the terminal is read back."""

import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from formats.versions import Version
from hwsim.fault import Fault, Kind, nothing
from hwsim.flash import PowerCut

if TYPE_CHECKING:
    from hwsim.machine import Machine


def _plant_noise(machine: "Machine", fault: Fault) -> None:
    """Bit errors in both directions at the given rate."""
    generator = random.Random(fault.seed)  # noqa: S311
    rate = fault.value or 1e-5

    def disturb(data: bytes) -> bytes:
        bits = len(data) * 8
        hit = int(generator.expovariate(rate))
        if hit >= bits:
            return data
        noisy = bytearray(data)
        while hit < bits:
            noisy[hit >> 3] ^= 1 << (hit & 7)
            hit += 1 + int(generator.expovariate(rate))
        return bytes(noisy)

    machine.to_terminal.disturb = machine.to_host.disturb = disturb


def _mend_noise(machine: "Machine") -> None:
    machine.to_terminal.disturb = machine.to_host.disturb = None


def _at_some_bytes(change: Callable[[random.Random, int], bytes]) -> Callable[["Machine", Fault], None]:
    """A fault that replaces single bytes, at the given rate in both directions, by what `change` makes of them."""

    def plant(machine: "Machine", fault: Fault) -> None:
        generator = random.Random(fault.seed)  # noqa: S311
        rate = fault.value or 1e-5
        left = int(generator.expovariate(rate))

        def disturb(data: bytes) -> bytes:
            nonlocal left
            done, found = 0, []
            while left < len(data) - done:
                found += [data[done : done + left], change(generator, data[done + left])]
                done += left + 1
                left = int(generator.expovariate(rate))
            left -= len(data) - done
            return b"".join([*found, data[done:]])

        machine.to_terminal.disturb = machine.to_host.disturb = disturb

    return plant


BURST = 50
"""Bytes of a burst of noise."""


def _plant_rate_limit(machine: "Machine", fault: Fault) -> None:
    """Above this rate the line damages bytes, as a long cable does."""
    machine.clean_baud = int(fault.value or 230_400)


def _mend_rate_limit(machine: "Machine") -> None:
    machine.clean_baud = 0


def _plant_garbage(machine: "Machine", fault: Fault) -> None:
    """So many random bytes come from the terminal at once."""
    generator = random.Random(fault.seed)  # noqa: S311
    machine.terminal.transmit(generator.randbytes(int(fault.value or 500)))


def _plant_power_cut(machine: "Machine", fault: Fault) -> None:
    """The power goes now, and comes back after `value` seconds (2)."""
    machine.terminal.power_returns_s = fault.value or 2.0
    machine.terminal.cut_power()


def plant_power_cut_at(machine: "Machine", fault: Fault, operation: int) -> None:
    """The power goes before flash operation number `operation`, counted from now."""
    machine.terminal.power_returns_s = fault.value or 2.0
    last = machine.terminal.flash.operations + operation

    def before(number: int) -> None:
        if number >= last:
            machine.terminal.flash.before_operation = lambda number: None
            raise PowerCut

    machine.terminal.flash.before_operation = before


def _plant_hang(machine: "Machine", fault: Fault) -> None:
    del fault
    machine.terminal.hung = True


def _mend_hang(machine: "Machine") -> None:
    machine.terminal.restart()


def _plant_lie(machine: "Machine", fault: Fault) -> None:
    del fault
    machine.terminal.reported_version = Version(9, 9, 9)


def _mend_lie(machine: "Machine") -> None:
    machine.terminal.reported_version = None


def _plant_unplug(machine: "Machine", fault: Fault) -> None:
    """The cable goes, and comes back after `value` seconds if given."""
    machine.unplug()
    if fault.value:
        machine.scheduler.after(fault.value, machine.plug)


LINE_FAULTS: Final[dict[str, Kind]] = {
    "noise": Kind("bit errors at rate `value` (1e-5) both ways", _plant_noise, _mend_noise),
    "drop": Kind("bytes get lost at rate `value` (1e-5)", _at_some_bytes(lambda chance, byte: b""), _mend_noise),
    "duplicate": Kind(
        "bytes come twice at rate `value` (1e-5)", _at_some_bytes(lambda chance, byte: bytes([byte, byte])), _mend_noise
    ),
    "burst": Kind(
        f"{BURST} random bytes come in between at rate `value` (1e-5)",
        _at_some_bytes(lambda chance, byte: bytes([byte]) + chance.randbytes(BURST)),
        _mend_noise,
    ),
    "rate_limit": Kind("the line is clean only up to `value` baud (230400)", _plant_rate_limit, _mend_rate_limit),
    "garbage": Kind("`value` random bytes (500) from the terminal", _plant_garbage, nothing),
    "unplug": Kind("the cable is pulled, for `value` seconds or for good", _plant_unplug, lambda machine: machine.plug()),
    "power_cut": Kind("the power goes, for `value` seconds (2)", _plant_power_cut, lambda m: m.terminal.power_on()),
    "hang": Kind("the terminal stops answering", _plant_hang, _mend_hang),
    "lie_version": Kind("the terminal claims to run 9.9.9", _plant_lie, _mend_lie),
}
