"""Layouts of CSV and fixed-length files, declared in TOML and checked when they are loaded.

```toml
[layout.mybank]
side = "bank"                       # journal, bank, totals or account
framing = "csv"                     # or "fixed": columns are then [offset, width] in bytes
bank = "MYBANK"                     # where no column says it
encodings = ["utf-8", "gb18030"]    # tried in this order, strictly
zone = "Asia/Shanghai"
header = ["终端号", "交易金额"]        # words that must stand in the header line
kinds = { "消费" = "sale", "退货" = "refund", "查询" = "skip" }
[layout.mybank.columns]
time = ["交易日期", "交易时间"]        # several are joined by a space
terminal = "终端号"
amount = "交易金额"
[layout.mybank.forms]
time = "YYYYMMDD hhmmss"
```

Columns that are not named are not read: names and identity numbers of cardholders never get in.
"""

import dataclasses
import re
from collections.abc import Mapping
from typing import Any, Final

from fwtool.settlement import money
from fwtool.settlement.clock import SHANGHAI, Pattern, zone
from fwtool.settlement.lines import KINDS, STATES, Side
from fwtool.settlement.lint import Types, choice, known, strings, wrong

FIELDS: Final = (
    "time", "day", "value_date", "uploaded", "terminal", "batch", "stan", "rrn", "order", "original", "card", "amount",
    "credit", "debit", "fee", "currency", "kind", "response", "reversal", "state", "bank", "text",
    "sales_count", "sales_sum", "refunds_count", "refunds_sum",
)  # fmt: skip
DATES: Final = ("time", "day", "value_date", "uploaded")
SIGNS: Final = ("signed", "kind", "letter")
_KEYS: Final[dict[str, Types]] = {
    "side": str, "framing": str, "bank": str, "encodings": list, "zone": str, "separator": str, "guard": str, "header": list,
    "skip_until": str, "stop_at": str, "record": int, "unit": str, "sign": str, "fee_sign": str, "currency": str,
    "other_kinds": str, "optional": list, "name_date": str, "columns": dict, "forms": dict, "kinds": dict,
    "states": dict, "footer": dict,
}  # fmt: skip
_FOOTER: Final[dict[str, Types]] = {"starts": str, "count": int, "sum": int}
MAX_RECORD: Final = 1 << 14


@dataclasses.dataclass(frozen=True)
class Footer:
    """The line that has the totals: how it begins, and the columns of count and sum, from zero."""

    starts: str
    count: int | None = None
    sum: int | None = None


@dataclasses.dataclass(frozen=True)
class Layout:
    """How to read one kind of file."""

    id: str
    side: Side
    columns: Mapping[str, tuple[str, ...] | tuple[int, int]]
    """Our field, and the header's words for it, or its bytes."""
    fixed: bool = False
    bank: str = ""
    encodings: tuple[str, ...] = ("utf-8", "gb18030")
    zone: str = SHANGHAI
    separator: str = ","
    guard: str = ""
    """A character that stands before every value, to keep spreadsheets from reading numbers."""
    header: tuple[str, ...] = ()
    optional: frozenset[str] = frozenset()
    """Fields whose columns a file may lack."""
    skip_until: str = ""
    stop_at: str = ""
    record: int = 0
    unit: str = "major"
    sign: str = "signed"
    fee_sign: str = "charged"
    currency: str = ""
    skip_other_kinds: bool = False
    name_date: re.Pattern[str] | None = None
    forms: Mapping[str, Pattern] = dataclasses.field(default_factory=dict)
    kinds: Mapping[str, str] = dataclasses.field(default_factory=dict)
    states: Mapping[str, str] = dataclasses.field(default_factory=dict)
    footer: Footer | None = None


def read_layout(name: str, table: Any) -> Layout:
    """One table of a settings file.

    Raises:
        ToolError: an unknown key or word, columns that overlap, something needed that is not there (`usage`).
    """
    where = f"layout.{name}"
    known(table, _KEYS, where)
    fixed = choice(table, "framing", ("csv", "fixed"), where) == "fixed"
    side = Side(choice(table, "side", tuple(Side), where))
    columns = {field: _column(field, value, where, fixed=fixed) for field, value in _columns(table, where).items()}
    if fixed:
        _record(columns, table.get("record", 0), where)
    elif not table.get("header"):
        raise wrong(where, "needs header: words that must stand in the header line")
    _complete(side, columns, where)
    _translated(table, columns, where)
    zone(table.get("zone", SHANGHAI))
    return Layout(
        id=name, side=side, columns=columns, fixed=fixed, bank=table.get("bank", ""),
        encodings=_encodings(table, where), zone=table.get("zone", SHANGHAI),
        separator=_one(table, "separator", ",", where), guard=_one(table, "guard", "", where),
        header=strings(table.get("header", []), f"{where}.header"),
        optional=_optional(table, columns, where), skip_until=table.get("skip_until", ""), stop_at=table.get("stop_at", ""),
        record=table.get("record", 0),
        unit=choice(table, "unit", ("major", "minor"), where), sign=choice(table, "sign", SIGNS, where),
        fee_sign=choice(table, "fee_sign", ("charged", "received", "letter"), where),
        currency=money.currency_code(table["currency"]) if table.get("currency") else "",
        skip_other_kinds=choice(table, "other_kinds", ("refuse", "skip"), where) == "skip",
        name_date=_name_date(table, where), forms=_forms(table, columns, where),
        kinds=_words(table, "kinds", (*KINDS, "skip"), where), states=_words(table, "states", (*STATES, "skip"), where),
        footer=_footer(table, where),
    )  # fmt: skip


def _columns(table: dict[str, Any], where: str) -> dict[str, Any]:
    return known(table.get("columns", {}), dict.fromkeys(FIELDS, (str, list)), f"{where}.columns")


def _column(field: str, value: Any, where: str, *, fixed: bool) -> tuple[str, ...] | tuple[int, int]:
    if not fixed:
        names = strings([value] if isinstance(value, str) else value, f"{where}.columns.{field}")
        if not names or not all(names):
            raise wrong(where, f"column {field} has no name")
        return names
    if not isinstance(value, list) or len(value) != 2 or not all(type(part) is int and part >= 0 for part in value):
        raise wrong(where, f"column {field} = {value!r}; expected [offset, width] in bytes")
    return value[0], value[1]


def _record(columns: Mapping[str, Any], record: int, where: str) -> None:
    """Fixed columns must lie in the record, one beside the other."""
    if not 1 <= record <= MAX_RECORD:
        raise wrong(where, f"record = {record}; expected the length of a record, 1 to {MAX_RECORD} bytes")
    end, before = 0, ""
    for field, (offset, width) in sorted(columns.items(), key=lambda item: item[1]):
        if not width or offset + width > record:
            raise wrong(where, f"column {field} at byte {offset}, width {width}, is not in a record of {record} bytes")
        if offset < end:
            raise wrong(where, f"columns {before} and {field} overlap at byte {offset}")
        end, before = offset + width, field


_NEEDED: Final = {
    Side.JOURNAL: (("amount",), ("time",), ("terminal", "order")),
    Side.BANK: (("amount", "credit"), ("time", "day")),
    Side.TOTALS: (("sales_sum",), ("sales_count",), ("terminal",), ("batch",), ("time", "day")),
    Side.ACCOUNT: (("amount", "credit"), ("value_date",)),
}


def _complete(side: Side, columns: Mapping[str, Any], where: str) -> None:
    for group in _NEEDED[side]:
        if not any(field in columns for field in group):
            raise wrong(where, f"a {side} layout needs the column {' or '.join(group)}")
    if ("credit" in columns) != ("debit" in columns) or ("credit" in columns and "amount" in columns):
        raise wrong(where, "give either amount, or credit and debit")


def _translated(table: dict[str, Any], columns: Mapping[str, Any], where: str) -> None:
    for field in ("kind", "state"):
        if (field in columns) != bool(table.get(f"{field}s")):
            raise wrong(where, f"the column {field} and {field}s = {{word = meaning}} go together")


def _forms(table: dict[str, Any], columns: Mapping[str, Any], where: str) -> dict[str, Pattern]:
    forms = known(table.get("forms", {}), dict.fromkeys(DATES, str), f"{where}.forms")
    for field in DATES:
        if (field in columns) != (field in forms):
            raise wrong(where, f"the column {field} and forms.{field} go together")
    patterns = {field: Pattern(form) for field, form in forms.items()}
    for field in ("time", "uploaded"):
        if field in patterns and not patterns[field].has_time:
            raise wrong(where, f"forms.{field} = {forms[field]!r} has no hh")
    return patterns


def _words(table: dict[str, Any], key: str, allowed: tuple[str, ...], where: str) -> dict[str, str]:
    words: dict[str, str] = table.get(key, {})
    for word, meaning in words.items():
        if meaning not in allowed:
            raise wrong(f"{where}.{key}", f"{word} = {meaning!r}; expected one of {', '.join(allowed)}")
    return words


def _optional(table: dict[str, Any], columns: Mapping[str, Any], where: str) -> frozenset[str]:
    found = strings(table.get("optional", []), f"{where}.optional")
    if unknown := next((field for field in found if field not in columns), None):
        raise wrong(where, f"optional names {unknown!r}, which is not in columns")
    return frozenset(found)


def _encodings(table: dict[str, Any], where: str) -> tuple[str, ...]:
    found = strings(table.get("encodings", ["utf-8", "gb18030"]), f"{where}.encodings")
    for name in found:
        if name not in ("utf-8", "gb18030", "latin-1", "cp1252", "big5", "shift_jis"):
            raise wrong(where, f"the encoding {name!r} is not one that is read")
    if not found:
        raise wrong(where, "encodings is empty")
    return found


def _one(table: dict[str, Any], key: str, default: str, where: str) -> str:
    value = str(table.get(key, default))
    if value != default and (len(value) != 1 or value in '"\r\n'):
        raise wrong(where, f"{key} = {value!r}; expected one character")
    return value


def _name_date(table: dict[str, Any], where: str) -> re.Pattern[str] | None:
    if not table.get("name_date"):
        return None
    try:
        pattern = re.compile(table["name_date"], re.ASCII)
    except re.error as error:
        raise wrong(where, f"name_date is no regular expression: {error}") from None
    if "date" not in pattern.groupindex:
        raise wrong(where, "name_date needs a group (?P<date>...) over YYMMDD or YYYYMMDD")
    return pattern


def _footer(table: dict[str, Any], where: str) -> Footer | None:
    if "footer" not in table:
        return None
    found = known(table["footer"], _FOOTER, f"{where}.footer")
    if not found.get("starts") or not found.keys() & {"count", "sum"}:
        raise wrong(f"{where}.footer", "needs starts, and count or sum")
    return Footer(**found)
