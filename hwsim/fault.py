"""What a fault is: a row that says how it is planted and how it is undone."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from hwsim.machine import Machine


class Fault(NamedTuple):
    """One fault to plant. What `value` means is said in `hwsim.faults.FAULTS`."""

    kind: str
    value: float = 0.0
    seed: int = 1


class Kind(NamedTuple):
    """One row of the table."""

    description: str
    plant: Callable[["Machine", Fault], None]
    mend: Callable[["Machine"], None]


def setting(description: str, name: str, bad: object, good: object) -> Kind:
    """A fault that is one value of the peripherals."""

    def plant(machine: "Machine", fault: Fault) -> None:
        setattr(machine.terminal.peripherals, name, type(bad)(fault.value) if fault.value else bad)  # type: ignore[call-arg]

    return Kind(description, plant, lambda machine: setattr(machine.terminal.peripherals, name, good))


def nothing(machine: "Machine") -> None:
    """There is nothing to undo."""
    del machine
