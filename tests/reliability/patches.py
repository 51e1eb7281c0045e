"""Ways to change a boot rule for a while: rows of the table, methods, actions."""

import contextlib
from collections.abc import Callable
from typing import Any
from unittest import mock

from hwsim import transitions
from hwsim.transitions import Do, Event, Row, State, When

Patch = contextlib.AbstractContextManager[Any]


def rows(change: Callable[[Row], Row | None]) -> Callable[[], Patch]:
    """The table with some rows changed, or left out."""
    changed = [change(row) for row in transitions.TABLE]
    return lambda: mock.patch.object(transitions, "TABLE", tuple(row for row in changed if row))


def does(state: State, event: Event, *do: Do, when: When = When.ALWAYS) -> Callable[[], Patch]:
    """One row of the table with other actions."""
    return rows(lambda row: row._replace(do=do) if (row.state, row.event, row.when) == (state, event, when) else row)


def begins(*do: Do) -> Callable[[], Patch]:
    """BEGIN of a new package with other actions."""
    return rows(lambda row: row._replace(do=do) if row.event is Event.BEGIN and row.when is When.ALWAYS else row)


def without(event: Event, when: When) -> Callable[[], Patch]:
    return rows(lambda row: None if (row.event, row.when) == (event, when) else row)


def method(owner: Any, name: str, new: Any) -> Callable[[], Patch]:
    return lambda: mock.patch.object(owner, name, new)


def action(table: dict[Any, Any], key: Any, new: Any) -> Callable[[], Patch]:
    return lambda: mock.patch.dict(table, {key: new})
