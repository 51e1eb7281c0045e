"""What is agreed with each bank or acquirer, and where it is written: the settings file of settlement (TOML).

```toml
[bank.ICBC]
names = ["工商银行", "工行"]          # how notices call it
zone = "Asia/Shanghai"
cutover = "23:00"                   # from here on it is the next accounting day; "24:00" is midnight
settles = "T+1"                     # T counts working days, D calendar days
calendar = "CN"
make_up_days = true                 # whether money moves on weekends that are worked (调休)
paid = ["10:00", "18:00"]           # when the money comes on its day
fee = { rate = "0.006", rounding = "half-up" }
statement = "POS SETTLEMENT"        # what its postings on the account say
```
"""

import dataclasses
import datetime
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from formats.errors import FormatError
from fwtool.settlement import money
from fwtool.settlement.clock import SHANGHAI, zone
from fwtool.settlement.layout import Layout, read_layout
from fwtool.settlement.lint import Types, choice, known, parse_toml, strings, wrong

_BANK: Final[dict[str, Types]] = {
    "names": list, "zone": str, "cutover": str, "settles": str, "calendar": str, "make_up_days": bool, "paid": list,
    "fee": dict, "statement": str, "doubtful_days": int, "same_key_days": int,
}  # fmt: skip
_FEE: Final[dict[str, Types]] = {"rate": str, "rounding": str, "least": str, "most": str, "per": str}
_CALENDAR: Final[dict[str, Types]] = {"holidays": list, "workdays": list, "first": datetime.date, "last": datetime.date}
_SETTLES = re.compile(r"([TD])\+(\d{1,2})", re.ASCII)
_CLOCK = re.compile(r"([01]\d|2[0-4]):([0-5]\d)", re.ASCII)


@dataclasses.dataclass(frozen=True)
class Terms:
    """The terms of one bank."""

    bank: str
    names: tuple[str, ...] = ()
    zone: str = SHANGHAI
    cutover: datetime.timedelta = datetime.timedelta(hours=24)
    """Since midnight."""
    working: bool = True
    days: int = 1
    calendar: str = "CN"
    make_up_days: bool = True
    paid_from: datetime.timedelta = datetime.timedelta(hours=10)
    paid_by: datetime.timedelta = datetime.timedelta(hours=18)
    fee: money.FeeRule | None = None
    statement: str = ""
    doubtful_days: int = 2
    """Working days after which what is missing is no longer waited for."""
    same_key_days: int = 10
    """The same terminal, batch and trace number further apart are another transaction."""


@dataclasses.dataclass(frozen=True)
class OwnCalendar:
    """Days off (and weekends that are worked) of a calendar the user gives, and the days for which it is complete."""

    holidays: frozenset[datetime.date]
    workdays: frozenset[datetime.date]
    first: datetime.date
    last: datetime.date


@dataclasses.dataclass(frozen=True)
class Settings:
    """A settings file."""

    banks: Mapping[str, Terms]
    layouts: Mapping[str, Layout]
    calendars: Mapping[str, OwnCalendar]
    usual: Mapping[str, Layout] = dataclasses.field(default_factory=dict)
    """Layouts that are always known; those of the file come first."""

    @property
    def all_layouts(self) -> dict[str, Layout]:
        return {**self.usual, **self.layouts}

    def terms(self, bank: str) -> Terms:
        """The terms of a bank; the usual ones if none are written."""
        return self.banks.get(bank) or Terms(bank)


def read_settings(text: str, where: str = "settings") -> Settings:
    """Read and check.

    Raises:
        ToolError: a key, a word or a time that means nothing (`usage`).
    """
    raw = known(parse_toml(text, where), {"bank": dict, "layout": dict, "calendar": dict}, where)
    banks = {name: _terms(name, table) for name, table in raw.get("bank", {}).items()}
    names = [word for terms in banks.values() for word in {terms.bank, *terms.names}]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise wrong(where, f"two banks have the name {twice!r}")
    return Settings(
        banks=banks,
        layouts={name: read_layout(name, table) for name, table in raw.get("layout", {}).items()},
        calendars={name: _calendar(name, table) for name, table in raw.get("calendar", {}).items()},
    )


def _terms(name: str, table: Any) -> Terms:
    where = f"bank.{name}"
    known(table, _BANK, where)
    zone(table.get("zone", SHANGHAI))
    settles = _SETTLES.fullmatch(table.get("settles", "T+1"))
    if not settles:
        raise wrong(where, f"settles = {table['settles']!r}; expected T+0, T+1, D+1 ...")
    paid = strings(table.get("paid", ["10:00", "18:00"]), f"{where}.paid")
    if len(paid) != 2:
        raise wrong(where, "paid is [from, by]")
    paid_from, paid_by = (_clock(text, where) for text in paid)
    if paid_from > paid_by:
        raise wrong(where, f"paid begins at {paid[0]}, after {paid[1]}")
    for key in ("doubtful_days", "same_key_days"):
        if not 0 <= table.get(key, 1) <= 90:
            raise wrong(where, f"{key} = {table[key]}; expected 0 to 90")
    return Terms(
        bank=name, names=strings(table.get("names", []), f"{where}.names"), zone=table.get("zone", SHANGHAI),
        cutover=_clock(table.get("cutover", "24:00"), where), working=settles[1] == "T", days=int(settles[2]),
        calendar=table.get("calendar", "CN"), make_up_days=table.get("make_up_days", True), paid_from=paid_from,
        paid_by=paid_by, fee=_fee(table["fee"], where) if "fee" in table else None, statement=table.get("statement", ""),
        doubtful_days=table.get("doubtful_days", 2), same_key_days=table.get("same_key_days", 10),
    )  # fmt: skip


def _clock(text: str, where: str) -> datetime.timedelta:
    found = _CLOCK.fullmatch(text)
    if not found or text > "24:00":
        raise wrong(where, f"{text!r} is no time of day (00:00 to 24:00)")
    return datetime.timedelta(hours=int(found[1]), minutes=int(found[2]))


def _fee(table: Any, where: str) -> money.FeeRule:
    where = f"{where}.fee"
    known(table, _FEE, where)
    if "rate" not in table:
        raise wrong(where, "needs rate")
    numbers = {}
    for key in ("rate", "least", "most"):
        try:
            numbers[key] = money.parse(table[key], 9) if key in table else None
        except FormatError as error:
            raise wrong(where, f"{key}: {error.message}") from None
    rate = numbers["rate"]
    assert rate is not None
    if not 0 <= rate <= 1:
        raise wrong(where, f"rate = {rate}; expected 0 to 1 (0.6 % is 0.006)")
    rounding, per = choice(table, "rounding", tuple(money.ROUNDINGS), where), choice(table, "per", ("line", "day"), where)
    return money.FeeRule(rate, rounding, numbers["least"] or Decimal(0), numbers["most"], per)


def _calendar(name: str, table: Any) -> OwnCalendar:
    where = f"calendar.{name}"
    known(table, _CALENDAR, where)
    if not {"first", "last"} <= table.keys() or table["first"] > table["last"]:
        raise wrong(where, "needs first and last: the days for which it is complete")
    days = {key: _days(table.get(key, []), f"{where}.{key}") for key in ("holidays", "workdays")}
    return OwnCalendar(days["holidays"], days["workdays"], table["first"], table["last"])


def _days(value: list[Any], where: str) -> frozenset[datetime.date]:
    if not all(type(day) is datetime.date for day in value):
        raise wrong(where, "expected dates, like 2026-10-01")
    return frozenset(value)
