"""From findings to ranked causes, each with its reason in measured numbers, by a table of rules (docs/diagnosis.md)."""

from fwtool.causes.loading import load
from fwtool.causes.model import Cause, Ranking, Rule
from fwtool.causes.ranking import about, advised, rank

__all__ = ["Cause", "Ranking", "Rule", "about", "advised", "load", "rank"]
