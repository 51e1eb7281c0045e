"""Where a chain of entries is broken, and how. Pure: rows and heads go in, the first flaw comes out.

Each entry is looked at between its neighbours, because one alone often cannot say what happened to it: an entry that does
not follow the one before it was put there from another log, or the one before it was edited and hashed again. A signed
head further on decides: what it reaches without a gap is genuine.
"""

import enum
import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from fwtool.records.entry import Row


class Problem(enum.StrEnum):
    """What can be wrong."""

    EDITED = "edited"
    """The entry is not what was written."""
    MISSING = "missing"
    """Entries in the middle are not there."""
    SWAPPED = "swapped"
    """Two neighbours have changed places."""
    SPLICED = "spliced"
    """The entry is whole, but does not follow the one before it: it comes from another log or another place."""
    REWRITTEN = "rewritten"
    """An entry was changed and hashed again; a signed head knows it in another form."""
    CUT_OFF = "cut_off"
    """Entries at the end are not there."""
    BAD_HEAD = "bad_head"
    """A signed head does not hold."""


class Flaw(NamedTuple):
    """The first thing that is wrong."""

    first: int
    """Number of the first bad entry."""
    last: int
    """Number of the last one that it may be; mostly the same."""
    problem: Problem
    detail: str


class Link(NamedTuple):
    """What the chain is made of."""

    number: int
    """By its place in the store."""
    hash: str
    """As stored."""
    digest: str
    """As it is."""
    stated: int | None
    """The number in its text."""
    previous: str | None
    own: bool
    """Job and kind are those of the text."""


class Claim(NamedTuple):
    """What a head says of one entry."""

    hash: str
    from_elsewhere: bool
    """It was kept where nobody who edits the store can get at it."""


Claims = Mapping[int, Sequence[Claim]]
Window = tuple[Link | None, Link, Link | None]


def link(row: Row, fields: dict[str, Any]) -> Link:
    """
    Args:
        fields: Those of its text; empty if it is none.
    """
    stated, previous = fields.get("number"), fields.get("previous")
    own = [fields.get("job"), fields.get("kind")] == [part.decode("utf-8", "replace") for part in (row.job, row.kind)]
    return Link(
        row.number, row.hash.decode("utf-8", "replace"), row.digest,
        stated if type(stated) is int else None, previous if isinstance(previous, str) else None, own,
    )  # fmt: skip


def first_flaw(links: Iterable[Link], claims: Claims) -> Flaw | None:
    """The first bad entry, and what is wrong with it; None if every entry follows the one before and every head fits."""
    windows = _windows(links)
    last = good = good_elsewhere = 0
    for before, here, after in windows:
        flaw = _place(last + 1, here) or _content(here, after) or _stated(here, after)
        if flaw := flaw or _follows(before, here, good, functools.partial(_reaches_head, here, windows, claims)):
            return flaw
        last = here.number
        for claim in claims.get(last, ()):
            if claim.hash != here.hash:
                return _rewritten((good_elsewhere if claim.from_elsewhere else good) + 1, last, f"head of entry {last}")
            good, good_elsewhere = last, last if claim.from_elsewhere else good_elsewhere
    newest = max(claims, default=0)
    if newest > last:
        unsure = f"; no head vouches for what follows entry {good}" if good < last else ""
        said = f"a signed head says that there are {newest} entries, {last} are there{unsure}"
        return Flaw(last + 1, newest, Problem.CUT_OFF, said)
    return None


def _windows(links: Iterable[Link]) -> Iterator[Window]:
    before, here = None, None
    for after in itertools.chain(links, [None]):
        if here is not None:
            yield before, here, after
        before, here = here, after


def _place(expected: int, here: Link) -> Flaw | None:
    if here.number == expected:
        return None
    if here.number < expected:
        return Flaw(here.number, here.number, Problem.SPLICED, "it stands in front of the first entry")
    return _missing(expected, here.number - 1)


def _missing(first: int, last: int) -> Flaw:
    said = f"entry {first} is not there" if first == last else f"entries {first} to {last} are not there"
    return Flaw(first, last, Problem.MISSING, said)


def _content(here: Link, after: Link | None) -> Flaw | None:
    if here.digest != here.hash:
        if after and (here.digest == after.hash or after.digest == here.hash):
            return _swapped(here, after)
        return Flaw(here.number, here.number, Problem.EDITED, "its text does not have the hash that was written with it")
    if here.stated is None or here.previous is None:
        return Flaw(here.number, here.number, Problem.EDITED, "its text is no entry")
    return None


def _swapped(here: Link, after: Link) -> Flaw:
    return Flaw(here.number, after.number, Problem.SWAPPED, f"it has changed places with entry {after.number}")


def _stated(here: Link, after: Link | None) -> Flaw | None:
    """The number in the text against the place in the store."""
    assert here.stated is not None
    if here.stated == here.number:
        said = "job or kind beside its text are not those in it"
        return None if here.own else Flaw(here.number, here.number, Problem.EDITED, said)
    if after and (after.stated, here.stated) == (here.number, after.number):
        return _swapped(here, after)
    shift = here.stated - here.number
    if shift > 0 and (after is None or after.stated == after.number + shift):
        return _missing(here.number, here.stated - 1)
    return Flaw(here.number, here.number, Problem.SPLICED, f"its text is that of an entry {here.stated}")


def _follows(before: Link | None, here: Link, good: int, genuine: Callable[[], bool]) -> Flaw | None:
    """
    Args:
        good: The last entry that a head vouches for.
        genuine: Whether a head vouches for this one.
    """
    if here.previous == (before.hash if before else ""):
        return None
    if before and before.number > good and genuine():
        return _rewritten(good + 1, before.number, f"head that vouches for entry {here.number}")
    said = f"it was not written after entry {before.number}" if before else "it was not the first entry of its log"
    return Flaw(here.number, here.number, Problem.SPLICED, f"{said}: it comes from another log, or another place")


def _reaches_head(start: Link, rest: Iterator[Window], claims: Claims) -> bool:
    """Whether whole entries lead from here to a head that fits."""
    for before, here, _ in itertools.chain([(None, start, None)], rest):
        follows = before is None or here.previous == before.hash
        if not follows or here.digest != here.hash or here.stated != here.number:
            return False
        if here.number in claims:
            return all(claim.hash == here.hash for claim in claims[here.number])
    return False


def _rewritten(first: int, last: int, proof: str) -> Flaw:
    where = f"entry {first} was" if first == last else f"of entries {first} to {last} at least one was"
    return Flaw(first, last, Problem.REWRITTEN, f"{where} changed and hashed again: it does not fit the signed {proof}")
