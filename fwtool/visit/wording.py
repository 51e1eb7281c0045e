"""What outcomes and reasons are called, for people."""

from typing import Any, Final

from fwtool.checks import CHECKS
from fwtool.findings import Words
from fwtool.visit.questions import Answer
from fwtool.visit.state import Outcome, StepDone
from fwtool.visit.steps import QUESTIONS, STEPS

OUTCOMES: Final = {
    Outcome.DONE: Words("done", "已完成"),
    Outcome.NOT_NEEDED: Words("not needed", "不需要"),
    Outcome.ATTENTION: Words("attention", "需关注"),
    Outcome.STOPPED: Words("STOPPED", "停止使用"),
    Outcome.INCOMPLETE: Words("incomplete", "未完成"),
}
NOT_RUN: Final = Words("not done", "未进行")
TITLES: Final = {step.id: step.title for step in STEPS}
_OTHERS: Final = {
    "seals_missing": Words("a seal of the last visit is not there", "缺少上次的封签"),
    "seals_new": Words("a seal that was not there at the last visit", "出现上次没有的封签"),
    "photos_again": Words("a photo is the one of the last visit", "照片与上次相同"),
    "paper_out": Words("the paper has run out", "缺纸"),
    "cover_open": Words("the printer's cover is open", "打印机盖未关"),
    "head_hot": Words("the print head is too hot", "热敏打印头过热"),
    "fault": Words("the printer has a fault", "打印机故障"),
    "reverted": Words("the terminal has gone back to its old firmware", "终端已回退到上一版本"),
    "diagnostic_failed": Words("the health check got worse under the new firmware", "升级后设备检测结果变差"),
    "read_back_differs": Words("what was read back differs", "回读比对不一致"),
}
_YES_NO: Final[dict[Answer, Words]] = {True: Words("Yes.", "是"), False: Words("No.", "否")}
_ANSWERS: Final[dict[str, dict[Any, Words]]] = {
    question.id: dict(question.choices) if question.choices else dict(_YES_NO) for question in QUESTIONS
}
REASONS: Final = {
    **{question.id: question.text for question in QUESTIONS},
    **{check.id: check.title for check in CHECKS},
    **_OTHERS,
}


def reason(name: str) -> Words:
    """What a reason of `StepDone.reasons` stands for; itself, if it comes from a later version."""
    return REASONS.get(name, Words(name, name))


def reasons(step: StepDone, language: str) -> list[str]:
    """What has to be seen to in a step: for a question, what was answered."""
    found = []
    for name in step.reasons:
        answer = step.answers.get(name.partition(".")[2]) if name in _ANSWERS else None
        said = "" if answer is None else f" {_ANSWERS[name].get(answer, Words(str(answer), str(answer))).get(language)}"
        found.append(reason(name).get(language) + said)
    return found
