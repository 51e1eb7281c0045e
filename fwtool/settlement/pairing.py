"""Which line of the journal is which line of the bank: decided within one group that shares a key. Pure."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from fwtool.settlement.lines import STATES

APPROVED: Final = STATES.index("approved")
DAY_S: Final = 86400
SAME_LINE_S: Final = 3 * DAY_S
"""Two lines of one side, equal but for their time, are one transaction listed twice if they are closer than this."""
PROBABLE_S: Final = 900
MAX_GROUP: Final = 64
"""Lines of one side with one key; more are left to the next key, so that no group is large."""
COLUMNS: Final = (
    "id", "source", "place", "bank", "kind", "state", "units", "currency", "time", "day", "value", "key", "point", "terminal",
    "rrn", "ord", "original", "last4", "fee", "uploaded",
)  # fmt: skip
"""Of the tables `journal` and `bank`, in the order of `Row`, which has the key of the pass behind them."""


class Row(NamedTuple):
    """A line as it lies in the store."""

    id: int
    source: int
    place: int
    bank: int
    kind: int
    state: int
    units: int
    currency: int
    time: int | None
    day: int | None
    value: int | None
    key: int | None
    point: int | None
    terminal: int | None
    rrn: str | None
    ord: str | None
    original: int | None
    last4: str | None
    fee: int | None
    uploaded: int | None
    sort: Any
    """The key of the pass."""

    @property
    def moment(self) -> int:
        """Seconds since 1970; of a line that has only a day, its noon."""
        if self.time is not None:
            return self.time
        return ((self.day or self.value or 719163) - 719163) * DAY_S + DAY_S // 2


class Paired(NamedTuple):
    """What one group comes to."""

    pairs: Sequence[tuple[Row, Row]] = ()
    doubles_journal: Sequence[tuple[Row, Row]] = ()
    """Each with the line it repeats."""
    doubles_bank: Sequence[tuple[Row, Row]] = ()
    collisions: Sequence[tuple[Row, Row]] = ()
    """The same key, but another card, sign, currency or reference: never a match."""
    explained: Sequence[tuple[Row, Row]] = ()
    """A line of the bank, and a transaction of the journal that should have brought no money."""
    cancelled: Sequence[tuple[Row, Row]] = ()
    """Two lines of the bank that take each other back."""
    left_journal: Sequence[Row] = ()
    left_bank: Sequence[Row] = ()


def pair(journal: list[Row], bank: list[Row], window_s: int) -> Paired:
    """Pair a group by key.

    Args:
        window_s: Lines further apart are other transactions: trace numbers wrap, terminals are exchanged.
    """
    if len(journal) == 1 and len(bank) == 1:
        one, other = journal[0], bank[0]
        if one.state == APPROVED and _same(one, other) and abs(one.moment - other.moment) <= window_s:
            return Paired(pairs=((one, other),))
    elif not bank:
        kept, doubles = _without_doubles(journal)
        return Paired(doubles_journal=doubles, left_journal=kept)
    elif not journal:
        return _only_bank(bank)
    return _pair(journal, bank, window_s)


def probable(journal: list[Row], bank: list[Row], window_s: int) -> Paired:
    """Pair by terminal, amount and card: only what is unique on both sides within a quarter of an hour."""
    del window_s
    expected = [row for row in journal if row.state == APPROVED]
    pairs = []
    for one in expected:
        near = [other for other in bank if abs(one.moment - other.moment) <= PROBABLE_S]
        back = [row for row in expected if near and abs(row.moment - near[0].moment) <= PROBABLE_S]
        if len(near) == 1 and len(back) == 1 and one.time is not None and near[0].time is not None:
            pairs.append((one, near[0]))
    used = {row.id for row, _ in pairs}, {row.id for _, row in pairs}
    return Paired(
        pairs=pairs,
        left_journal=[row for row in journal if row.id not in used[0]],
        left_bank=[row for row in bank if row.id not in used[1]],
    )


def _same(one: Row, other: Row) -> bool:
    """Whether nothing speaks against two lines with the same key being one transaction."""
    if one.currency != other.currency or (one.units < 0) != (other.units < 0):
        return False
    if one.last4 and other.last4 and one.last4 != other.last4:
        return False
    return one.units == other.units or not (one.rrn and other.rrn and one.rrn != other.rrn)


def _without_doubles(rows: list[Row]) -> tuple[list[Row], list[tuple[Row, Row]]]:
    kept: list[Row] = []
    doubles = []
    for row in rows:
        first = next((old for old in kept if _double(old, row)), None)
        if first is None:
            kept.append(row)
        else:
            doubles.append((row, first))
    return kept, doubles


def _double(old: Row, row: Row) -> bool:
    alike = (old.units, old.currency, old.last4, old.rrn, old.ord, old.kind, old.state) == (
        row.units, row.currency, row.last4, row.rrn, row.ord, row.kind, row.state,
    )  # fmt: skip
    if not alike:
        return False
    apart = abs(old.moment - row.moment)
    return apart <= SAME_LINE_S if old.rrn or old.ord else apart == 0


def _cancelling(rows: list[Row]) -> tuple[list[Row], list[tuple[Row, Row]]]:
    """Without pairs of a sale and what takes it back under the same key."""
    kept: list[Row] = []
    found = []
    for row in rows:
        other = next((old for old in kept if old.units == -row.units and old.currency == row.currency and row.units), None)
        if other is not None and abs(other.moment - row.moment) <= SAME_LINE_S:
            kept.remove(other)
            found.append((other, row))
        else:
            kept.append(row)
    return kept, found


def _only_bank(bank: list[Row]) -> Paired:
    kept, doubles = _without_doubles(bank)
    kept, cancelled = _cancelling(kept)
    return Paired(doubles_bank=doubles, cancelled=cancelled, left_bank=kept)


def _pair(journal: list[Row], bank: list[Row], window_s: int) -> Paired:
    ours, doubles_journal = _without_doubles(journal)
    theirs, doubles_bank = _without_doubles(bank)
    expected = [row for row in ours if row.state == APPROVED]
    others = [row for row in ours if row.state != APPROVED]
    pairs, expected, theirs = _best(expected, theirs, window_s)
    theirs, cancelled = _cancelling(theirs)
    explained, others, theirs = _best(others, theirs, window_s)
    collisions = []
    for one in list(expected):
        clash = next((other for other in theirs if abs(one.moment - other.moment) <= window_s), None)
        if clash is not None:
            collisions.append((one, clash))
            expected.remove(one)
            theirs.remove(clash)
    return Paired(pairs, doubles_journal, doubles_bank, collisions, explained, cancelled, [*expected, *others], theirs)


def _best(ours: list[Row], theirs: list[Row], window_s: int) -> tuple[list[tuple[Row, Row]], list[Row], list[Row]]:
    """The closest pairs first: the same amount before another one, the same reference before another, then time."""
    ranked = sorted(
        (
            (one.units != other.units, (one.rrn or "") != (other.rrn or ""), abs(one.moment - other.moment), one.id, other.id)
            for one in ours for other in theirs
            if _same(one, other) and abs(one.moment - other.moment) <= window_s
        ),
    )  # fmt: skip
    mine, yours = {row.id: row for row in ours}, {row.id: row for row in theirs}
    pairs = []
    for *_, first, second in ranked:
        if first in mine and second in yours:
            pairs.append((mine.pop(first), yours.pop(second)))
    return pairs, list(mine.values()), list(yours.values())
