"""Sample firmware of the VT-100 terminal: built images and throwaway keys, for examples and tests."""

from __future__ import annotations

import pathlib

__all__ = ["VERSION_MARK", "path"]

VERSION_MARK = "fwtool-terminal 0.1.0"

_ROOT = pathlib.Path(__file__).resolve().parent


def path(name: str) -> pathlib.Path:
    """The path of a file in this package, named like "built/vt100-1.4.2.elf"."""
    found = (_ROOT / name).resolve()
    if not found.is_relative_to(_ROOT) or not found.is_file():
        raise FileNotFoundError(f"There is no file called {name} among the firmware samples.")
    return found
