"""Order of upstream releases of C projects, as far as it is common ground: 1.2.13, 3.0.2k, 4.2.8p15, 2021.07-rc1, v1.2-beta2.

    NUMBERS   dotted, compared one by one as numbers; what is missing counts as 0. They decide if they differ.
    SUFFIX    -alphaN < -betaN < -rcN < none, and -preN < none; a letter (OpenSSL: a ... z, za ... zz) and pN
              (OpenSSH, NTP) come after none.

Cannot tell: other suffixes after the same numbers (1.2-stable, 1.2-3), pre against alpha, a letter against pN, and what does
not begin with such numbers: commit hashes, 1_2_3, 1.2.x, 1:1.2 (epochs and revisions belong to the `debian` scheme).
"""

import functools
import re
from typing import NamedTuple

from fwtool.supply_chain.order import CACHED, MAX_LENGTH, order

_FORM = re.compile(r"[vV]?(\d+(?:\.\d+)*)((?:[-+~_]?[A-Za-z]|-\d)[0-9A-Za-z.+~_-]*)?", re.ASCII)
_HASH = re.compile(r"[0-9a-f]{7,64}", re.ASCII)
_MAX_DATE = 14
"""Digits of YYYYMMDDhhmmss; a longer single number is a hash that happens to have no letter."""
_SUFFIXES = (
    ("stage", re.compile(r"[-._~]?(alpha|beta|rc)[-._]?(\d*)", re.ASCII)),
    ("pre", re.compile(r"[-._~]?(pre)[-._]?(\d*)", re.ASCII)),
    ("letter", re.compile(r"([a-z]|z[a-z])()", re.ASCII)),
    ("patch", re.compile(r"(p)(\d+)", re.ASCII)),
)
_SIDES = {"stage": -1, "pre": -1, "": 0, "letter": 1, "patch": 1}
"""Before or after the release without a suffix."""
_NAME = re.compile(r"[A-Za-z](?=\d)|(?:[A-Za-z][A-Za-z0-9]*[-_.])+[vV]?(?=\d)|", re.ASCII)
"""What stands before the version in a tag: one letter, or words each closed by a separator (libssh2-1.11.0)."""


class Version(NamedTuple):
    """The parts. `kind` is a key of `_SIDES`, or "other" for a suffix that says nothing."""

    numbers: tuple[int, ...]
    kind: str = ""
    value: tuple[str, int] = ("", 0)


@functools.lru_cache(CACHED)
def parse(version: str) -> Version | None:
    """The parts of a version, None if it is none."""
    match = _FORM.fullmatch(version)
    if not match or is_commit(version) or ((match[2] or "").startswith("-") and match[2][1:2].isdigit() and "." not in match[1]):
        return None
    numbers = [int(number) for number in match[1].split(".")]
    while len(numbers) > 1 and not numbers[-1]:
        numbers.pop()
    return Version(tuple(numbers), *_suffix(match[2] or ""))


def is_commit(version: str) -> bool:
    """Whether it is a commit hash, whole or shortened, and no date."""
    if not _HASH.fullmatch(version):
        return False
    return len(version) > _MAX_DATE if version.isdecimal() else True


def _suffix(suffix: str) -> tuple[str, tuple[str, int]]:
    if not suffix:
        return "", ("", 0)
    for kind, form in _SUFFIXES:
        if match := form.fullmatch(suffix.lower() if kind in ("stage", "pre") else suffix):
            return kind, (match[1], int(match[2] or 0))
    return "other", (suffix, 0)


def compare(first: str, second: str) -> int | None:
    """-1, 0 or 1; None: cannot tell."""
    one, other = parse(first), parse(second)
    if one is None or other is None:
        return None
    if one.numbers != other.numbers:
        return order(one.numbers, other.numbers)
    if one == other:
        return 0
    if "other" in (one.kind, other.kind):
        return None
    if _SIDES[one.kind] != _SIDES[other.kind]:
        return order(_SIDES[one.kind], _SIDES[other.kind])
    return order(one.value, other.value) if one.kind == other.kind else None


def from_tag(tag: str) -> Version | None:
    """The version that a tag of a repository names: curl-7_88_1, OpenSSL_1_1_1k, VER-2-10-4, v1.2.11.

    None if what follows the project's name is not all numbers and a known suffix.
    """
    if len(tag) > MAX_LENGTH:
        return None
    rest = tag[_NAME.match(tag).end() :]  # type: ignore[union-attr]  # it matches the empty text too
    version = parse(re.sub(r"(?<=\d)[_-](?=\d)", ".", rest))
    return None if version is None or version.kind == "other" else version
