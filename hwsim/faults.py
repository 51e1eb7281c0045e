"""The table of faults: a name, what it does, and how it is undone. Scenario files and `sim-control` use the same names."""

import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple

from formats.versions import Version
from hwsim.flash import PowerCut

if TYPE_CHECKING:
    from hwsim.machine import Machine


class Fault(NamedTuple):
    """One fault to plant. What `value` means is said in `FAULTS`."""

    kind: str
    value: float = 0.0
    seed: int = 1


class Kind(NamedTuple):
    """One row of the table."""

    description: str
    plant: Callable[["Machine", Fault], None]
    mend: Callable[["Machine"], None]


def _setting(description: str, name: str, bad: object, good: object) -> Kind:
    """A fault that is one value of the peripherals."""

    def plant(machine: "Machine", fault: Fault) -> None:
        setattr(machine.terminal.peripherals, name, type(bad)(fault.value) if fault.value else bad)  # type: ignore[call-arg]

    return Kind(description, plant, lambda machine: setattr(machine.terminal.peripherals, name, good))


def _plant_paper_out(machine: "Machine", fault: Fault) -> None:
    if fault.value:
        machine.terminal.peripherals.paper_lines_left = int(fault.value)
    else:
        machine.terminal.peripherals.paper = "out"


def _mend_paper(machine: "Machine") -> None:
    machine.terminal.peripherals.paper, machine.terminal.peripherals.paper_lines_left = "ok", None


def _plant_battery_low(machine: "Machine", fault: Fault) -> None:
    peripherals = machine.terminal.peripherals
    peripherals.mains, peripherals.battery_percent, peripherals.battery_mv = False, int(fault.value or 12), 3480


def _mend_battery(machine: "Machine") -> None:
    peripherals = machine.terminal.peripherals
    peripherals.mains, peripherals.battery_percent, peripherals.battery_mv = True, 92, 4050


def _plant_tamper(machine: "Machine", fault: Fault) -> None:
    del fault
    peripherals = machine.terminal.peripherals
    peripherals.tampered, peripherals.keys_present = True, False
    machine.terminal.display = "DEVICE OUT OF SERVICE"
    if machine.terminal.booted:
        machine.terminal.note("tamper", "the case was opened; keys erased")


def _mend_tamper(machine: "Machine") -> None:
    """Only the maker can: the simulation gives out a repaired terminal."""
    machine.terminal.peripherals.tampered, machine.terminal.peripherals.keys_present = False, True


def _plant_dead_dots(machine: "Machine", fault: Fault) -> None:
    generator = random.Random(fault.seed)  # noqa: S311 - repeatable on purpose
    machine.terminal.peripherals.dead_dots = tuple(generator.sample(range(384), int(fault.value or 3)))


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


def _plant_dead_sector(machine: "Machine", fault: Fault) -> None:
    machine.terminal.flash.dead_sectors.add(int(fault.value or 0x0860000 // 4096))
    machine.terminal.peripherals.storage_bad_sectors = len(machine.terminal.flash.dead_sectors)


def _mend_dead_sector(machine: "Machine") -> None:
    machine.terminal.flash.dead_sectors.clear()
    machine.terminal.peripherals.storage_bad_sectors = 0


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


def _plant_unsettled(machine: "Machine", fault: Fault) -> None:
    machine.terminal.account.open_with(int(fault.value or 3))


def _plant_unplug(machine: "Machine", fault: Fault) -> None:
    """The cable goes, and comes back after `value` seconds if given."""
    machine.unplug()
    if fault.value:
        machine.scheduler.after(fault.value, machine.plug)


def _nothing(machine: "Machine") -> None:
    del machine


FAULTS: Final[dict[str, Kind]] = {
    "paper_out": Kind("the paper ends, now or after `value` lines", _plant_paper_out, _mend_paper),
    "paper_low": _setting("the roll is near its end", "paper", "low", "ok"),
    "cover_open": _setting("the printer's cover is open", "cover_open", True, False),
    "head_hot": _setting("the print head is at `value` degrees (75)", "head_temperature_c", 75, 34),
    "head_worn": _setting("the print head has done `value` metres (52000)", "head_metres", 52_000, 4_200),
    "dead_dots": Kind(
        "`value` dots (3) of the head are dead",
        _plant_dead_dots,
        lambda m: setattr(m.terminal.peripherals, "dead_dots", ()),
    ),
    "card_blocked": _setting("something is in the card slot", "card_slot", "blocked", "clear"),
    "overlay": _setting("a foreign part sits on the card slot", "card_slot", "overlay", "clear"),
    "msr_dirty": _setting("`value` percent (31) of the stripe reads fail", "msr_failed_percent", 31, 2),
    "chip_contacts": _setting("the chip contacts do not close", "chip_ok", False, True),
    "contactless": _setting("the contactless reader is dead", "contactless_ok", False, True),
    "key_stuck": _setting("a key hangs", "keypad_stuck", "5", ""),
    "display": _setting("the display is faulty", "display_ok", False, True),
    "battery_low": Kind("on battery, at `value` percent (12)", _plant_battery_low, _mend_battery),
    "battery_worn": _setting("the battery has done `value` cycles (920)", "battery_cycles", 920, 140),
    "battery_hot": _setting("the battery is at `value` degrees (58)", "battery_temperature_c", 58, 27),
    "backup_cell": _setting("the tamper cell is at `value` mV (2450)", "backup_cell_mv", 2450, 3050),
    "clock_skew": _setting("the clock is off by `value` seconds (7200)", "clock_offset_s", 7200, 0),
    "host_unreachable": _setting("the bank's host does not answer", "host_reachable", False, True),
    "certificate": _setting("the certificate has `value` days left (6)", "certificate_days_left", 6, 420),
    "self_test_old": _setting("the last self-test is `value` hours ago (40)", "hours_since_self_test", 40, 9),
    "keys_missing": _setting("the keys are gone", "keys_present", False, True),
    "tamper": Kind("the tamper switch opens", _plant_tamper, _mend_tamper),
    "unsettled": Kind(
        "`value` transactions (3) are not settled",
        _plant_unsettled,
        lambda m: m.terminal.account.settle(m.terminal.clock()),
    ),
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
    "garbage": Kind("`value` random bytes (500) from the terminal", _plant_garbage, _nothing),
    "dead_sector": Kind("flash sector number `value` cannot be erased", _plant_dead_sector, _mend_dead_sector),
    "unplug": Kind("the cable is pulled, for `value` seconds or for good", _plant_unplug, lambda machine: machine.plug()),
    "power_cut": Kind("the power goes, for `value` seconds (2)", _plant_power_cut, lambda m: m.terminal.power_on()),
    "hang": Kind("the terminal stops answering", _plant_hang, _mend_hang),
    "lie_version": Kind("the terminal claims to run 9.9.9", _plant_lie, _mend_lie),
}
