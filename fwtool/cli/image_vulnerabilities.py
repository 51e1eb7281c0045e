"""`fwtool image vulnerabilities`: which known vulnerabilities the parts of a package may have."""

import datetime
import pathlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from formats.errors import FormatError, ToolError
from formats.fwp.manifest import ComponentType
from fwtool.cli.app import App, Outcome, Verb, pass_app
from fwtool.packages import documents_of

if TYPE_CHECKING:  # `fwtool image` holds this command too, and starts 30 ms earlier without these
    from fwtool.supply_chain.advisories import Finding, Report
    from fwtool.supply_chain.sbom import Sbom

SHOWN = 40
"""Findings of a kind that are listed for people; JSON has all of them."""
STALE_DAYS = 31
RULE = "critical, and published more than one month ago (PCI DSS 6.3.3)"


@click.command("vulnerabilities", cls=Verb)
@click.argument("file", type=click.Path(path_type=pathlib.Path))
@click.option(
    "--advisories", "folder", required=True, type=click.Path(path_type=pathlib.Path), metavar="DIR",
    help="Folder with advisories in the OSV format (.json).",
)  # fmt: skip
@pass_app
def command(app: App, file: pathlib.Path, folder: pathlib.Path) -> Outcome:
    """Check the SBOMs of a package against advisories, without network.

    The exit code is 7 if a critical vulnerability is older than one month.
    """
    del app
    today = datetime.datetime.now(datetime.UTC).date()
    return examine(file, documents_of(file, ComponentType.SBOM), folder, today)


def examine(file: pathlib.Path, stored: Mapping[str, bytes | None], folder: pathlib.Path, today: datetime.date) -> Outcome:
    """What the command leaves, on a given day.

    Raises:
        ToolError: no component has an SBOM, or an SBOM or an advisory cannot be read.
    """
    from fwtool.supply_chain import advisories

    if all(data is None for data in stored.values()):
        raise ToolError(
            f"{file} has no SBOM, so there is nothing to check", name="missing_component", hint="Build it with an SBOM."
        )
    sboms = {name: None if data is None else _read(name, data) for name, data in stored.items()}
    report = advisories.check(sboms, advisories.load(folder), today)
    failure = None
    if report.overdue:
        worst = report.overdue[0]
        count = len(report.overdue)
        failure = ToolError(
            f"{count} {'vulnerability is' if count == 1 else 'vulnerabilities are'} overdue: {RULE}",
            name="diagnostic_failed",
            hint=f"Begin with {worst.component} {worst.version}, {_fix(worst)}.",
        )
    return Outcome({"path": str(file), **report.as_json()}, lines(report, today), failure=failure)


def _read(name: str, data: bytes) -> "Sbom":
    from fwtool.supply_chain import sbom

    try:
        return sbom.read(data)
    except FormatError as error:
        raise FormatError(f"SBOM of {name}: {error}", name=error.name, hint=error.hint) from error


def lines(report: "Report", today: datetime.date) -> list[str]:
    """The report for people: overdue, affected, what cannot be told, what is possible; then what was not checked."""
    sections: dict[str, list[Finding]] = {"overdue": [], "affected": [], "cannot tell": [], "possible": []}
    for finding in report.findings:
        sections[_section(finding)].append(finding)
    found = [line for word, findings in sections.items() for line in _listed(word, findings)]
    counts = ", ".join(f"{len(findings)} {word}" for word, findings in sections.items() if findings)
    return [*found, f"{report.parts} parts, {report.advisories} advisories: {counts or 'nothing found'}", *_notes(report, today)]


def _section(finding: "Finding") -> str:
    if not finding.certain:
        return "possible"
    if finding.overdue:
        return "overdue"
    return "affected" if finding.outcome == "affected" else "cannot tell"


def _listed(word: str, findings: "Sequence[Finding]") -> list[str]:
    found = [line for finding in findings[:SHOWN] for line in _finding(word, finding)]
    if len(findings) > SHOWN:
        found.append(f"{word:<11}  and {len(findings) - SHOWN} more (--json has all of them)")
    return found


def _finding(word: str, finding: "Finding") -> list[str]:
    score = "" if finding.score is None else f" {finding.score:.1f}"
    first = f"{word:<11}  {finding.id}  {finding.severity}{score}  {finding.component} {finding.version or '(no version)'}"
    found = [f"{first} in {', '.join(finding.places)}", f"{'':<13}{_fix(finding)}; {_age(finding)}"]
    if others := dict.fromkeys((*finding.aliases, *finding.upstream)):
        found.append(f"{'':<13}also {_some(list(others))}")
    if finding.summary:
        found.append(f"{'':<13}{finding.summary.splitlines()[0]}")
    if finding.reason:
        found.append(f"{'':<13}cannot tell: {finding.reason}")
    return found


def _fix(finding: "Finding") -> str:
    return f"fixed in {', '.join(finding.fixed_in)}" if finding.fixed_in else "no fixed version is named"


def _age(finding: "Finding") -> str:
    if finding.age_days is None:
        return "no date of publication"
    return f"published {finding.published}, {finding.age_days} days ago"


def _notes(report: "Report", today: datetime.date) -> list[str]:
    """What the reader has to know to take the result for what it is."""
    found = []
    if any(finding.severity == "unknown" for finding in report.findings):
        found.append("unknown severity: rank these yourself (PCI DSS 6.3.1); they are never counted as overdue")
    if any(not finding.certain for finding in report.findings):
        found.append("possible: only the name is the same; give the part a purl in the SBOM. These do not fail the check")
    if report.not_named:
        found.append(f"no advisory names {_some(report.not_named)}: nothing is known of them here, good or bad")
    if report.without_sbom:
        found.append(f"without an SBOM, not checked: {_some(report.without_sbom)}")
    if report.newest and (today - datetime.date.fromisoformat(report.newest)).days > STALE_DAYS:
        found.append(f"the newest advisory is of {report.newest}: fetch a fresh copy")
    return found


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return ", ".join(names[:8]) + more
