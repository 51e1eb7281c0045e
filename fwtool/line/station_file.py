"""The station file (TOML): where units are, what is done to them, and what is good enough. An unknown key is an error.

```toml
[station]
name = "bench 3"
package = "app.fwp"                 # relative to this file
trust = "maker.trust"
steps = ["serial", "flash", "diagnose", "label"]
serial_numbers = "numbers.txt"      # for "serial": one a line, each given once
labels = "labels.csv"               # for "label"
level = "external"                  # for "diagnose"

[[slot]]
name = "A1"
port = "/dev/ttyUSB0"               # or usb = "1-1.4": whatever sits in this USB socket

[limits."battery.charge"]
low = 50
```
"""

import dataclasses
import math
import pathlib
import re
import tomllib
from typing import Any, Final

from formats.errors import LocalError, ToolError
from formats.trust import Trust
from fwtool.checks import CHECKS
from fwtool.trust_store import load_trust
from transports.tsp.messages import Level

NEEDS: Final = {"serial": "serial_numbers", "flash": "", "diagnose": "", "label": "labels"}
"""Steps, and the key of [station] that each cannot do without."""


@dataclasses.dataclass(frozen=True)
class Slot:
    """A place for one unit."""

    name: str
    port: str = ""
    usb: str = ""
    """USB socket (`1-1.4`), where ports have changing names."""


@dataclasses.dataclass(frozen=True)
class Station:
    """A station file."""

    name: str
    folder: pathlib.Path
    package: pathlib.Path
    trust: Trust
    steps: tuple[str, ...]
    slots: tuple[Slot, ...]
    limits: dict[str, dict[str, float]]
    level: Level = Level.EXTERNAL
    serial_numbers: pathlib.Path | None = None
    labels: pathlib.Path | None = None


def load_station(path: pathlib.Path, *, dev: bool = False) -> Station:
    """Read and check a station file.

    Raises:
        LocalError: it, or the trust file, cannot be read.
        ToolError: a key or a value that means nothing (`usage`).
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise LocalError(f"{path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ToolError(f"{path} is not TOML: {error}", name="usage") from error
    _known(raw, {"station": dict, "slot": list, "limits": dict}, path.name)
    head = raw.get("station", {})
    keys = dict.fromkeys(("name", "package", "trust", "serial_numbers", "labels", "level"), str) | {"steps": list}
    _known(head, keys, "[station]")
    for key in ("package", "trust", "steps"):
        if not head.get(key):
            raise _wrong(f"[station] needs {key}")
    steps = _steps(head)
    if head.get("level", "external") not in ("internal", "external"):
        raise _wrong("level is internal or external")
    folder = path.resolve().parent
    if "serial" in steps:
        read_numbers(folder / head["serial_numbers"])
    return Station(
        name=head.get("name", path.stem),
        folder=folder,
        package=folder / head["package"],
        trust=load_trust(folder / head["trust"], dev=dev),
        steps=steps,
        slots=_slots(raw.get("slot", [])),
        limits=_limits(raw.get("limits", {})),
        level=Level[head.get("level", "external").upper()],
        serial_numbers=folder / head["serial_numbers"] if head.get("serial_numbers") else None,
        labels=folder / head["labels"] if head.get("labels") else None,
    )


def _steps(head: dict[str, Any]) -> tuple[str, ...]:
    steps = tuple(str(step) for step in head["steps"])
    for step in steps:
        if step not in NEEDS:
            raise _wrong(f"unknown step {step!r}; known: {', '.join(NEEDS)}")
        if steps.count(step) > 1:
            raise _wrong(f"the step {step!r} stands there twice")
        if NEEDS[step] and not head.get(NEEDS[step]):
            raise _wrong(f"the step {step!r} needs {NEEDS[step]} in [station]")
    return steps


_NUMBER = re.compile(r"[A-Za-z0-9.-]{1,32}")


def read_numbers(path: pathlib.Path) -> list[str]:
    """Serial numbers, one a line; blank lines are passed over.

    Raises:
        LocalError: not readable.
        ToolError: a line that no terminal takes, or a number that stands there twice (`usage`).
    """
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise LocalError(f"{path} cannot be read: {getattr(error, 'strerror', '') or error}") from error
    seen: dict[str, int] = {}
    for place, line in enumerate(lines, 1):
        if not line:
            continue
        if not _NUMBER.fullmatch(line):
            raise _wrong(f"{path.name} line {place}: {line!r} is no serial number (1 to 32 letters, digits, hyphens, dots)")
        if line in seen:
            raise _wrong(f"{path.name} line {place}: {line} stands in line {seen[line]} already")
        seen[line] = place
    return list(seen)


def _slots(raw: list[Any]) -> tuple[Slot, ...]:
    if not raw:
        raise _wrong("there is no [[slot]]")
    slots = []
    for entry in raw:
        _known(entry, dict.fromkeys(("name", "port", "usb"), str), "[[slot]]")
        if bool(entry.get("port")) == bool(entry.get("usb")):
            raise _wrong("a [[slot]] needs either port or usb")
        slots.append(
            Slot(entry.get("name") or entry.get("port") or entry.get("usb"), entry.get("port", ""), entry.get("usb", ""))
        )
    for field in ("name", "port", "usb"):
        values = [getattr(slot, field) for slot in slots if getattr(slot, field)]
        if len(values) != len(set(values)):
            raise _wrong(f"two slots have the same {field}")
    return tuple(slots)


def _limits(raw: dict[str, Any]) -> dict[str, dict[str, float]]:
    for name, limits in raw.items():
        if name not in {check.id for check in CHECKS}:
            raise _wrong(f"limits for {name!r}: there is no such check")
        _known(limits, {"low": (int, float), "high": (int, float)}, f'[limits."{name}"]')
        if not all(math.isfinite(limit) for limit in limits.values()):
            raise _wrong(f"limits for {name!r} are no numbers")
    return raw


def _known(found: Any, keys: dict[str, Any], where: str) -> None:
    if not isinstance(found, dict):
        raise _wrong(f"{where} is not a table")
    for key, value in found.items():
        if key not in keys or not isinstance(value, keys[key]) or isinstance(value, bool):
            raise _wrong(f"{where}: {key} = {value!r} is unknown or of the wrong type; known: {', '.join(keys)}")


def _wrong(message: str) -> ToolError:
    return ToolError(f"station file: {message}", name="usage")
