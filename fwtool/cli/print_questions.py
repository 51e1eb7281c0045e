"""Two questions after a test slip, whose answers are findings of the health check."""

from typing import Any, Final

import click

from formats.errors import ToolError
from fwtool.checks import CHECKS
from fwtool.cli.app import App
from fwtool.cli.questions import ask, somebody_is_there
from fwtool.findings import Finding, Outcome, Snapshot
from transports.terminal_records import Facts

ASKED: Final = ("density", "white_lines")
ANSWER: Final = click.option(
    "--answer", "answers", multiple=True, metavar="NAME=yes|no", help=f"What the slip looks like: {', '.join(ASKED)}; repeatable."
)


def judged(app: App, said: dict[str, bool]) -> list[Finding]:
    """The findings of the answers. Where there is somebody to ask, what is not answered yet is asked."""
    if somebody_is_there() and not app.output.json and not app.output.quiet:
        said = said | ask([name for name in ASKED if name not in said], app.settings.lang)
    snapshot = Snapshot(Facts("", "", ""), {}, {}, None, None, said)
    found = [check.run(snapshot) for check in CHECKS if getattr(check.value, "name", "") in [f"answers.{name}" for name in said]]
    return [finding for finding in found if finding.outcome is not Outcome.NOT_RUN]


def noted(findings: list[Finding]) -> dict[str, Any]:
    """For the record."""
    return {finding.id: str(finding.outcome) for finding in findings}


def failure_of(findings: list[Finding], language: str) -> ToolError | None:
    bad = next((finding for finding in findings if finding.outcome is Outcome.FAIL), None)
    if bad is None:
        return None
    return ToolError(f"the slip shows a fault: {bad.id}", name="diagnostic_failed", hint=bad.action.get(language))
