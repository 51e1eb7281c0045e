"""The settlement store: everything that was imported, in one SQLite file. A file comes in whole or not at all."""

import pathlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, Self

from formats.errors import FormatError, LocalError

FILE: Final = "settlement.sqlite"
VERSION: Final = 1
CACHE_KIB: Final = 16384
"""Memory of SQLite; what does not fit, sorting included, goes to files."""
_LINE: Final = """
  id INTEGER PRIMARY KEY, source INTEGER NOT NULL, place INTEGER NOT NULL, bank INTEGER NOT NULL, kind INTEGER NOT NULL,
  state INTEGER NOT NULL, units INTEGER NOT NULL, currency INTEGER NOT NULL, time INTEGER, day INTEGER, value INTEGER,
  key INTEGER, point INTEGER, terminal INTEGER, rrn TEXT, ord TEXT, original INTEGER, last4 TEXT, fee INTEGER,
  uploaded INTEGER"""
SCHEMA: Final = f"""
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS sources (
  id INTEGER PRIMARY KEY, sha256 TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, rows INTEGER NOT NULL,
  imported TEXT NOT NULL, UNIQUE (sha256, kind));
CREATE TABLE IF NOT EXISTS names (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS points (
  id INTEGER PRIMARY KEY, terminal INTEGER NOT NULL, batch TEXT NOT NULL, UNIQUE (terminal, batch));
CREATE TABLE IF NOT EXISTS journal ({_LINE});
CREATE TABLE IF NOT EXISTS bank ({_LINE});
CREATE TABLE IF NOT EXISTS totals (
  source INTEGER NOT NULL, place INTEGER NOT NULL, bank INTEGER NOT NULL, point INTEGER NOT NULL, currency INTEGER NOT NULL,
  refunds INTEGER NOT NULL, count INTEGER NOT NULL, units INTEGER NOT NULL, day INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS account (
  source INTEGER NOT NULL, place INTEGER NOT NULL, bank INTEGER NOT NULL, currency INTEGER NOT NULL, units INTEGER NOT NULL,
  day INTEGER NOT NULL, count INTEGER NOT NULL, text TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS covered (
  side TEXT NOT NULL, bank INTEGER NOT NULL, day INTEGER NOT NULL, source INTEGER NOT NULL,
  PRIMARY KEY (side, bank, day, source)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS windows (
  source TEXT NOT NULL, bank TEXT NOT NULL, start INTEGER NOT NULL, end INTEGER NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS items (number INTEGER PRIMARY KEY, kind TEXT NOT NULL, state TEXT NOT NULL, body TEXT NOT NULL);
"""
"""`key` is point times a million plus the trace number; days are ordinals (date.toordinal), times seconds since 1970."""
MAX_NAMES: Final = 50_000
"""Names that are kept in memory; further ones are looked up."""


class Store:
    """The store in a folder.

    Raises:
        LocalError: the disk is full or read-only, or the file is no store of this version.
    """

    def __init__(self, folder: pathlib.Path | str) -> None:
        self.path = pathlib.Path(folder) / FILE
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LocalError(f"{self.path.parent} cannot be made: {error.strerror}", name="disk") from error
        self._connection: sqlite3.Connection | None = None

    def __enter__(self) -> Self:
        try:
            self._connection = sqlite3.connect(self.path, timeout=30, isolation_level=None)
            for pragma in (f"cache_size=-{CACHE_KIB}", "temp_store=FILE", "foreign_keys=OFF"):
                self._connection.execute(f"PRAGMA {pragma}")
            self._connection.executescript(SCHEMA)
            self._check_version()
        except sqlite3.Error as error:
            self.__exit__(None, None, None)
            raise self._trouble(error) from error
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if isinstance(error, sqlite3.Error):
            raise self._trouble(error) from error

    @property
    def database(self) -> sqlite3.Connection:
        assert self._connection is not None
        return self._connection

    def _check_version(self) -> None:
        found = self.database.execute("PRAGMA user_version").fetchone()[0]
        if found == 0:
            self.database.execute(f"PRAGMA user_version={VERSION}")
        elif found != VERSION:
            raise LocalError(
                f"{self.path} is a store of version {found}, this fwtool knows {VERSION}", name="record_damaged",
                hint="Choose another --state-dir, and import again.",
            )  # fmt: skip

    def _trouble(self, error: sqlite3.Error) -> LocalError | FormatError:
        if "integer overflow" in str(error):
            return FormatError("amounts add up to more than can be counted", name="too_large")
        name = "record_damaged" if "not a database" in str(error) or "malformed" in str(error) else "disk"
        return LocalError(
            f"the settlement store {self.path} cannot be used: {error}", name=name,
            hint="Nothing was changed. Make room or choose another --state-dir, then run this again.",
        )  # fmt: skip

    def whole(self, act: Callable[[], Any]) -> Any:
        """Do everything or nothing."""
        self.database.execute("BEGIN IMMEDIATE")
        try:
            result = act()
        except BaseException:
            self.database.execute("ROLLBACK")
            raise
        self.database.execute("COMMIT")
        return result

    def get(self, key: str) -> str:
        found = self.database.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return str(found[0]) if found else ""

    def put(self, key: str, value: str) -> None:
        self.database.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def name(self, number: int) -> str:
        """The text behind a number."""
        found = self.database.execute("SELECT name FROM names WHERE id = ?", (number,)).fetchone()
        return str(found[0]) if found else ""

    def rows(self, sql: str, values: Iterable[Any] = ()) -> Iterator[Any]:
        """Rows one by one, on a cursor of their own."""
        return iter(self.database.cursor().execute(sql, tuple(values)))


class Numbers:
    """Numbers for texts that come again and again: terminals, banks, currencies, batches."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._names: dict[str, int] = {}
        self._points: dict[tuple[int, str], int] = {}

    def name(self, text: str) -> int:
        number = self._names.get(text)
        if number is None:
            number = self._get("names", "name", (text,))
            _remember(self._names, text, number)
        return number

    def point(self, terminal: int, batch: str) -> int:
        """One number for a batch of a terminal; 000012 and 12 are one batch."""
        key = (terminal, batch)
        number = self._points.get(key)
        if number is None:
            plain = (batch.lstrip("0") or "0") if batch.isdecimal() else batch
            number = self._get("points", "terminal, batch", (terminal, plain))
            _remember(self._points, key, number)
        return number

    def _get(self, table: str, columns: str, values: tuple[Any, ...]) -> int:
        marks = ", ".join("?" * len(values))
        self._database.execute(f"INSERT OR IGNORE INTO {table} ({columns}) VALUES ({marks})", values)  # noqa: S608 - own names
        where = " AND ".join(f"{column.strip()} = ?" for column in columns.split(","))
        return int(self._database.execute(f"SELECT id FROM {table} WHERE {where}", values).fetchone()[0])  # noqa: S608 - own names


def _remember(cache: dict[Any, int], key: Any, number: int) -> None:
    if len(cache) >= MAX_NAMES:
        cache.clear()
    cache[key] = number
