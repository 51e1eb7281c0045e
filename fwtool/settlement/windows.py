"""Maintenance windows of banks and clearing systems: one record whatever the notice, without doubles, changes shown."""

import bisect
import dataclasses
import datetime
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from fwtool.settlement.clock import SHANGHAI, at, epoch

SERVICES: Final = ("card", "clearing", "arrival", "online")
EFFECTS: Final = ("stopped", "brief", "slow")
MAX_WINDOWS: Final = 1000
"""Of one notice or calendar."""
SAME_EVENT_S: Final = 7 * 86400
"""A window of the same bank and services that has moved less than this is the same one."""


@dataclasses.dataclass(frozen=True, slots=True)
class Window:
    """A time in which a system does not work, or not well."""

    bank: str
    """Empty: a system that all banks stand on."""
    start: int
    end: int
    """Seconds since 1970; the end is not in it."""
    zone: str = SHANGHAI
    effect: str = "stopped"
    services: tuple[str, ...] = ()
    text: str = ""
    """The sentence it comes from."""
    issued: str = ""
    uid: str = ""
    sequence: int = 0
    flags: tuple[str, ...] = ()
    cancelled: bool = False

    @property
    def key(self) -> tuple[str, tuple[str, ...], int, int]:
        """What makes two windows one."""
        return self.bank, self.services, self.start, self.end

    @property
    def counts(self) -> bool:
        """Whether it can touch a card payment or its money."""
        return not self.cancelled and (not self.services or bool(set(self.services) & {"card", "clearing", "arrival"}))

    @property
    def moves_money(self) -> bool:
        return not self.cancelled and (not self.services or bool(set(self.services) & {"clearing", "arrival"}))

    def __str__(self) -> str:
        """Bank (* for all of them) and local times."""
        start, end = at(self.start, self.zone), at(self.end, self.zone)
        last = f"{end:%H:%M}" if end - start < datetime.timedelta(days=1) else f"{end:%Y-%m-%d %H:%M}"
        return f"{self.bank or '*'} {start:%Y-%m-%d %H:%M}-{last}"

    def as_json(self) -> dict[str, Any]:
        return {
            "bank": self.bank, "start": at(self.start, self.zone).isoformat(), "end": at(self.end, self.zone).isoformat(),
            "zone": self.zone, "effect": self.effect, "services": list(self.services), "flags": list(self.flags),
            "text": self.text, "issued": self.issued, "cancelled": self.cancelled,
        }  # fmt: skip


class Problem(NamedTuple):
    """Something in a notice that could not be read, and was not guessed."""

    text: str
    why: str


class Notice(NamedTuple):
    """What one file of maintenance times says."""

    windows: tuple[Window, ...]
    problems: tuple[Problem, ...] = ()
    warnings: tuple[str, ...] = ()


def window(bank: str, start: datetime.datetime, end: datetime.datetime, **rest: Any) -> Window:
    """From moments with a time zone."""
    return Window(bank, epoch(start), epoch(end), **rest)


class Change(NamedTuple):
    """What a new edition of a notice changes. `kind` is added, moved or withdrawn."""

    kind: str
    before: Window | None
    after: Window | None

    def __str__(self) -> str:
        if self.kind == "moved":
            return f"moved: {self.before} -> {self.after}"
        return f"{self.kind}: {self.after or self.before}"

    def as_json(self) -> dict[str, Any]:
        sides = (self.before, self.after)
        before, after = (side.as_json() if side else None for side in sides)
        return {"kind": self.kind, "before": before, "after": after}


def without_doubles(windows: Iterable[Window]) -> tuple[Window, ...]:
    """Each window once; one that says more (an issue date, a sentence) is kept before one that says less."""
    best: dict[Any, Window] = {}
    for found in windows:
        old = best.get(found.key)
        if old is None or (bool(found.text), found.issued) > (bool(old.text), old.issued):
            best[found.key] = found
    return tuple(sorted(best.values(), key=lambda found: found.key[2:] + found.key[:2]))


def changes(before: Sequence[Window], after: Sequence[Window]) -> Iterator[Change]:
    """What is different between two editions of the same source."""
    old = {found.key: found for found in before if not found.cancelled}
    new = {found.key: found for found in after if not found.cancelled}
    gone = [found for key, found in old.items() if key not in new]
    come = [found for key, found in new.items() if key not in old]
    for found in come:
        moved = next((other for other in gone if _same_event(other, found)), None)
        if moved is None:
            yield Change("added", None, found)
        else:
            gone.remove(moved)
            yield Change("moved", moved, found)
    for found in gone:
        yield Change("withdrawn", found, None)


def _same_event(before: Window, after: Window) -> bool:
    if before.uid or after.uid:
        return before.uid == after.uid
    same = (before.bank, before.services) == (after.bank, after.services)
    return same and abs(before.start - after.start) < SAME_EVENT_S


class Index:
    """Windows of one bank, and of the systems it stands on, to ask for a moment."""

    def __init__(self, windows: Iterable[Window], bank: str) -> None:
        mine = [found for found in windows if found.counts and found.bank in ("", bank)]
        self.windows = sorted(mine, key=lambda found: (found.start, found.end))
        self._starts = [found.start for found in self.windows]
        self._longest = max((found.end - found.start for found in self.windows), default=0)

    def at(self, moment: int) -> Window | None:
        """The window a moment lies in; of several the one that began last."""
        return self.between(moment, moment + 1)

    def between(self, first: int, last: int) -> Window | None:
        """A window that touches the time from `first` up to `last`."""
        place = bisect.bisect_left(self._starts, last) - 1
        while place >= 0 and self._starts[place] > first - self._longest - 1:
            if self.windows[place].end > first:
                return self.windows[place]
            place -= 1
        return None
