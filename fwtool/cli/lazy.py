"""Groups whose commands are loaded when they are named; a table of names and sentences is enough for `--help`."""

import importlib
from typing import Any, NamedTuple

import click

from fwtool.cli.app import App, VerbGroup


class Entry(NamedTuple):
    """A command that is loaded on first use."""

    module: str
    help: str
    attribute: str = "command"


class LazyGroup(VerbGroup):
    """A group over a table; set `entries` in a subclass."""

    entries: dict[str, Entry]

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(self.entries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        entry = self.entries.get(cmd_name)
        if entry is None:
            return None
        command: click.Command = getattr(importlib.import_module(entry.module), entry.attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        app = ctx.find_object(App)
        with formatter.section("Commands"):
            formatter.write_dl([(name, app.words(entry.help) if app else entry.help) for name, entry in self.entries.items()])


def lazy_group(entries: dict[str, Entry]) -> type[LazyGroup]:
    """A group class over this table."""
    made: dict[str, Any] = {"entries": entries}
    return type("TableGroup", (LazyGroup,), made)
