"""`fwtool diagnose`: the health check."""

import sys
from typing import Any

import click

from formats.errors import ToolError
from fwtool.cli.app import App, Outcome, Verb, open_port, pass_app, port_options
from fwtool.diagnosis import diagnose
from fwtool.diagnosis import worst as worst_of
from fwtool.findings import Finding
from fwtool.findings import Outcome as Verdict
from transports.tsp.messages import Level

QUESTIONS = {
    "display": "Does the terminal's display show every line without gaps?",
    "keypad": "Press each key of the terminal once: does each one beep?",
}
WORDS = {
    Verdict.PASS: ("pass", "通过"),
    Verdict.WARN: ("attention", "需关注"),
    Verdict.FAIL: ("fail", "不通过"),
    Verdict.NOT_RUN: ("not run", "未检测"),
}


@click.command(cls=Verb)
@click.argument("tests", nargs=-1)
@click.option("--level", default="external", show_default=True, type=click.Choice(["internal", "external", "interactive"]))
@port_options
@pass_app
def command(app: App, /, tests: tuple[str, ...], level: str, **port: Any) -> Outcome:
    """Run the health check, or the TESTS named (an id such as printer.paper, or its first part)."""
    answers = _ask() if level == "interactive" else {}
    with open_port(app, **port) as device:
        findings = diagnose(device, Level[level.upper()], tests, answers)
    language = app.settings.lang
    worst = worst_of(findings)
    failed = [finding for finding in findings if finding.outcome is Verdict.FAIL]
    failure = None
    if failed:
        failure = ToolError(
            f"{len(failed)} of {len(findings)} checks failed: {', '.join(finding.id for finding in failed)}",
            name="diagnostic_failed",
            hint=failed[0].action.get(language),
        )
    data = {"findings": [finding.as_json(language) for finding in findings], "outcome": str(worst)}
    return Outcome(data, [line for finding in findings for line in _lines(finding, language)], failure=failure)


def _ask() -> dict[str, bool]:
    if not sys.stdin.isatty():
        raise ToolError(
            "the interactive level asks questions, and stdin is no terminal", name="usage", hint="Use --level external."
        )
    return {name: click.confirm(question) for name, question in QUESTIONS.items()}


def _lines(finding: Finding, language: str) -> list[str]:
    word = WORDS[finding.outcome][1 if language == "zh" else 0]
    value = "" if finding.value is None else f"  {finding.value:g} {finding.unit}".rstrip()
    lines = [f"{word:<10} {finding.id:<26} {finding.title.get(language)}{value}"]
    if finding.cause.en:
        arrow = "原因" if language == "zh" else "cause"
        then = "处理" if language == "zh" else "do"
        lines += [
            f"           {arrow}: {finding.cause.get(language)}",
            f"           {then}: {finding.action.get(language)}",
        ]
    return lines
