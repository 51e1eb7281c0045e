"""Tables of TOML files, checked key by key: what nobody reads is a mistake, and said so."""

import pathlib
import tomllib
from collections.abc import Mapping
from typing import Any

from formats.errors import FormatError, LocalError, ToolError
from fwtool.files import read_small

MAX_FILE = 1 << 20
Types = type | tuple[type, ...]


def load_toml(path: pathlib.Path) -> str:
    """The text of a TOML file.

    Raises:
        LocalError: it cannot be read.
        ToolError: it is not UTF-8 (`usage`).
    """
    try:
        return read_small(path, MAX_FILE).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise wrong(path.name, "is not UTF-8 text") from None
    except FormatError as error:
        raise LocalError(str(error)) from error


def parse_toml(text: str, where: str) -> dict[str, Any]:
    """The tables of TOML text; raises ToolError (`usage`)."""
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise wrong(where, f"is not TOML: {error}") from error


def wrong(where: str, message: str) -> ToolError:
    """What is raised for a mistake in a settings file."""
    return ToolError(f"{where}: {message}", name="usage")


def known(found: Any, keys: Mapping[str, Types], where: str) -> dict[str, Any]:
    """The table, if it is one and every key is known and of its type; raises ToolError (`usage`)."""
    if not isinstance(found, dict):
        raise wrong(where, "is not a table")
    for key, value in found.items():
        if key not in keys:
            raise wrong(where, f"unknown key {key!r}; known: {', '.join(keys)}")
        kinds = keys[key]
        if not isinstance(value, kinds) or (isinstance(value, bool) and kinds is not bool):
            raise wrong(where, f"{key} = {value!r} is of the wrong type")
    return found


def choice(table: Mapping[str, Any], key: str, allowed: tuple[str, ...], where: str) -> str:
    """A word out of a list, the first one if there is none; raises ToolError (`usage`)."""
    value = table.get(key, allowed[0])
    if value not in allowed:
        raise wrong(where, f"{key} = {value!r}; expected one of {', '.join(allowed)}")
    return str(value)


def strings(value: Any, where: str) -> tuple[str, ...]:
    """A list of texts; raises ToolError (`usage`)."""
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise wrong(where, "expected a list of texts")
    return tuple(value)
