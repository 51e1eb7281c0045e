"""CVSS v4.0 score of a vector with all its metrics (FIRST.Org, CVSS v4.0 Specification Document, clauses 7 and 8).

CVSS is owned by FIRST.Org and used by permission. Scores are computed in exact fractions, so that no machine rounds differently.
"""

import itertools
import math
from fractions import Fraction

from formats.errors import FormatError
from fwtool.supply_chain import cvss4_tables as tables

_PREFIX = "CVSS:4.0/"
_IMPACTS = ("VC", "VI", "VA", "SC", "SI", "SA")
_GROUPS = ((0,), (1,), (2, 5), (3,), (4,))
"""Digits of the macro vector that step together: EQ3 and EQ6 do."""


def score(vector: str) -> float:
    """The score, 0.0 to 10.0: CVSS-B, or -BT, -BE, -BTE where the vector has threat or environmental metrics.

    Raises:
        FormatError: not a vector of CVSS 4.0, a metric is missing, unknown or there twice, or has an unknown value.
    """
    metrics = _effective(_parse(vector))
    if all(metrics[name] == "N" for name in _IMPACTS):
        return 0.0
    macro = _macro_vector(metrics)
    top = tables.SCORES[macro]
    distances = _distances(metrics, macro)
    lost: list[Fraction] = []
    for group, distance in zip(_GROUPS, distances, strict=True):
        below = [tables.SCORES[lower] for lower in _next_lower(macro, group) if lower in tables.SCORES]
        if below:
            depth = tables.DEPTHS[tuple(group)][tuple(macro[digit] for digit in group)]
            lost.append((top - max(below)) * Fraction(distance, depth))
    tenths = top - (sum(lost) / len(lost) if lost else 0)
    return math.floor(min(max(tenths, 0), 100) + Fraction(1, 2)) / 10


def _parse(vector: str) -> dict[str, str]:
    if not vector.startswith(_PREFIX):
        raise FormatError(f"{vector[:80]!r} is not a CVSS v4.0 vector")
    seen: dict[str, str] = {}
    for part in vector[len(_PREFIX) :].split("/"):
        name, _, value = part.partition(":")
        if name in seen or value not in tables.METRICS.get(name, ()):
            raise FormatError(f"{vector[:80]!r} is not a CVSS v4.0 vector: {part[:20]!r}")
        seen[name] = value
    if not seen.keys() >= set(tables.BASE):
        raise FormatError(f"{vector[:80]!r} lacks base metrics of CVSS v4.0")
    return seen


def _effective(given: dict[str, str]) -> dict[str, str]:
    """A modified metric stands for its base metric; what is not defined counts as the worst (clauses 3 and 4)."""
    metrics = {name: given[name] if given.get(f"M{name}", "X") == "X" else given[f"M{name}"] for name in tables.BASE}
    for name, worst in tables.WORST.items():
        value = given.get(name, "X")
        metrics[name] = worst if value == "X" else value
    return metrics


def _macro_vector(m: dict[str, str]) -> tuple[int, ...]:
    """EQ1 to EQ6 (tables 24 to 29 of the specification)."""
    easy = [m["AV"] == "N", m["PR"] == "N", m["UI"] == "N"]
    eq1 = 0 if all(easy) else 1 if any(easy) and m["AV"] != "P" else 2
    eq2 = 0 if (m["AC"], m["AT"]) == ("L", "N") else 1
    eq3 = 0 if (m["VC"], m["VI"]) == ("H", "H") else 1 if "H" in (m["VC"], m["VI"], m["VA"]) else 2
    eq4 = 0 if "S" in (m["SI"], m["SA"]) else 1 if "H" in (m["SC"], m["SI"], m["SA"]) else 2
    eq5 = "APU".index(m["E"])
    eq6 = 0 if any((m[f"{x}R"], m[f"V{x}"]) == ("H", "H") for x in "CIA") else 1
    return eq1, eq2, eq3, eq4, eq5, eq6


def _next_lower(macro: tuple[int, ...], group: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Macro vectors one step below in a group; of EQ3 and EQ6 one steps at a time."""
    return [tuple(value + (place == digit) for place, value in enumerate(macro)) for digit in group]


def _distances(metrics: dict[str, str], macro: tuple[int, ...]) -> list[int]:
    """Steps of severity, in each group, from a highest vector of the macro vector that is nowhere below this one."""
    highest = [tables.HIGHEST[group][tuple(macro[digit] for digit in group)] for group in _GROUPS]
    for vectors in itertools.product(*highest):
        steps = [
            [tables.LEVELS[name].index(metrics[name]) - tables.LEVELS[name].index(value) for name, value in v] for v in vectors
        ]
        if all(step >= 0 for group in steps for step in group):
            return [sum(group) for group in steps]
    raise AssertionError("no highest vector: the tables are damaged")
