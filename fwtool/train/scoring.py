"""What an attempt is worth: found, mended, without needless acts; and nothing dangerous. Pure."""

import dataclasses
from typing import Final

from fwtool.findings import Words
from fwtool.train.exercises import ALL, Exercise

FOUND, MENDED, TIDY = 40, 40, 20
"""Points for the right causes, for a terminal without faults, and for doing no more than that."""
WRONG: Final = 10
NEEDLESS: Final = 5
PASS_MARK: Final = 70
DANGER: Final = Words("dangerous: {act}, before: {until}", "危险操作:在“{until}”之前进行了“{act}”")
NOT_NAMED: Final = Words("not named: {cause}", "未指出:{cause}")
NOT_SO: Final = Words("named, and not so: {cause}", "误判:{cause}")
FIRST: Final = Words("{cause} had to be dealt with first", "应先处理 {cause}")
LEFT: Final = Words("still bad: {finding}", "仍未排除:{finding}")
TOO_MUCH: Final = Words("not needed: {act}", "多余操作:{act}")


@dataclasses.dataclass(frozen=True)
class Attempt:
    """What a trainee did."""

    answers: tuple[str, ...]
    """Causes, in the order in which they were named."""
    acts: tuple[str, ...]
    """Steps that changed the terminal, in order; those that it refused, too."""
    before: frozenset[str]
    """Bad findings at the start."""
    left: frozenset[str]
    """Bad findings at the end."""


@dataclasses.dataclass(frozen=True)
class Score:
    """Points out of a hundred, and where the others went."""

    points: int
    passed: bool
    dangerous: bool
    remarks: tuple[Words, ...]


def score(exercise: Exercise, attempt: Attempt) -> Score:
    """Judge an attempt. One dangerous act, and it is worth nothing."""
    dangers = _dangers(exercise, attempt)
    found, about_found = _found(exercise, attempt)
    mended, about_mended = _mended(attempt)
    tidy, about_tidy = _tidy(exercise, attempt)
    points = 0 if dangers else found + mended + tidy
    remarks = (*dangers, *about_found, *about_mended, *about_tidy)
    return Score(points, points >= PASS_MARK and not attempt.left, bool(dangers), remarks)


def _said(words: Words, **values: str) -> Words:
    return Words(words.en.format(**values), words.zh.format(**values))


def _dangers(exercise: Exercise, attempt: Attempt) -> list[Words]:
    found = []
    for act in attempt.acts:
        if act == exercise.until:
            break
        if act in exercise.danger or ALL in exercise.danger:
            found.append(_said(DANGER, act=act, until=exercise.until))
    return found


def _found(exercise: Exercise, attempt: Attempt) -> tuple[int, list[Words]]:
    answers = list(dict.fromkeys(attempt.answers))
    missing = [cause for cause in exercise.causes if cause not in answers]
    wrong = [answer for answer in answers if answer not in exercise.causes]
    named = [answer for answer in answers if answer in exercise.causes]
    late = bool(named) and named[0] != exercise.causes[0] and not exercise.any_order
    points = FOUND * (len(exercise.causes) - len(missing)) // len(exercise.causes) - WRONG * (len(wrong) + late)
    remarks = [_said(NOT_NAMED, cause=cause) for cause in missing] + [_said(NOT_SO, cause=answer) for answer in wrong]
    remarks += [_said(FIRST, cause=exercise.causes[0])] if late else []
    return max(0, points), remarks


def _mended(attempt: Attempt) -> tuple[int, list[Words]]:
    old = attempt.before & attempt.left
    share = 1 - len(attempt.left) / max(1, len(attempt.before), len(attempt.left))
    points = MENDED if not attempt.left else round(MENDED * share) if old != attempt.before else 0
    return points, [_said(LEFT, finding=finding) for finding in sorted(attempt.left)]


def _tidy(exercise: Exercise, attempt: Attempt) -> tuple[int, list[Words]]:
    """Somebody who has done nothing has no points for doing nothing needless."""
    needless = [act for act in attempt.acts if act not in exercise.needed]
    worked = attempt.left != attempt.before
    return max(0, TIDY - NEEDLESS * len(needless)) if worked else 0, [_said(TOO_MUCH, act=act) for act in needless]
