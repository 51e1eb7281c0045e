"""Every kind of open item: its severity, its name, and what is to be done; in both languages.

Words clash: what one text calls 长款 another calls 平台短款. Here the amount is always "bank minus journal", and 长款 is
bank > journal.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from fwtool.findings import Words


class Kind(NamedTuple):
    """One kind. `severity` is info, warning, error or security; info needs no action."""

    severity: str
    name: Words
    action: Words


KINDS: Final[dict[str, Kind]] = {
    "one_sided_journal": Kind(
        "error",
        Words("in the journal, not at the bank (short)", "单边账:终端有、银行无(短款)"),
        Words("Claim the amount from the acquirer with the sales slip.", "凭签购单向收单机构查询追款。"),
    ),
    "one_sided_bank": Kind(
        "error",
        Words("at the bank, not in the journal (long)", "单边账:银行有、终端无(长款)"),
        Words(
            "Refund the cardholder through the acquirer; the reversal's slip or the journal is the proof.",
            "通过收单机构退款给持卡人,以冲正凭条或终端日志为凭证。",
        ),
    ),
    "amount_short": Kind(
        "error",
        Words("the bank booked less (short)", "银行入账少于终端(短款)"),
        Words("Claim the difference from the acquirer with the sales slip.", "凭签购单向收单机构追补差额。"),
    ),
    "amount_long": Kind(
        "error",
        Words("the bank booked more (long)", "银行入账多于终端(长款)"),
        Words("Ask the acquirer to give the difference back to the cardholder.", "联系收单机构将差额退还持卡人。"),
    ),
    "duplicate_bank": Kind(
        "error",
        Words("settled twice by the bank (long)", "银行重复入账(长款)"),
        Words("Ask the acquirer to take one of them back.", "联系收单机构冲回其中一笔。"),
    ),
    "duplicate_journal": Kind(
        "warning",
        Words("twice in the journal", "终端流水重复"),
        Words(
            "Import each journal once; if the terminal sent it twice, check its batch upload.",
            "同一流水只导入一次;如终端重复上送,检查批上送。",
        ),
    ),
    "key_collision": Kind(
        "security",
        Words("same trace number, another card or sign", "同一流水号,卡号或方向不符"),
        Words(
            "Compare both slips; two terminals with one number, or a changed journal: tell the acquirer's security desk.",
            "核对双方凭证;终端号重复或流水被改动,须报收单机构风控部门。",
        ),
    ),
    "fee_difference": Kind(
        "warning",
        Words("the fee is not as agreed", "手续费与约定不符"),
        Words("Ask the acquirer for the fee's calculation.", "请收单机构提供手续费计算依据。"),
    ),
    "batch_total_difference": Kind(
        "warning",
        Words("batch totals differ from the journal", "批结算总计与流水不符"),
        Words(
            "Compare the settlement slip with the journal line by line; ask for a batch upload.",
            "逐笔核对结算单与流水,必要时重新批上送。",
        ),
    ),
    "account_difference": Kind(
        "error",
        Words("the account got another sum than the bank's file says", "账户到账与银行对账文件不符"),
        Words("Ask the acquirer for the payment's composition.", "请收单机构提供划款明细。"),
    ),
    "delayed": Kind(
        "info",
        Words("came later than agreed", "延迟到账"),
        Words(
            "Nothing is missing. If it happens outside of windows too, complain to the acquirer.",
            "款项未缺失;若在维护时段之外也发生,向收单机构投诉。",
        ),
    ),
    "cutover_shift": Kind(
        "info",
        Words("booked on the neighbouring day (cut-over)", "日切跨日"),
        Words("Nothing is missing. Compare the sums of both days.", "款项未缺失;请合并核对两日合计。"),
    ),
    "fee_rounding": Kind(
        "info",
        Words("the fee differs by rounding", "手续费尾差"),
        Words("Nothing to do; set fee.rounding to what the acquirer does.", "无需处理;可按收单机构规则设置 fee.rounding。"),
    ),
    "reference_differs": Kind(
        "info",
        Words("matched, with another reference number", "已勾对,参考号不一致"),
        Words("Nothing is missing. Use the bank's number in enquiries.", "款项未缺失;查询时使用银行参考号。"),
    ),
    "probable_match": Kind(
        "info",
        Words("matched by terminal, amount, card and time only", "仅按终端、金额、卡号、时间勾对"),
        Words("Look at it if the sum of the day does not tie.", "若当日合计不符,请人工复核。"),
    ),
    "pending": Kind(
        "info",
        Words("still in progress at the bank", "银行处理中"),
        Words("Wait for the next file.", "等待下一份对账文件。"),
    ),
    "no_file": Kind(
        "warning",
        Words("no file of the bank for this day", "缺少该日银行对账文件"),
        Words(
            "Fetch and import the file. Nothing of that day counts as missing until then.",
            "获取并导入对账文件;在此之前当日款项不计为短款。",
        ),
    ),
    "no_journal": Kind(
        "warning",
        Words("no journal for this day", "缺少该日终端流水"),
        Words("Read out and import the terminal's journal.", "读取并导入终端流水。"),
    ),
}

REASONS: Final[dict[str, Words]] = {
    "window": Words("inside the window of {0}", "处于{0}系统维护时段内"),
    "window_before_payment": Words("the window of {0} lies before the money was due", "到账前遇{0}系统维护时段"),
    "reversal_confirmed": Words("the reversal was confirmed to the terminal", "终端已收到冲正成功应答"),
    "reversal_pending": Words("the reversal has no answer yet: send it again before settling", "冲正尚无应答:结算前须重发冲正"),
    "no_answer": Words("the terminal got no answer and sent no reversal", "终端未收到应答且未冲正"),
    "declined": Words("the terminal was told it is declined", "终端收到拒绝应答"),
    "offline_not_sent": Words("approved offline and perhaps not sent", "脱机交易,可能尚未上送"),
    "waiting": Words("waited for until {0}", "等待至{0}"),
    "later_file_missing": Words("no file after {0} has been imported", "尚未导入{0}之后的对账文件"),
    "not_in_files": Words("in no file up to {0}", "截至{0}的文件中均无此笔"),
    "not_in_journals": Words("in no journal", "终端流水中无此笔"),
    "other_card": Words("the cards are {0}", "卡号末四位为{0}"),
    "other_sign": Words("one pays, the other takes back", "一方为消费,另一方为退款"),
    "other_currency": Words("the currencies differ", "币种不一致"),
    "other_reference": Words("amount and reference number differ", "金额和参考号均不一致"),
    "near_cutover": Words("within 30 minutes of the cut-over", "交易时间在日切前后30分钟内"),
    "clock": Words("the terminal's clock or the cut-over setting may be wrong", "终端时钟或日切设置可能有误"),
    "booked_late": Words("in the file of {0}", "出现在{0}的文件中"),
    "paid_late": Words("paid on {0}, due on {1}", "{1}应到账,实际{0}到账"),
    "rate": Words("{0} charged, {1} agreed", "实收{0},约定{1}"),
    "same_line": Words("the same as {0}", "与{0}相同"),
    "bank_agrees_journal": Words("the bank's file agrees with the journal; {0} counted", "银行文件与流水一致;相差{0}笔"),
    "bank_agrees_totals": Words("the bank's file agrees with the totals; {0} counted", "银行文件与总计一致;相差{0}笔"),
    "bank_agrees_neither": Words("the bank's file agrees with neither; {0} counted", "银行文件与双方均不一致;相差{0}笔"),
    "paid_together": Words("paid together with {0}", "与{0}合并到账"),
    "lines": Words("{0} lines", "{0}笔"),
    "": Words("not known", "原因不明"),
}  # fmt: skip


def reason_text(code: str, arguments: tuple[str, ...], language: str) -> str:
    """The reason as a sentence."""
    everybody = Words("all banks ", "全部银行 ").get(language)
    return REASONS[code].get(language).format(*(text.replace("* ", everybody, 1) for text in arguments))


NOTES: Final[dict[str, Words]] = {
    "calendar_ends": Words(
        "{0}: {1} due dates are not known, for the calendar {2} ends {3}; none of them counts as late",
        "{0}:{1}笔的应到账日未知(日历{2}止于{3}),均不计为延迟",
    ),
    "postings_of_nobody": Words(
        "postings on the account that no `statement` in the settings names, not compared: {0}",
        "账户中未能归属银行(设置中无对应 statement)、未比对的入账:{0}笔",
    ),
}


def note_text(note: Sequence[str], language: str) -> str:
    """What the reader has to know of the result, as a sentence."""
    return NOTES[note[0]].get(language).format(*note[1:])
