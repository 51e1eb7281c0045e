"""The store of the records in a folder: one SQLite file (WAL), written by an append and by nothing else."""

import contextlib
import datetime
import functools
import pathlib
import sqlite3
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from formats.errors import LocalError
from formats.keys import PrivateKey
from fwtool.records import head
from fwtool.records.database import NOTHING_SENT, TABLES, Database
from fwtool.records.entry import ENDS, SCHEMA, STARTED, Entry, Row, row_after
from fwtool.records.safe import safe
from fwtool.records.station import station_key

FILE: Final = "records.sqlite"
_COLUMNS: Final = "number, CAST(job AS BLOB), CAST(kind AS BLOB), CAST(body AS BLOB), CAST(hash AS BLOB)"
_NEWEST: Final = f"SELECT {_COLUMNS} FROM entries ORDER BY number DESC LIMIT ?"  # noqa: S608 - our own names
_ALL: Final = f"SELECT {_COLUMNS} FROM entries ORDER BY number"  # noqa: S608 - our own names
_BY_HAND: Final = "See what is wrong with `fwtool log verify`, or choose another --state-dir."
_NOT_TOLD: Final = (
    "The job itself may have been done: look with `fwtool info --port PORT`. Make room, then run the command again."
)


class Contents(NamedTuple):
    """The whole store at one moment."""

    heads: list[tuple[int, bytes]]
    """Entry number and signed head, in order."""
    database: sqlite3.Connection

    def rows(self) -> Iterator[Row]:
        """All entries in order of their numbers, read as they are asked for; the same ones every time."""
        return (Row(*row) for row in self.database.execute(_ALL))


class Records:
    """The store in a folder. Safe to use from several threads and processes at once.

    Raises:
        LocalError: the disk is full, read-only, or the file is no record store.
    """

    def __init__(self, folder: pathlib.Path | str) -> None:
        self.path = pathlib.Path(folder) / FILE
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LocalError(f"{self.path.parent} cannot be made: {error.strerror}", name="disk") from error
        with Database(self.path, NOTHING_SENT) as database:
            for table in TABLES:
                database.execute(table)

    @functools.cached_property
    def _key(self) -> PrivateKey:
        return station_key(self.path.parent)

    def append(self, job: str, kind: str, body: dict[str, Any]) -> Entry:
        """Write one entry, card numbers scrubbed; when this returns it is on the disk. The end of a job signs the head.

        Raises:
            LocalError: it is not on the disk.
        """
        now = datetime.datetime.now(datetime.UTC)
        stamp = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        whole = {**safe(body), "schema": SCHEMA, "job": job, "kind": kind, "time": stamp}
        with Database(self.path, NOTHING_SENT if kind in (STARTED, "refused") else _NOT_TOLD) as database:
            database.execute("BEGIN IMMEDIATE")
            key = self._key  # before anything is sent it is known to be usable; the lock keeps others from making one too
            row = row_after(_newest(database), whole)
            database.execute("INSERT INTO entries VALUES (?, ?, ?, ?, ?)", (row.number, *(part.decode() for part in row[1:])))
            if kind in ENDS:
                signed = head.sign(row.number, bytes.fromhex(row.digest), int(now.timestamp()), key)
                database.execute("INSERT INTO heads VALUES (?, ?)", (row.number, signed))
            database.execute("COMMIT")
        return self._entry(row)

    def entries(self, *, last: int | None = None) -> list[Entry]:
        """All entries in order, or only the `last` ones.

        Raises:
            LocalError: an entry is no longer what was written (`record_damaged`).
        """
        with Database(self.path, _BY_HAND) as database:
            rows = database.execute(_NEWEST, (-1 if last is None else last,)).fetchall()
        return [self._entry(Row(*row)) for row in reversed(rows)]

    def _entry(self, row: Row) -> Entry:
        fields = row.fields
        if fields is None or not {"job", "kind", "time"} <= fields.keys():
            raise LocalError(f"entry {row.number} of {self.path} has been damaged", name="record_damaged", hint=_BY_HAND)
        return Entry(row.number, str(fields["job"]), str(fields["kind"]), fields, row.hash.decode("utf-8", "replace"))

    def newest_head(self) -> bytes | None:
        """The signed head of the job that ended last."""
        with Database(self.path, _BY_HAND) as database:
            found = database.execute("SELECT CAST(head AS BLOB) FROM heads ORDER BY number DESC LIMIT 1").fetchone()
        return found[0] if found else None

    @contextlib.contextmanager
    def contents(self) -> Iterator[Contents]:
        """Everything as it was at one moment, whoever writes meanwhile."""
        with Database(self.path, _BY_HAND) as database:
            database.execute("BEGIN")
            heads = database.execute("SELECT number, CAST(head AS BLOB) FROM heads ORDER BY number").fetchall()
            yield Contents(heads, database)


def _newest(database: sqlite3.Connection) -> Row | None:
    found = database.execute(_NEWEST, (1,)).fetchone()
    return Row(*found) if found else None
