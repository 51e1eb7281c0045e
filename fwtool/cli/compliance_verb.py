"""`fwtool compliance`: security evidence of a terminal; the list of devices; suspicious activity."""

import datetime
import hashlib
import pathlib
from typing import Any, Final

import click

from formats.errors import ToolError
from fwtool import __version__
from fwtool.bundle import Wanted, collect, pack
from fwtool.causes import load
from fwtool.cli.app import App, Outcome, VerbGroup, open_port, port_options
from fwtool.cli.lazy import Entry, lazy_group
from fwtool.cli.recording import recorded
from fwtool.compliance import ITEMS, Answer, Item, Sight, firmware_list, incident, look, registry
from fwtool.compliance import Outcome as Verdict
from fwtool.compliance.incident import Incident
from fwtool.compliance.looking import Given
from fwtool.files import write_file
from fwtool.findings import Words
from fwtool.records.station import station_key
from fwtool.text import padded

FILE = click.Path(path_type=pathlib.Path)
WORDS: Final = {
    Verdict.PASS: Words("pass", "通过"),
    Verdict.FAIL: Words("fail", "不通过"),
    Verdict.NOT_CHECKABLE: Words("not here", "此处无法核实"),
}
INCIDENT: Final = Words("SECURITY CASE", "安全事件")
DO: Final = Words("do", "处理")
NOTHING: Final = Words("no security case: no report was written", "没有安全事件:未生成报告")
WRITTEN: Final = Words("incident report, signed: {path}", "事件报告(已作数字签名):{path}")
REGISTRY: Final = click.option(
    "--registry", "registry_file", type=FILE, envvar="FWTOOL_REGISTRY", metavar="FILE", help="List of devices (TOML or CSV)."
)
LOCATION: Final = click.option("--location", default="", metavar="TEXT", help="Where this is, as the list spells it.")
ENTRIES: Final = {
    "registry": Entry("fwtool.cli.compliance_registry_verb", "Keep the list of devices, and hold it against what answers."),
    "activity": Entry("fwtool.cli.compliance_activity_verb", "Look for suspicious activity in a journal of transactions."),
}


class _Group(lazy_group(ENTRIES), VerbGroup):  # type: ignore[misc]
    """Its own options, and the verbs of the table."""


@click.group(cls=_Group, invoke_without_command=True)
@REGISTRY
@LOCATION
@click.option("--firmware-list", type=FILE, envvar="FWTOOL_FIRMWARE_LIST", metavar="FILE", help="Firmware that is known (TOML).")
@click.option("--incident", "report", type=FILE, metavar="FILE", help="Where a signed report goes if there is a security case.")
@port_options
@click.pass_context
def command(context: click.Context, /, **options: Any) -> Outcome | None:
    """Check what PCI DSS and PTS ask for, as far as a tool can see it: pass, fail, or not from here, each with evidence."""
    return None if context.invoked_subcommand else _check(context.ensure_object(App), **options)


def _check(
    app: App, *, registry_file: pathlib.Path | None, location: str, firmware_list: pathlib.Path | None,
    report: pathlib.Path | None, **port: Any,
) -> Outcome:  # fmt: skip
    if report is not None and report.exists():
        raise ToolError(f"{report} exists", name="usage", hint="Choose another name for the incident report.")
    given = _given(app, registry_file, location, firmware_list)
    with open_port(app, **port) as device:
        sight = look(device, given, datetime.datetime.now(datetime.UTC))
        answers = [(item, item.check(sight)) for item in ITEMS]
        found = incident.incidents(sight)
        if found and report is not None:
            _write(app, device, sight, found, report, location)
    language = app.language
    written = report if found else None
    data = {
        "serial_number": sight.serial_number,
        "items": [_item_json(item, answer, language) for item, answer in answers],
        "flags": [flag.as_json(language) for flag in sight.flags],
        "incidents": [one.as_json(language) for one in found],
        "incident_path": str(written) if written else None,
    }
    lines = [line for item, answer in answers for line in _lines(item, answer, language)]
    lines += [line for one in found for line in _incident_lines(one, language)]
    if report is not None:
        lines.append(WRITTEN.get(language).format(path=report) if found else NOTHING.get(language))
    return Outcome(data, lines, written is not None, _failure(answers, found, language))


def _given(app: App, registry_file: pathlib.Path | None, location: str, firmware: pathlib.Path | None) -> Given:
    return Given(
        state_dir=app.state_dir,
        technician=app.settings.technician,
        registry=registry.load(registry_file) if registry_file else None,
        location=location,
        firmware=firmware_list.load(firmware) if firmware else None,
        dev=app.dev,
    )


def _write(app: App, device: Any, sight: Sight, found: list[Incident], path: pathlib.Path, location: str) -> None:
    with recorded(app, "incident", device) as record:
        collected = collect(lambda: device, Wanted({"fwtool": __version__}, app.state_dir), load())
        incident.add_to(collected, found, sight, location)
        stamp = sight.now.isoformat(timespec="seconds").replace("+00:00", "Z")
        facts = {"created": stamp, "tool": __version__, "technician": sight.technician,
                 "reason": "incident: " + ", ".join(one.kind for one in found)}  # fmt: skip
        raw = pack(collected, facts, station_key(app.state_dir))
        write_file(path, raw)
        record.update(
            verdict="reported",
            incidents=[one.kind for one in found],
            report_sha256=hashlib.sha256(raw).hexdigest(),
            path=str(path),
        )


def _item_json(item: Item, answer: Answer, language: str) -> dict[str, str]:
    return {
        "id": item.id, "requirement": item.requirement, "title": item.title.get(language), "outcome": str(answer.outcome),
        "evidence": answer.evidence.get(language),
    }  # fmt: skip


def _lines(item: Item, answer: Answer, language: str) -> list[str]:
    head = f"{padded(WORDS[answer.outcome].get(language), 10)} {item.id:<18} {item.title.get(language)}  [{item.requirement}]"
    return [head, f"           {answer.evidence.get(language)}"]


def _incident_lines(one: Incident, language: str) -> list[str]:
    return [
        f"{INCIDENT.get(language)}  {one.kind}: {one.evidence.get(language)}",
        f"  {DO.get(language)}: {one.action.get(language)}",
    ]


def _failure(answers: list[tuple[Item, Answer]], found: list[Incident], language: str) -> ToolError | None:
    failed = [item.id for item, answer in answers if answer.outcome is Verdict.FAIL]
    if not failed and not found:
        return None
    said = f"{len(failed)} of {len(answers)} items fail: {', '.join(failed)}" if failed else f"security: {found[0].kind}"
    hint = found[0].action.get(language) if found else "Each item says what it rests on; docs/compliance.md says what to do."
    return ToolError(said, name="diagnostic_failed", hint=hint)
