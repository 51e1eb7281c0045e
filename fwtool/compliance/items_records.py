"""Items whose evidence is the maintenance records of this computer."""

import datetime
from typing import Final

from fwtool.compliance.evidence import Answer, Sight, failed, judged, passed, unseen

SHOWN: Final = 5
_NONE: Final = unseen("there are no records yet", "尚无维护记录")


def trained(sight: Sight) -> Answer:
    if not sight.technician:
        return unseen("no technician is named (--technician)", "未指明技术员(--technician)")
    done = sight.history.training
    if done is None:
        return failed(
            f"no training of {sight.technician} is recorded: fwtool train", f"没有 {sight.technician} 的培训记录:fwtool train"
        )
    until = _day(str(done.get("expires", "")))
    said = f"score {done.get('score')}, good until {until}"
    return judged(until is not None and until >= sight.now.date(), said, f"成绩 {done.get('score')},有效期至 {until}")


def _day(text: str) -> datetime.date | None:
    try:
        return datetime.date.fromisoformat(text[:10])
    except ValueError:
        return None


def personal(sight: Sight) -> Answer:
    history = sight.history
    if not history.jobs:
        return _NONE
    bad = ", ".join(map(str, history.nameless[:SHOWN]))
    if bad:
        return failed(f"{len(history.nameless)} of {history.jobs} jobs name no technician: entries {bad}",
                      f"{history.jobs} 次作业中 {len(history.nameless)} 次未署名:第 {bad} 条")  # fmt: skip
    return passed(f"{history.jobs} jobs of twelve months, each with a name", f"近12个月 {history.jobs} 次作业均有署名")


def complete(sight: Sight) -> Answer:
    history = sight.history
    if not history.jobs:
        return _NONE
    bad = ", ".join(map(str, history.incomplete[:SHOWN]))
    if bad:
        return failed(f"entries {bad} do not say what was done with what result", f"第 {bad} 条缺少操作或结果")
    return passed(f"{history.jobs} jobs say what, when, where and with what result", f"{history.jobs} 次作业要素齐全")


def unchanged(sight: Sight) -> Answer:
    verdict = sight.history.verdict
    if not verdict.entries:
        return _NONE
    if verdict.flaws:
        worst = verdict.flaws[0]
        return failed(f"from entry {worst.first} on: {worst.detail}", f"自第 {worst.first} 条起:{worst.detail}")
    return passed(f"{verdict.entries} entries in one chain, {verdict.heads} signed heads fit",
                  f"{verdict.entries} 条记录链完整,{verdict.heads} 个数字签名相符")  # fmt: skip


def kept(sight: Sight) -> Answer:
    held = sight.history.retention
    if not held.first_day:
        return _NONE
    if not held.covered:
        return unseen(f"the log begins on {held.first_day}, less than twelve months ago", f"记录始于 {held.first_day},不足12个月")
    return passed(f"{held.kept} entries since {held.since}, {held.at_hand} of them of the last three months",
                  f"自 {held.since} 起 {held.kept} 条,其中近三个月 {held.at_hand} 条")  # fmt: skip
