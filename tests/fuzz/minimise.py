"""Fewer and smaller inputs: a corpus that reaches what a larger one reaches, an input that fails as a larger one fails.

Without atheris: what an input reaches are the steps from line to line in our code, as Python's own tracing tells them.
"""

import pathlib
import sys
import types
from collections.abc import Iterable
from typing import Any, Final

from tests.fuzz.target import Target
from tests.support import ROOT

OURS: Final = tuple(f"{ROOT / folder}/" for folder in ("formats", "transports", "fwtool"))
MAX_FILE: Final = 8000
MAX_BYTES: Final = 14_000
"""Of a target's corpus."""
MAX_FILES: Final = 40
Step = tuple[str, int, int]


def reached(target: Target, data: bytes) -> set[Step]:
    """File, line before, and line, of every step; the same for any two runs."""
    found: set[Step] = set()

    def trace(frame: types.FrameType, event: str, argument: Any) -> Any:
        name = frame.f_code.co_filename
        if not name.startswith(OURS):
            return None
        last = 0

        def line(inner: types.FrameType, event: str, argument: Any) -> Any:
            nonlocal last
            if event == "line":
                found.add((name, last, inner.f_lineno))
                last = inner.f_lineno
            return line

        return line

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        target.accepts(data)
    finally:
        sys.settrace(before)
    return found


def smallest(target: Target, known: Iterable[bytes], candidates: Iterable[bytes]) -> list[bytes]:
    """Of the candidates, those worth keeping beside what is known: each the one that adds most steps for its size."""
    target.accepts(b"")  # what is imported when it is needed is no step of the first input
    covered: set[Step] = set().union(*(reached(target, data) for data in known))
    left = {data: reached(target, data) - covered for data in set(candidates) if len(data) <= MAX_FILE}
    kept: list[bytes] = []
    while left and len(kept) < MAX_FILES:
        best = max(left, key=lambda data: (len(left[data]) / (len(data) + 16), data))
        gained = left.pop(best)
        if not gained:
            break
        if sum(map(len, kept)) + len(best) <= MAX_BYTES:
            kept.append(best)
            left = {data: steps - gained for data, steps in left.items()}
    return kept


def failure(target: Target, data: bytes) -> str:
    """How an input fails: the error, and where it was raised; empty: it does not."""
    try:
        target.accepts(data)
    except Exception as error:
        frame = error.__traceback__
        while frame is not None and frame.tb_next is not None:
            frame = frame.tb_next
        assert frame is not None
        return f"{type(error).__name__} in {pathlib.Path(frame.tb_frame.f_code.co_filename).name} line {frame.tb_lineno}"
    return ""


def shrink(target: Target, data: bytes) -> bytes:
    """A shorter input that fails in the same way: parts are left out, and bytes made zero, as long as that works."""
    wanted = failure(target, data)
    size = len(data) // 2
    while size:
        at = 0
        while at < len(data):
            shorter = data[:at] + data[at + size :]
            if failure(target, shorter) == wanted:
                data = shorter
            else:
                at += size
        size //= 2
    for at in range(len(data)):
        plainer = data[:at] + b"\0" + data[at + 1 :]
        if failure(target, plainer) == wanted:
            data = plainer
    return data
