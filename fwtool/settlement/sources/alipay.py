"""Trade bills of Alipay for merchants (`bill_type=trade`), as CSV or in the ZIP they come in.

GBK; lines with # around the list; values end with a TAB; refunds are negative; totals at the end, which must hold.
"""

import datetime
import pathlib
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Final, NamedTuple

from formats.errors import FormatError
from fwtool.settlement import money
from fwtool.settlement.clock import SHANGHAI, Pattern, zone
from fwtool.settlement.lines import FileFacts, Line, Lines
from fwtool.settlement.sources.text import encoding_of, text_lines

_TIME: Final = Pattern("YYYY-MM-DD hh:mm:ss")
_ZONE: Final = zone(SHANGHAI)
HEADER: Final = ("支付宝交易号", "商户订单号", "业务类型", "完成时间", "订单金额(元)", "商家实收(元)", "服务费(元)")
_PERIOD: Final = re.compile(r"起始日期[::]\[(\d{4}年\d\d月\d\d日)[^\]]*\].*终止日期[::]\[(\d{4}年\d\d月\d\d日)( 00:00:00)?")
_TOTAL: Final = re.compile(r"#+\s*(交易|退款)合计[::](\d+)笔,商家实收(?:退款)?共(-?[\d.]+)元")
_DATE: Final = Pattern("YYYYMMDD")


class _Total(NamedTuple):
    times: int
    sum: Decimal


def _narrow(text: str) -> str:
    return text.replace("（", "(").replace("）", ")").replace("：", ":").replace("，", ",")


def read(path: pathlib.Path) -> Lines:
    """The lines of an Alipay trade bill; its `FileFacts` is what the generator returns.

    Raises:
        FormatError: not one, cut off, or its totals do not hold.
    """
    lines = enumerate((_narrow(line) for line in text_lines(path, encoding_of(path, ("utf-8", "gb18030")))), 1)
    period, names = _head(lines, path.name)
    sums = {"交易": _Total(0, Decimal(0)), "退款": _Total(0, Decimal(0))}
    for number, text in lines:
        if text.startswith("#"):
            if "业务明细列表结束" not in text:
                raise FormatError(f"line {number} of {path.name} is not what ends a list: it is damaged")
            break
        try:
            kind, line = _line(number, text, names)
        except FormatError as error:
            raise FormatError(f"line {number} of {path.name}: {error.message}") from error
        sums[kind] = _Total(sums[kind].times + 1, sums[kind].sum + line.amount)
        yield line
    else:
        raise FormatError(f"{path.name} has no end mark: it is cut off", hint="Fetch it again; the link is valid for 30 s.")
    said = {found[1]: _Total(int(found[2]), money.parse(found[3], 2)) for _, text in lines if (found := _TOTAL.match(text))}
    _check(path.name, sums, said)
    return FileFacts(*period, complete_for="ALIPAY")


def _head(lines: Iterator[tuple[int, str]], name: str) -> tuple[tuple[datetime.date | None, datetime.date | None], list[str]]:
    period: tuple[datetime.date | None, datetime.date | None] = (None, None)
    for number, text in lines:
        if found := _PERIOD.search(text):
            first, last = _chinese_day(found[1]), _chinese_day(found[2])
            period = first, (last - datetime.timedelta(days=1) if found[3] and last > first else last)
        if not text.startswith("#"):
            names = [part.strip() for part in text.split(",")]
            break
        if number > 40:
            raise FormatError(f"{name} has no column line: it is not a bill of Alipay", name="unsupported_format")
    else:
        raise FormatError(f"{name} has no column line: it is not a bill of Alipay", name="unsupported_format")
    if missing := [word for word in HEADER if word not in names]:
        raise FormatError(
            f"the column line of {name} has no {missing[0]}: it is not a trade bill of Alipay", name="unsupported_format"
        )
    return period, names


def _chinese_day(text: str) -> datetime.date:
    return _DATE.read(re.sub(r"\D", "", text)).date()


def _line(number: int, text: str, names: list[str]) -> tuple[str, Line]:
    values = [part.strip().strip('"').strip() for part in text.split(",")]
    if len(values) < len(names):
        raise FormatError(f"{len(values)} columns, expected {len(names)}")
    # Goods may hold commas; they stand in column 4, and what is too much belongs to them.
    surplus, goods = len(values) - len(names), names.index("商品名称") if "商品名称" in names else 3
    values[goods : goods + surplus + 1] = [",".join(values[goods : goods + surplus + 1])]
    row = dict(zip(names, values, strict=True))
    kind = row["业务类型"]
    if kind not in ("交易", "退款"):
        raise FormatError(f"the kind {kind[:20]!r} is neither 交易 nor 退款")
    moment = _TIME.read(row["完成时间"]).replace(tzinfo=_ZONE)
    refund = kind == "退款"
    return kind, Line(
        place=number, kind="refund" if refund else "sale", amount=money.parse(row["商家实收(元)"], 2), currency="CNY",
        time=moment, day=moment.date(), terminal=row.get("终端号", ""), rrn=row["支付宝交易号"],
        order=(row.get("退款批次号/请求号", "") if refund else "") or row["商户订单号"],
        fee=-money.parse(row["服务费(元)"] or "0", money.FEE_PLACES), bank="ALIPAY",
    )  # fmt: skip


def _check(name: str, sums: dict[str, _Total], said: dict[str, _Total]) -> None:
    if "交易" not in said:
        raise FormatError(f"{name} has no totals: it is cut off", hint="Fetch it again.")
    for kind, total in said.items():
        if sums[kind] != total:
            raise FormatError(
                f"{name} says {total.times} x {kind}, {total.sum}; its lines are {sums[kind].times}, {sums[kind].sum}",
                hint="Fetch it again.",
            )
