"""When something reaches its limit: by the slope of what was measured, or the average over its life. Pure."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from fwtool.findings import Measured, Snapshot, Words
from fwtool.parts.history import Point
from fwtool.parts.lives import LIVES
from fwtool.parts.model import Basis, Life, Need, Way
from fwtool.quantities import QUANTITIES

MIN_POINTS: Final = 3
MIN_SPAN_D: Final = 14
"""Fewer points, or days between the first and the last, are no trend."""
DAY_S: Final = 86_400


class Slope(NamedTuple):
    """Change per day."""

    per_day: float
    points: int
    days: float


def forecast(snapshot: Snapshot, points: Sequence[Point]) -> list[Need]:
    """Everything that reaches a limit some day, in the order of `LIVES`.

    Args:
        points: Earlier measurements and that of now, oldest first.
    """
    found = (_need(life, snapshot, points) for life in LIVES)
    return [need for need in found if need is not None]


def _need(life: Life, snapshot: Snapshot, points: Sequence[Point]) -> Need | None:
    quantity = QUANTITIES[life.quantity]
    value = quantity.value(snapshot)
    if value is None:
        return None
    measured = Measured(life.quantity, value, quantity.unit)
    if life.way is Way.COUNTDOWN:
        return _made(life, measured, max(0.0, value - life.limit), Basis.DATE, Words("it ends on a known day", "到期日已知"))
    if (value >= life.limit) if life.way is Way.UP else (value <= life.limit):
        return _made(life, measured, 0.0, Basis.FAULT, Words("its limit is reached", "已达到限值"))
    trend = slope(life, points)
    sign = 1 if life.way is Way.UP else -1
    if trend is not None and trend.per_day * sign > life.least_slope:
        why = Words(f"{trend.points} measurements over {trend.days:.0f} days", f"{trend.days:.0f} 天内 {trend.points} 次测量")
        return _made(life, measured, (life.limit - value) / trend.per_day, Basis.RECORDS, why)
    per_day = _over_life(life, snapshot, value)
    if per_day is None:
        return None
    return _made(life, measured, (life.limit - value) / per_day, Basis.LIFE, Words("average since it was new", "启用以来平均值"))


def _over_life(life: Life, snapshot: Snapshot, value: float) -> float | None:
    """Change per day since it was new. Hours of power count as days of 24 hours: a terminal that is switched off at night
    comes out earlier than it will be, never later."""
    age = QUANTITIES[life.age].value(snapshot) if life.age else None
    days = (age or 0) * life.days_per_age
    return value / days if days >= MIN_SPAN_D and value > 0 and life.way is Way.UP else None


def slope(life: Life, points: Sequence[Point]) -> Slope | None:
    """Least squares over what was measured since the part was last changed; None: too little."""
    told = [(point.time.timestamp() / DAY_S, point.wear[life.quantity]) for point in points if life.quantity in point.wear]
    told = _since_changed(told, life)
    if len(told) < MIN_POINTS or told[-1][0] - told[0][0] < MIN_SPAN_D:
        return None
    mean_day = sum(day for day, _ in told) / len(told)
    mean = sum(value for _, value in told) / len(told)
    spread = sum((day - mean_day) ** 2 for day, _ in told)
    per_day = sum((day - mean_day) * (value - mean) for day, value in told) / spread
    return Slope(per_day, len(told), told[-1][0] - told[0][0])


def _since_changed(told: list[tuple[float, float]], life: Life) -> list[tuple[float, float]]:
    start = 0
    for at in range(1, len(told)):
        if _changed(life, told[at - 1][1], told[at][1]):
            start = at
    return told[start:]


def _changed(life: Life, before: float, now: float) -> bool:
    """A step back that is no noise: a counter fell below half, or a cell rose by more than half of its distance to the limit."""
    return now * 2 < before if life.way is Way.UP else (now - before) * 2 > now - life.limit > 0


def _made(life: Life, measured: Measured, days: float, basis: Basis, why: Words) -> Need:
    limit = Measured("limit", life.limit, measured.unit).text()
    reason = Words(
        f"{life.what.en}: {measured.text()}, limit {limit}; {why.en}", f"{life.what.zh}:{measured.text()},限值 {limit};{why.zh}"
    )
    return Need(life.id, life.part, 1, days, basis, reason, (measured,))
