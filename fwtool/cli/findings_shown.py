"""Findings and causes as lines for people, the same wherever they are shown."""

from typing import Final

from fwtool.causes import Cause, Ranking
from fwtool.causes.parts import PARTS
from fwtool.findings import Finding, Outcome, Words
from fwtool.quantities import QUANTITIES
from fwtool.text import padded

WORDS: Final = {
    Outcome.PASS: Words("pass", "通过"),
    Outcome.WARN: Words("attention", "需关注"),
    Outcome.FAIL: Words("fail", "不通过"),
    Outcome.NOT_RUN: Words("not run", "未检测"),
}
CAUSE, DO, REASON, PART = Words("cause", "原因"), Words("do", "处理"), Words("reason", "依据"), Words("part", "配件")
CAUSES = Words("Probable causes, the first one to deal with first:", "可能原因(按处理顺序):")
LATER = Words("Waits for {until}: {cause}", "须先处理 {until}:{cause}")


def finding_lines(finding: Finding, language: str) -> list[str]:
    """Outcome, id, what it is about, what was measured; of a bad one cause and action."""
    head = f"{padded(WORDS[finding.outcome].get(language), 10)} {finding.id:<26} {finding.title.get(language)}"
    lines = [f"{head}{_number(finding)}"]
    if finding.cause.en:
        lines += [
            f"           {CAUSE.get(language)}: {finding.cause.get(language)}",
            f"           {DO.get(language)}: {finding.action.get(language)}",
        ]
    return lines


def _number(finding: Finding) -> str:
    """What was judged, the first that was measured, unless its number only stands for a word."""
    if finding.value is None or any(QUANTITIES[one.name].named for one in finding.measurements[:1]):
        return ""
    return f"  {round(finding.value, 2):.12g} {finding.unit}".rstrip()


def cause_lines(ranking: Ranking, language: str) -> list[str]:
    """The causes, the first one to deal with first, and what waits for them."""
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
