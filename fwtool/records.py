"""The maintenance records: who did what to which terminal, and how it ended. One store, append only, chained by hashes.

A job has a `started` entry, on the disk before the first write to a device, and a `finished` one; what is refused before
that has a `refused` entry. Every entry holds the hash of the one before it, so an edit or a gap shows.
"""

import datetime
import hashlib
import json
import os
import pathlib
import sqlite3
import time
from typing import Any, NamedTuple

from formats.errors import LocalError

SCHEMA = 1
FILE = "records.sqlite"
_TABLE = """
CREATE TABLE IF NOT EXISTS entries (
  number INTEGER PRIMARY KEY, job TEXT NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL, hash TEXT NOT NULL
)"""


class Entry(NamedTuple):
    """One line of the record."""

    number: int
    job: str
    kind: str
    """started, finished or refused."""
    body: dict[str, Any]
    hash: str


def new_job_id() -> str:
    """Time-ordered and unique (RFC 9562, UUID version 7)."""
    millis = int(time.time() * 1000)
    random = int.from_bytes(os.urandom(10), "big")
    value = millis << 80 | 7 << 76 | (random >> 68 & 0xFFF) << 64 | 2 << 62 | random & (1 << 62) - 1
    text = f"{value:032x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def canonical(body: dict[str, Any]) -> str:
    """JSON with one spelling: sorted keys, no spaces, plain numbers."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


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
        with self._open() as database:
            database.execute(_TABLE)

    def _open(self) -> "_Database":
        return _Database(self.path)

    def append(self, job: str, kind: str, body: dict[str, Any]) -> Entry:
        """Write one entry; when this returns it is on the disk."""
        stamp = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        whole = {"schema": SCHEMA, "job": job, "kind": kind, "time": stamp, **body}
        with self._open() as database:
            database.execute("BEGIN IMMEDIATE")
            last = database.execute("SELECT number, hash FROM entries ORDER BY number DESC LIMIT 1").fetchone()
            number, previous = (last[0] + 1, last[1]) if last else (1, "")
            text = canonical({**whole, "number": number, "previous": previous})
            digest = hashlib.sha256(text.encode()).hexdigest()
            database.execute("INSERT INTO entries VALUES (?, ?, ?, ?, ?)", (number, job, kind, text, digest))
            database.execute("COMMIT")
        return Entry(number, job, kind, json.loads(text), digest)

    def entries(self, *, last: int | None = None) -> list[Entry]:
        """All entries in order, or only the `last` ones."""
        with self._open() as database:
            rows = database.execute(
                "SELECT number, job, kind, body, hash FROM entries ORDER BY number DESC LIMIT ?",
                (-1 if last is None else last,),
            ).fetchall()
        return [Entry(n, job, kind, json.loads(body), digest) for n, job, kind, body, digest in reversed(rows)]


class _Database:
    """A connection for one act, its errors turned into ours."""

    def __init__(self, path: pathlib.Path) -> None:
        self._path = path

    def __enter__(self) -> sqlite3.Connection:
        try:
            self._connection = sqlite3.connect(self._path, timeout=30, isolation_level=None)
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=FULL")
        except sqlite3.Error as error:
            raise self._trouble(error) from error
        return self._connection

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._connection.close()
        if isinstance(error, sqlite3.Error):
            raise self._trouble(error) from error

    def _trouble(self, error: sqlite3.Error) -> LocalError:
        name = "record_damaged" if "not a database" in str(error) or "malformed" in str(error) else "disk"
        return LocalError(
            f"the maintenance records in {self._path} cannot be used: {error}",
            name=name,
            hint="Nothing has been sent to the terminal. Make room or choose another --state-dir, then run this again.",
        )
