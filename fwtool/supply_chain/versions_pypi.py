"""Order of Python package versions (PEP 440, now the version specifiers specification of the PyPA)."""

import functools
import re
from typing import NamedTuple

from fwtool.supply_chain.order import CACHED, order

_FORM = re.compile(
    r"v?(?:(?P<epoch>\d+)!)?(?P<release>\d+(?:\.\d+)*)"
    r"(?:[-_.]?(?P<pre>alpha|beta|preview|pre|rc|a|b|c)[-_.]?(?P<pre_number>\d*))?"
    r"(?:-(?P<implicit>\d+)|[-_.]?(?P<post>post|rev|r)[-_.]?(?P<post_number>\d*))?"
    r"(?:[-_.]?(?P<dev>dev)[-_.]?(?P<dev_number>\d*))?"
    r"(?:\+(?P<local>[a-z0-9]+(?:[-_.][a-z0-9]+)*))?",
    re.ASCII,
)
_STAGES = {"a": 0, "alpha": 0, "b": 1, "beta": 1, "c": 2, "rc": 2, "pre": 2, "preview": 2}
_BEFORE_ALL, _FINAL = (-1, 0), (3, 0)
_NEVER = float("inf")


class _Key(NamedTuple):
    epoch: int
    release: tuple[int, ...]
    pre: tuple[int, int]
    """A development release of no pre-release comes before the pre-releases, a final one after them."""
    post: int
    dev: float
    local: tuple[tuple[bool, int, str], ...]


def compare(first: str, second: str) -> int | None:
    """-1, 0 or 1; None if one of them is no version of PEP 440."""
    keys = [_key(version) for version in (first, second)]
    return None if keys[0] is None or keys[1] is None else order(keys[0], keys[1])


@functools.lru_cache(CACHED)
def _key(version: str) -> _Key | None:
    match = _FORM.fullmatch(version.strip().lower())
    if not match:
        return None
    part = match.groupdict()
    numbers = [int(number) for number in part["release"].split(".")]
    while len(numbers) > 1 and not numbers[-1]:
        numbers.pop()
    post = int(part["implicit"] or part["post_number"] or 0) if part["implicit"] or part["post"] else -1
    if part["pre"]:
        pre = (_STAGES[part["pre"]], int(part["pre_number"] or 0))
    else:
        pre = _BEFORE_ALL if part["dev"] and post < 0 else _FINAL
    local = re.split(r"[-_.]", part["local"]) if part["local"] else []
    return _Key(
        int(part["epoch"] or 0), tuple(numbers), pre, post,
        int(part["dev_number"] or 0) if part["dev"] else _NEVER,
        tuple((True, int(one), "") if one.isdecimal() else (False, 0, one) for one in local),
    )  # fmt: skip
