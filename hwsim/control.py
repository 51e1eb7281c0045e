"""What a person could do to the terminal: a table of acts, asked for as one JSON object per line."""

import json
import pathlib
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from hwsim.faults import FAULTS, Fault
from hwsim.machine import Machine
from hwsim.refusal import Refused
from hwsim.service_acts import SERVICE_ACTS
from hwsim.stick_menu import StickMenu


class Act(NamedTuple):
    """One row: what it does, and the function."""

    description: str
    run: Callable[[Machine, str], None]


def _set(name: str, value: object) -> Callable[[Machine, str], None]:
    return lambda machine, argument: setattr(machine.terminal.peripherals, name, value)


def _simple(done: Callable[[Machine], None]) -> Callable[[Machine, str], None]:
    return lambda machine, argument: done(machine)


def _sale(machine: Machine, argument: str) -> None:
    machine.terminal.account.open_with(machine.terminal.account.count + int(argument or 1))


def _press(machine: Machine, argument: str) -> None:
    machine.terminal.statistics.add("KeyPressedCount")
    if machine.terminal.booted:
        machine.terminal.note("key", argument or "OK")
        if machine.stick:
            machine.stick.press((argument or "OK").upper())


def _insert_stick(machine: Machine, argument: str) -> None:
    if not argument or not pathlib.Path(argument).is_dir() or not machine.terminal.booted:
        raise ValueError
    _remove_stick(machine)
    machine.stick = StickMenu(machine, pathlib.Path(argument))


def _remove_stick(machine: Machine) -> None:
    if machine.stick:
        machine.stick.pull()
    machine.stick = None


def _plant(machine: Machine, argument: str) -> None:
    kind, _, value = argument.partition("=")
    FAULTS[kind].plant(machine, Fault(kind, float(value or 0)))


def _mend(machine: Machine, argument: str) -> None:
    FAULTS[argument].mend(machine)


ACTS: Final[dict[str, Act]] = {
    "press": Act("press a key (KEY)", _press),
    "insert-stick": Act("put a USB stick in (DIR); then press OK or CANCEL", _insert_stick),
    "remove-stick": Act("pull the USB stick out", _simple(_remove_stick)),
    "open-cover": Act("open the printer's cover", _set("cover_open", True)),
    "sale": Act("make transactions (COUNT)", _sale),
    "plug": Act("plug the cable in", lambda machine, argument: machine.plug()),
    "unplug": Act("pull the cable", lambda machine, argument: machine.unplug()),
    "mains-on": Act("connect the power supply", _set("mains", True)),
    "mains-off": Act("disconnect the power supply; it runs on battery", _set("mains", False)),
    "power-off": Act("switch it off", lambda machine, argument: machine.terminal.power_off()),
    "power-on": Act("switch it on", lambda machine, argument: machine.terminal.power_on()),
    "plant": Act("plant a fault (KIND or KIND=VALUE)", _plant),
    "mend": Act("undo a fault (KIND)", _mend),
    **{name: Act(description, _simple(done)) for name, (description, done) in SERVICE_ACTS.items()},
    "show": Act("show display and printer", lambda machine, argument: None),
}


def act(machine: Machine, line: bytes) -> dict[str, Any]:
    """Carry out one request line `{"act": NAME, "argument": TEXT}`; get the answer."""
    try:
        request = json.loads(line)
        name, argument = request["act"], str(request.get("argument", ""))
        row = ACTS[name]
    except (ValueError, KeyError, TypeError):
        return {"ok": False, "error": f"unknown act; known: {', '.join(ACTS)}"}
    try:
        row.run(machine, argument)
    except (KeyError, ValueError):
        return {"ok": False, "error": f"{name} does not take {argument!r}"}
    except Refused as refused:
        return {"ok": False, "error": refused.reason}
    terminal = machine.terminal
    return {
        "ok": True,
        "display": terminal.display,
        "powered": terminal.powered,
        "plugged": machine.plugged,
        "printer": terminal.peripherals.printer_state().name.lower(),
        "unsettled": terminal.account.count,
        "version": str(terminal.version),
    }
