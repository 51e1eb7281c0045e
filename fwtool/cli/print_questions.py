"""Two questions after a test slip, whose answers are findings of the health check."""

import sys
from typing import Any, Final

import click

from formats.errors import ToolError
from fwtool.checks import CHECKS
from fwtool.cli.app import App
from fwtool.cli.diagnose_verb import CAUSE, DO, QUESTIONS, WORDS
from fwtool.findings import Finding, Outcome, Snapshot
from fwtool.text import padded
from transports.terminal_records import Facts

ASKED: Final = ("density", "white_lines")
ANSWER: Final = click.option(
    "--answer", "answers", multiple=True, metavar="NAME=yes|no", help=f"What the slip looks like: {', '.join(ASKED)}; repeatable."
)


def answers_of(given: tuple[str, ...]) -> dict[str, bool]:
    """What the options say; raises ToolError (`usage`)."""
    said = {}
    for text in given:
        name, _, answer = text.partition("=")
        if name not in ASKED or answer not in ("yes", "no"):
            hint = f"Write NAME=yes or NAME=no; NAME: {', '.join(ASKED)}."
            raise ToolError(f"--answer {text!r} is no answer", name="usage", hint=hint)
        said[name] = answer == "yes"
    return said


def judged(app: App, said: dict[str, bool]) -> list[Finding]:
    """The findings of the answers. Where there is somebody to ask, what is not answered yet is asked."""
    if sys.stdin is not None and sys.stdin.isatty() and not app.output.json and not app.output.quiet:
        language = app.settings.lang
        said = said | {name: click.confirm(QUESTIONS[name].get(language)) for name in ASKED if name not in said}
    snapshot = Snapshot(Facts("", "", ""), {}, {}, None, None, said)
    found = [check.run(snapshot) for check in CHECKS if getattr(check.value, "name", "") in [f"answers.{name}" for name in said]]
    return [finding for finding in found if finding.outcome is not Outcome.NOT_RUN]


def noted(findings: list[Finding]) -> dict[str, Any]:
    """For the record."""
    return {finding.id: str(finding.outcome) for finding in findings}


def lines_of(findings: list[Finding], language: str) -> list[str]:
    lines = []
    for finding in findings:
        lines.append(f"{padded(WORDS[finding.outcome].get(language), 10)} {finding.id:<26} {finding.title.get(language)}")
        if finding.bad:
            lines.append(f"           {CAUSE.get(language)}: {finding.cause.get(language)}")
            lines.append(f"           {DO.get(language)}: {finding.action.get(language)}")
    return lines


def failure_of(findings: list[Finding], language: str) -> ToolError | None:
    bad = next((finding for finding in findings if finding.outcome is Outcome.FAIL), None)
    if bad is None:
        return None
    return ToolError(f"the slip shows a fault: {bad.id}", name="diagnostic_failed", hint=bad.action.get(language))
