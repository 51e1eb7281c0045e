"""Where the points of a curve are, for everything that draws it. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

from fwtool.report.document import Curve


class Chart(NamedTuple):
    """A curve in a field that is 1 wide and 1 high, (0, 0) at its lower left corner."""

    points: Sequence[tuple[float, float]]
    low: float
    high: float


def chart(curve: Curve) -> Chart:
    """Points at equal distances; the field reaches from the lowest to the highest value, or around the only one."""
    low, high = min(curve.values), max(curve.values)
    if low == high:
        low, high = low - 1, high + 1
    step = 1 / max(1, len(curve.values) - 1)
    points = [(number * step, (value - low) / (high - low)) for number, value in enumerate(curve.values)]
    return Chart(points, low, high)


def shown(value: float) -> str:
    """A value for people: at most two decimals."""
    return f"{round(value, 2):.12g}"
