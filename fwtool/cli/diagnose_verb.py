"""`fwtool diagnose`: the health check, and the causes of what it finds."""

import pathlib
import sys
from typing import Any, Final

import click

from formats.errors import ToolError
from fwtool.causes import Cause, Ranking, load
from fwtool.causes.model import Urgency
from fwtool.causes.parts import PARTS
from fwtool.cli.app import App, Outcome, Verb, open_port, pass_app, port_options
from fwtool.diagnosis import examine
from fwtool.diagnosis import worst as worst_of
from fwtool.findings import Finding, Words
from fwtool.findings import Outcome as Verdict
from fwtool.text import padded
from transports.tsp.messages import Level

QUESTIONS: Final = {
    "display": Words("Does the terminal's display show every line without gaps?", "终端显示屏每一行都显示完整吗?"),
    "keypad": Words("Press each key of the terminal once: does each one beep?", "请把终端每个按键各按一次:每个键都有提示音吗?"),
    "density": Words("Is the print of the last test slip dark and even?", "最近一张打印测试单的颜色是否深且均匀?"),
    "white_lines": Words("Is that slip free of white lines from top to bottom?", "该测试单是否没有纵向白线?"),
    "battery_flat": Words("Is the back of the battery flat, not swollen?", "电池背面是否平整、没有鼓包?"),
}
WORDS: Final = {
    Verdict.PASS: Words("pass", "通过"),
    Verdict.WARN: Words("attention", "需关注"),
    Verdict.FAIL: Words("fail", "不通过"),
    Verdict.NOT_RUN: Words("not run", "未检测"),
}
CAUSE, DO, REASON, PART = Words("cause", "原因"), Words("do", "处理"), Words("reason", "依据"), Words("part", "配件")
CAUSES = Words("Probable causes, the first one to deal with first:", "可能原因(按处理顺序):")
HIDDEN = Words("{count} checks are not possible here; -v lists them", "另有 {count} 项在此无法检测(-v 可列出)")
LATER = Words("Waits for {until}: {cause}", "须先处理 {until}:{cause}")


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
    said = _answers(answers)
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
    lines = [line for finding in shown for line in _lines(finding, language)]
    if len(shown) < len(findings):
        lines.append(HIDDEN.get(language).format(count=len(findings) - len(shown)))
    return Outcome(data, [*lines, *_cause_lines(ranking, language)], failure=_failure(findings, ranking, language))


def _failure(findings: list[Finding], ranking: Ranking, language: str) -> ToolError | None:
    failed = [finding.id for finding in findings if finding.outcome is Verdict.FAIL]
    security = [cause.id for cause in ranking.causes if cause.urgency is Urgency.SECURITY]
    if not failed and not security:
        return None
    said = f"{len(failed)} of {len(findings)} checks failed: {', '.join(failed)}" if failed else f"security: {security[0]}"
    hint = ranking.causes[0].action.get(language)
    return ToolError(said, name="diagnostic_failed", hint=hint)


def _answers(given: tuple[str, ...]) -> dict[str, bool]:
    said = {}
    for text in given:
        name, _, answer = text.partition("=")
        if name not in QUESTIONS or answer not in ("yes", "no"):
            raise ToolError(
                f"--answer {text!r} is no answer", name="usage", hint=f"Write NAME=yes or NAME=no; NAME: {', '.join(QUESTIONS)}."
            )
        said[name] = answer == "yes"
    return said


def _ask(language: str, names: list[str]) -> dict[str, bool]:
    if names and not sys.stdin.isatty():
        raise ToolError(
            "the interactive level asks questions, and stdin is no terminal",
            name="usage",
            hint=f"Use --level external, or answer with --answer: {', '.join(names)}.",
        )
    return {name: click.confirm(QUESTIONS[name].get(language)) for name in names}


def _lines(finding: Finding, language: str) -> list[str]:
    value = "" if finding.value is None else f"  {finding.value:g} {finding.unit}".rstrip()
    lines = [f"{padded(WORDS[finding.outcome].get(language), 10)} {finding.id:<26} {finding.title.get(language)}{value}"]
    if finding.cause.en:
        lines += [
            f"           {CAUSE.get(language)}: {finding.cause.get(language)}",
            f"           {DO.get(language)}: {finding.action.get(language)}",
        ]
    return lines


def _cause_lines(ranking: Ranking, language: str) -> list[str]:
    if not ranking.causes:
        return []
    lines = ["", CAUSES.get(language)]
    for rank, cause in enumerate(ranking.causes, 1):
        lines += [f"{rank:>3}. {cause.cause.get(language)}  [{cause.id}]", *_details(cause, language)]
    for cause, until in ranking.withheld:
        lines.append("     " + LATER.get(language).format(until=until, cause=cause.cause.get(language)))
    return lines


def _details(cause: Cause, language: str) -> list[str]:
    lines = [
        f"     {REASON.get(language)}: {cause.reason.get(language)}",
        f"     {DO.get(language)}: {cause.action.get(language)}",
    ]
    if cause.part:
        lines.append(f"     {PART.get(language)}: {PARTS[cause.part].get(language)}")
    return lines
