"""Spare parts: what the next visits will need, from wear, counters and the history in the records (docs/parts.md)."""

from fwtool.parts.forecast import forecast
from fwtool.parts.history import WEAR, Point, past, used
from fwtool.parts.model import Need, Plan
from fwtool.parts.planning import plan

__all__ = ["WEAR", "Need", "Plan", "Point", "forecast", "past", "plan", "used"]
