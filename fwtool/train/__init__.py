"""Training: exercises on the simulated terminal, and what an attempt is worth (docs/training.md)."""

from fwtool.train.exercises import Exercise, choose, load
from fwtool.train.scoring import Attempt, Score, score

__all__ = ["Attempt", "Exercise", "Score", "choose", "load", "score"]
