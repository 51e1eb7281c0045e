"""Passwords of terminals: from a file, never from the command line, where every process of the computer could read them."""

import pathlib
from collections.abc import Callable
from typing import Final

from formats.errors import ToolError
from fwtool.files import read_small

KINDS: Final = ("cashier", "service")
"""What the lines of a password file are for. `service` is the administrator's of a TSP terminal."""
MAX_FILE: Final = 4096


def from_file(path: pathlib.Path) -> Callable[[str], str]:
    """Gives the password of a kind.

    Raises:
        LocalError: not readable.
        ToolError: it is not UTF-8 text, or (when asked) has no such line (`usage`).
    """
    try:
        lines = read_small(path, MAX_FILE).decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise ToolError(f"{path} is not UTF-8 text", name="usage", hint="Save it as UTF-8.") from error
    known = {kind: line.strip() for kind, line in zip(KINDS, lines, strict=False)}

    def password(kind: str) -> str:
        found = known.get(kind, "")
        if not found:
            number = KINDS.index(kind) + 1
            hint = "Line 1: the cashier's, line 2: that of the administrator, or of the service menu."
            raise ToolError(f"{path} has no line {number} with the {kind} password", name="usage", hint=hint)
        return found

    return password
