"""A visit as JSON and as lines."""

from typing import Any, Final

from formats.errors import ToolError
from fwtool.findings import Words
from fwtool.records import Entry
from fwtool.settlement.table import table
from fwtool.visit.conduct import SECURITY
from fwtool.visit.state import Outcome, Visit
from fwtool.visit.wording import NOT_RUN, OUTCOMES, TITLES, reasons

HEAD: Final = (Words("step", "步骤"), Words("outcome", "结果"), Words("what to see to", "需关注事项"))
WHO: Final = Words("{model} {serial}: visit by {who}, since {since}", "{model} {serial}: 上门维护,技术员 {who},开始于 {since}")
VERSION: Final = Words("firmware {before} -> {after}", "固件 {before} → {after}")
VERDICT: Final = Words("visit: {verdict}; record entry {number}, {hash}", "上门维护: {verdict};维护记录 {number},{hash}")
GO_ON: Final = Words("it is open: go on with `fwtool visit`", "尚未结束: 用 fwtool visit 继续")
FAILED: Final = Words("checks that fail after the visit: {ids}", "维护后不通过的检测: {ids}")


def facts(visit: Visit) -> dict[str, Any]:
    """What JSON says of it."""
    fields = visit.as_json()
    del fields["schema"]
    step = visit.next_step
    return {
        **fields, "version_after": visit.version_after, "verdict": str(visit.verdict), "next_step": step.id if step else None
    }  # fmt: skip


def lines(visit: Visit, entry: Entry | None, language: str) -> list[str]:
    """For people; `entry` is that of its end."""
    done = {step.id: step for step in visit.steps}
    rows = []
    for name, title in TITLES.items():
        step = done.get(name)
        outcome = OUTCOMES[step.outcome] if step else NOT_RUN
        told = "; ".join(reasons(step, language)) if step else ""
        rows.append((title.get(language), outcome.get(language), told))
    who = WHO.get(language).format(
        model=visit.model, serial=visit.serial_number, who=visit.technician, since=visit.started.replace("T", " ")
    )
    version = VERSION.get(language).format(before=visit.version_before, after=visit.version_after)
    verdict = OUTCOMES[visit.verdict].get(language)
    end = (
        VERDICT.get(language).format(verdict=verdict, number=entry.number, hash=entry.hash[:16]) if entry else GO_ON.get(language)
    )
    return [who, *table([words.get(language) for words in HEAD], rows), version, end]


def failure(visit: Visit, language: str) -> ToolError | None:
    """What the exit code says: a security case, or checks that fail at the end."""
    if visit.verdict is Outcome.STOPPED:
        return ToolError(SECURITY.get(language), name="tampered", hint=SECURITY.get(language))
    failed = [one for one in visit.fact("verify", "reexamine").get("findings", []) if one["outcome"] == "fail"]
    if not failed:
        return None
    said = FAILED.get(language).format(ids=", ".join(one["id"] for one in failed))
    return ToolError(said, name="diagnostic_failed", hint=failed[0]["action"][language])
