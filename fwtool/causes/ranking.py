"""The order of causes: what holds, what only follows from another, and what has to wait."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from fwtool.causes.conditions import Situation
from fwtool.causes.model import Cause, Confidence, Ranking, Rule, Urgency
from fwtool.findings import Finding, Measured, Outcome, Snapshot, Words
from fwtool.quantities import QUANTITIES

PLACE: Final = re.compile(r"\{([A-Za-z0-9_.]+)\}")
"""A measured number in the text of a reason."""
UNKNOWN: Final = Words("(not told)", "(未告知)")
ALL: Final = "*"
OWN_RULE: Final = "finding."
"""How the id of a cause begins that no rule gives, only the check itself."""


def rank(rules: Sequence[Rule], findings: Sequence[Finding], snapshot: Snapshot) -> Ranking:
    """The causes of the bad findings. Every bad finding is explained by a cause, or follows from one.

    Args:
        rules: In the order of `fwtool.causes.load`: urgency, confidence, place in the file.
        findings: Of all checks that the snapshot allows, also those that nobody asked for: a security case stops advice
            about everything else.
    """
    situation = Situation.of(findings, snapshot)
    bad = {finding.id: finding for finding in findings if finding.bad}
    fired = [rule for rule in rules if bad.keys() & set(rule.explains) and situation.fires(rule)]
    explained = {one for rule in fired for one in (*rule.explains, *rule.consequences)}
    fired += [_own_rule(finding) for name, finding in bad.items() if name not in explained]
    fired.sort(key=lambda rule: (rule.urgency, rule.confidence))
    listed, withheld = _hold_back(_roots(fired, set(bad)))
    return Ranking(
        tuple(_cause(rule, bad, snapshot) for rule in listed),
        tuple((_cause(rule, bad, snapshot), until.id) for rule, until in withheld),
    )


def _own_rule(finding: Finding) -> Rule:
    """What the check itself says, for a finding that no rule explains."""
    urgency = Urgency.DUE if finding.outcome is Outcome.WARN else Urgency.DEGRADED
    number = f": {Measured('', finding.value, finding.unit).text()}" if finding.value is not None else ""
    return Rule(
        id=OWN_RULE + finding.id,
        urgency=Urgency.SECURITY if finding.severity == "security" else urgency,
        confidence=Confidence.POSSIBLE,
        explains=(finding.id,),
        consequences=(),
        withholds=(ALL,) if finding.severity == "security" else (),
        when=(), any_of=(), unless=(), steps=(),
        reason=Words(f"the check of {finding.title.en}{number}", f"检测项:{finding.title.zh}{number}"),
        cause=finding.cause,
        action=finding.action,
        part=finding.part,
    )  # fmt: skip


def _roots(fired: Sequence[Rule], bad: set[str]) -> list[Rule]:
    """Without what follows from a cause that comes before."""
    listed: list[Rule] = []
    followed: set[str] = set()
    for rule in fired:
        if not bad & set(rule.explains) <= followed:
            listed.append(rule)
            followed |= set(rule.consequences)
    return listed


def _hold_back(rules: Sequence[Rule]) -> tuple[list[Rule], list[tuple[Rule, Rule]]]:
    """What must not be done yet is taken out; what it waits for stands where it stood, or before."""
    listed, withheld = list(rules), []
    for rule in rules:
        waiting = [other for other in listed if rule in listed and other is not rule and _waits(other, rule)]
        if waiting:
            place = min(listed.index(waiting[0]), listed.index(rule))
            withheld += [(other, rule) for other in waiting]
            rest = [other for other in listed if other is not rule and other not in waiting]
            before = [other for other in rest if listed.index(other) < place]
            listed = [*before, rule, *(other for other in rest if other not in before)]
    waits = {other.id: rule for other, rule in withheld}
    return listed, [(other, _last(rule, waits)) for other, rule in withheld]


def _last(rule: Rule, waits: dict[str, Rule]) -> Rule:
    """What a rule waits for itself, if it does. No circle: what waits is out of the list, and holds nothing back any more."""
    while rule.id in waits:
        rule = waits[rule.id]
    return rule


def _waits(other: Rule, rule: Rule) -> bool:
    if other.urgency is Urgency.SECURITY:
        return False
    return ALL in rule.withholds or bool(set(other.steps) & set(rule.withholds))


def _cause(rule: Rule, bad: dict[str, Finding], snapshot: Snapshot) -> Cause:
    names = dict.fromkeys(PLACE.findall(rule.reason.en))
    numbers = {name: QUANTITIES[name].measured(name, snapshot) for name in names}
    return Cause(
        id=rule.id,
        urgency=rule.urgency,
        confidence=rule.confidence,
        cause=rule.cause,
        reason=Words(_filled(rule.reason.en, numbers, UNKNOWN.en), _filled(rule.reason.zh, numbers, UNKNOWN.zh)),
        action=rule.action,
        part=rule.part,
        steps=rule.steps,
        findings=tuple(name for name in bad if name in rule.explains),
        consequences=tuple(name for name in bad if name in rule.consequences),
        measurements=tuple(number for number in numbers.values() if number is not None),
    )


def _filled(text: str, numbers: dict[str, Measured | None], unknown: str) -> str:
    def number(match: re.Match[str]) -> str:
        measured = numbers[match[1]]
        return unknown if measured is None else measured.text()

    return PLACE.sub(number, text)


def advised(findings: Sequence[Finding], ranking: Ranking) -> list[Finding]:
    """The findings with action and part of the cause that explains them, or that they follow from, or that they wait for."""
    listed = {cause.id: cause for cause in ranking.causes}
    held = [(cause, listed[until]) for cause, until in ranking.withheld]
    stop = next((cause for cause in ranking.causes if cause.urgency is Urgency.SECURITY), None)
    sources = [
        *((cause.findings, cause) for cause in ranking.causes),
        *((cause.consequences, cause) for cause in ranking.causes),
        *((cause.findings, first) for cause, first in held),
        *((cause.consequences, first) for cause, first in held),
    ]

    def source(finding: Finding) -> Cause | None:
        return next((cause for names, cause in sources if finding.id in names), stop)

    return [
        replace(finding, action=cause.action, part=cause.part) if finding.bad and (cause := source(finding)) else finding
        for finding in findings
    ]


def about(ranking: Ranking, findings: Sequence[Finding]) -> Ranking:
    """What of a ranking these findings are about: their causes, what their causes wait for, and every security case."""
    asked = {finding.id for finding in findings if finding.bad}

    def touches(cause: Cause) -> bool:
        return bool(asked & {*cause.findings, *cause.consequences})

    withheld = tuple((cause, until) for cause, until in ranking.withheld if touches(cause))
    needed = {until for _, until in withheld}
    causes = (cause for cause in ranking.causes if touches(cause) or cause.id in needed or cause.urgency is Urgency.SECURITY)
    return Ranking(tuple(causes), withheld)
