"""The notice for a merchant: when card payments may be delayed or fail, what else is accepted, and what to do before and after.
Pure: windows go in, a document comes out.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from fwtool.findings import Words
from fwtool.report.document import Block, Boxes, Document, Facts, Heading, Lines, NewPage, Paragraph, Table
from fwtool.settlement.clock import at
from fwtool.settlement.windows import Window

TITLE: Final = Words("Card payments: maintenance times of the bank", "刷卡付款提示: 银行系统维护时段")
MAY_FAIL: Final = Words(
    "In these times card payments may be delayed or fail. Thank you for your patience.",
    "以下时段内刷卡付款可能延迟或失败,敬请谅解。",
)
ALSO: Final = Words("We also accept", "本店还接受")
CASH: Final = Words("cash", "现金")
HEAD: Final = (Words("From", "开始"), Words("Until", "结束"), Words("Bank", "银行"), Words("What to expect", "影响"))
EVERY_BANK: Final = Words("all banks", "所有银行")
ZONE: Final = Words("Times are those of {zone}.", "时间为 {zone} 时区。")
EFFECTS: Final = {
    "stopped": Words("no service", "暂停服务"),
    "brief": Words("short interruptions", "短时中断"),
    "slow": Words("slow", "处理缓慢"),
}
SERVICES: Final = {
    "card": Words("card payments", "刷卡付款"),
    "clearing": Words("transfers between banks", "跨行转账"),
    "arrival": Words("money arrives later", "到账延迟"),
    "online": Words("online banking", "网上银行"),
}
FOR_YOU: Final = Words("For the merchant: not to be hung up", "商户自查表(请勿张贴)")
BEFORE: Final = Words("Before it begins", "维护时段开始前")
AFTERWARDS: Final = Words("When it is over", "维护时段结束后")
BEFORE_ITEMS: Final = (
    Words("Batch closed at the terminal; the total on the slip is the one in the books.", "已在终端批结算,单据金额与账目一致。"),
    Words("Offline transactions sent to the bank: none is left.", "脱机交易已全部上送,无未上送交易。"),
    Words("Offline limit known: up to ............ without asking the bank; above it no card is taken.",
          "已知脱机限额: ............ 以下可脱机;超过限额不刷卡。"),
    Words("A full roll of paper in the printer, and one beside it.", "打印机已装满纸卷,并备有一卷。"),
    Words("The terminal is on mains power, its battery is charged.", "终端已接电源,电池已充电。"),
    Words("Change and the other means of payment are ready; this notice hangs at the till.",
          "零钱和其他付款方式已准备,本提示已张贴在收银台。"),
)  # fmt: skip
AFTER_ITEMS: Final = (
    Words("A payment that failed or hung: look in the terminal's journal before taking it again, so that nobody pays twice.",
          "失败或无响应的交易: 重新收款前先查终端日志,避免重复扣款。"),
    Words("Offline transactions sent, batch closed.", "脱机交易已上送,并已批结算。"),
    Words("The money of that day has arrived; what is missing two banking days later is told to the bank.",
          "当日款项已到账;两个银行工作日后仍未到账的,通知银行。"),
)  # fmt: skip
SIGNED: Final = (Words("Date, merchant", "日期、商户"), Words("Given by", "提供人"))
FOOTER: Final = Words("From the bank's notices as they were known on {day}. The bank may change them.",
                      "依据截至 {day} 已知的银行通知编制,银行可能调整。")  # fmt: skip
DAY_S: Final = 86400


class Asked(NamedTuple):
    """What the notice is to be about."""

    now: int
    """Seconds since 1970 UTC."""
    days: int
    """How far ahead."""
    bank: str = ""
    """Only this bank, and what all banks stand on; empty: every bank."""
    accepts: Sequence[str] = ()
    """Other means of payment; none: cash."""


def ahead(windows: Sequence[Window], asked: Asked) -> list[Window]:
    """The windows that can touch a card payment and are not over, the next one first."""
    end = asked.now + asked.days * DAY_S
    banks = ("", asked.bank) if asked.bank else None
    chosen = [one for one in windows if one.counts and one.end > asked.now and one.start < end]
    return sorted((one for one in chosen if banks is None or one.bank in banks), key=lambda one: (one.start, one.end, one.bank))


def notice_page(windows: Sequence[Window], asked: Asked, language: str) -> Document:
    """The notice; `windows` as `ahead` has chosen them, at least one."""
    zones = list(dict.fromkeys(one.zone for one in windows))
    day = f"{at(asked.now, zones[0]):%Y-%m-%d}"
    blocks = [*_public(windows, asked, zones, language), *_private(windows, language)]
    return Document(TITLE.get(language), language, asked.now, FOOTER.get(language).format(day=day), blocks)


def _public(windows: Sequence[Window], asked: Asked, zones: Sequence[str], language: str) -> Iterator[Block]:
    yield Paragraph(MAY_FAIL.get(language), strong=True, large=True)
    yield Table([words.get(language) for words in HEAD], [_row(one, language) for one in windows], (24, 24, 20, 32), large=True)
    yield Paragraph(ZONE.get(language).format(zone=", ".join(zones)))
    yield Facts([(ALSO.get(language), ", ".join(asked.accepts) or CASH.get(language))], large=True)


def _row(window: Window, language: str) -> tuple[str, str, str, str]:
    start, end = (f"{at(moment, window.zone):%Y-%m-%d %H:%M}" for moment in (window.start, window.end))
    services = [SERVICES[one].get(language) for one in window.services or ("card",)]
    return start, end, window.bank or EVERY_BANK.get(language), f"{', '.join(services)}: {EFFECTS[window.effect].get(language)}"


def _private(windows: Sequence[Window], language: str) -> Iterator[Block]:
    first = _row(windows[0], language)[0]
    yield NewPage()
    yield Heading(FOR_YOU.get(language))
    yield Paragraph(f"{BEFORE.get(language)} ({first})", strong=True)
    yield Boxes([words.get(language) for words in BEFORE_ITEMS])
    yield Paragraph(AFTERWARDS.get(language), strong=True)
    yield Boxes([words.get(language) for words in AFTER_ITEMS])
    yield Lines([words.get(language) for words in SIGNED])
