"""Hold a journal against the rules. Pure; a record counts for as many rules as it breaks."""

import datetime
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from fwtool.compliance.activity.journal import Record
from fwtool.compliance.activity.rules import Rule
from fwtool.findings import Words
from fwtool.settlement import money

_GOOD: Final = "approved"
_SALES: Final = ("sale", "offline")


class Hit(NamedTuple):
    """What one rule says of some transactions."""

    rule: str
    severity: str
    records: tuple[Record, ...]
    reason: Words

    def as_json(self, language: str) -> dict[str, object]:
        first = self.records[0]
        return {
            "rule": self.rule,
            "severity": self.severity,
            "terminal": first.terminal,
            "time": first.when.isoformat(),
            "until": self.records[-1].when.isoformat(),
            "lines": [record.place for record in self.records],
            "amount": _digits(sum((abs(record.amount) for record in self.records), Decimal(0)), first.currency),
            "currency": first.currency,
            "cards": sorted({record.card for record in self.records if record.card}),
            "reason": self.reason.get(language),
        }


def _digits(amount: Decimal, currency: str) -> str:
    """With as many decimals as the currency has (ISO 4217)."""
    return f"{amount:.{money.places(currency)}f}"


def _money(amount: Decimal, currency: str) -> str:
    return f"{_digits(amount, currency)} {currency}"


def look(records: Sequence[Record], rules: Iterable[Rule]) -> list[Hit]:
    """All hits, by time.

    Args:
        records: In order of time.
    """
    hits = [hit for rule in rules for hit in LOOKS[rule.kind](records, rule)]
    return sorted(hits, key=lambda hit: (hit.records[0].when, hit.rule))


def _hit(rule: Rule, records: Sequence[Record], en: str, zh: str) -> Hit:
    return Hit(rule.id, rule.severity, tuple(records), Words(en, zh))


def _runs(records: Iterable[Record], rule: Rule, key: Callable[[Record], tuple[str, ...]]) -> Iterator[list[Record]]:
    """Groups of at least `count` records with the same key, of which each `count` neighbours lie within `within_s`."""
    groups: dict[tuple[str, ...], list[Record]] = defaultdict(list)
    for record in records:
        groups[key(record)].append(record)
    span = datetime.timedelta(seconds=rule.within_s)
    for group in groups.values():
        run: list[Record] = []
        last = -1
        for at in range(len(group) - rule.count + 1):
            if group[at + rule.count - 1].when - group[at].when > span:
                continue
            if run and at > last:
                yield run
                run = []
            run += group[max(at, last + 1 if run else at) : at + rule.count]
            last = at + rule.count - 1
        if run:
            yield run


def _minutes(records: Sequence[Record]) -> int:
    return max(1, round((records[-1].when - records[0].when).total_seconds() / 60))


def _refunds(records: Sequence[Record], rule: Rule) -> Iterator[Hit]:
    """A refund belongs to a sale that it names, or at least to one with the same card, not smaller than all refunds of it."""
    by_trace: dict[tuple[str, str], list[Record]] = defaultdict(list)
    by_card: dict[str, list[Record]] = defaultdict(list)
    refunded: dict[int, object] = {}
    for record in records:
        if record.state != _GOOD:
            continue
        if record.kind in _SALES:
            by_trace[record.terminal, record.stan].append(record)
            by_card[record.last4].append(record)
        elif record.kind == "refund" and -record.amount >= rule.min_amount:
            by_number = by_trace[record.terminal, record.original] if record.original else None
            earlier = by_number if by_number is not None else by_card[record.last4] if record.last4 else []
            sale = _sale_for(record, earlier, rule, refunded)
            if sale is None:
                yield _lone(record, rule, records[0].when)
            else:
                refunded[id(sale)] = True


def _lone(record: Record, rule: Rule, begins: datetime.datetime) -> Hit:
    """A refund without a sale. Where the sale may be older than the journal it is only a question."""
    en, zh = _no_sale(record, rule)
    if record.original or record.when - datetime.timedelta(days=rule.within_d) >= begins:
        return _hit(rule, [record], en, zh)
    day = begins.date().isoformat()
    asked = _hit(rule, [record], f"{en}; the journal begins only on {day}", f"{zh};日志始于 {day}")
    return asked._replace(severity="warning")


def _sale_for(refund: Record, earlier: Sequence[Record], rule: Rule, used: dict[int, object]) -> Record | None:
    since = refund.when - datetime.timedelta(days=rule.within_d)
    fitting = (
        sale for sale in reversed(earlier)
        if sale.when >= since and sale.amount >= -refund.amount and id(sale) not in used
        and sale.currency == refund.currency
    )  # fmt: skip
    return next(fitting, None)


def _no_sale(record: Record, rule: Rule) -> tuple[str, str]:
    amount = _money(-record.amount, record.currency)
    if record.original:
        return (f"refund of {amount} names sale {record.original}, which is not there, was smaller, or is refunded already",
                f"退款 {amount} 所指原交易 {record.original} 不存在、金额不足或已退款")  # fmt: skip
    return (f"refund of {amount} to {record.card or 'a card not told'}: no sale of that much with it in {rule.within_d} days",
            f"退款 {amount} 至 {record.card or '未知卡'}:{rule.within_d} 天内没有相应消费")  # fmt: skip


def _declines(records: Sequence[Record], rule: Rule) -> Iterator[Hit]:
    declined = [one for one in records if one.state == "declined" and (one.last4 or rule.by == "terminal")]

    def key(record: Record) -> tuple[str, ...]:
        return (record.terminal, record.last4 if rule.by == "card" else "")

    for run in _runs(declined, rule, key):
        cards = len({record.last4 for record in run})
        yield _hit(rule, run, f"{len(run)} payments declined in {_minutes(run)} minutes, {cards} cards; limit {rule.count}",
                   f"{_minutes(run)} 分钟内 {len(run)} 笔被拒,{cards} 张卡;限值 {rule.count}")  # fmt: skip


def _key_entered(records: Sequence[Record], rule: Rule) -> Iterator[Hit]:
    keyed = [record for record in records if record.entry == "manual" and record.kind in _SALES]
    for run in _runs(keyed, rule, lambda record: (record.terminal,)):
        yield _hit(rule, run, f"{len(run)} card numbers keyed in within {_minutes(run)} minutes; limit {rule.count}",
                   f"{_minutes(run)} 分钟内手输卡号 {len(run)} 笔;限值 {rule.count}")  # fmt: skip


def _off_hours(records: Sequence[Record], rule: Rule) -> Iterator[Hit]:
    """One hit per terminal and night."""
    nights: dict[tuple[str, datetime.date], list[Record]] = defaultdict(list)
    for record in records:
        now = record.when.timetz().replace(tzinfo=None)
        if not _is_open(now, rule):
            day = record.when.date() - datetime.timedelta(days=now < rule.open)
            nights[record.terminal, day].append(record)
    hours = f"{rule.open:%H:%M}-{rule.close:%H:%M}"
    for night in nights.values():
        yield _hit(rule, night, f"{len(night)} transactions outside of {hours}, the first at {night[0].when:%H:%M}",
                   f"营业时间 {hours} 之外 {len(night)} 笔,首笔 {night[0].when:%H:%M}")  # fmt: skip


def _is_open(now: datetime.time, rule: Rule) -> bool:
    if rule.open < rule.close:
        return rule.open <= now < rule.close
    return now >= rule.open or now < rule.close


def _offline(records: Sequence[Record], rule: Rule) -> Iterator[Hit]:
    forced = [record for record in records if record.kind == "offline"]
    for record in forced:
        if abs(record.amount) >= rule.min_amount:
            amount = _money(abs(record.amount), record.currency)
            yield _hit(rule, [record], f"{amount} taken offline; limit {rule.min_amount}",
                       f"脱机交易 {amount};限值 {rule.min_amount}")  # fmt: skip
    for run in _runs(forced, rule, lambda record: (record.terminal,)):
        yield _hit(rule, run, f"{len(run)} payments taken offline in {_minutes(run)} minutes; limit {rule.count}",
                   f"{_minutes(run)} 分钟内脱机交易 {len(run)} 笔;限值 {rule.count}")  # fmt: skip


LOOKS: Final[dict[str, Callable[[Sequence[Record], Rule], Iterator[Hit]]]] = {
    "refund_without_sale": _refunds,
    "repeated_declines": _declines,
    "key_entered": _key_entered,
    "off_hours": _off_hours,
    "forced_offline": _offline,
}
"""Kind of rule -> how it looks."""
