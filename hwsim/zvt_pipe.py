"""`sim-zvt:[?profile=NAME&option=value...]`: a simulated ZVT terminal inside this process, in virtual time, as a pipe."""

from typing import Final
from urllib.parse import parse_qsl

from formats.errors import ToolError
from hwsim.pipe import SimPipe
from hwsim.zvt_machine import ZvtMachine, make_zvt
from hwsim.zvt_profile import PROFILES
from transports.pipe import LineOptions

OPTIONS: Final = ("profile", "link", "baud", "unsettled")
_machines: dict[str, ZvtMachine] = {}
"""A terminal stays the same while the process lives, so that a second opening finds the first one's work."""


def open_zvt(url: str, options: LineOptions) -> SimPipe:
    """Open a simulated terminal.

    Raises:
        ToolError: an unknown option or a bad value (`usage`).
    """
    del options
    if url not in _machines:
        _machines[url] = _machine(url)
    machine = _machines[url]
    machine.plug()
    if not machine.terminal.serial:
        machine.terminal.abandoned()
    return SimPipe(machine, url)


def _machine(url: str) -> ZvtMachine:
    query = url.split(":", 1)[1].lstrip("?")
    try:
        values = dict(parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query)))
        profile, link = values.get("profile", "feig"), values.get("link", "serial")
        unsettled, baud = int(values.get("unsettled", 0)), int(values.get("baud", 9600))
    except ValueError as error:
        raise ToolError(f"{url}: {error}", name="usage") from error
    if values.keys() - set(OPTIONS) or profile not in PROFILES or link not in ("serial", "tcp"):
        hint = f"Known: profile={'|'.join(PROFILES)}, link=serial|tcp, baud=RATE, unsettled=N."
        raise ToolError(f"{url!r} is no simulated ZVT terminal", name="usage", hint=hint)
    machine = make_zvt(profile, baud=baud, serial=link == "serial")
    machine.terminal.account.open_with(unsettled)
    return machine
