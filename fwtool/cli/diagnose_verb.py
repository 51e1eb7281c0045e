"""`fwtool diagnose`: the health check, and the causes of what it finds."""

import pathlib
from typing import Any

import click

from formats.errors import ToolError
from fwtool.causes import Ranking, load
from fwtool.causes.model import Urgency
from fwtool.cli.app import App, Outcome, Verb, open_port, pass_app, port_options
from fwtool.cli.findings_shown import cause_lines, finding_lines
from fwtool.cli.questions import QUESTIONS, answers_of, ask, somebody_is_there
from fwtool.diagnosis import examine
from fwtool.diagnosis import worst as worst_of
from fwtool.findings import Finding, Words
from fwtool.findings import Outcome as Verdict
from transports.tsp.messages import Level

HIDDEN = Words("{count} checks are not possible here; -v lists them", "另有 {count} 项在此无法检测(-v 可列出)")


@click.command(cls=Verb)
@click.argument("tests", nargs=-1)
@click.option("--level", default="external", show_default=True, type=click.Choice(["internal", "external", "interactive"]))
@click.option("--answer", "answers", multiple=True, metavar="NAME=yes|no", help=f"Answer a question: {', '.join(QUESTIONS)}.")
@click.option(
    "--rules", multiple=True, envvar="FWTOOL_RULES", type=click.Path(path_type=pathlib.Path), metavar="FILE",
    help="Rules of your own (TOML, docs/diagnosis.md); repeatable.",
)  # fmt: skip
@port_options
@pass_app
def command(
    app: App, /, tests: tuple[str, ...], level: str, answers: tuple[str, ...], rules: tuple[pathlib.Path, ...], **port: Any
) -> Outcome:
    """Run the health check, or the TESTS named (an id such as printer.paper, or its first part)."""
    language = app.language
    said = answers_of(answers, QUESTIONS)
    if level == "interactive":
        said |= _ask(language, [name for name in QUESTIONS if name not in said])
    table = load(rules)
    with open_port(app, **port) as device:
        findings, ranking, _ = examine(device, Level[level.upper()], tests, said, table)
    data = {
        "findings": [finding.as_json(language) for finding in findings],
        "outcome": str(worst_of(findings)),
        "causes": [cause.as_json(rank, language) for rank, cause in enumerate(ranking.causes, 1)],
        "withheld": [{"id": cause.id, "until": until} for cause, until in ranking.withheld],
    }
    shown = [finding for finding in findings if app.output.verbose or finding.outcome is not Verdict.NOT_RUN]
    lines = [line for finding in shown for line in finding_lines(finding, language)]
    if len(shown) < len(findings):
        lines.append(HIDDEN.get(language).format(count=len(findings) - len(shown)))
    return Outcome(data, [*lines, *cause_lines(ranking, language)], failure=_failure(findings, ranking, language))


def _failure(findings: list[Finding], ranking: Ranking, language: str) -> ToolError | None:
    failed = [finding.id for finding in findings if finding.outcome is Verdict.FAIL]
    security = [cause.id for cause in ranking.causes if cause.urgency is Urgency.SECURITY]
    if not failed and not security:
        return None
    said = f"{len(failed)} of {len(findings)} checks failed: {', '.join(failed)}" if failed else f"security: {security[0]}"
    hint = ranking.causes[0].action.get(language)
    return ToolError(said, name="diagnostic_failed", hint=hint)


def _ask(language: str, names: list[str]) -> dict[str, bool]:
    if names and not somebody_is_there():
        raise ToolError(
            "the interactive level asks questions, and stdin is no terminal",
            name="usage",
            hint=f"Use --level external, or answer with --answer: {', '.join(names)}.",
        )
    return ask(names, language)
