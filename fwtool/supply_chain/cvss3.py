"""CVSS v3.0 and v3.1 base score (FIRST.Org, CVSS v3.1 Specification Document, clauses 6, 7.1 and appendix A).

CVSS is owned by FIRST.Org and used by permission.
"""

import math
from typing import Final

from formats.errors import FormatError

_WEIGHTS: Final[dict[str, dict[str, float]]] = {
    "AV": {"N": 0.85, "A": 0.62, "L": 0.55, "P": 0.2},
    "AC": {"L": 0.77, "H": 0.44},
    "PR": {"N": 0.85, "L": 0.62, "H": 0.27},
    "UI": {"N": 0.85, "R": 0.62},
    "S": {"U": 0, "C": 0},
    "C": {"H": 0.56, "L": 0.22, "N": 0},
    "I": {"H": 0.56, "L": 0.22, "N": 0},
    "A": {"H": 0.56, "L": 0.22, "N": 0},
}
_PRIVILEGES_IN_CHANGED_SCOPE = {"N": 0.85, "L": 0.68, "H": 0.5}
_OPTIONAL = {
    "E": "XUPFH", "RL": "XOTWU", "RC": "XURC", "CR": "XLMH", "IR": "XLMH", "AR": "XLMH", "MAV": "XNALP", "MAC": "XLH",
    "MPR": "XNLH", "MUI": "XNR", "MS": "XUC", "MC": "XNLH", "MI": "XNLH", "MA": "XNLH",
}  # fmt: skip
"""Temporal and environmental metrics: allowed, and not part of the base score."""
_PREFIXES = ("CVSS:3.0/", "CVSS:3.1/")


def base_score(vector: str) -> float:
    """The base score, 0.0 to 10.0, of a vector such as CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H.

    Raises:
        FormatError: not a vector of CVSS 3, a metric is missing, unknown or there twice, or has an unknown value.
    """
    metrics = _parse(vector)
    changed = metrics["S"] == "C"
    weight = {name: _WEIGHTS[name][value] for name, value in metrics.items()}
    if changed:
        weight["PR"] = _PRIVILEGES_IN_CHANGED_SCOPE[metrics["PR"]]
    iss = 1 - (1 - weight["C"]) * (1 - weight["I"]) * (1 - weight["A"])
    impact = 7.52 * (iss - 0.029) - 3.25 * (iss - 0.02) ** 15 if changed else 6.42 * iss
    if impact <= 0:
        return 0.0
    exploitability = 8.22 * weight["AV"] * weight["AC"] * weight["PR"] * weight["UI"]
    return _round_up(min((1.08 if changed else 1.0) * (impact + exploitability), 10))


def _round_up(value: float) -> float:
    """To the next tenth, in whole numbers of 1/100000 so that every machine agrees (appendix A)."""
    return math.ceil(round(value * 100_000) / 10_000) / 10


def _parse(vector: str) -> dict[str, str]:
    """Base metrics and their values."""
    if not vector.startswith(_PREFIXES):
        raise FormatError(f"{vector[:80]!r} is not a CVSS v3 vector")
    seen: dict[str, str] = {}
    for part in vector[len(_PREFIXES[0]) :].split("/"):
        name, _, value = part.partition(":")
        if name in seen or len(value) != 1 or value not in (_WEIGHTS.get(name) or _OPTIONAL.get(name, "")):
            raise FormatError(f"{vector[:80]!r} is not a CVSS v3 vector: {part[:20]!r}")
        seen[name] = value
    if not seen.keys() >= _WEIGHTS.keys():
        raise FormatError(f"{vector[:80]!r} lacks base metrics of CVSS v3")
    return {name: seen[name] for name in _WEIGHTS}
