"""`fwtool line`: a manufacturing station."""

import pathlib
from typing import Any

import click

from formats.errors import ToolError
from fwtool.cli.app import App, Outcome, VerbGroup, pass_app
from fwtool.cli.output import error_json
from fwtool.line.shift import Shift, run_station, verdict
from fwtool.line.station_file import load_station
from fwtool.line.steps import UnitRun
from fwtool.records import Records

GREEN, RED = 32, 31
"""Colours of ECMA-48 section 8.3.117 (SGR)."""


@click.group(cls=VerbGroup)
def command() -> None:
    """Run a manufacturing station."""


@command.command()
@click.argument("station", type=click.Path(path_type=pathlib.Path))
@pass_app
def run(app: App, station: pathlib.Path) -> Outcome:
    """Take every connected unit through the steps of STATION.toml; one line each, yield and step times at the end."""
    records = Records(app.state_dir)
    shift = run_station(
        load_station(station, dev=app.dev),
        records,
        app.output.for_port,
        dev=app.dev,
        technician=app.settings.technician,
        port_options={"trace": app.trace},
    )
    app.output.close_bars()
    for unit in () if app.output.json else shift.units:
        if not app.output.quiet or not unit.green:
            app.output.coloured(_line(unit), GREEN if unit.green else RED)
    times = {step: {"median": median, "longest": longest} for step, (median, longest) in shift.step_times().items()}
    data = {
        "units": [_unit(unit) for unit in shift.units],
        "first_pass_yield": round(shift.first_pass_yield, 4),
        "step_s": times,
    }
    return Outcome(data, _summary(shift), changed=any(unit.step_s for unit in shift.units), failure=_failure(shift))


def _unit(unit: UnitRun) -> dict[str, Any]:
    return {
        "slot": unit.slot.name, "port": unit.port, "serial_number": unit.serial_number, "version": unit.version,
        "verdict": verdict(unit), "first_pass": unit.green and unit.first_pass, "step_s": unit.step_s,
        "error": error_json(unit.error) if unit.error else None,
    }  # fmt: skip


def _line(unit: UnitRun) -> str:
    steps = ", ".join(f"{step} {seconds:.1f} s" for step, seconds in unit.step_s.items())
    who = f"{unit.slot.name:<8} {unit.serial_number or '-':<16} {unit.version:<10}"
    said = f"{unit.error}  next: {unit.error.hint}".removesuffix("  next: ") if unit.error else steps
    return f"{verdict(unit).upper():<5} {who} {said}"


def _summary(shift: Shift) -> list[str]:
    passed = sum(unit.green and unit.first_pass for unit in shift.units)
    there = sum(not unit.empty for unit in shift.units)
    lines = [f"first-pass yield {passed} of {there} ({shift.first_pass_yield:.0%})"]
    lines += [f"  {step:<10} median {median:.1f} s, longest {most:.1f} s" for step, (median, most) in shift.step_times().items()]
    return lines


def _failure(shift: Shift) -> ToolError | None:
    """Empty slots are no failure, unless all are."""
    there = [unit for unit in shift.units if not unit.empty]
    red = [unit.error for unit in (there or shift.units) if unit.error]
    if not red:
        return None
    alike = len(red) == len(there or shift.units) and len({error.exit_code for error in red}) == 1
    return ToolError(
        f"{len(red)} of {len(there)} units are red" if there else "all slots are empty",
        name=red[0].name if alike else "mixed_outcomes",
        hint="Put them aside; each line above says why." if there else "Put units in, then run this again.",
    )
