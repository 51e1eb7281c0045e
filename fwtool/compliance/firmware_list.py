"""The list of firmware that is known to be good: digests, release dates, which of them close critical holes, approvals.

```toml
[[firmware]]
model = "VT-100"
version = "1.5.0"
digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
released = 2026-06-01
critical = true                     # it closes a hole that is rated critical
approved_until = 2029-04-30         # PCI PTS approval
```
"""

import datetime
import pathlib
import re
import tomllib
from typing import Any, Final, NamedTuple

from formats.errors import FormatError, ToolError
from formats.versions import Version
from fwtool.files import read_small

MAX_FILE: Final = 1 << 20
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_KEYS: Final[dict[str, type]] = {
    "model": str, "version": str, "digest": str, "released": datetime.date, "critical": bool, "approved_until": datetime.date,
}  # fmt: skip
_NEEDED: Final = ("model", "version", "digest")


class Firmware(NamedTuple):
    """One release."""

    model: str
    version: Version
    digest: str
    released: datetime.date | None = None
    critical: bool = False
    approved_until: datetime.date | None = None


class FirmwareList(NamedTuple):
    """The list, in the order of the file."""

    releases: tuple[Firmware, ...]

    def knows_model(self, model: str) -> bool:
        return any(one.model == model for one in self.releases)

    def find(self, model: str, digest: str) -> Firmware | None:
        return next((one for one in self.releases if one.model == model and one.digest == digest), None)

    def critical_after(self, runs: Firmware) -> list[Firmware]:
        """Newer releases for this model that close critical holes, oldest first."""
        newer = (one for one in self.releases if one.model == runs.model and one.critical and one.version > runs.version)
        return sorted(newer, key=lambda one: one.version)


def load(path: pathlib.Path) -> FirmwareList:
    """Read a list.

    Raises:
        LocalError: it cannot be read.
        ToolError: it is not of the form, or names a digest twice (`usage`).
    """
    try:
        document = tomllib.loads(read_small(path, MAX_FILE).decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _wrong(path.name, f"is not TOML: {error}") from error
    tables = document.get("firmware")
    if not isinstance(tables, list) or not tables or document.keys() != {"firmware"}:
        raise _wrong(path.name, "expected tables [[firmware]], and nothing else")
    releases = tuple(_release(table, f"{path.name}, firmware {number}") for number, table in enumerate(tables, 1))
    if len({one.digest for one in releases}) != len(releases):
        raise _wrong(path.name, "a digest stands twice")
    return FirmwareList(releases)


def _release(table: Any, where: str) -> Firmware:
    if not isinstance(table, dict):
        raise _wrong(where, "is not a table")
    for key, value in table.items():
        if type(value) is not _KEYS.get(key):
            raise _wrong(where, f"{key} = {value!r} is unknown or of the wrong type; known: {', '.join(_KEYS)}")
    missing = next((key for key in _NEEDED if not table.get(key)), None)
    if missing or not _DIGEST.fullmatch(table["digest"]):
        raise _wrong(where, f"has no {missing or 'digest of 64 hexadecimal digits in lower case'}")
    try:
        version = Version.parse(table["version"])
    except (FormatError, ToolError) as error:
        raise _wrong(where, str(error)) from error
    return Firmware(**{**table, "version": version})


def _wrong(where: str, message: str) -> ToolError:
    return ToolError(f"{where}: {message}", name="usage", hint="docs/compliance.md says what a firmware list may be.")
