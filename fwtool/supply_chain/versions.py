"""Which of two versions comes first, by the rules of their ecosystem; None where the rules do not say. Nothing is guessed.

Schemes: `semver` (semver.org 2.0.0, clause 11), `debian` (deb-version(7)), `pypi` (PEP 440) and `generic` (upstream releases
of C projects). Ecosystems whose rules are not known here (rpm, apk, Maven ...) have the scheme "", which says nothing.
"""

import functools
import itertools
import re
from collections.abc import Callable
from typing import Final, NamedTuple

from fwtool.supply_chain import versions_generic, versions_pypi
from fwtool.supply_chain.order import CACHED, MAX_LENGTH, order

_SEMVER = re.compile(
    r"v?(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)"
    r"(?:-((?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)(?:\.(?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*))*))?"
    r"(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?",
    re.ASCII,
)
_DEBIAN = re.compile(r"(?:(\d{1,10}):(\d[A-Za-z0-9.+~:-]*?)|(\d[A-Za-z0-9.+~-]*?))(?:-([A-Za-z0-9.+~]+))?", re.ASCII)
_MAX_EPOCH = 2**31 - 1
_RUNS = re.compile(r"(\D*)(\d*)", re.ASCII)


def _semver(first: str, second: str) -> int | None:
    keys = [_semver_key(version) for version in (first, second)]
    return None if keys[0] is None or keys[1] is None else order(keys[0], keys[1])


class _Semver(NamedTuple):
    core: tuple[int, ...]
    released: bool
    """A version without pre-release identifiers comes after those with."""
    identifiers: tuple[tuple[bool, int, str], ...]
    """Numbers come before texts; a longer list after its beginning."""


@functools.lru_cache(CACHED)
def _semver_key(version: str) -> _Semver | None:
    """A leading "v" is a tag's or a Go module's; the version is what follows it (semver.org, FAQ)."""
    match = _SEMVER.fullmatch(version)
    if not match:
        return None
    identifiers = match[4].split(".") if match[4] else []
    return _Semver(
        tuple(int(match[part]) for part in (1, 2, 3)),
        not identifiers,
        tuple((False, int(one), "") if one.isdecimal() else (True, 0, one) for one in identifiers),
    )


_Run = tuple[tuple[int, ...], int]
"""Weights of characters that are no digits, closed by that of the end; and the digits behind them as a number."""
_END: _Run = ((0,), 0)


def _debian(first: str, second: str) -> int | None:
    parts = [_debian_parts(version) for version in (first, second)]
    if parts[0] is None or parts[1] is None:
        return None
    for one, other in zip(parts[0], parts[1], strict=True):
        for run, against in itertools.zip_longest(one, other, fillvalue=_END):
            if run != against:
                return order(run, against)
    return 0


@functools.lru_cache(CACHED)
def _debian_parts(version: str) -> tuple[list[_Run], ...] | None:
    """Epoch, upstream version and revision, each as runs."""
    match = _DEBIAN.fullmatch(version)
    if not match or version.endswith("-") or int(match[1] or 0) > _MAX_EPOCH:
        return None
    return tuple(
        [((*map(_weight, text), 0), int(digits or 0)) for text, digits in _RUNS.findall(part)]
        for part in (match[1] or "0", match[2] or match[3], match[4] or "")
    )


def _weight(character: str) -> int:
    """Tilde before the end of a run (0), letters behind it, all else behind the letters."""
    if character == "~":
        return -1
    return ord(character) if character.isalpha() else ord(character) + 256


SCHEMES: Final[dict[str, Callable[[str, str], int | None]]] = {
    "semver": _semver,
    "debian": _debian,
    "pypi": versions_pypi.compare,
    "generic": versions_generic.compare,
}


def compare(scheme: str, first: str, second: str) -> int | None:
    """-1, 0 or 1 as the first comes before, with or after the second; None: cannot tell.

    The same text is the same version in every scheme. More than `MAX_LENGTH` characters are no version.
    """
    if not first or not second or max(len(first), len(second)) > MAX_LENGTH:
        return None
    if first == second:
        return 0
    return SCHEMES[scheme](first, second) if scheme else None
