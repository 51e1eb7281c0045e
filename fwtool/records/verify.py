"""Verify a log: every entry against the chain, every signed head against its key and its entry, and heads kept elsewhere
against both.
"""

import dataclasses
import pathlib
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from formats.errors import FormatError, ToolError
from formats.keys import PublicKey
from fwtool.files import read_small
from fwtool.records import head as heads
from fwtool.records.chain import Claim, Flaw, Link, Problem, first_flaw, link
from fwtool.records.entry import ENDS, STARTED, Row
from fwtool.records.head import SignedHead
from fwtool.records.store import Contents

HASH: Final = re.compile(r"[0-9a-f]{16,64}")
"""A hash from paper; its first 16 digits are enough."""


class Kept(NamedTuple):
    """A head that was kept elsewhere."""

    name: str
    """As the user gave it."""
    signed: SignedHead | None
    """None: only a hash, or the beginning of one, is known."""


class Unfinished(NamedTuple):
    """A job without an end: it runs now, or its computer died. No sign of a changed log."""

    number: int
    job: str
    time: str
    act: str
    serial_number: str


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What is known of a log."""

    entries: int
    first_time: str
    last_time: str
    flaws: tuple[Flaw, ...]
    """In order: the first one in the chain, of the heads in the store the first one that does not count, and every head from
    elsewhere that does not. Empty: nothing is wrong."""
    heads: int
    """Signed heads in the store that hold."""
    newest_head: SignedHead | None
    """Of those."""
    compared: int
    """The newest entry that a head from elsewhere fits; 0 if there is none. What follows it may have lost a tail."""
    unfinished: tuple[Unfinished, ...]


def kept(text: str) -> Kept:
    """A head as a user names it: a file of `fwtool log head`, or a hash.

    Raises:
        ToolError: it is neither (`usage`).
        FormatError: a file that is no head.
        LocalError: not readable.
    """
    path = pathlib.Path(text)
    if path.exists():
        return Kept(text, heads.parse(read_small(path)))
    if not HASH.fullmatch(text.lower()):
        raise ToolError(
            f"--head {text!r} is neither a file nor a hash", name="usage",
            hint="Name a file that `fwtool log head --out` has written, or at least 16 digits of its hash.",
        )  # fmt: skip
    return Kept(text.lower(), None)


def verify(contents: Contents, keys: Sequence[PublicKey], elsewhere: Sequence[Kept] = ()) -> Verdict:
    """Look at everything once.

    Args:
        keys: Who may sign heads.
        elsewhere: Heads that were kept somewhere else.
    """
    good, bad = _sorted_out(contents.heads, keys)
    reasons = [(one.signed, heads.objection(one.signed, keys)) for one in elsewhere if one.signed]
    bad = [*bad[:1], *(_bad(signed.number, why) for signed, why in reasons if why)]
    given = [signed for signed, why in reasons if not why]
    claims: dict[int, list[Claim]] = {}
    for signed, from_elsewhere in [*((one, False) for one in good), *((one, True) for one in given)]:
        claims.setdefault(signed.number, []).append(Claim(signed.hash, from_elsewhere))
    tally = _Tally([one.name for one in elsewhere if not one.signed])
    links = tally.watch(contents.rows())
    flaw = first_flaw(links, claims)
    for _ in links:  # the count goes on behind a flaw
        pass
    flaws = [found for found in (flaw or tally.not_found(), *bad) if found]
    fitting = [*(signed.number for signed in given if not flaw), *tally.found.values()]
    return Verdict(
        tally.entries, tally.first_time, tally.last_time, tuple(sorted(flaws, key=lambda found: found.first)),
        len(good), good[-1] if good else None, max(fitting, default=0), tuple(tally.open.values()),
    )  # fmt: skip


def _sorted_out(stored: Iterable[tuple[int, bytes]], keys: Sequence[PublicKey]) -> tuple[list[SignedHead], list[Flaw]]:
    """Heads of the store that count, and what is wrong with the others."""
    good, bad = [], []
    for number, raw in stored:
        try:
            signed = heads.parse(raw)
        except FormatError as error:
            bad.append(_bad(number, error.message))
            continue
        why = heads.objection(signed, keys) or ("" if signed.number == number else f"it is that of entry {signed.number}")
        if why:
            bad.append(_bad(number, why))
        else:
            good.append(signed)
    return good, bad


def _bad(number: int, why: str) -> Flaw:
    return Flaw(number, number, Problem.BAD_HEAD, f"the signed head of entry {number} does not count: {why}")


class _Tally:
    """What is noted as the entries pass by."""

    def __init__(self, hashes: Sequence[str]) -> None:
        self.entries, self.first_time, self.last_time = 0, "", ""
        self.open: dict[str, Unfinished] = {}
        self.found: dict[str, int] = {}
        """Which entry a hash from elsewhere belongs to."""
        self._hashes, self._last = hashes, 0

    def watch(self, rows: Iterable[Row]) -> Iterator[Link]:
        for row in rows:
            fields = row.fields or {}
            self._note(row.number, fields)
            one = link(row, fields)
            self.found |= {wanted: row.number for wanted in self._hashes if one.digest.startswith(wanted)}
            yield one

    def _note(self, number: int, fields: dict[str, Any]) -> None:
        def text(name: str) -> str:
            return str(fields.get(name) or "")

        self.entries += 1
        self._last = number
        self.first_time = self.first_time or text("time")
        self.last_time = text("time")
        if text("kind") == STARTED:
            self.open[text("job")] = Unfinished(number, text("job"), text("time"), text("act"), text("serial_number"))
        elif text("kind") in ENDS:
            self.open.pop(text("job"), None)

    def not_found(self) -> Flaw | None:
        """A hash from elsewhere that no entry has, though the chain is whole."""
        lost = next((wanted for wanted in self._hashes if wanted not in self.found), None)
        if lost is None:
            return None
        first = self._last + 1
        said = f"no entry has the hash {lost}: entries from {first} on are not there, or the whole log was written anew"
        return Flaw(first, first, Problem.CUT_OFF, said)
