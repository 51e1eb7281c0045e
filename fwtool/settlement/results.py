"""What the last match left in the store."""

from collections.abc import Iterator, Sequence

from fwtool.settlement.items import Item, from_body
from fwtool.settlement.store import Store

_ORDER = "CASE state WHEN 'open' THEN 0 WHEN 'doubtful' THEN 1 ELSE 2 END, number"


def read_items(store: Store, kinds: Sequence[str] = ()) -> Iterator[Item]:
    """Items of these kinds (of all, without): first those that need action."""
    where = f"WHERE kind IN ({', '.join('?' * len(kinds))})" if kinds else ""
    for (body,) in store.rows(f"SELECT body FROM items {where} ORDER BY {_ORDER}", kinds):  # noqa: S608 - own names
        yield from_body(body)
