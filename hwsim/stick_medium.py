"""A USB stick as the terminal sees it: a folder whose content nobody vouches for."""

import contextlib
import json
import os
import pathlib
import stat
from collections.abc import Iterator
from typing import Any, BinaryIO, Final, NamedTuple

from formats.errors import ToolError
from formats.fwp import package as fwp
from formats.fwp.package import Package
from formats.trust import Trust

FOLDERS: Final = ("", "FWTOOL")
MAX_FILES: Final = 64
"""Files that are looked at in a folder; a menu has no time for more."""
_FLAGS: Final = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


class Found(NamedTuple):
    """A package that the terminal's own trust vouches for, open."""

    name: str
    package: Package
    file: BinaryIO


def packages(stick: pathlib.Path, trust: Trust) -> Iterator[Found]:
    """What is on it for somebody who trusts these keys; whoever takes one closes it. What is broken is passed over."""
    for folder in FOLDERS:
        with contextlib.suppress(OSError):
            for name in sorted(os.listdir(stick / folder))[:MAX_FILES]:  # noqa: PTH208 - names, not paths
                found = _opened(stick / folder / name, trust)
                if found:
                    yield found


def _opened(path: pathlib.Path, trust: Trust) -> Found | None:
    """Only a file that lies there itself: a link or a pipe could lead anywhere."""
    try:
        file = os.fdopen(os.open(path, _FLAGS), "rb")
    except OSError:
        return None
    try:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError
        return Found(path.name, fwp.seal(file).verify(trust), file)
    except (OSError, ToolError):
        file.close()
        return None


def write_result(stick: pathlib.Path, serial_number: str, result: dict[str, Any]) -> str:
    """Leave what became of it on the stick, under a name that is not there yet; get that name, empty if it cannot be written."""
    safe = "".join(one for one in serial_number if one.isascii() and one.isalnum())[:32] or "TERMINAL"
    text = json.dumps(result, indent=1, sort_keys=True) + "\n"
    with contextlib.suppress(OSError):
        (stick / "FWTOOL").mkdir(exist_ok=True)
        for number in range(1, 1000):
            name = f"RESULT_{safe}_{number:03}.json"
            with contextlib.suppress(FileExistsError), (stick / "FWTOOL" / name).open("x", encoding="ascii") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
                return name
    return ""
