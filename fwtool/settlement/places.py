"""What rows are called where people read of them: terminals, batches, files and lines."""

import functools
from typing import Any

from fwtool.settlement.pairing import Row
from fwtool.settlement.store import Store


class Places:
    """Names and places of rows, looked up when something is to be told of them."""

    def __init__(self, store: Store) -> None:
        self._database = store.database
        self.name = functools.lru_cache(10_000)(store.name)
        self.source = functools.lru_cache(1000)(self._source)

    def _source(self, source: int) -> str:
        return str(self._database.execute("SELECT name FROM sources WHERE id = ?", (source,)).fetchone()[0])

    def point(self, point: int) -> tuple[str, str]:
        """Terminal and batch."""
        terminal, batch = self._database.execute("SELECT terminal, batch FROM points WHERE id = ?", (point,)).fetchone()
        return self.name(terminal), str(batch)

    def names(self, row: Row) -> dict[str, Any]:
        return {
            "terminal": self.name(row.terminal) if row.terminal is not None else "",
            "batch": self.point(row.point)[1] if row.point is not None else "",
            "trace": f"{row.key % 1_000_000:06}" if row.key is not None else "",
            "reference": row.rrn or row.ord or "",
        }

    def place(self, row: Row) -> str:
        """Where it stands: file and line."""
        return f"{self.source(row.source)}:{row.place}"
