"""Trade bills of WeChat Pay for merchants (type ALL), as CSV or gzip.

UTF-8, perhaps with a byte-order mark; a backtick before every value; a summary in the last two lines, which must hold. No
bill is an error message (`No Bill Exist`), never an empty bill.
"""

import pathlib
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from formats.errors import FormatError
from fwtool.settlement import money
from fwtool.settlement.clock import SHANGHAI, Pattern, zone
from fwtool.settlement.lines import FileFacts, Line, Lines
from fwtool.settlement.sources.text import encoding_of, text_lines

_TIME: Final = Pattern("YYYY-MM-DD hh:mm:ss")
_ZONE: Final = zone(SHANGHAI)
HEADER: Final = ("交易时间", "微信订单号", "商户订单号", "交易状态", "手续费", "费率")
_ERRORS: Final = ("No Bill Exist", "NO_STATEMENT_EXIST", "return_code", "<xml>", '{"code"')


def read(path: pathlib.Path) -> Lines:
    """The lines of a WeChat Pay trade bill; its `FileFacts` is what the generator returns.

    Raises:
        FormatError: not one, an error message, cut off, or its summary does not hold.
    """
    lines = enumerate(text_lines(path, encoding_of(path, ("utf-8", "gb18030"))), 1)
    names = _names(lines, path.name)
    count = 0
    sums = {"订单总金额": Decimal(0), "退款总金额": Decimal(0), "手续费总金额": Decimal(0)}
    for number, text in lines:
        if not text.startswith("`"):
            break
        try:
            row = _row(text, names)
            made = list(_lines(number, row))
            sums = {key: sums[key] + money.parse(row.get(column) or "0", money.FEE_PLACES) for key, column in _SUMS.items()}
        except FormatError as error:
            raise FormatError(f"line {number} of {path.name}: {error.message}") from error
        count += 1
        yield from made
    else:
        raise FormatError(f"{path.name} has no summary: it is cut off", hint="Fetch it again; bills are ready after 10:00.")
    _summary(text, next(lines, (0, ""))[1], count, sums, path.name)
    return FileFacts()


def _names(lines: Iterator[tuple[int, str]], name: str) -> list[str]:
    first = next(lines, (0, ""))[1]
    if any(sign in first for sign in _ERRORS):
        raise FormatError(
            f"{name} is an error message, not a bill: {first[:120]}", hint="No bill is not an empty bill; ask again later."
        )
    names = [part.strip().removeprefix("`") for part in first.split(",")]
    if missing := [word for word in HEADER if word not in names]:
        raise FormatError(
            f"the column line of {name} has no {missing[0]}: it is not a trade bill of WeChat Pay", name="unsupported_format"
        )
    return names


_SUMS: Final = {"订单总金额": "订单金额", "退款总金额": "退款金额", "手续费总金额": "手续费"}


def _row(text: str, names: list[str]) -> dict[str, str]:
    """Values are split at ",`": goods may hold commas."""
    values = [value.strip() for value in text.removeprefix("`").split(",`")]
    if len(values) != len(names):
        raise FormatError(f"{len(values)} columns, expected {len(names)}")
    return dict(zip(names, values, strict=True))


_REFUNDS: Final = {"SUCCESS": "approved", "PROCESSING": "pending", "CHANGE": "pending", "FAIL": "skip"}


def _lines(number: int, row: dict[str, str]) -> Iterator[Line]:
    state = row["交易状态"]
    if state not in ("SUCCESS", "REFUND", "REVOKED"):
        raise FormatError(f"the state {state[:20]!r} is neither SUCCESS, REFUND nor REVOKED")
    moment = _TIME.read(row["交易时间"]).replace(tzinfo=_ZONE)
    back = state != "SUCCESS"
    refund_state = _REFUNDS.get(row.get("退款状态", ""), "") if back else "approved"
    if back and not refund_state:
        raise FormatError(f"the refund's state is {row.get('退款状态', '')[:20]!r}")
    if refund_state == "skip":
        return
    currency = money.currency_code(row.get("货币种类") or "CNY")
    amount = row.get("申请退款金额") or row["退款金额"] if back else row.get("订单金额") or row["应结订单金额"]
    yield Line(
        place=number, kind="refund" if back else "sale", amount=money.parse(amount, 2) * (-1 if back else 1), currency=currency,
        state=refund_state, time=moment, day=moment.date(), terminal=row.get("设备号", ""),
        rrn=row["微信退款单号"] if back and row.get("微信退款单号", "0") != "0" else row["微信订单号"],
        order=row["商户退款单号"] if back and row.get("商户退款单号", "0") != "0" else row["商户订单号"],
        fee=money.parse(row["手续费"] or "0", money.FEE_PLACES), bank="WECHAT",
    )  # fmt: skip


def _summary(head: str, values: str, count: int, sums: dict[str, Decimal], name: str) -> None:
    names = [part.strip().removeprefix("`") for part in head.split(",")]
    said = dict(zip(names, (part.strip().removeprefix("`") for part in values.split(",")), strict=False))
    if "总交易单数" not in said:
        raise FormatError(f"{name} has no summary: it is cut off", hint="Fetch it again; bills are ready after 10:00.")
    if int(money.parse(said["总交易单数"], 0)) != count:
        raise FormatError(f"{name} says {said['总交易单数']} transactions, it has {count}", hint="Fetch it again.")
    for key, found in sums.items():
        if key in said and abs(money.parse(said[key], money.FEE_PLACES) - found) >= Decimal("0.01"):
            raise FormatError(f"{name} says {key} {said[key]}, its lines come to {found}", hint="Fetch it again.")
