"""Journals, batch totals and files of a bank with planted discrepancies, and the list of what was planted.

The list is the oracle: it is written while the files are, and knows nothing of how they are matched.
"""

import csv
import datetime
import pathlib
import random
from collections import Counter
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final, NamedTuple, TextIO

SETTINGS: Final = """
[bank.ACQ]
names = ["示例收单"]
cutover = "23:00"
settles = "T+1"
calendar = "NOV"
fee = { rate = "0.006", rounding = "half-up" }

[calendar.NOV]
first = 2026-10-01
last = 2026-12-31
holidays = [2026-11-11]

[layout.acq-detail]
side = "bank"
framing = "csv"
bank = "ACQ"
currency = "CNY"
sign = "kind"
header = ["终端号", "批次号", "流水号", "清算日"]
kinds = { "消费" = "sale", "退货" = "refund", "消费撤销" = "void" }
[layout.acq-detail.columns]
time = ["交易日期", "交易时间"]
day = "清算日"
value_date = "入账日"
terminal = "终端号"
batch = "批次号"
stan = "流水号"
rrn = "参考号"
card = "卡号"
kind = "交易类型"
amount = "交易金额"
fee = "手续费"
[layout.acq-detail.forms]
time = "YYYYMMDD hhmmss"
day = "YYYYMMDD"
value_date = "YYYYMMDD"
"""
NOTICE: Final = "示例收单将于11月14日0:00至6:00、11月17日14:00至15:00进行系统维护，POS刷卡交易暂停。\n"
WINDOWS: Final = (
    (datetime.datetime.fromisoformat("2026-11-14T00:00"), datetime.datetime.fromisoformat("2026-11-14T06:00")),
    (datetime.datetime.fromisoformat("2026-11-17T14:00"), datetime.datetime.fromisoformat("2026-11-17T15:00")),
)
FIRST: Final = datetime.date(2026, 11, 2)
DAY: Final = datetime.timedelta(days=1)
AS_OF: Final = datetime.date(2026, 12, 10)
CODES: Final = {"sale": "消费", "refund": "退货", "void": "消费撤销"}
KINDS: Final = (
    "one_sided_journal",
    "one_sided_bank",
    "reversed_but_settled",
    "amount_long",
    "amount_short",
    "duplicate_bank",
    "duplicate_journal",
    "key_collision",
    "fee_difference",
    "fee_rounding",
    "booked_late",
    "paid_late",
    "cutover_shift",
    "reference_differs",
    "batch_total_difference",
    "probable_match",
)
FOUND_AS: Final = {"reversed_but_settled": "one_sided_bank", "booked_late": "delayed", "paid_late": "delayed"}


class Planted(NamedTuple):
    """One discrepancy: the kind of item that is expected, where, and bank minus journal."""

    kind: str
    terminal: str
    batch: str
    trace: str
    difference: str


class Trade(NamedTuple):
    """A transaction as it really was."""

    time: datetime.datetime
    terminal: str
    batch: int
    trace: int
    kind: str
    amount: Decimal
    rrn: str
    last4: str
    original: int


class Made(NamedTuple):
    """The files, what was planted, and how often transactions failed: (attempts, failed) inside and outside of windows."""

    files: tuple[pathlib.Path, ...]
    planted: tuple[Planted, ...]
    attempts: Counter[str]
    failed: Counter[str]
    matched: int


def next_working(day: datetime.date) -> datetime.date:
    """The next weekday that is not 11 November."""
    day += DAY
    while day.weekday() > 4 or day == datetime.date(2026, 11, 11):
        day += DAY
    return day


def fee(amount: Decimal) -> Decimal:
    rounded = (abs(amount) * 6 / 1000).quantize(Decimal("0.01"), ROUND_HALF_UP)
    return -rounded if amount < 0 else rounded


def inside(time: datetime.datetime) -> bool:
    return any(start <= time < end for start, end in WINDOWS)


class _Files:
    """Writers of the three files."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.names = tuple(folder / name for name in ("journal.csv", "totals.csv", "bank.csv"))
        self._open: list[TextIO] = [path.open("w", encoding="utf-8", newline="") for path in self.names]
        self.journal, self.totals = (csv.writer(file) for file in self._open[:2])
        self.bank: list[list[Any]] = []
        self.journal.writerow(
            [
                "time",
                "terminal",
                "batch",
                "trace",
                "rrn",
                "order",
                "original_trace",
                "kind",
                "amount",
                "currency",
                "card",
                "response",
                "reversal",
                "settlement_date",
                "uploaded",
                "acquirer",
            ]
        )
        self.totals.writerow(
            ["closed", "terminal", "batch", "currency", "acquirer", "sales_count", "sales_sum", "refunds_count", "refunds_sum"]
        )

    def close(self, rng: random.Random) -> None:
        rng.shuffle(self.bank)
        writer = csv.writer(self._open[2])
        writer.writerow(
            [
                "交易日期",
                "交易时间",
                "清算日",
                "入账日",
                "终端号",
                "批次号",
                "流水号",
                "参考号",
                "卡号",
                "交易类型",
                "交易金额",
                "手续费",
            ]
        )
        writer.writerows(self.bank)
        for file in self._open:
            file.close()


class _Maker:
    def __init__(self, folder: pathlib.Path, seed: int, each: int, lines: int) -> None:
        self.rng = random.Random(seed)
        self.files = _Files(folder)
        self.planted: list[Planted] = []
        self.attempts: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.matched = 0
        self.rrn = 100_000_000_000
        self._wanted = self._places(each, lines)
        self._seen = 0

    def _places(self, each: int, lines: int) -> dict[int, str]:
        """At which transactions to plant what: never two in one place."""
        kinds = [kind for kind in KINDS if kind != "batch_total_difference" for _ in range(each)]
        places = self.rng.sample(range(lines * 9 // 10), len(kinds))
        return dict(zip(places, kinds, strict=True))

    def journal(self, trade: Trade, response: str = "00", reversal: str = "", uploaded: str = "", **change: Any) -> None:
        trade = trade._replace(**change)
        self.files.journal.writerow(
            [
                trade.time,
                trade.terminal,
                f"{trade.batch:06}",
                f"{trade.trace:06}",
                trade.rrn,
                "",
                f"{trade.original:06}" if trade.original else "",
                trade.kind,
                f"{abs(trade.amount)}",
                "CNY",
                f"622202******{trade.last4}",
                response,
                reversal,
                "",
                uploaded,
                "ACQ",
            ]
        )

    def bank(self, trade: Trade, shift: int = 0, late: int = 0, fee_more: str = "0", **change: Any) -> None:
        trade = trade._replace(**change)
        day = self.accounting(trade.time) + DAY * shift
        value = next_working(day)
        for _ in range(late):
            value = next_working(value)
        self.files.bank.append(
            [
                f"{trade.time:%Y%m%d}",
                f"{trade.time:%H%M%S}",
                f"{day:%Y%m%d}",
                f"{value:%Y%m%d}",
                trade.terminal,
                f"{trade.batch:06}",
                f"{trade.trace:06}",
                trade.rrn,
                f"622202******{trade.last4}",
                CODES.get(trade.kind, "消费"),
                f"{abs(trade.amount)}",
                f"{fee(trade.amount) + Decimal(fee_more)}",
            ]
        )

    @staticmethod
    def accounting(time: datetime.datetime) -> datetime.date:
        return time.date() if time.hour < 23 else time.date() + DAY

    def plant(self, kind: str, trade: Trade, difference: Decimal | str) -> None:
        found = FOUND_AS.get(kind, kind)
        self.planted.append(Planted(found, trade.terminal, str(trade.batch), f"{trade.trace:06}", str(difference)))

    def trade(self, trade: Trade) -> bool:
        """One approved transaction on both sides, or what is planted there; whether the journal has it."""
        kind = self._wanted.pop(self._seen, "")
        self._seen += 1
        if kind and trade.kind != "sale":
            self._wanted[self._seen + 1] = kind
            kind = ""
        half = "inside" if inside(trade.time) else "outside"
        if kind != "one_sided_bank":
            self.attempts[half] += 1
        if kind:
            return self._planted(kind, trade, half)
        self.journal(trade)
        self.bank(trade)
        self.matched += 1
        return True

    def _planted(self, kind: str, trade: Trade, half: str) -> bool:
        """What is planted at a sale."""
        amount = trade.amount
        some = Decimal(self.rng.randrange(1, 900)) / 100
        last = f"{(int(trade.last4) + 1) % 10000:04}"
        early = trade.time.replace(hour=22, minute=45, second=0)
        noon = trade.time.replace(hour=9, minute=30, second=trade.time.second)
        if kind == "one_sided_journal":
            self.journal(trade)
        elif kind == "one_sided_bank":
            self.bank(trade)
        elif kind == "reversed_but_settled":
            self.failed[half] += 1
            self.journal(trade, response="", reversal="confirmed", rrn="")
            self.bank(trade)
        elif kind in ("amount_long", "amount_short"):
            other = amount + some if kind == "amount_long" else amount - min(some, amount / 2).quantize(Decimal("0.01"))
            self.journal(trade)
            self.bank(trade, amount=other)
            self.plant(kind, trade, (other - amount).quantize(Decimal("0.01")))
        elif kind == "cutover_shift":
            self._move(half, early)
            self.journal(trade, time=early)
            self.bank(trade, time=early, shift=1)
        elif kind == "booked_late":
            self._move(half, noon)
            self.journal(trade, time=noon)
            self.bank(trade, time=noon, shift=3)
        else:
            self._simple(kind, trade, last)
        differences = {
            "one_sided_journal": -amount,
            "one_sided_bank": amount,
            "reversed_but_settled": amount,
            "duplicate_bank": amount,
            "duplicate_journal": -amount,
            "fee_difference": Decimal("-0.10"),
            "fee_rounding": Decimal("-0.01"),
        }
        if kind not in ("amount_long", "amount_short"):
            self.plant(kind, trade, differences.get(kind, Decimal("0.00")).quantize(Decimal("0.01")))
        self.matched += kind not in ("one_sided_journal", "one_sided_bank", "reversed_but_settled", "key_collision")
        return kind not in ("one_sided_bank", "reversed_but_settled")

    def _simple(self, kind: str, trade: Trade, last: str) -> None:
        self.journal(trade)
        if kind == "duplicate_journal":
            self.journal(trade)
        change: dict[str, Any] = {
            "key_collision": {"last4": last},
            "fee_difference": {"fee_more": "0.10"},
            "fee_rounding": {"fee_more": "0.01"},
            "paid_late": {"late": 2},
            "reference_differs": {"rrn": str(int(trade.rrn) + 500_000_000_000)},
            "probable_match": {"trace": 0, "rrn": "", "batch": 0},
        }.get(kind, {})
        self.bank(trade, **change)
        if kind == "duplicate_bank":
            self.bank(trade)

    def _move(self, half: str, time: datetime.datetime) -> None:
        """A planted transaction has another time: it counts there."""
        self.attempts[half] -= 1
        self.attempts["inside" if inside(time) else "outside"] += 1

    def failure(self, trade: Trade) -> None:
        """No answer, reversed; or an outage code. The bank has nothing."""
        half = "inside" if inside(trade.time) else "outside"
        self.attempts[half] += 1
        self.failed[half] += 1
        if self.rng.random() < 0.5:
            self.journal(trade, response="", reversal="confirmed", rrn="")
        else:
            self.journal(trade, response=self.rng.choice(("91", "96", "98")), rrn="")

    def batch(self, terminal: str, batch: int, day: datetime.date, first_trace: int, count: int) -> int:
        """One batch of a terminal; returns the next trace number."""
        trace, sums, counts = first_trace, Counter[str](), Counter[str]()
        step = 15 * 3600 // count
        start = (
            datetime.datetime.combine(day, datetime.time(8)) if count < 500 else datetime.datetime.combine(day, datetime.time(0))
        )
        step = step if count < 500 else 82000 // count
        last: Trade | None = None
        for number in range(count):
            time = start + datetime.timedelta(seconds=step * number + self.rng.randrange(max(1, step)))
            draw = self.rng.random()
            kind = "refund" if draw < 0.02 else "void" if draw < 0.03 and last else "sale"
            amount = Decimal(self.rng.randrange(100, 90_000)) / 100
            self.rrn += 1
            trade = Trade(time, terminal, batch, trace, kind, amount, f"{self.rrn}", f"{self.rng.randrange(10_000):04}", 0)
            if kind == "void" and last is not None:
                trade = trade._replace(amount=-last.amount, original=last.trace, last4=last.last4)
            elif kind == "refund":
                trade = trade._replace(amount=-amount)
            trace = trace % 999_999 + 1
            if self.rng.random() < (0.3 if inside(time) else 0.004):
                self.failure(trade)
                continue
            planting = self._seen in self._wanted
            if not self.trade(trade):
                continue
            group = "refunds" if kind == "refund" else "sales"
            counts[group] += -1 if kind == "void" else 1
            sums[group] += int(trade.amount * 100)
            last = trade if kind == "sale" and not planting else None
        self._close(terminal, batch, day, counts, sums)
        return trace

    def _close(self, terminal: str, batch: int, day: datetime.date, counts: Counter[str], sums: Counter[str]) -> None:
        more = 0
        if self._seen > self._next_total:
            self._next_total += self._every
            more = 1
            self.planted.append(Planted("batch_total_difference", terminal, str(batch), "", "-10.00"))
        self.files.totals.writerow(
            [
                datetime.datetime.combine(day, datetime.time(23, 30)),
                terminal,
                f"{batch:06}",
                "CNY",
                "ACQ",
                counts["sales"] - more,
                Decimal(sums["sales"]) / 100 - 10 * more,
                counts["refunds"],
                Decimal(abs(sums["refunds"])) / 100,
            ]
        )

    _every = 0
    _next_total = 0

    def plant_totals(self, each: int, lines: int) -> None:
        self._every = lines // (each + 1)
        self._next_total = self._every // 2


def make(folder: pathlib.Path, *, lines: int, each: int, terminals: int, seed: int = 8) -> Made:
    """Write about so many journal lines with `each` discrepancies of every kind.

    Terminals go through their trace numbers fast, so that these wrap; some start again at batch 1 after weeks.
    """
    maker = _Maker(folder, seed, each, lines)
    maker.plant_totals(each, lines)
    days = [FIRST + DAY * number for number in range(18)]
    count = max(4, lines // (terminals * len(days)))
    for number in range(terminals):
        terminal, trace = f"T{number:07}", maker.rng.randrange(999_000, 999_999)
        for place, day in enumerate(days):
            # A terminal that was exchanged after two weeks begins again.
            swapped = number % 7 == 0 and place >= 15
            batch = place - 14 if swapped else place + 1
            if swapped and place == 15:
                trace = 999_500
            trace = maker.batch(terminal, batch, day, trace, count)
    maker.files.close(maker.rng)
    (folder / "notice.txt").write_text(NOTICE, encoding="utf-8")
    (folder / "settings.toml").write_text(SETTINGS, encoding="utf-8")
    return Made((*maker.files.names, folder / "notice.txt"), tuple(maker.planted), maker.attempts, maker.failed, maker.matched)
