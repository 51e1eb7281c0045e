"""A connection to the store for one act, its errors turned into ours."""

import pathlib
import sqlite3
from typing import Final

from formats.errors import LocalError

_ENTRIES: Final = """
CREATE TABLE IF NOT EXISTS entries (
  number INTEGER PRIMARY KEY, job TEXT NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL, hash TEXT NOT NULL
)"""
TABLES: Final = (_ENTRIES, "CREATE TABLE IF NOT EXISTS heads (number INTEGER PRIMARY KEY, head BLOB NOT NULL)")
NOTHING_SENT: Final = "Nothing has been sent to the terminal. Make room or choose another --state-dir, then run this again."
_DAMAGED: Final = ("not a database", "malformed", "decode", "no such column")
"""What SQLite says of a file that it cannot read as this store."""


class Database:
    """The store at `path`, open inside a `with`. What is written outside a transaction is on the disk at once.

    Args:
        hint: What to do when the store fails.

    Raises:
        LocalError: the disk is full or read-only (`disk`), or the file is no record store (`record_damaged`).
    """

    def __init__(self, path: pathlib.Path, hint: str) -> None:
        self._path, self._hint = path, hint

    def __enter__(self) -> sqlite3.Connection:
        try:
            self._connection = sqlite3.connect(self._path, timeout=30, isolation_level=None)
            self._connection.text_factory = bytes
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
        name = "record_damaged" if any(word in str(error) for word in _DAMAGED) else "disk"
        return LocalError(f"the maintenance records in {self._path} cannot be used: {error}", name=name, hint=self._hint)
