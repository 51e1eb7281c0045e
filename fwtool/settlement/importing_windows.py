"""Maintenance times into the store: doubles dropped, and what a new edition of the same file changes."""

import dataclasses
import json
import pathlib
from typing import Any

from fwtool.settlement.store import Store
from fwtool.settlement.windows import Change, Notice, Window, changes, without_doubles


@dataclasses.dataclass(frozen=True)
class ImportedWindows:
    """What came of one file of maintenance times."""

    name: str
    kind: str
    windows: tuple[Window, ...]
    changes: tuple[Change, ...]
    notice: Notice
    new: bool

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name, "kind": self.kind, "rows": len(self.windows), "new": self.new,
            "first_day": None, "last_day": None, "warnings": list(self.notice.warnings),
            "windows": [one.as_json() for one in self.windows], "changes": [one.as_json() for one in self.changes],
            "problems": [{"text": one.text, "why": one.why} for one in self.notice.problems],
        }  # fmt: skip


def import_windows(store: Store, path: pathlib.Path, kind: str, sha256: str, notice: Notice, stamp: str) -> ImportedWindows:
    """Take a notice into the store. A file of the same name and kind before is its earlier edition: what it had and this
    has not is cancelled, and kept.
    """
    windows = without_doubles(notice.windows)

    def act() -> ImportedWindows:
        database = store.database
        last = database.execute(
            "SELECT sha256 FROM sources WHERE kind = ? AND name = ? ORDER BY id DESC LIMIT 1", (kind, path.name)
        ).fetchone()
        if last == (sha256,):
            return ImportedWindows(path.name, kind, windows, (), notice, new=False)
        source = f"{kind}:{path.name}"
        before = [window for window in _of(store, source) if not window.cancelled]
        found = tuple(changes(before, windows))
        gone = [dataclasses.replace(one.before, cancelled=True) for one in found if one.before is not None]
        database.execute("DELETE FROM windows WHERE source = ? AND body NOT LIKE '%\"cancelled\": true%'", (source,))
        database.executemany(
            "INSERT INTO windows VALUES (?, ?, ?, ?, ?)",
            [(source, one.bank, one.start, one.end, json.dumps(dataclasses.asdict(one))) for one in (*windows, *gone)],
        )
        database.execute(
            "INSERT OR REPLACE INTO sources (sha256, kind, name, rows, imported) VALUES (?, ?, ?, ?, ?)",
            (sha256, kind, path.name, len(windows), stamp),
        )
        return ImportedWindows(path.name, kind, windows, found, notice, new=True)

    result: ImportedWindows = store.whole(act)
    return result


def _of(store: Store, source: str) -> list[Window]:
    rows = store.rows("SELECT body FROM windows WHERE source = ? ORDER BY start, end", (source,))
    return [_window(body) for (body,) in rows]


def _window(body: str) -> Window:
    fields = json.loads(body)
    for key in ("services", "flags"):
        fields[key] = tuple(fields[key])
    return Window(**fields)


def all_windows(store: Store) -> tuple[Window, ...]:
    """Every window of every source, without doubles. What one source has cancelled stays where another has it."""
    windows = [_window(body) for (body,) in store.rows("SELECT body FROM windows ORDER BY start, end")]
    standing = without_doubles(one for one in windows if not one.cancelled)
    keys = {one.key for one in standing}
    return (*standing, *without_doubles(one for one in windows if one.cancelled and one.key not in keys))
