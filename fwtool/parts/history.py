"""What earlier visits measured: entries of the records that hold `wear`."""

import datetime
import math
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from fwtool.findings import Snapshot
from fwtool.parts.lives import LIVES
from fwtool.quantities import QUANTITIES
from fwtool.records.entry import Row

WEAR: Final = "wear"
"""Field of a record: quantities by name."""
USED: Final = "used_parts"
"""Field of a record: how many of each class of parts were used."""
NAMES: Final = tuple(dict.fromkeys(name for life in LIVES for name in (life.quantity, life.age) if name))
"""Quantities that are noted."""
MAX_POINTS: Final = 500


class Point(NamedTuple):
    """What was measured on one day."""

    time: datetime.datetime
    wear: Mapping[str, float]


def wear_of(snapshot: Snapshot) -> dict[str, float]:
    """What is to be noted of a terminal now."""
    found = ((name, QUANTITIES[name].value(snapshot)) for name in NAMES)
    return {name: value for name, value in found if value is not None}


def past(rows: Iterable[Row], serial_number: str) -> list[Point]:
    """The newest measurements of a terminal, oldest first. What makes no sense is passed over: a record is only as good as who
    wrote it."""
    points: deque[Point] = deque(maxlen=MAX_POINTS)
    for row in rows:
        fields = row.fields or {}
        if fields.get("serial_number") != serial_number or not isinstance(fields.get(WEAR), dict):
            continue
        time = _time(fields.get("time"))
        wear = {str(name): float(value) for name, value in fields[WEAR].items() if _is_number(value)}
        if time is not None and wear:
            points.append(Point(time, wear))
    return sorted(points, key=lambda point: point.time)


def used(rows: Iterable[Row], serial_number: str) -> dict[str, int]:
    """Parts that all visits to a terminal have used, by class."""
    total: Counter[str] = Counter()
    for row in rows:
        fields = row.fields or {}
        parts = fields.get(USED)
        if fields.get("serial_number") == serial_number and fields.get("kind") == "finished" and isinstance(parts, dict):
            total.update({str(part): count for part, count in parts.items() if isinstance(count, int)})
    return dict(total)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and abs(value) < 1e12


def _time(value: Any) -> datetime.datetime | None:
    try:
        time = datetime.datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return time if time.tzinfo else None
