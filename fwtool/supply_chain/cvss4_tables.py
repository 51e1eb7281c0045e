"""Tables of CVSS v4.0: metrics, and the scores, highest vectors and depths of its macro vectors.

Facts of FIRST.Org's CVSS v4.0 Specification Document (tables 24 to 30) and of its reference calculator (cvss_lookup,
max_composed and max_severity there).
"""

import itertools
from typing import Final

_LEVELS = "AV:NALP AC:LH AT:NP PR:NLH UI:NPA VC:HLN VI:HLN VA:HLN SC:SHLN SI:SHLN SA:SHLN E:APU CR:HML IR:HML AR:HML"
LEVELS: Final = dict(one.split(":") for one in _LEVELS.split())
"""Metric -> its values from the most severe to the least."""
BASE: Final = ("AV", "AC", "AT", "PR", "UI", "VC", "VI", "VA", "SC", "SI", "SA")
WORST: Final = {"E": "A", "CR": "H", "IR": "H", "AR": "H"}
"""What counts for a threat or environmental metric that is not defined."""
METRICS: Final[dict[str, tuple[str, ...]]] = {
    **{name: tuple(LEVELS[name].replace("S", "")) for name in BASE},
    **{name: ("X", *LEVELS[name]) for name in WORST},
    **{f"M{name}": ("X", *LEVELS[name]) for name in BASE if name != "SC"},
    "MSC": ("X", "H", "L", "N"),
    "S": ("X", "N", "P"),
    "AU": ("X", "N", "Y"),
    "R": ("X", "A", "U", "I"),
    "V": ("X", "D", "C"),
    "RE": ("X", "L", "M", "H"),
    "U": ("X", "Clear", "Green", "Amber", "Red"),
}
"""Every metric and the values it may have. Those from S on are supplemental: they do not change the score."""

_SCORES = """
000  100 99 98 95 95 92 100 96 93 87 91 81 93 90 89 80 81 68
001  98 95 95 92 90 84 93 92 89 81 81 65 88 80 78 70 69 48
002  92 82 72 79 69 50 69 55 27
010  99 97 95 92 92 85 95 91 90 83 84 71 92 81 82 71 72 53
011  95 93 92 85 85 73 92 82 80 72 70 59 84 70 71 52 50 30
012  86 75 52 71 52 29 63 29 17
100  98 95 94 87 91 81 94 89 86 74 77 64 87 75 74 63 63 49
101  94 89 88 77 76 67 86 76 74 58 59 50 72 57 57 52 52 25
102  83 70 54 65 58 26 53 21 13
110  95 90 88 76 76 70 90 77 75 62 61 53 77 66 68 59 52 30
111  89 78 76 67 62 58 74 59 57 57 47 23 61 52 57 29 24 16
112  71 59 30 58 26 15 23 13 6
200  93 87 86 72 75 58 86 74 74 61 56 34 70 54 52 40 40 22
201  85 75 74 55 62 51 72 57 55 41 46 19 53 36 34 19 19 8
202  64 51 20 47 21 11 24 9 4
210  88 75 73 53 60 50 73 55 59 40 41 20 54 43 45 22 20 11
211  75 55 58 45 40 21 61 51 48 18 20 9 46 18 17 7 8 2
212  53 24 14 24 12 5 10 3 1
"""
"""EQ1, EQ2 and EQ3; then scores in tenths for EQ4, EQ5 and EQ6, the last running fastest (EQ6 is 1 where EQ3 is 2)."""


def _scores() -> dict[tuple[int, ...], int]:
    found = {}
    for line in _SCORES.split("\n")[1:-1]:
        head, *scores = line.split()
        rest = itertools.product(range(3), range(3), (1,) if head[2] == "2" else (0, 1))
        for (eq4, eq5, eq6), score in zip(rest, scores, strict=True):
            found[(*map(int, head), eq4, eq5, eq6)] = int(score)
    return found


SCORES: Final = _scores()
"""Macro vector (EQ1 to EQ6) -> score of its highest vectors, in tenths."""

_HIGHEST = """
0     0    AV:N/PR:N/UI:N
0     1    AV:A/PR:N/UI:N  AV:N/PR:L/UI:N  AV:N/PR:N/UI:P
0     2    AV:P/PR:N/UI:N  AV:A/PR:L/UI:P
1     0    AC:L/AT:N
1     1    AC:H/AT:N  AC:L/AT:P
2,5   0,0  VC:H/VI:H/VA:H/CR:H/IR:H/AR:H
2,5   0,1  VC:H/VI:H/VA:L/CR:M/IR:M/AR:H  VC:H/VI:H/VA:H/CR:M/IR:M/AR:M
2,5   1,0  VC:L/VI:H/VA:H/CR:H/IR:H/AR:H  VC:H/VI:L/VA:H/CR:H/IR:H/AR:H
2,5   1,1  VC:L/VI:H/VA:L/CR:H/IR:M/AR:H  VC:L/VI:H/VA:H/CR:H/IR:M/AR:M  VC:H/VI:L/VA:H/CR:M/IR:H/AR:M  VC:H/VI:L/VA:L/CR:M/IR:H/AR:H  VC:L/VI:L/VA:H/CR:H/IR:H/AR:M
2,5   2,1  VC:L/VI:L/VA:L/CR:H/IR:H/AR:H
3     0    SC:H/SI:S/SA:S
3     1    SC:H/SI:H/SA:H
3     2    SC:L/SI:L/SA:L
4     0    E:A
4     1    E:P
4     2    E:U
"""  # noqa: E501 - a table
"""Group of places in the macro vector; their digits; the highest vectors there."""
_Key = tuple[int, ...]


def _highest() -> dict[_Key, dict[_Key, list[list[tuple[str, str]]]]]:
    found: dict[_Key, dict[_Key, list[list[tuple[str, str]]]]] = {}
    for line in _HIGHEST.split("\n")[1:-1]:
        group, digits, *vectors = line.split()
        parsed = [[(name, value) for name, _, value in (one.partition(":") for one in v.split("/"))] for v in vectors]
        found.setdefault(_key(group), {})[_key(digits)] = parsed
    return found


def _key(text: str) -> _Key:
    return tuple(map(int, text.split(",")))


HIGHEST: Final = _highest()
"""Group -> digits -> highest vectors, as metrics and values."""
DEPTHS: Final[dict[_Key, dict[_Key, int]]] = {
    (0,): {(0,): 1, (1,): 4, (2,): 5},
    (1,): {(0,): 1, (1,): 2},
    (2, 5): {(0, 0): 7, (0, 1): 6, (1, 0): 8, (1, 1): 8, (2, 1): 10},
    (3,): {(0,): 6, (1,): 5, (2,): 4},
    (4,): {(0,): 1, (1,): 1, (2,): 1},
}
"""Group -> digits -> steps of severity from the highest to the lowest vector, and one more."""
