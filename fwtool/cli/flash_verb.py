"""`fwtool flash`: the main job."""

import dataclasses
import pathlib
from typing import Any

import click

from formats.errors import ToolError
from fwtool.cli.app import App, Outcome, Verb, line_options, need_port, pass_app, port_settings
from fwtool.cli.output import error_json, size_text, time_text
from fwtool.flashing import MAX_BAUD, FlashJob, FlashResult, flash
from fwtool.many import Unit, flash_many, overall
from fwtool.records import Records
from fwtool.stick.shelf import Stick
from fwtool.trust_store import find_trust
from transports.port_names import candidates
from transports.rehearsal import HELLO_BYTES

LIMITS = {"line": " (the line is the limit)", "flash": " (the flash memory is the limit)"}
SLOW_ANSWER_MS = 8
"""Beyond its time on the line an answer takes a millisecond or two; an adapter's usual latency timer is 16 ms."""


@click.command(cls=Verb)
@click.argument("package", required=False, type=click.Path(path_type=pathlib.Path))
@click.option(
    "--stick", type=click.Path(path_type=pathlib.Path), metavar="DIR",
    help="Instead of a package: pick the right one from the USB stick mounted there, by what is signed.",
)  # fmt: skip
@click.option("--trust", default="", help="Trust file, or a public key; the pinned trust if not given.")
@click.option("--settle", is_flag=True, help="Settle open transactions with the bank first.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done and how long it would take.")
@click.option("--no-resume", is_flag=True, help="Start from the first block, whatever the terminal holds.")
@click.option("--no-confirm", is_flag=True, help="Leave the new firmware on trial: it goes back at the next restart.")
@click.option(
    "--max-baud", default=MAX_BAUD, show_default=True, type=click.IntRange(0, 20_000_000), metavar="BAUD",
    help="Make the line as fast as it goes, up to this rate; 0: leave it.",
)  # fmt: skip
@click.option(
    "--port", "ports", multiple=True, metavar="PORT",
    help="Serial port or URL, sim:, auto, or all; several times for several terminals at once.",
)  # fmt: skip
@click.option("--alternate", default=0, show_default=True, type=click.IntRange(0, 255), help="Of a USB DFU device: its memory.")
@click.option("--touch", default="", metavar="PORT", help="Open this port at 1200 baud first: the board starts its boot loader.")
@line_options
@pass_app
def command(
    app: App, /, package: pathlib.Path | None, stick: pathlib.Path | None, trust: str, settle: bool, dry_run: bool,
    no_resume: bool, no_confirm: bool, max_baud: int, ports: tuple[str, ...], alternate: int, touch: str, **line: Any,
) -> Outcome:  # fmt: skip
    """Update a terminal: verify, send, restart, read back, check, confirm, record. Several --port: all at once."""
    settings = app.settings
    chosen = candidates() if "all" in ports else list(dict.fromkeys(ports)) or [need_port(app, None)]
    job = FlashJob(
        package=_one_of(package, stick),
        port=chosen[0],
        trust=find_trust(trust or settings.trust, app.state_dir, dev=app.dev),
        settle=settle,
        dry_run=dry_run,
        resume=not no_resume,
        confirm=not no_confirm,
        dev=app.dev,
        technician=settings.technician,
        max_baud=max_baud,
        alternate=alternate,
        touch=_touchable(touch, dry_run=dry_run, ports=len(chosen)),
        port_options=port_settings(app, line),
    )
    if app.dev:
        app.output.say("--dev: sample keys are accepted; never use this on a terminal in the field")
    if len(chosen) > 1:
        return _many(app, job, chosen)
    result = flash(job, Records(app.state_dir), app.output.on_event)
    app.output.context.update(port=result.port, serial_number=result.serial_number)
    return Outcome({"devices": [_device(result)], "plan": dataclasses.asdict(result.plan)}, _lines(result), result.changed)


def _touchable(port: str, *, dry_run: bool, ports: int) -> str:
    if port and (dry_run or ports > 1):
        why = "a dry run changes nothing" if dry_run else "it is one board's way into its boot loader"
        raise ToolError(f"--touch restarts a board: {why}", name="usage", hint="One --port, and no --dry-run.")
    return port


def _one_of(package: pathlib.Path | None, stick: pathlib.Path | None) -> pathlib.Path | Stick:
    """What to install: a package, or a stick to pick it from.

    Raises:
        ToolError: neither is named, or both (`usage`).
    """
    if package is not None and stick is None:
        return package
    if stick is not None and package is None:
        return Stick(stick)
    found = "neither a package nor a stick is named" if package is None else "a package and a stick are named"
    raise ToolError(found, name="usage", hint="fwtool flash X.fwp --port P, or: fwtool flash --stick DIR --port P")


def _device(result: FlashResult) -> dict[str, Any]:
    return {field: value for field, value in dataclasses.asdict(result).items() if field != "plan"}


def _failed(unit: Unit) -> dict[str, Any]:
    return {"port": unit.port, "verdict": "failed", "error": error_json(unit.error) if unit.error else None}


def _many(app: App, job: FlashJob, ports: list[str]) -> Outcome:
    units = flash_many(job, ports, Records(app.state_dir), app.output.for_port)
    app.output.close_bars()
    devices = [_device(unit.result) if unit.result else _failed(unit) for unit in units]
    changed = any(unit.result and unit.result.changed for unit in units)
    return Outcome({"devices": devices}, [_unit_line(unit) for unit in units], changed, failure=overall(units))


def _unit_line(unit: Unit) -> str:
    if unit.result:
        lines = _lines(unit.result)
        said = f"{lines[0]} {lines[-1].strip()}" if unit.result.verdict == "planned" else lines[-1]
        return f"{unit.port}: {said}"
    return f"{unit.port}: FAILED  {unit.error}  next: {unit.error.hint if unit.error else ''}".removesuffix("  next: ")


def _lines(result: FlashResult) -> list[str]:
    plan = result.plan
    if result.verdict == "planned":
        return _planned(result)
    if result.verdict == "unchanged":
        runs = f"runs {result.version_before}" if result.version_before else "has these bytes"
        return [f"nothing to do: {result.serial_number} {runs} already"]
    lines = [_speed(result)] if result.transfer_s else []
    if result.baud and plan.round_trip_ms > SLOW_ANSWER_MS + HELLO_BYTES * 1e4 / result.baud:
        lines.append(f"every answer takes {plan.round_trip_ms:.0f} ms: set the latency timer of the USB-serial adapter to 1 ms")
    if result.verified_by == "host":
        checked = "read back and equal" if result.read_back else "the device says it is good; it cannot be read back"
        lines.append(f"{checked}; it checks no signature itself")
    state = "" if result.verdict == "updated" else " (on trial: confirm with `fwtool slots confirm`, or it goes back)"
    before = f"{result.version_before} -> " if result.version_before else "now "
    return [*lines, f"{result.serial_number}: {before}{result.version_after}{state}, record {result.job}"]


def _planned(result: FlashResult) -> list[str]:
    plan = result.plan
    before = f" from {plan.version_from}" if plan.version_from else ""
    lines = [f"would update {result.serial_number}{before} to {plan.version_to}:"]
    blocks = f"{plan.blocks_total - plan.blocks_held} of {plan.blocks_total} blocks"
    lines.append(f"  send    {blocks}: {size_text(plan.bytes_to_send)}")
    if plan.bytes_on_wire:
        lines.append(f"  line    {size_text(plan.bytes_on_wire)}{f' at {plan.baud} baud' if plan.baud else ''}")
    if plan.erase_count:
        lines.append(f"  flash   {plan.erase_count} erases, {plan.program_count} page programs")
    if plan.total_s:
        limit = LIMITS.get(plan.limit, "")
        lines.append(f"  time    {time_text(plan.transfer_s)} for the transfer{limit}, {time_text(plan.total_s)} in all")
    if plan.faster_baud:
        lines.append(f"          {time_text(plan.faster_s)} at {plan.faster_baud} baud: set it at the device, then give --baud")
    return lines


def _speed(result: FlashResult) -> str:
    rate = result.bytes_payload / result.transfer_s
    text = f"{result.bytes_payload / 1e3:.1f} kB in {result.transfer_s:.1f} s: {rate / 1e3:.2f}"
    if result.line_limit:
        share = 100 * rate / result.line_limit
        return f"{text} of {result.line_limit / 1e3:.2f} kB/s: {share:.1f} % of the line"
    return f"{text} kB/s"
