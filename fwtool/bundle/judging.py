"""Judge a bundle: from the numbers in it, with the checks and rules of this computer, not with those of the sender."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from fwtool.bundle import snapshot_file
from fwtool.bundle.json_file import Fields, load
from fwtool.bundle.opening import Opened
from fwtool.causes import Ranking, Rule, about, advised, rank
from fwtool.checks import CHECKS
from fwtool.findings import Finding
from transports.tsp.messages import Level

INCIDENT: Final = "incident.json"


class Judged(NamedTuple):
    """What a bundle comes to."""

    findings: list[Finding]
    """Empty where the bundle has no snapshot."""
    ranking: Ranking
    otherwise: tuple[str, ...]
    """Ids of checks that came to something else at the sender."""


def judge(bundle: Opened, rules: Sequence[Rule]) -> Judged:
    """Findings and ranked causes.

    Raises:
        FormatError: a member that is not what its name says.
    """
    raw = bundle.members.get("snapshot.json")
    if raw is None:
        return Judged([], Ranking(), ())
    snapshot = snapshot_file.parse(raw)
    every = [check.run(snapshot) for check in CHECKS]
    asked = [finding for finding, check in zip(every, CHECKS, strict=True) if check.level <= Level.EXTERNAL]
    ranking = about(rank(rules, every, snapshot), asked)
    findings = advised(asked, ranking)
    theirs = _outcomes(bundle.members.get("findings.json"))
    ours = {finding.id: str(finding.outcome) for finding in findings}
    return Judged(findings, ranking, tuple(name for name, outcome in ours.items() if theirs.get(name, outcome) != outcome))


def incident(bundle: Opened, language: str) -> list[dict[str, str]] | None:
    """Security cases of an incident report (`fwtool compliance --incident`), each with `kind`, `evidence` and `action`; None: the
    bundle is no such report.

    Raises:
        FormatError: a member that is not what its name says.
    """
    raw = bundle.members.get(INCIDENT)
    if raw is None:
        return None
    rows = [Fields(row, INCIDENT) for row in Fields(load(raw, INCIDENT), INCIDENT).rows(language)]
    return [{name: row.text(name) for name in ("kind", "evidence", "action")} for row in rows]


def _outcomes(raw: bytes | None) -> dict[str, str]:
    """What the sender's tool said of each check."""
    if raw is None:
        return {}
    english = Fields(Fields(load(raw, "findings.json"), "findings.json").table("en"), "findings.json")
    rows: list[Any] = english.rows("findings")
    return {row.text("id"): row.text("outcome") for row in (Fields(row, "findings.json") for row in rows)}
