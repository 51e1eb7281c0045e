"""Files of terminals, banks and wallets: samples written by hand after the facts, other libraries, and files that lie."""

import datetime
import gzip
import importlib.resources
import logging
import pathlib
import random
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import mt940 as mt940_library
import pytest

from formats.errors import FormatError, LocalError, ToolError
from fwtool.settlement.lines import FileFacts, Line, Lines
from fwtool.settlement.sources import alipay, camt, declared, detect, mt940, wechat
from fwtool.settlement.sources.text import encoding_of
from fwtool.settlement.terms import read_settings
from tests.support import ROOT

USUAL = read_settings(importlib.resources.files("fwtool.settlement").joinpath("layouts.toml").read_text("utf-8")).layouts
EXAMPLE = ROOT / "examples" / "settlement"
DATE = datetime.date.fromisoformat


def every(lines: Lines) -> tuple[list[Line], FileFacts]:
    found: list[Line] = []
    while True:
        try:
            found.append(next(lines))
        except StopIteration as end:
            return found, end.value


@pytest.fixture
def file(tmp_path: pathlib.Path) -> Callable[..., pathlib.Path]:
    def write(data: str | bytes, name: str = "file.csv", encoding: str = "utf-8") -> pathlib.Path:
        path = tmp_path / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode(encoding))
        return path

    return write


File = Callable[..., pathlib.Path]

# Declared layouts

JOURNAL = (
    "time,terminal,batch,trace,rrn,kind,amount,currency,card,response,reversal\r\n"
    "2026-11-21 22:58:00,T1,000007,000012,626400000001,sale,107.50,CNY,622202******1234,00,\r\n"
    "2026-11-21 22:59:00,T1,000007,000013,,sale,5,CNY,622202******1234,,confirmed\r\n"
    "2026-11-21 23:01:00,T1,000007,000014,626400000003,refund,30.00,156,622202******1234,00,\r\n"
    "2026-11-21 23:02:00,T1,000007,000015,,sale,9.99,CNY,622202******1234,91,\r\n"
    "2026-11-21 23:03:00,T1,000007,000016,,sale,9.99,CNY,622202******1234,51,\r\n"
    "2026-11-21 23:04:00,T1,000007,000017,,sale,9.99,CNY,622202******1234,,pending\r\n"
)


def test_the_journal(file: File) -> None:
    found, _ = every(declared.read(file(JOURNAL), USUAL["journal"]))
    assert [line.amount for line in found[:3]] == [Decimal("107.50"), Decimal(5), Decimal("-30.00")]
    assert [line.state for line in found] == ["approved", "reversed", "approved", "failed", "declined", "reversal_pending"]
    first = found[0]
    assert (first.terminal, first.batch, first.stan, first.last4, first.currency) == ("T1", "000007", "000012", "1234", "CNY")
    assert first.time == datetime.datetime.fromisoformat("2026-11-21T22:58:00+08:00")
    assert found[2].currency == "CNY", "156 is CNY"
    assert detect.kind_of(file(JOURNAL), {}, USUAL) == "journal"


def zm_record(**change: str) -> bytes:
    """A line of 607 bytes, put together from the widths of the facts (not from our layout's offsets)."""
    widths = [
        3,
        11,
        11,
        6,
        10,
        19,
        12,
        4,
        2,
        21,
        2,
        32,
        2,
        6,
        10,
        13,
        13,
        4,
        15,
        2,
        2,
        6,
        2,
        4,
        32,
        1,
        21,
        15,
        1,
        15,
        32,
        13,
        13,
        8,
        32,
        13,
        13,
        12,
        2,
        1,
        131,
    ]
    values = {
        0: "S22",
        3: "000123",
        4: "1121225800",
        5: "622202******1234",
        6: "000000010750",
        9: "442611212258001234567",
        11: "ORDER1",
        13: "000000",
        15: "D000000000065",
        16: "C000000010685",
        33: "00000000",
    }
    values |= {int(key[1:]): value for key, value in change.items()}
    cells = []
    for place, width in enumerate(widths):
        raw = values.get(place, "").encode("gb18030")
        cells.append(raw + b" " * (width - len(raw)))
    return b" ".join(cells)


def test_unionpay_merchant_file(file: File) -> None:
    assert len(zm_record()) == 607
    other = zm_record(_0="S30", _15="C000000000010", _27="商户名称")
    path = file(zm_record(_27="中文商户") + b"\r\n" + other + b"\r\n", "INN26112188ZM_898100000000001")
    assert detect.kind_of(path, {}, USUAL) == "unionpay-zm"
    (sale, refund), facts = every(declared.read(path, USUAL["unionpay-zm"]))
    assert sale.time == datetime.datetime.fromisoformat("2026-11-21T22:58:00+08:00"), "the year is in the file's name"
    assert (sale.amount, sale.fee, sale.stan, sale.terminal) == (Decimal("107.50"), Decimal("0.65"), "000123", "00000000")
    assert (sale.rrn, sale.order) == ("442611212258001234567", "ORDER1")
    assert (refund.amount, refund.fee) == (Decimal("-107.50"), Decimal("-0.10"))
    assert (facts.first_day, facts.complete_for, sale.day) == (DATE("2026-11-21"), "UNIONPAY", DATE("2026-11-21"))
    with pytest.raises(FormatError, match="606 bytes"):
        every(declared.read(file(zm_record()[:-1] + b"\r\n", "INN26112188ZM_8"), USUAL["unionpay-zm"]))
    with pytest.raises(FormatError, match="no date"):
        every(declared.read(file(zm_record(), "other.txt"), USUAL["unionpay-zm"]))


def test_a_year_that_is_not_written_turns_at_new_year(file: File) -> None:
    path = file(zm_record(_4="1231233000") + b"\r\n", "INN27010188ZM_8")
    (line,), _ = every(declared.read(path, USUAL["unionpay-zm"]))
    assert line.time is not None
    assert line.time.date() == DATE("2026-12-31")


ALLINPAY = "商户号,门店,终端号,交易时间,交易类型,交易批次号,凭证号,参考号,卡号,交易金额,手续费,持卡人姓名\r\n"


def test_acquirer_detail_in_gbk(file: File) -> None:
    rows = "8981,一店,10000001,2026-11-21 10:00:00,消费,000041,000012,626400000001,622202******1234,107.50,0.65,王某某\r\n" * 2
    path = file(ALLINPAY + rows, encoding="gb18030")
    assert encoding_of(path) == "gb18030"
    assert detect.kind_of(path, {}, USUAL) == "allinpay"
    found, _ = every(declared.read(path, USUAL["allinpay"]))
    assert len(found) == 2
    assert "王" not in repr(found), "names of cardholders do not get in"


def test_big5_is_not_taken_for_gbk(file: File) -> None:
    """Its bytes are good GB18030; only the header's words show that it is another encoding."""
    path = file("商戶,終端,交易時間,交易批次,憑證,參考\r\n", encoding="big5")
    assert encoding_of(path) == "gb18030"
    with pytest.raises(FormatError, match="header"):
        every(declared.read(path, USUAL["allinpay"]))


LAYOUT = """
[layout.x]
side = "bank"
framing = "csv"
bank = "X"
currency = "CNY"
separator = ";"
skip_until = "BEGIN"
stop_at = "#"
header = ["day", "in", "out"]
footer = { starts = "TOTAL", count = 1, sum = 2 }
[layout.x.columns]
day = "day"
credit = "in"
debit = "out"
[layout.x.forms]
day = "DD.MM.YYYY"
"""


def test_two_columns_marks_and_totals(file: File) -> None:
    layout = read_settings(LAYOUT).layouts["x"]
    text = "preamble\nBEGIN\nday;in;out\n21.11.2026;5.00;\n22.11.2026;;1.25\nTOTAL;2;3.75\n# rest"
    found, _ = every(declared.read(file(text), layout))
    assert [line.amount for line in found] == [Decimal("5.00"), Decimal("-1.25")]
    for bad in (
        text.replace("TOTAL;2", "TOTAL;3"),
        text.replace("3.75", "3.76"),
        text.replace("TOTAL;2;3.75\n", ""),
        text.replace("TOTAL;2;3.75", "TOTAL;2;3.75\n23.11.2026;1;0"),
        text.replace("BEGIN", ""),
    ):
        with pytest.raises(FormatError):
            every(declared.read(file(bad), layout))


FIXED = """
[layout.f]
side = "bank"
framing = "fixed"
record = 30
currency = "CNY"
unit = "minor"
kinds = { A = "sale" }
[layout.f.columns]
kind = [0, 1]
day = [1, 8]
amount = [10, 12]
[layout.f.forms]
day = "YYYYMMDD"
"""


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (FIXED.replace("amount = [10, 12]", "amount = [8, 12]"), "overlap at byte 8"),
        (FIXED.replace("[10, 12]", "[20, 12]"), "not in a record"),
        (FIXED.replace("[10, 12]", "[10]"), "offset, width"),
        (FIXED.replace("record = 30", ""), "record"),
        (FIXED.replace("unit", "units"), "unknown key 'units'"),
        (FIXED.replace('"minor"', '"fen"'), "expected one of"),
        (FIXED.replace("amount =", "amont ="), "unknown key 'amont'"),
        (FIXED.replace('A = "sale"', 'A = "tea"'), "expected one of"),
        (FIXED.replace('[layout.f.forms]\nday = "YYYYMMDD"', ""), "go together"),
        (FIXED.replace("YYYYMMDD", "YYYYDD"), "needs MM and DD"),
        (FIXED.replace("YYYYMMDD", "YYYYMMDDMM"), "twice"),
        (FIXED.replace('kinds = { A = "sale" }', ""), "go together"),
        (FIXED.replace('"CNY"', '"yuan"'), "currency"),
        (FIXED.replace('"bank"', '"shop"'), "expected one of"),
        (FIXED.replace("day = [1, 8]\n", "").replace('[layout.f.forms]\nday = "YYYYMMDD"', ""), "needs the column time or day"),
        (LAYOUT.replace('credit = "in"', 'amount = "in"'), "either amount"),
        (LAYOUT.replace('separator = ";"', 'separator = ";;"'), "one character"),
        (LAYOUT.replace('header = ["day", "in", "out"]', ""), "needs header"),
        (LAYOUT.replace('TOTAL"', 'TOTAL", of = 1'), "unknown key 'of'"),
        (LAYOUT + '[layout.y]\nside = "bank"\nname_date = "("', "regular expression"),
        (LAYOUT.replace('bank = "X"', 'encodings = ["utf-7"]'), "not one that is read"),
        (LAYOUT.replace('bank = "X"', 'optional = ["fee"]'), "optional"),
    ],
)
def test_layouts_are_linted(text: str, says: str) -> None:
    if "name_date" in text:
        text = text.replace("[layout.y]", FIXED.replace("layout.f", "layout.y").split("[layout.y.columns]")[0].strip()).replace(
            'side = "bank"\nname_date', "name_date"
        )
        text += '\n[layout.y.columns]\nkind = [0, 1]\nday = [1, 8]\namount = [10, 12]\n[layout.y.forms]\nday = "YYYYMMDD"\n'
    with pytest.raises((ToolError, FormatError), match=says):
        read_settings(text)


# Wallets


def example(name: str) -> pathlib.Path:
    return EXAMPLE / "data" / name


def test_alipay(file: File, tmp_path: pathlib.Path) -> None:
    found, facts = every(alipay.read(example("alipay-20260923.csv")))
    assert (facts.first_day, facts.last_day, facts.complete_for) == (DATE("2026-09-23"), DATE("2026-09-23"), "ALIPAY")
    assert sum(line.amount < 0 for line in found) == 1
    refund = next(line for line in found if line.kind == "refund")
    assert refund.order.endswith("-R1"), "a refund is known by its own number"
    assert all("\t" not in field for line in found for field in line if isinstance(field, str))
    # As it comes: in a ZIP with names in GBK, beside a summary.
    archive = tmp_path / "bill.zip"
    data = example("alipay-20260923.csv").read_bytes()
    with zipfile.ZipFile(archive, "w") as zipped:
        for name in ("x_业务明细.csv", "x_业务明细(汇总).csv"):
            info = zipfile.ZipInfo("placeholder")
            info.filename = name
            zipped.writestr(info, data if "汇总" not in name else b"#")
    assert every(alipay.read(archive))[0] == found
    assert detect.kind_of(archive, {}, USUAL) == "alipay"


def test_wechat(file: File) -> None:
    found, _ = every(wechat.read(example("wechat-20260923.csv")))
    refunds = [line for line in found if line.kind == "refund"]
    assert [(line.amount, line.state) for line in refunds] == [(Decimal("-3.00"), "approved"), (Decimal("-2.00"), "pending")]
    assert len({line.order for line in found}) == len(found)
    packed = file(gzip.compress(example("wechat-20260923.csv").read_bytes()), "w.csv.gz")
    assert every(wechat.read(packed))[0] == found
    assert detect.kind_of(packed, {}, USUAL) == "wechat"


def test_wechat_numbers_of_the_public_sample(file: File) -> None:
    """Two lines in the shape that the service's own test data has: five decimals in the fee, a rate in percent."""
    head = example("wechat-20260923.csv").read_text("utf-8-sig").splitlines()[0]
    row = "`2021-01-28 17:07:11,`wx,`1601,`0,`,`42000009,`S2021,`of,`NATIVE,`SUCCESS,`OTHERS,`CNY,`0.01,`0.00,"
    row += "`0,`0,`0.00,`0.00,`,`,`for, testing,`code,`0.00006,`0.60%,`0.01,`0.00,`"
    tail = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额\n"
    tail += "`1,`0.01,`0.00,`0.00,`0.00,`0.01,`0.00"
    (line,), _ = every(wechat.read(file("\n".join((head, row, tail)))))
    assert (line.amount, line.fee, line.order) == (Decimal("0.01"), Decimal("0.00006"), "S2021")


@pytest.mark.parametrize(
    ("reader", "name", "old", "new", "says"),
    [
        (alipay.read, "alipay-20260923.csv", "业务明细列表结束", "业务明细", "not what ends"),
        (alipay.read, "alipay-20260923.csv", "交易合计：13", "交易合计：14", "says 14"),
        (alipay.read, "alipay-20260923.csv", "服务费", "服务", "column line"),
        (wechat.read, "wechat-20260923.csv", "总交易单数", "总", "no summary"),
        (wechat.read, "wechat-20260923.csv", "\r\n`14,", "\r\n`15,", "says 15"),
        (wechat.read, "wechat-20260923.csv", "手续费,费率", "手续,费率", "column line"),
        (wechat.read, "wechat-20260923.csv", "`SUCCESS`", "`MAYBE`", "state"),
    ],
)
def test_bills_that_do_not_hold(file: File, reader: Any, name: str, old: str, new: str, says: str) -> None:
    encoding = "gb18030" if name.startswith("alipay") else "utf-8"
    text = example(name).read_bytes().decode(encoding)
    old, new = (
        (word.replace("`SUCCESS`", ",`SUCCESS,").replace("`MAYBE`", ",`MAYBE,") for word in (old, new))
        if "`" in old and "," not in old
        else (old, new)
    )
    assert old in text
    with pytest.raises(FormatError, match=says):
        every(reader(file(text.replace(old, new, 1), encoding=encoding)))


def test_no_bill_is_not_an_empty_bill(file: File) -> None:
    for text in (
        "<xml><return_code><![CDATA[FAIL]]></return_code><return_msg><![CDATA[No Bill Exist]]></return_msg></xml>",
        '{"code":"NO_STATEMENT_EXIST","message":"x"}',
    ):
        path = file(text)
        assert detect.kind_of(path, {}, USUAL) == "wechat"
        with pytest.raises(FormatError, match="error message"):
            every(wechat.read(path))


@pytest.mark.parametrize(
    "text", ["微信支付账单明细,,,\n微信昵称：[x],", "-----------支付宝(中国)网络技术有限公司 电子客户回单-----"]
)
def test_exports_of_private_people_are_refused(file: File, text: str) -> None:
    with pytest.raises(FormatError, match="private person") as error:
        detect.kind_of(file(text), {}, USUAL)
    assert error.value.hint


# camt


def camt_text(entries: str, version: str = "camt.053.001.08", closing: str = "1113.45") -> str:
    outer, inner = ("BkToCstmrStmt", "Stmt") if "053" in version else ("BkToCstmrDbtCdtNtfctn", "Ntfctn")
    balances = (
        "".join(
            f'<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd>'
            f"<Dt><Dt>2026-11-23</Dt></Dt></Bal>"
            for code, amount in (("OPBD", "1000.00"), ("CLBD", closing))
        )
        if "053" in version
        else ""
    )
    return (
        f'<?xml version="1.0"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:{version}">'
        f"<{outer}><GrpHdr><MsgId>M</MsgId></GrpHdr>"
        f"<{inner}><Id>1</Id>{balances}{entries}</{inner}></{outer}></Document>"
    )


TX = (
    "<TxDtls><Refs><EndToEndId>ORDER1</EndToEndId><TxId>626400000001</TxId></Refs>"
    '<Amt Ccy="EUR">123.45</Amt><CdtDbtInd>CRDT</CdtDbtInd>'
    '<Chrgs><Rcrd><Amt Ccy="EUR">0.55</Amt><ChrgInclInd>true</ChrgInclInd></Rcrd></Chrgs>'
    "<CardTx><Card><PlainCardData><PAN>400000******1234</PAN>"
    "</PlainCardData></Card><POI><Id><Id>T1</Id></Id></POI></CardTx><RltdDts><TxDtTm>2026-11-22T10:00:00+01:00</TxDtTm></RltdDts></TxDtls>"
)
ENTRY = (
    '<Ntry><Amt Ccy="EUR">123.45</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>{status}</Sts><BookgDt><Dt>2026-11-23</Dt></BookgDt>'
    "<ValDt><Dt>2026-11-24</Dt></ValDt><AcctSvcrRef>A1</AcctSvcrRef><NtryDtls><Btch><MsgId>B12</MsgId><NbOfTxs>1</NbOfTxs></Btch>{details}</NtryDtls>"
    '</Ntry><Ntry><Amt Ccy="EUR">10.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts>{status}</Sts>'
    "<BookgDt><Dt>2026-11-23</Dt></BookgDt></Ntry>"
)


@pytest.mark.parametrize("version", ["camt.053.001.02", "camt.053.001.08", "camt.053.001.12", "camt.054.001.08"])
def test_camt(file: File, version: str) -> None:
    status = "BOOK" if version.endswith("02") else "<Cd>BOOK</Cd>"
    path = file(camt_text(ENTRY.format(status=status, details=TX), version), "s.xml")
    assert detect.kind_of(path, {}, USUAL) == "camt"
    (sale, one, other), _ = every(camt.read(path, "Europe/Berlin"))
    assert (sale.amount, sale.fee, sale.terminal, sale.order, sale.rrn, sale.last4) == (
        Decimal("124.00"),
        Decimal("0.55"),
        "T1",
        "ORDER1",
        "626400000001",
        "1234",
    )
    assert (one.kind, one.amount, one.value_date, one.batch, one.times) == (
        "posting",
        Decimal("123.45"),
        DATE("2026-11-24"),
        "B12",
        1,
    )
    assert (other.amount, other.value_date) == (Decimal("-10.00"), DATE("2026-11-23"))


def test_camt_balances_must_tie(file: File) -> None:
    entries = ENTRY.format(status="<Cd>BOOK</Cd>", details="")
    with pytest.raises(FormatError, match="closing balance"):
        every(camt.read(file(camt_text(entries, closing="1113.46")), "UTC"))
    with pytest.raises(FormatError, match="no amount"):
        every(camt.read(file(camt_text("<Ntry><CdtDbtInd>CRDT</CdtDbtInd></Ntry>")), "UTC"))


BOMB = (
    '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{("&" + chr(97 + n) + ";") * 10}">' for n in range(9))
    + "]><Document>&j;</Document>"
)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (BOMB, "document type"),
        ('<!DOCTYPE a SYSTEM "file:///etc/passwd"><Document/>', "document type"),
        ("<Document/>", "neither"),
        ('<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"/>', "neither"),
        ("<a>", "neither"),
        ("", "not well-formed"),
        (camt_text("", closing="1000.00")[:-4], "not well-formed"),
        (camt_text("<x>" * 99), "more elements|not well-formed"),
        (camt_text("<x/>" * 3000), "more elements|closing"),
        (camt_text("<Ntry>" + "<a/>" * 5000 + "</Ntry>"), "more elements"),
        (camt_text("<a>" + "x" * 900_000 + "</a>"), "far larger"),
        (camt_text("").replace("Id>1<", "Id>" + "<!--" + "y" * 900_000 + "--><"), "far larger"),
        ('<?xml version="1.0" encoding="x-none"?><Document/>', "not well-formed"),
        ('<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"></Document>', "no statement"),
    ],
)
def test_hostile_xml(file: File, text: str, says: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(FormatError, match=says):
            every(camt.read(file(text, "s.xml"), "UTC"))
        assert tracemalloc.get_traced_memory()[1] < 24 << 20
    finally:
        tracemalloc.stop()


def test_camt_memory_does_not_grow(tmp_path: pathlib.Path) -> None:
    """A posting with 5,000 transactions, and 2,000 postings."""
    path = tmp_path / "big.xml"
    head, tail = camt_text("@", closing="1000.00").split("@")
    entry = '<Ntry><Amt Ccy="EUR">1.00</Amt><CdtDbtInd>{0}</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>'
    entry += "<BookgDt><Dt>2026-11-23</Dt></BookgDt></Ntry>"
    big = ENTRY.format(status="<Cd>PDNG</Cd>", details=TX * 5_000)
    path.write_text(head + big + (entry.format("CRDT") + entry.format("DBIT")) * 1000 + tail)
    tracemalloc.start()
    count = sum(1 for _ in camt.read(path, "UTC"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 7_002
    assert peak < 4 << 20


# MT940

MT = """{1:F01BANKDEFFXXXX0000000000}{2:I940X}{4:
:20:STMT1
:25:DE00000000000000000000
:28C:1/1
:60F:C261123EUR1000,00
:61:2611231123CR123,45NTRFTERM 10000001//BANKREF1
:86:POS 10000001 BATCH 000012 GROSS 124,00 FEE 0,55
:61:2611231124RD10,NMSCNONREF//X
/extra
:86:Storno
Zeile 2
:61:2601021231D3,45NCHGNONREF
:62F:C261123EUR1130,00
-}
"""


def test_mt940(file: File) -> None:
    path = file(MT, "s.sta")
    assert detect.kind_of(path, {}, USUAL) == "mt940"
    found, facts = every(mt940.read(path))
    assert [line.amount for line in found] == [Decimal("123.45"), Decimal(10), Decimal("-3.45")]
    assert found[0].order == "TERM 10000001"
    assert "BATCH 000012" in found[0].text
    assert found[2].day == DATE("2025-12-31"), "an entry date without a year is the one near the value date"
    assert (facts.first_day, facts.last_day) == (DATE("2026-11-23"), DATE("2026-11-23"))


def test_mt940_against_the_library(file: File) -> None:
    """Long statements: what we hand over in slices is what the library reads in one piece."""
    rng = random.Random(5)
    amounts = [rng.randrange(1, 10**6) for _ in range(1500)]
    entries = "".join(
        f":61:2611231123C{units // 100},{units % 100:02}NTRFREF{n}//B{n}\n:86:text {n}\n" for n, units in enumerate(amounts)
    )
    total = sum(amounts)
    text = f":20:S\n:25:A\n:28C:1\n:60F:C261123EUR0,00\n{entries}:62F:C261123EUR{total // 100},{total % 100:02}\n"
    found, _ = every(mt940.read(file(text)))
    theirs = list(mt940_library.parse(text))
    assert [(line.amount, line.order, line.rrn, line.text) for line in found] == [
        (one.data["amount"].amount, one.data["customer_reference"], one.data["bank_reference"], one.data["transaction_details"])
        for one in theirs
    ]


def test_mt942_has_no_balances(file: File) -> None:
    text = ":20:S\n:25:A\n:28C:1/1\n:34F:EUR0,\n:13D:2611231200+0100\n:61:2611231123C5,00NTRFREF\n:86:x\n:90C:1EUR5,00\n"
    (line,), _ = every(mt940.read(file(text)))
    assert (line.amount, line.currency) == (Decimal("5.00"), "EUR")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("1130,00", "1130,01", "closing balance"),
        (":62F:C261123EUR1130,00\n", "", "no closing balance"),
        ("2611231123CR123,45", "26112X1123CR123,45", "not of its form"),
        (":60F:C261123EUR1000,00\n", "", "before the opening"),
        (":28C:", ":99Z:", "not of MT940"),
        ("EUR1130", "USD1130", "currency"),
        ("C261123EUR1000", "C261323EUR1000", "no date"),
        (":20:STMT1\n", "", "before :20:"),
        ("123,45", "123.45", "not of its form"),
        ("2611231123CR", "2613991123CR", "cannot be read"),
    ],
)
def test_mt940_that_does_not_hold(file: File, old: str, new: str, says: str, caplog: pytest.LogCaptureFixture) -> None:
    assert old in MT
    with caplog.at_level(logging.DEBUG), pytest.raises(FormatError, match=says):
        every(mt940.read(file(MT.replace(old, new, 1))))
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR], "account data do not go to a log"


@pytest.mark.parametrize("text", ["", "hello", ":20:S\n", "x" * 70_000, ":20:S\n:25:A\n:86:" + "y\n" * 9000, "\0\0"])
def test_hostile_mt940(file: File, text: str) -> None:
    with pytest.raises(FormatError):
        every(mt940.read(file(text)))


# All of them

READERS: dict[str, tuple[str, Callable[[pathlib.Path], Lines]]] = {
    "journal": ("journal.csv", lambda path: declared.read(path, USUAL["journal"])),
    "acquirer": (
        "acquirer-20260928.csv",
        lambda path: declared.read(path, read_settings((EXAMPLE / "layouts.toml").read_text("utf-8")).layouts["acquirer"]),
    ),
    "camt": ("camt053-20260928.xml", lambda path: camt.read(path, "Asia/Shanghai")),
    "alipay": ("alipay-20260923.csv", alipay.read),
    "wechat": ("wechat-20260923.csv", wechat.read),
    "mt940": ("", mt940.read),
}
TIED = {"acquirer", "camt", "alipay", "wechat", "mt940"}
"""Formats with totals of their own."""


def sample(name: str) -> bytes:
    source = READERS[name][0]
    return example(source).read_bytes() if source else MT.encode()


@pytest.mark.parametrize("name", READERS)
def test_every_truncation_is_refused_or_told(name: str, file: File) -> None:
    data, read = sample(name), READERS[name][1]
    whole, _ = every(read(file(data)))
    step = max(1, len(data) // 400)
    for cut in range(0, len(data) - 4, step):
        try:
            found, _ = every(read(file(data[:cut])))
        except FormatError:
            continue
        if name in TIED:
            assert found == whole, f"cut at {cut} of {len(data)}: nothing may be missing in silence"


@pytest.mark.parametrize("name", READERS)
def test_every_flipped_bit_is_one_error_or_a_reading(name: str, file: File) -> None:
    data, read = sample(name), READERS[name][1]
    rng = random.Random(6)
    for _ in range(400):
        place = rng.randrange(len(data))
        bad = data[:place] + bytes([data[place] ^ 1 << rng.randrange(8)]) + data[place + 1 :]
        try:
            for line in every(read(file(bad)))[0]:
                assert isinstance(line.amount, Decimal)
        except FormatError:
            continue


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize(
    "noise",
    [
        b"",
        b"\xff\xfe" + "a,b\n".encode("utf-16-le"),
        b"\x81" * 4000,
        b"," * 60_000,
        b'"' * 3001,
        b"a" * (1 << 20),
        bytes(range(256)) * 8,
    ],
)
def test_noise(name: str, noise: bytes, file: File) -> None:
    begun = time.process_time()
    with pytest.raises(FormatError):
        every(READERS[name][1](file(noise)))
    assert time.process_time() - begun < 5


def test_quoted_fields_have_a_bound(file: File) -> None:
    with pytest.raises(FormatError, match=r"field larger|longer than"):
        every(declared.read(file(JOURNAL + '"' + "x\n" * 200_000), USUAL["journal"]))


def test_archives_have_bounds(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fwtool.settlement.sources.text.MAX_SIZE", 1 << 20)
    bomb = tmp_path / "w.gz"
    bomb.write_bytes(gzip.compress(b"`0,\n" * (1 << 20)))
    with pytest.raises(FormatError, match="more than"):
        every(wechat.read(bomb))
    bomb.write_bytes(gzip.compress(b"abc")[:-6])
    with pytest.raises(FormatError, match="unpacked"):
        every(wechat.read(bomb))
    archive = tmp_path / "many.zip"
    with zipfile.ZipFile(archive, "w") as zipped:
        for number in range(100):
            zipped.writestr(f"{number}.csv", "x")
    with pytest.raises(FormatError, match="100 members"):
        every(alipay.read(archive))
    archive.write_bytes(b"PK\x03\x04" + b"\0" * 99)
    with pytest.raises(FormatError):
        every(alipay.read(archive))


def test_files_that_are_not_there(tmp_path: pathlib.Path) -> None:
    with pytest.raises(LocalError):
        every(alipay.read(tmp_path / "none.csv"))


def test_unknown_kinds_and_two_that_fit(file: File) -> None:
    with pytest.raises(FormatError, match="no kind") as error:
        detect.kind_of(file("a,b\n1,2\n"), {}, USUAL)
    assert "--as" in error.value.hint
    two = {"a": USUAL["journal"], "b": USUAL["journal"]}
    with pytest.raises(FormatError, match="layouts a, b"):
        detect.kind_of(file(JOURNAL), two)


def test_a_whole_card_number_is_told(file: File) -> None:
    from fwtool.settlement.cards import luhn

    whole = next(f"40000000000000{n}" for n in range(10, 100) if luhn(f"40000000000000{n}"))
    found, facts = every(declared.read(file(JOURNAL.replace("622202******1234", whole)), USUAL["journal"]))
    assert facts.warnings == ("6 full card numbers were masked",)
    assert whole not in repr(found)
