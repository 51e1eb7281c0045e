"""Two sorted streams of rows, read side by side without keeping them."""

import itertools
import operator
import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any, Final

from fwtool.settlement.pairing import MAX_GROUP, Row

CHUNK: Final = 10_000
"""Rows that are written at once."""


class Keeper:
    """Collects row numbers into a table."""

    def __init__(self, database: sqlite3.Connection, table: str) -> None:
        self._database, self._sql = database, f"INSERT OR IGNORE INTO {table} VALUES (?)"  # noqa: S608 - own names
        self._pending: list[tuple[int]] = []

    def add(self, rows: Iterable[Row | tuple[Row, Row]]) -> None:
        """Rows, or the first of each pair."""
        self._pending += [(row.id if isinstance(row, Row) else row[0].id,) for row in rows]
        if len(self._pending) >= CHUNK:
            self.flush()

    def flush(self) -> None:
        self._database.executemany(self._sql, self._pending)
        self._pending.clear()


def groups(rows: Iterator[tuple[Any, ...]]) -> Iterator[tuple[Any, list[Row]]]:
    """Rows with one key, as lists. Of a key with far too many, a list for each piece."""
    for key, group in itertools.groupby(rows, key=operator.itemgetter(-1)):
        while piece := [Row._make(values) for values in itertools.islice(group, MAX_GROUP + 1)]:
            yield key, piece


def side_by_side(
    ours: Iterator[tuple[Any, list[Row]]], theirs: Iterator[tuple[Any, list[Row]]]
) -> Iterator[tuple[list[Row], list[Row]]]:
    """Merge two streams that are sorted by key."""
    nothing: tuple[Any, list[Row]] = (None, [])
    one, other = next(ours, nothing), next(theirs, nothing)
    while one[1] or other[1]:
        if other[1] and (not one[1] or other[0] < one[0]):
            yield [], other[1]
            other = next(theirs, nothing)
        elif one[1] and (not other[1] or one[0] < other[0]):
            yield one[1], []
            one = next(ours, nothing)
        else:
            yield one[1], other[1]
            one, other = next(ours, nothing), next(theirs, nothing)
