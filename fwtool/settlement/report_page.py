"""The page of `settlement report`: one file without scripts or network, in one language."""

import datetime
import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from fwtool.pages import template
from fwtool.settlement import plot
from fwtool.settlement.items import Item
from fwtool.settlement.kinds import KINDS, note_text
from fwtool.settlement.windows import Window

MAX_ITEMS: Final = 1000
MAX_WINDOWS: Final = 100
WORDS: Final = {
    "en": {
        "title": "Settlement report", "as_of": "as of", "matched": "matched", "open": "need action", "doubtful": "waited for",
        "failures": "Failed transactions", "delays": "Late payments", "inside": "inside maintenance windows",
        "outside": "outside", "bank": "bank", "where": "window", "attempts": "transactions", "failed": "failed",
        "rate": "rate", "paid": "paid", "delayed": "late", "items": "Open items", "kind": "kind", "state": "state", "day": "day",
        "age": "age (days)", "terminal": "terminal", "journal": "journal", "at_bank": "bank", "difference": "bank - journal",
        "reason": "likely reason", "action": "next action", "where_found": "found in", "windows": "Maintenance windows",
        "more": "more are in --json", "none": "nothing", "cancelled": "cancelled",
    },
    "zh": {
        "title": "对账报告", "as_of": "截至", "matched": "已勾对", "open": "待处理", "doubtful": "存疑等待",
        "failures": "失败交易", "delays": "延迟到账", "inside": "维护时段内", "outside": "维护时段外", "bank": "银行",
        "where": "时段", "attempts": "交易笔数", "failed": "失败", "rate": "比率", "paid": "已到账", "delayed": "延迟",
        "items": "未结差异", "kind": "类别", "state": "状态", "day": "账务日", "age": "天数", "terminal": "终端号",
        "journal": "终端", "at_bank": "银行", "difference": "银行减终端", "reason": "可能原因", "action": "处理建议",
        "where_found": "出处", "windows": "银行系统维护时段", "more": "条更多,见 --json", "none": "无", "cancelled": "已取消",
    },
}  # fmt: skip


def share_rows(statistics: Mapping[str, Any], language: str) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Head and rows of the table of rates."""
    words = WORDS[language]
    head = tuple(words[key] for key in ("bank", "where", "attempts", "failed", "rate", "paid", "delayed", "rate"))
    rows: list[tuple[str, ...]] = []
    for bank, values in sorted(statistics.items()):
        for half in ("inside", "outside"):
            share = values[half]
            counts = [str(share[key]) for key in ("attempts", "failed", "paid", "delayed")]
            rates = ["-" if share[key] is None else f"{share[key] * 100:.2f} %" for key in ("failure_rate", "delay_rate")]
            rows.append((bank, words[half], counts[0], counts[1], rates[0], counts[2], counts[3], rates[1]))
    return head, rows


def page(outcome: Mapping[str, Any], items: Iterable[Item], windows: Sequence[Window], language: str) -> tuple[str, int]:
    """The page, and how many items it was about. Names and values may come from files that nobody trusts."""
    as_of = datetime.date.fromisoformat(outcome["as_of"])
    every = iter(items)
    shown = [item.as_json(as_of, language) for item in itertools.islice(every, MAX_ITEMS)]
    left = sum(1 for _ in every)
    head, rows = share_rows(outcome["statistics"], language)
    text = template("fwtool", "settlement.html.j2").render(
        w=WORDS[language], lang="zh-CN" if language == "zh" else "en", outcome=outcome, items=shown, left=left,
        counts=[(KINDS[kind].name.get(language), count) for kind, count in outcome["items"].items()],
        plots=[(WORDS[language][title], plot.picture(outcome["statistics"], rate))
               for title, rate in (("failures", "failure_rate"), ("delays", "delay_rate"))],
        box={"width": plot.WIDTH, "left": plot.LEFT, "bar": plot.BAR, "top": plot.TOP}, head=head, rows=rows,
        notes=[note_text(note, language) for note in outcome["notes"]],
        windows=[(str(one), ", ".join(one.services), one.effect, one.text, one.cancelled) for one in windows[-MAX_WINDOWS:]],
    )  # fmt: skip
    return text, len(shown) + left
