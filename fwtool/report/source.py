"""What a maintenance report is made from. Pure."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from fwtool.findings import Words
from fwtool.visit.state import Visit

Say: TypeAlias = Callable[[Words], str]
"""Words in the language of the page."""


@dataclasses.dataclass(frozen=True)
class Source:
    """What a report is made from."""

    visit: Visit
    ended: str
    """UTC, ISO 8601."""
    entry: int
    """Number of the visit's entry in the record."""
    hash: str
    """Of that entry: the head of the chain when the visit ended."""
    history: Sequence[Mapping[str, Any]]
    """Visits to the terminal up to this one, the oldest first, as the record has them."""
    pictures: Sequence[tuple[str, bytes | None]]
    """before, after or photo, and the picture; None: it is gone, or is not the one of the record."""
    simulated: bool = False
    reason: str = ""
    """Why it ended early."""
