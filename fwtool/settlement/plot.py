"""The picture of failure and delay rates: two bars for each bank, inside and outside of windows. Geometry only."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

WIDTH: Final = 760
LEFT: Final = 150
RIGHT: Final = 690
ROW: Final = 58
BAR: Final = 18
TOP: Final = 30
MAX_BANKS: Final = 20
_NICE: Final = (1, 2, 5, 10, 20, 50, 100)


class Bar(NamedTuple):
    """One bar with its number."""

    kind: str
    y: int
    width: int
    text: str


class Bank(NamedTuple):
    """The bars of one bank."""

    name: str
    y: int
    bars: tuple[Bar, ...]


class Picture(NamedTuple):
    """One plot, in units of the picture."""

    height: int
    banks: tuple[Bank, ...]
    ticks: tuple[tuple[int, str], ...]


def picture(statistics: Mapping[str, Any], rate: str) -> Picture:
    """Lay out one rate (`failure_rate` or `delay_rate`) of all banks; those with most transactions first."""
    ranked = sorted(statistics.items(), key=lambda item: -sum(item[1][half]["attempts"] for half in ("inside", "outside")))[
        :MAX_BANKS
    ]
    rates = [values[half][rate] or 0 for _, values in ranked for half in ("inside", "outside")]
    top = next((nice for nice in _NICE if max(rates, default=0) * 100 <= nice), 100)
    banks = tuple(_bank(name, values, rate, TOP + place * ROW, top) for place, (name, values) in enumerate(ranked))
    ticks = tuple((LEFT + (RIGHT - LEFT) * part // 4, f"{top * part / 4:g} %") for part in range(5))
    return Picture(TOP + len(banks) * ROW + 8, banks, ticks)


def _bank(name: str, values: Mapping[str, Any], rate: str, y: int, top: int) -> Bank:
    bars = []
    for place, half in enumerate(("inside", "outside")):
        share = values[half][rate]
        width = 0 if share is None else round((RIGHT - LEFT) * share * 100 / top)
        text = "-" if share is None else f"{share * 100:.2f} %"
        bars.append(Bar(half, y + place * (BAR + 3), width, text))
    return Bank(name, y, tuple(bars))
