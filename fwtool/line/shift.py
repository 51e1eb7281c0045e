"""One run of a station over all its slots, side by side."""

import dataclasses
import statistics
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from formats.errors import ToolError
from fwtool.events import OnEvent, TaskBegin, TaskEnd
from fwtool.flashing import FlashJob, verified
from fwtool.line.station_file import Slot, Station
from fwtool.line.steps import STEPS, UnitRun, Work
from fwtool.many import RollCall, side_by_side
from fwtool.records import Records, new_job_id
from transports.dialects import connect
from transports.errors import LinkError


@dataclasses.dataclass(frozen=True)
class Shift:
    """One run over all slots."""

    units: tuple[UnitRun, ...]

    @property
    def first_pass_yield(self) -> float:
        """Share of units that passed at their first try; empty slots do not count."""
        there = [unit for unit in self.units if not unit.empty]
        return sum(unit.green and unit.first_pass for unit in there) / len(there) if there else 0.0

    def step_times(self) -> dict[str, tuple[float, float]]:
        """Median and longest time of each step, seconds."""
        found: dict[str, list[float]] = {}
        for unit in self.units:
            for step, seconds in unit.step_s.items():
                found.setdefault(step, []).append(seconds)
        return {step: (statistics.median(times), max(times)) for step, times in found.items()}


def run_station(
    station: Station,
    records: Records,
    on_event: Callable[[str], OnEvent],
    *,
    dev: bool = False,
    technician: str = "",
    port_options: Mapping[str, Any] = MappingProxyType({}),
) -> Shift:
    """Take all units through the steps, side by side. What goes wrong with one stays its own.

    Args:
        on_event: Gives the callback for a slot's events, by the slot's name; "" for what is done once for all.
        port_options: Fields of `transports.port_options.PortOptions`, for all slots.

    Raises:
        ToolError: the package is not good; nobody has been called.
    """
    job = FlashJob(
        package=station.package, port="", trust=station.trust, dev=dev, technician=technician, port_options=dict(port_options)
    )
    if "flash" not in station.steps:
        return _run(Work(station, records, None, job), on_event)
    with verified(job, on_event("")) as source:
        return _run(Work(station, records, source, job), on_event)


def _run(work: Work, on_event: Callable[[str], OnEvent]) -> Shift:
    slots = {slot.name: slot for slot in work.station.slots}
    roll = RollCall(list(slots))

    def one(name: str) -> UnitRun:
        try:
            return _one_unit(work, slots[name], roll, on_event(name))
        finally:
            roll.leave(name)

    units = []
    for name, found in zip(slots, side_by_side(list(slots), one, work.stop), strict=True):
        if isinstance(found, UnitRun):
            units.append(found)
        else:
            units.append(UnitRun(slots[name], error=ToolError(f"internal error: {found!r}", name="internal")))
    return Shift(tuple(units))


def _one_unit(work: Work, slot: Slot, roll: RollCall, on_event: OnEvent) -> UnitRun:
    unit, job = UnitRun(slot), new_job_id()
    try:
        unit.port = slot.port or _port_in_socket(slot.usb)
        with connect(unit.port, **work.port_options) as device:
            facts = device.facts()
        unit.vendor, unit.model, unit.serial_number = facts.vendor, facts.model, facts.serial_number
        unit.version = unit.version_before = facts.version
        if facts.serial_number:
            roll.admit(slot.name, facts)
        for step in work.station.steps:
            on_event(TaskBegin(step))
            start = time.monotonic()
            try:
                STEPS[step](work, unit, on_event)
            finally:
                unit.step_s[step] = round(time.monotonic() - start, 3)
                on_event(TaskEnd(step, unit.step_s[step]))
    except ToolError as error:
        unit.error = error
    unit.first_pass = unit.serial_number not in work.failed
    entry = {
        "act": "station", "station": work.station.name, "slot": slot.name, "port": unit.port,
        "technician": work.job.technician, "serial_number": unit.serial_number, "version_after": unit.version,
        "version_before": unit.version_before, "verdict": verdict(unit), "step_s": unit.step_s,
    }  # fmt: skip
    if unit.error:
        entry |= {"error": unit.error.name, "message": str(unit.error)}
    work.records.append(job, "finished" if unit.step_s else "refused", entry)
    return unit


def verdict(unit: UnitRun) -> str:
    """One word for a unit."""
    return "green" if unit.green else "empty" if unit.empty else "red"


def _port_in_socket(usb: str) -> str:
    from transports.serial_port import list_ports

    for port in list_ports():
        location = str(port.location or "").split(":")[0]
        if location == usb:
            return str(port.device)
    raise LinkError(f"nothing is plugged into the USB socket {usb}", name="no_device", hint="See `fwtool ports`.")
