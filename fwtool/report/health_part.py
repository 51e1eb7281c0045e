"""The parts of a maintenance report that are about the terminal's health, now and from visit to visit. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from fwtool.findings import Outcome as Checked
from fwtool.findings import Words
from fwtool.report.document import Block, Curve, Heading, Paragraph, Table
from fwtool.report.source import Say, Source
from fwtool.report.words import CHECKED, CURVES, W
from fwtool.visit.wording import reason


def health(source: Source, say: Say) -> Iterator[Block]:
    before, after = source.visit.fact("inspect", "examine"), source.visit.fact("verify", "reexamine")
    first, last = ({one["id"]: one for one in found.get("findings", [])} for found in (before, after))
    yield Heading(say(W.health))
    names = [name for name in dict.fromkeys([*first, *last]) if _bad(first.get(name)) or _bad(last.get(name))]
    if not (last or first):
        yield Paragraph(say(W.no_health))
        return
    outcomes = [one["outcome"] for one in (last or first).values()]
    passed, not_run = outcomes.count(Checked.PASS), outcomes.count(Checked.NOT_RUN)
    yield Paragraph(say(W.passed).format(passed=passed, not_run=not_run, bad=len(outcomes) - passed - not_run))
    if not names:
        return
    rows = []
    for name in names:
        told = last[name] if _bad(last.get(name)) else first.get(name, last.get(name, {}))
        rows.append((
            say(_words(told["title"])), _outcome(first.get(name), say), _outcome(last.get(name), say),
            say(_words(told.get("cause"))), say(_words(told.get("action"))),
        ))  # fmt: skip
    yield Table([say(words) for words in (W.check, W.before, W.after, W.cause, W.action)], rows, (18, 11, 11, 28, 32))
    if worse := after.get("worse"):
        yield Paragraph(say(W.worse).format(names=", ".join(say(reason(one)) for one in worse)), strong=True)


def _bad(finding: Mapping[str, Any] | None) -> bool:
    return finding is not None and finding["outcome"] in (Checked.WARN, Checked.FAIL)


def _outcome(finding: Mapping[str, Any] | None, say: Say) -> str:
    return say(CHECKED[finding["outcome"]]) if finding else "-"


def _words(both: Mapping[str, str] | None) -> Words:
    return Words(both["en"], both["zh"]) if both else Words("", "")


def history(source: Source, say: Say) -> Iterator[Block]:
    """Battery and print head, from visit to visit."""
    days, readings = [], []
    for visit in source.history:
        found = [one["facts"]["power"]["readings"] for one in visit["steps"] if "power" in one.get("facts", {})]
        if found:
            days.append(str(visit.get("ended", visit.get("time", "")))[:10])
            readings.append(found[0])
    curves: list[Block] = []
    for name, (title, unit, scale) in CURVES.items():
        told = [(day, float(one[name]) * scale) for day, one in zip(days, readings, strict=True) if name in one]
        if told:
            curves.append(Curve(say(title), unit, [day for day, _ in told], [value for _, value in told]))
    if curves:
        yield Heading(say(W.history))
        yield from curves
