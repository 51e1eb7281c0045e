"""Values as a person would write them. What comes out is printable whatever the bytes were."""

import datetime
import enum
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

Words: TypeAlias = Mapping[str, Callable[[Any], str]]
"""Name of a field (without its path) -> how its value is written, where that is not the usual way."""

_LAST_SECOND: Final = 253_402_300_799
"""9999-12-31 23:59:59 UTC, the last one `datetime` knows."""


def plain(value: Any) -> str:
    """A value of any type in the usual way."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, enum.IntEnum):
        return f"{value.name.lower()} ({value:d})"
    if isinstance(value, bytes):
        return value.hex() if any(value) else "zero" if value else ""
    return quoted(value) if isinstance(value, str) else printable(str(value))


def printable(text: str) -> str:
    """Text with an escape for whatever is not a printable character or a space."""
    return "".join(one if one.isprintable() else f"\\u{ord(one):04x}" for one in text)


def quoted(text: str) -> str:
    """Text in quotes, so that it is told from what stands around it."""
    return '"' + printable(text.replace("\\", "\\\\").replace('"', '\\"')) + '"'


def ascii_text(data: bytes) -> str:
    """The text up to the first zero byte, in quotes."""
    return quoted(data.split(b"\0")[0].decode("ascii", "backslashreplace"))


def hexed(value: int) -> str:
    """A number of 32 bits, or more if it has more."""
    return f"0x{value:08x}"


def when(seconds: int) -> str:
    """Seconds since 1970-01-01 UTC, and the date they stand for; 0 stands for none."""
    if not 0 < seconds <= _LAST_SECOND:
        return str(seconds)
    return f"{seconds} ({datetime.datetime.fromtimestamp(seconds, datetime.UTC):%Y-%m-%d %H:%M:%S} UTC)"


def flags(value: int, names: Mapping[int, str]) -> str:
    """A number, and what those of its bits say that have a name."""
    found = ", ".join(name for bit, name in names.items() if value & bit)
    return f"{hexed(value)} ({found})" if found else hexed(value)
