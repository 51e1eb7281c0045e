"""Makes the files of this example: one shop, three terminals, an acquirer, two wallets, ten days in September and October 2026.

python examples/settlement/make_data.py [FOLDER]

The same seed gives the same bytes. Nothing in it is real: card numbers are masked, and their digits fail the Luhn check.
"""

import csv
import datetime
import io
import pathlib
import random
import sys
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final, NamedTuple
from xml.sax.saxutils import escape

SEED: Final = 20260930
DAYS: Final = [datetime.date(2026, 9, 21) + datetime.timedelta(days=number) for number in range(5)]
"""Monday to Friday; the Mid-Autumn holiday begins on Friday 25 September, and Sunday 20 September was worked."""
TERMINALS: Final = ("10000001", "10000002", "10000003")
MERCHANT: Final = "898100000000001"
PAID: Final = {
    datetime.date(2026, 9, 21): datetime.date(2026, 9, 22),
    datetime.date(2026, 9, 22): datetime.date(2026, 9, 23),
    datetime.date(2026, 9, 23): datetime.date(2026, 9, 24),
    datetime.date(2026, 9, 24): datetime.date(2026, 9, 28),
    datetime.date(2026, 9, 25): datetime.date(2026, 9, 28),
    datetime.date(2026, 9, 26): datetime.date(2026, 9, 28),
}
"""When the acquirer pays an accounting day: T+1, and nothing from 25 to 27 September."""
RATE: Final = Decimal("0.006")
BINS: Final = ("622202", "621700", "625912")


class Sale(NamedTuple):
    """A card transaction as the terminal has it."""

    time: datetime.datetime
    terminal: str
    batch: int
    trace: int
    kind: str
    amount: Decimal
    rrn: str
    card: str
    response: str = "00"
    reversal: str = ""
    original: int = 0


def luhn(digits: str) -> bool:
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return sum(value - 9 * (value > 9) for value in doubled) % 10 == 0


def masked(rng: random.Random) -> str:
    """A masked card number; with zeros for the masked digits it fails the Luhn check, as do its first and last digits."""
    while True:
        first, last = rng.choice(BINS), f"{rng.randrange(10_000):04}"
        if not luhn(f"{first}000000{last}") and not luhn(f"{first}{last}"):
            return f"{first}******{last}"


def fee(amount: Decimal) -> Decimal:
    return (amount * RATE).quantize(Decimal("0.01"), ROUND_HALF_UP)


def accounting(time: datetime.datetime) -> datetime.date:
    return time.date() + datetime.timedelta(days=time.hour >= 23)


class Shop:
    """One shop for a few days."""

    def __init__(self) -> None:
        self.rng = random.Random(SEED)  # noqa: S311 - the same data every time
        self.sales: list[Sale] = []
        self.trace, self.rrn = dict.fromkeys(TERMINALS, 999_960), 626_400_000_000

    def open(self) -> None:
        for place, day in enumerate(DAYS):
            for terminal in TERMINALS:
                for number in range(self.rng.randrange(14, 20)):
                    self._sale(day, terminal, place + 41, number)

    def _sale(self, day: datetime.date, terminal: str, batch: int, number: int) -> None:
        minute = 9 * 60 + number * 40 + self.rng.randrange(40)
        time = datetime.datetime.combine(day, datetime.time()) + datetime.timedelta(
            minutes=minute, seconds=self.rng.randrange(60)
        )
        amount = Decimal(self.rng.randrange(300, 60_000)).scaleb(-2)
        self.add(time, terminal, batch, amount)

    def add(self, time: datetime.datetime, terminal: str, batch: int, amount: Decimal, **rest: Any) -> Sale:
        self.rrn += 1
        self.trace[terminal] = self.trace[terminal] % 999_999 + 1
        kind = "refund" if self.rng.random() < 0.04 else "sale"
        sale = Sale(
            time, terminal, batch, self.trace[terminal], rest.pop("kind", kind), amount, str(self.rrn), masked(self.rng), **rest
        )
        self.sales.append(sale)
        return sale


def text_of(rows: list[list[Any]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows(rows)
    return out.getvalue()


def journal(sales: list[Sale]) -> str:
    head = [
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
    rows = [
        [
            sale.time,
            sale.terminal,
            f"{sale.batch:06}",
            f"{sale.trace:06}",
            sale.rrn if sale.response == "00" else "",
            "",
            f"{sale.original:06}" if sale.original else "",
            sale.kind,
            sale.amount,
            "CNY",
            sale.card,
            sale.response,
            sale.reversal,
            "",
            "",
            "示例收单",
        ]
        for sale in sales
    ]
    return text_of([head, *rows])


def totals(sales: list[Sale]) -> str:
    head = ["closed", "terminal", "batch", "currency", "acquirer", "sales_count", "sales_sum", "refunds_count", "refunds_sum"]
    rows = []
    for place, day in enumerate(DAYS):
        for terminal in TERMINALS:
            mine = [sale for sale in sales if (sale.terminal, sale.batch, sale.response) == (terminal, place + 41, "00")]
            groups = [[sale.amount for sale in mine if sale.kind == kind] for kind in ("sale", "refund")]
            counted = [cell for group in groups for cell in (len(group), sum(group, Decimal(0)))]
            if (terminal, place) == ("10000003", 2):
                counted[0] = int(counted[0]) - 1
                counted[1] -= groups[0][-1]
            rows.append(
                [datetime.datetime.combine(day, datetime.time(22, 59)), terminal, f"{place + 41:06}", "CNY", "示例收单", *counted]
            )
    return text_of([head, *rows])


WORDS: Final = {"sale": "消费", "refund": "退货"}


class Detail(NamedTuple):
    """A line of the acquirer's file."""

    day: datetime.date
    paid: datetime.date
    sale: Sale
    amount: Decimal
    fee: Decimal


def acquirer(details: list[Detail]) -> str:
    """The acquirer's detail file: GBK, Chinese column names, a line with totals."""
    head = [
        "商户号",
        "终端号",
        "交易日期",
        "交易时间",
        "交易类型",
        "交易批次号",
        "凭证号",
        "参考号",
        "卡号",
        "交易金额",
        "手续费",
        "清算日期",
        "入账日期",
        "持卡人姓名",
    ]
    rows = [
        [
            MERCHANT,
            detail.sale.terminal,
            f"{detail.sale.time:%Y%m%d}",
            f"{detail.sale.time:%H%M%S}",
            WORDS[detail.sale.kind],
            f"{detail.sale.batch:06}",
            f"{detail.sale.trace:06}",
            detail.sale.rrn,
            detail.sale.card,
            detail.amount,
            detail.fee,
            f"{detail.day:%Y%m%d}",
            f"{detail.paid:%Y%m%d}",
            "*某",
        ]
        for detail in details
    ]
    signed = [detail.amount * (-1 if detail.sale.kind == "refund" else 1) for detail in details]
    return text_of([head, *rows, ["合计", len(details), sum(signed)]])


def entry(number: int, paid: datetime.date, amount: Decimal, count: int) -> str:
    day = paid.isoformat()
    return f"""   <Ntry>
    <Amt Ccy="CNY">{abs(amount)}</Amt><CdtDbtInd>{"CRDT" if amount >= 0 else "DBIT"}</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>
    <BookgDt><Dt>{day}</Dt></BookgDt><ValDt><Dt>{day}</Dt></ValDt><AcctSvcrRef>{day.replace("-", "")}{number:04}</AcctSvcrRef>
    <BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>MCRD</Cd><SubFmlyCd>POSP</SubFmlyCd></Fmly></Domn></BkTxCd>
    <NtryDtls><Btch><MsgId>POS{day.replace("-", "")}</MsgId><NbOfTxs>{count}</NbOfTxs></Btch></NtryDtls>
    <AddtlNtryInf>{escape("POS SETTLEMENT " + MERCHANT)}</AddtlNtryInf>
   </Ntry>
"""


def balance(code: str, amount: Decimal, day: str) -> str:
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>"
        f'<Amt Ccy="CNY">{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>{day}</Dt></Dt></Bal>'
    )


def statement(details: list[Detail]) -> str:
    """A camt.053: one posting for each day on which the acquirer paid, and the rent, which is none of ours."""
    days: dict[datetime.date, list[Decimal]] = {}
    for detail in details:
        sign = -1 if detail.sale.kind == "refund" else 1
        days.setdefault(detail.paid, []).append(sign * detail.amount - detail.fee)
    postings = [(paid, sum(values, Decimal(0)), len(values)) for paid, values in sorted(days.items())]
    rent = Decimal("-6800.00")
    opening, closing = Decimal("52310.40"), Decimal("52310.40") + sum(amount for _, amount, _ in postings) + rent
    entries = "".join(entry(number, *posting) for number, posting in enumerate(postings, 1))
    other = entry(99, datetime.date(2026, 9, 24), rent, 1).replace("POS SETTLEMENT " + MERCHANT, "RENT OCTOBER")
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08">
 <BkToCstmrStmt>
  <GrpHdr><MsgId>STMT-2026-09-28</MsgId><CreDtTm>2026-09-28T23:10:00+08:00</CreDtTm></GrpHdr>
  <Stmt>
   <Id>2026-09</Id><Acct><Id><Othr><Id>6200000000000001</Id></Othr></Id><Ccy>CNY</Ccy></Acct>
   {balance("OPBD", opening, "2026-09-21")}
   {balance("CLBD", closing, "2026-09-28")}
{entries}{other}  </Stmt>
 </BkToCstmrStmt>
</Document>
"""


class Scan(NamedTuple):
    """A wallet payment by QR code, or a refund of one."""

    time: datetime.datetime
    order: str
    amount: Decimal
    state: str = ""
    goods: str = "咖啡"


def scans(rng: random.Random, wallet: str, day: datetime.date) -> list[Scan]:
    found = []
    for number in range(12):
        time = datetime.datetime.combine(day, datetime.time(9)) + datetime.timedelta(minutes=number * 55 + rng.randrange(50))
        found.append(Scan(time, f"{wallet}{day:%m%d}{number:04}", Decimal(rng.randrange(900, 20_000)).scaleb(-2)))
    return found


def scan_journal(lists: dict[str, list[Scan]]) -> str:
    head = ["time", "terminal", "batch", "trace", "order", "kind", "amount", "currency", "response", "acquirer"]
    rows = [
        [
            scan.time,
            TERMINALS[0],
            "",
            "",
            scan.order,
            "refund" if scan.amount < 0 else "sale",
            abs(scan.amount),
            "CNY",
            "00",
            wallet,
        ]
        for wallet, listed in lists.items()
        for scan in listed
    ]
    return text_of([head, *rows])


ALIPAY_HEAD: Final = (
    "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,订单金额（元）,商家实收（元）,"
    "支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,券名称,商家红包消费金额（元）,卡消费金额（元）,"
    "退款批次号/请求号,服务费（元）,分润（元）,备注"
)


def alipay(listed: list[Scan], day: datetime.date) -> str:
    """A trade bill with the real 25 columns; text ends with a TAB, refunds are negative."""
    rows, sums = [], {"交易": [0, Decimal(0)], "退款": [0, Decimal(0)]}
    for number, scan in enumerate(listed):
        kind = "退款" if scan.amount < 0 else "交易"
        sums[kind][0] += 1
        sums[kind][1] += scan.amount
        charged = -(scan.amount * RATE).quantize(Decimal("0.01"), ROUND_HALF_UP)
        order, refund = (scan.order.partition("-R")[0], scan.order) if kind == "退款" else (scan.order, "")
        moment = f"{scan.time:%Y-%m-%d %H:%M:%S}"
        cells = [
            f"{day:%Y%m%d}22001400000{number:06}\t",
            f"{order}\t",
            f"{kind}\t",
            f"{scan.goods}\t",
            moment,
            moment,
            "\t",
            "\t",
            "\t",
            f"{TERMINALS[0]}\t",
            "*明(138****0000)\t",
            f"{scan.amount}",
            f"{scan.amount}",
            *["0.00"] * 5,
            "\t",
            "0.00",
            "0.00",
            f"{refund}\t",
            f"{charged}",
            "0.00",
            "\t",
        ]
        rows.append(",".join(cells))
    period = f"{day:%Y年%m月%d日}"
    after = f"{day + datetime.timedelta(days=1):%Y年%m月%d日}"
    lines = [
        "#支付宝业务明细查询",
        "#账号：[20880000000000010156]",
        f"#起始日期：[{period} 00:00:00]   终止日期：[{after} 00:00:00]",
        "#-----------------------------------------业务明细列表----------------------------------------",
        ALIPAY_HEAD,
        *rows,
        "#-----------------------------------------业务明细列表结束------------------------------------",
        f"#交易合计：{sums['交易'][0]}笔，商家实收共{sums['交易'][1]}元，商家优惠共0.00元",
        f"#退款合计：{sums['退款'][0]}笔，商家实收退款共{sums['退款'][1]}元，商家优惠退款共0.00元",
        f"#导出时间：[{after} 10:30:00]",
    ]
    return "\r\n".join(lines) + "\r\n"


WECHAT_HEAD: Final = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,"
    "微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注"
)


def wechat(listed: list[Scan]) -> str:
    """A trade bill with the real 27 columns and its backticks."""
    rows, paid, refunded, fees = [], Decimal(0), Decimal(0), Decimal(0)
    for number, scan in enumerate(listed):
        back = scan.amount < 0
        amount, charged = abs(scan.amount), scan.amount * RATE
        order, refund = (scan.order.partition("-R")[0], scan.order) if back else (scan.order, "0")
        sale, money_back = (Decimal("0.00"), amount) if back else (amount, Decimal("0.00"))
        paid, refunded, fees = paid + sale, refunded + money_back, fees + charged
        cells = [
            f"{scan.time:%Y-%m-%d %H:%M:%S}",
            "wx0000000000000001",
            "1900000001",
            "0",
            TERMINALS[0],
            f"42000000{number:020}",
            order,
            "oEXAMPLE",
            "MICROPAY",
            "REFUND" if back else "SUCCESS",
            "OTHERS",
            "CNY",
            sale,
            "0.00",
            f"50000000{number:020}" if back else "0",
            refund,
            money_back,
            "0.00",
            "ORIGINAL" if back else "",
            scan.state,
            scan.goods,
            "",
            f"{charged:.5f}",
            "0.60%",
            sale,
            money_back,
            "",
        ]
        rows.append(",".join(f"`{cell}" for cell in cells))
    summary = f"`{len(listed)},`{paid},`{refunded},`0.00,`{fees:.5f},`{paid},`{refunded}"
    names = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
    return "\r\n".join([WECHAT_HEAD, *rows, names, summary]) + "\r\n"


WINDOWS: Final = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Example//maintenance//ZH
BEGIN:VEVENT
UID:20260922-pos@acquirer.example
DTSTAMP:20260915T020000Z
SEQUENCE:1
SUMMARY:示例收单 POS 系统维护
DESCRIPTION:银行卡收单交易暂停\\, 日切相应顺延
DTSTART;TZID=Asia/Shanghai:20260922T220000
DTEND;TZID=Asia/Shanghai:20260923T013000
END:VEVENT
BEGIN:VEVENT
UID:20260920-pboc@example
DTSTAMP:20260910T020000Z
SUMMARY:人民银行支付清算系统维护窗口
DESCRIPTION:小额支付系统、网上支付跨行清算系统暂停受理业务
DTSTART;TZID=China Standard Time:20260920T000000
DTEND;TZID=China Standard Time:20260920T060000
END:VEVENT
END:VCALENDAR
"""
NOTICE: Final = """关于系统维护的公告
为提升服务质量，示例收单将于9月24日21:00至9月25日02:00进行系统升级，期间POS刷卡交易、结算款到账将受影响。
如遇特殊情况，另行通知。
"""


def main() -> None:
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "data"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text, encoding in files():
        (folder / name).write_bytes(text.encode(encoding))


def files() -> list[tuple[str, str, str]]:
    """Name, text and encoding of every file."""
    shop = Shop()
    shop.open()
    at = lambda day, hour, minute: datetime.datetime(2026, 9, day, hour, minute, 10)  # noqa: DTZ001, E731 - local time, as the files have it
    # In the window of 22 September: two get no answer and are reversed, one of them is settled all the same; one is late.
    settled = shop.add(at(22, 22, 12), "10000001", 42, Decimal("268.00"), kind="sale", response="", reversal="confirmed")
    shop.add(at(22, 22, 20), "10000002", 42, Decimal("45.50"), kind="sale", response="", reversal="confirmed")
    shop.add(at(22, 22, 31), "10000003", 42, Decimal("88.00"), kind="sale", response="91")
    shifted = shop.add(at(22, 22, 51), "10000002", 42, Decimal("139.90"), kind="sale")
    lost = shop.add(at(24, 21, 30), "10000003", 44, Decimal("512.00"), kind="sale")
    sales = sorted(shop.sales, key=lambda sale: (sale.time, sale.terminal))
    details = [
        Detail(accounting(s.time), PAID[accounting(s.time)], s, s.amount, fee(s.amount) * (-1 if s.kind == "refund" else 1))
        for s in sales
        if s.response == "00" and s is not lost
    ]
    plain = [place for place, detail in enumerate(details) if detail.sale.kind == "sale" and detail.sale is not shifted]
    short, dear, late = (plain[place] for place in (5, 20, 33))
    less = details[short].amount - Decimal("2.70")
    details[short] = details[short]._replace(amount=less, fee=fee(less))
    details[dear] = details[dear]._replace(fee=details[dear].fee + Decimal("0.50"))
    details[late] = details[late]._replace(paid=PAID[details[late].day] + datetime.timedelta(days=1))
    details = [d._replace(day=DAYS[2], paid=PAID[DAYS[2]]) if d.sale is shifted else d for d in details]
    details.append(details[plain[41]])
    settled = settled._replace(rrn="626499999999")
    details.append(Detail(DAYS[1], PAID[DAYS[1]], settled, settled.amount, fee(settled.amount)))
    day = datetime.date(2026, 9, 23)
    lists = {wallet: scans(shop.rng, wallet[:2], day) for wallet in ("ALIPAY", "WECHAT")}
    lists["ALIPAY"].append(Scan(at(23, 20, 5), f"{lists['ALIPAY'][3].order}-R1", -lists["ALIPAY"][3].amount))
    lists["WECHAT"] += [
        Scan(at(23, 20, 15), f"{lists['WECHAT'][2].order}-R1", Decimal("-3.00"), "SUCCESS", "拿铁, 大杯"),
        Scan(at(23, 21, 5), f"{lists['WECHAT'][2].order}-R2", Decimal("-2.00"), "PROCESSING", "拿铁, 大杯"),
    ]
    only_wallet = Scan(at(23, 19, 45), "AL09239999", Decimal("36.00"))
    return [
        ("journal.csv", journal(sales), "utf-8-sig"),
        ("journal-scan.csv", scan_journal(lists), "utf-8"),
        ("batch-totals.csv", totals(sales), "utf-8"),
        ("acquirer-20260928.csv", acquirer(details), "gb18030"),
        ("camt053-20260928.xml", statement(details), "utf-8"),
        ("alipay-20260923.csv", alipay([*lists["ALIPAY"], only_wallet], day), "gb18030"),
        ("wechat-20260923.csv", wechat(lists["WECHAT"]), "utf-8-sig"),
        ("windows.ics", WINDOWS.replace("\n", "\r\n"), "utf-8"),
        ("notice.txt", NOTICE, "utf-8"),
    ]


if __name__ == "__main__":
    main()
