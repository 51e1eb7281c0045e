"""`fwtool compliance registry`: add, show, check."""

import pathlib
from typing import Any, Final

import click

from formats.errors import ToolError
from fwtool.cli.app import App, Outcome, VerbGroup, line_options, open_port, pass_app, port_options
from fwtool.cli.compliance_verb import LOCATION, REGISTRY
from fwtool.compliance import registry as registries
from fwtool.compliance.registry import OPTIONAL, REQUIRED, Entry, Registry
from fwtool.compliance.registry_check import Seen, check, unbound
from fwtool.findings import Words

FINE: Final = Words("{count} devices answer as they are listed", "{count} 台设备与台账一致")
UNBOUND: Final = Words("not bound", "未绑定")
_TOLD: Final = ("make", "model", "serial")
"""What a terminal can say itself."""


@click.group(cls=VerbGroup)
def command() -> None:
    """Keep the list of devices (PCI DSS 9.5.1.1), and hold it against what answers."""


def _needed(path: pathlib.Path | None) -> pathlib.Path:
    if path is None:
        raise ToolError("which list of devices?", name="usage", hint="Give --registry FILE, or set FWTOOL_REGISTRY.")
    return path


def _field_options(function: Any) -> Any:
    for name in reversed((*REQUIRED, *OPTIONAL)):
        if name != "location":
            function = click.option(f"--{name.replace('_', '-')}", name, default="", metavar="TEXT")(function)
    return function


@command.command()
@REGISTRY
@LOCATION
@_field_options
@port_options
@pass_app
def add(app: App, /, registry_file: pathlib.Path | None, port: str | None, **options: Any) -> Outcome:
    """Add a device; with --port, make, model and serial number are those that it tells."""
    app.output.command = "compliance registry add"
    path = _needed(registry_file)
    fields = {name: options.pop(name) for name in (*REQUIRED, *OPTIONAL)}
    if port:
        with open_port(app, port=port, **options) as device:
            facts = device.facts()
        told = {"make": facts.vendor, "model": facts.model, "serial": facts.serial_number}
        fields |= {name: told[name] for name in _TOLD if told[name]}
    missing = next((name for name in REQUIRED if not fields[name]), None)
    if missing:
        raise ToolError(f"--{missing} is missing", name="usage", hint="A device needs " + ", ".join(REQUIRED) + ".")
    entry = Entry(**fields)
    registries.add(path, entry)
    return Outcome({"path": str(path), "devices": [entry.shown()]}, [f"{path}: {_line(entry)}"], True)


@command.command()
@REGISTRY
@pass_app
def show(app: App, /, registry_file: pathlib.Path | None) -> Outcome:
    """Show the list."""
    app.output.command = "compliance registry show"
    path = _needed(registry_file)
    found = registries.load(path)
    lines = [line for entry in found.devices for line in (_line(entry), *_lacks(entry, app.language))]
    return Outcome({"path": str(path), "devices": [entry.shown() for entry in found.devices]}, lines)


def _line(entry: Entry) -> str:
    shown = entry.shown()
    return "  ".join(shown[name] for name in ("serial", "make", "model", "location", "merchant", "terminal_id") if shown[name])


def _lacks(entry: Entry, language: str) -> list[str]:
    missing = unbound(entry)
    return [f"    {UNBOUND.get(language)}: {', '.join(missing)}"] if missing else []


@command.command("check")
@REGISTRY
@LOCATION
@click.option("--port", "ports", multiple=True, metavar="PORT", help="Repeatable: every device at this place.")
@line_options
@pass_app
def check_(app: App, /, registry_file: pathlib.Path | None, location: str, ports: tuple[str, ...], **options: Any) -> Outcome:
    """Ask each port who is there: unknown, exchanged, moved and missing devices."""
    app.output.command = "compliance registry check"
    found = registries.load(_needed(registry_file))
    named = ports or ((app.settings.port,) if app.settings.port else ())
    if not named:
        raise ToolError("which terminals? No port is named", name="usage", hint="Give --port PORT; `fwtool ports` lists them.")
    return _checked(app, found, [_ask(app, port, options) for port in named], location)


def _ask(app: App, port: str, options: dict[str, Any]) -> Seen:
    with open_port(app, port=port, **options) as device:
        facts = device.facts()
    return Seen(port, facts.vendor, facts.model, facts.serial_number)


def _checked(app: App, found: Registry, seen: list[Seen], location: str) -> Outcome:
    language = app.language
    flags = check(found, seen, location)
    data = {
        "devices": [{"port": one.port, "make": one.make, "model": one.model, "serial_number": one.serial} for one in seen],
        "flags": [flag.as_json(language) for flag in flags],
    }
    if not flags:
        return Outcome(data, [FINE.get(language).format(count=len(seen))])
    kinds = ", ".join(sorted({str(flag.kind) for flag in flags}))
    hint = "Take no payments with a device that is not as it is listed; tell the bank."
    failure = ToolError(f"{len(flags)} devices are not as they are listed: {kinds}", name="diagnostic_failed", hint=hint)
    return Outcome(data, [f"{flag.kind:<10} {flag.reason.get(language)}" for flag in flags], failure=failure)
