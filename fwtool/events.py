"""What happens during a job, told through one callback: values, no printing. The JSON lines have the same names."""

import dataclasses
from collections.abc import Callable
from typing import TypeAlias


@dataclasses.dataclass(frozen=True)
class TaskBegin:
    """A step starts. `total` in bytes, 0 if it has no measure."""

    task: str
    total: int = 0
    initial: int = 0
    """Bytes of it that were done before (a resumed transfer)."""


@dataclasses.dataclass(frozen=True)
class TaskProgress:
    """How far a step is."""

    task: str
    done: int
    total: int
    rate: float
    """Bytes per second."""
    eta_s: float | None


@dataclasses.dataclass(frozen=True)
class TaskEnd:
    """A step is over."""

    task: str
    duration_s: float


@dataclasses.dataclass(frozen=True)
class Log:
    """Something worth a line."""

    message: str
    level: str = "info"


@dataclasses.dataclass(frozen=True)
class Measurement:
    """A value that was measured, and what it should be."""

    name: str
    value: float
    unit: str
    low: float | None
    high: float | None
    outcome: str


Event: TypeAlias = TaskBegin | TaskProgress | TaskEnd | Log | Measurement
OnEvent: TypeAlias = Callable[[Event], None]


def ignore(event: Event) -> None:
    """For those who do not want to know."""
    del event
