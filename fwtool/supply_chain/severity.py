"""How severe an advisory says a vulnerability is: from its CVSS vectors (v3, v4.0) and, in words, from its database."""

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from formats.errors import FormatError
from fwtool.supply_chain import cvss3, cvss4

RANKS: Final = ("critical", "high", "medium", "low", "unknown")
"""From the most severe on; `unknown` is last in lists, not in importance."""
_FLOORS = ((9.0, "critical"), (7.0, "high"), (4.0, "medium"), (0.0, "low"))
"""Qualitative severity rating scale of CVSS v3.1 (clause 5) and v4.0 (clause 6); their "none" (0.0) counts as low."""
_WORDS = {
    "critical": "critical", "high": "high", "important": "high", "medium": "medium", "moderate": "medium", "low": "low",
    "negligible": "low",
}  # fmt: skip
_SCORES: Final[dict[str, Callable[[str], float]]] = {"CVSS_V3": cvss3.base_score, "CVSS_V4": cvss4.score}
"""OSV severity type -> score. CVSS_V2 is not among them: its scale knows no critical."""
_RATINGS_IN_WORDS = ("Ubuntu",)


class Rating(NamedTuple):
    """A key of `RANKS`, and the score it comes from, if there is one."""

    rank: str
    score: float | None = None


def rate(severities: Iterable[tuple[str, str]], words: Iterable[str]) -> Rating:
    """The most severe of all that is said.

    Args:
        severities: OSV `severity`: type and score of each. Vectors that cannot be read say nothing.
        words: Ratings of the database, such as MODERATE. Words that are not known say nothing.
    """
    said: list[Rating] = []
    for kind, text in severities:
        if kind in _SCORES:
            said += _scored(_SCORES[kind], text)
        elif kind in _RATINGS_IN_WORDS:
            words = (*words, text)
    said += [Rating(_WORDS[word.lower()]) for word in words if word.lower() in _WORDS]
    return min(said, key=_order, default=Rating("unknown"))


def _scored(score_of: Callable[[str], float], vector: str) -> list[Rating]:
    try:
        score = score_of(vector)
    except FormatError:
        return []
    return [Rating(next(rank for floor, rank in _FLOORS if score >= floor), score)]


def _order(rating: Rating) -> tuple[int, float]:
    return RANKS.index(rating.rank), -(rating.score or 0.0)
