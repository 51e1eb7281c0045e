"""Scenario files (TOML): how the terminal is at the start, and what goes wrong when. An unknown key is an error."""

import pathlib
import tomllib
from typing import Any, Final

from formats.errors import FormatError, LocalError, ToolError
from formats.grant import Right
from hwsim.faults import FAULTS, Fault, plant_power_cut_at
from hwsim.machine import Machine

PLAIN_SETTINGS: Final = {"battery_percent": int, "mains": bool, "clock_offset_s": int}
OTHER_SETTINGS: Final = {"model": str, "revision": int, "serial_number": str, "unsettled": int, "security_counter": int,
                        "password": str, "open_rights": str}  # fmt: skip
FAULT_KEYS: Final = {"kind", "at", "value", "seed", "count"}


def load(path: pathlib.Path) -> dict[str, Any]:
    """Read and check a scenario file.

    Raises:
        LocalError: not readable.
        ToolError: not TOML, or a key or value that means nothing (`usage`).
    """
    try:
        text = path.read_text(encoding="utf-8")
        scenario = tomllib.loads(text)
    except OSError as error:
        raise LocalError(f"{path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _wrong(f"{path} is not TOML: {error}") from error
    check(scenario)
    return scenario


def check(scenario: dict[str, Any]) -> None:
    """Raises ToolError (`usage`) at the first thing that means nothing."""
    for key in scenario.keys() - {"terminal", "fault"}:
        raise _wrong(f"unknown table [{key}]")
    known = PLAIN_SETTINGS | OTHER_SETTINGS
    for key, value in scenario.get("terminal", {}).items():
        if key not in known or not isinstance(value, known[key]) or (known[key] is int and isinstance(value, bool)):
            raise _wrong(f"[terminal] {key} = {value!r} is unknown or of the wrong type; known: {', '.join(sorted(known))}")
    rights_of(scenario)
    for fault in scenario.get("fault", []):
        for key in fault.keys() - FAULT_KEYS:
            raise _wrong(f"[[fault]] has the unknown key {key!r}; known: {', '.join(sorted(FAULT_KEYS))}")
        if fault.get("kind") not in FAULTS:
            raise _wrong(f"unknown fault {fault.get('kind')!r}; `fwtool sim --list-faults` names them")
        _check_trigger(fault.get("at", {}))


def rights_of(scenario: dict[str, Any]) -> Right | None:
    """What needs neither grant nor password: `open_rights`, words with commas between them; None: as usual."""
    text = scenario.get("terminal", {}).get("open_rights")
    if text is None:
        return None
    try:
        return Right(sum({Right[word.strip().upper()] for word in text.split(",")}))
    except KeyError:
        raise _wrong(f"open_rights = {text!r}: {', '.join(str(right.name).lower() for right in Right)}") from None


def _check_trigger(at: Any) -> None:
    forms: tuple[set[str], ...] = ({"byte"}, {"byte", "direction"}, {"flash_op"}, {"time_s"}, set())
    if not isinstance(at, dict) or set(at) not in forms or at.get("direction", "rx") not in ("rx", "tx"):
        raise _wrong(f"at = {at!r}: one of byte (with direction rx or tx), flash_op, time_s")
    if not all(isinstance(v, int | float) and v >= 0 for k, v in at.items() if k != "direction"):
        raise _wrong(f"at = {at!r}: a number of zero or more is needed")


def _wrong(message: str) -> ToolError:
    return FormatError(f"scenario: {message}", name="usage")


def apply(scenario: dict[str, Any], machine: Machine) -> None:
    """Set the terminal up and arm the faults. Identity (`model`, ...) has been used when the machine was made."""
    terminal = scenario.get("terminal", {})
    for key in PLAIN_SETTINGS.keys() & terminal.keys():
        setattr(machine.terminal.peripherals, key, terminal[key])
    if "unsettled" in terminal:
        machine.terminal.account.open_with(terminal["unsettled"])
    if "security_counter" in terminal:
        machine.terminal.counter.advance(terminal["security_counter"])
    for entry in scenario.get("fault", []):
        fault = Fault(entry["kind"], float(entry.get("value", 0)), int(entry.get("seed", 1)))
        _arm(machine, fault, entry.get("at", {}), int(entry.get("count", 1)))


def _arm(machine: Machine, fault: Fault, at: dict[str, Any], count: int) -> None:
    def plant() -> None:
        FAULTS[fault.kind].plant(machine, fault)

    if "byte" in at:
        for number in range(1, count + 1):
            machine.on_bytes(at.get("direction", "rx"), int(at["byte"]) * number, plant)
    elif "flash_op" in at:
        if fault.kind == "power_cut":
            plant_power_cut_at(machine, fault, int(at["flash_op"]))
        else:
            _plant_at_operation(machine, int(at["flash_op"]), plant)
    elif "time_s" in at:
        for number in range(1, count + 1):
            machine.scheduler.at(float(at["time_s"]) * number, plant)
    else:
        plant()


def _plant_at_operation(machine: Machine, operation: int, plant: Any) -> None:
    flash = machine.terminal.flash
    last = flash.operations + operation

    def before(number: int) -> None:
        if number >= last:
            flash.before_operation = lambda number: None
            machine.scheduler.after(0.0, plant)

    flash.before_operation = before
