"""From needs to visits: each is taken along to the last visit before it is due. Pure."""

import datetime
import math
from collections.abc import Sequence
from typing import Final

from fwtool.causes import Cause, Ranking
from fwtool.findings import Measured, Words
from fwtool.parts.forecast import MIN_SPAN_D, slope
from fwtool.parts.history import Point
from fwtool.parts.model import Basis, Life, Need, Plan, Way

ROLL_M: Final = 18.0
"""Metres of paper on a roll of 57 x 40 mm, 55 g/m2."""
METRES: Final = "printer.head_distance"
HOURS: Final = "statistics.HoursPoweredCount"
_PAPER: Final = Life("paper", "paper", METRES, Way.UP, math.inf, Words("paper", "纸卷"), "")


def needed_now(ranking: Ranking) -> list[Need]:
    """Parts that the causes of the health check ask for."""
    return [
        Need(cause.id, cause.part, 1, 0.0, Basis.FAULT, _because(cause), cause.measurements)
        for cause in ranking.causes if cause.part
    ]  # fmt: skip


def _because(cause: Cause) -> Words:
    return Words(f"{cause.cause.en}: {cause.reason.en}", f"{cause.cause.zh}:{cause.reason.zh}")


def paper(now: Point, points: Sequence[Point], days: int, roll_m: float) -> Need | None:
    """Rolls until the next visit, at the rate at which paper went past the head; None: that is not told.

    Args:
        days: Until the next visit.
    """
    trend = slope(_PAPER, points)
    metres, hours = now.wear.get(METRES), now.wear.get(HOURS)
    if trend is not None and trend.per_day > 0:
        per_day, basis, why = trend.per_day, Basis.RECORDS, Words(f"{trend.points} measurements", f"{trend.points} 次测量")
    elif metres and hours and hours / 24 >= MIN_SPAN_D:
        per_day, basis, why = metres / (hours / 24), Basis.LIFE, Words("average since it was new", "启用以来平均值")
    else:
        return None
    reason = Words(
        f"{per_day:.1f} m a day, {per_day * days:.0f} m in {days} days, {roll_m:g} m on a roll; {why.en}",
        f"每天 {per_day:.1f} 米,{days} 天约 {per_day * days:.0f} 米,每卷 {roll_m:g} 米;{why.zh}",
    )
    return Need("paper", "paper", math.ceil(per_day * days / roll_m), 0.0, basis, reason, (Measured(METRES, metres or 0, "m"),))


def plan(needs: Sequence[Need], today: datetime.date, interval_d: int, visits: int) -> Plan:
    """Put needs to visits.

    Args:
        interval_d: Days between visits.
        visits: How many are planned, this one included.
    """
    slots: list[list[Need]] = [[] for _ in range(visits)]
    later: list[Need] = []
    for need in sorted(_without_doubles(needs), key=lambda need: need.days):
        number = int(need.days // interval_d)
        (slots[number] if number < visits else later).append(need)
    days = [today + datetime.timedelta(days=interval_d * number) for number in range(visits)]
    return Plan(tuple((day, tuple(slot)) for day, slot in zip(days, slots, strict=True)), tuple(later))


def _without_doubles(needs: Sequence[Need]) -> list[Need]:
    """Of each part only the need that is due first; work without a part, and paper for use, stay as they are."""
    first: dict[str, Need] = {}
    for need in needs:
        key = need.part if need.part and need.id != "paper" else f"id:{need.id}"
        if key not in first or need.days < first[key].days:
            first[key] = need
    return list(first.values())
