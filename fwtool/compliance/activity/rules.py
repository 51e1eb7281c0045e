"""Rule files of activity (TOML), checked when they are loaded."""

import dataclasses
import datetime
import importlib.resources
import pathlib
import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

from formats.errors import FormatError
from fwtool.settlement import money
from fwtool.settlement.lint import Types, choice, known, load_toml, parse_toml, wrong

KINDS: Final[dict[str, tuple[str, ...]]] = {
    "refund_without_sale": ("within_d", "min_amount"),
    "repeated_declines": ("by", "count", "within_s"),
    "key_entered": ("count", "within_s"),
    "off_hours": ("open", "close"),
    "forced_offline": ("count", "within_s", "min_amount"),
}
"""Kind -> the limits that it needs, all of them."""
SEVERITIES: Final = ("warning", "error")
BY: Final = ("card", "terminal")
MAX_RULES: Final = 64
MAX_COUNT: Final = 10_000
MAX_WITHIN: Final = {"within_s": 31 * 86_400, "within_d": 400}
_ID: Final = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)*")
_CLOCK: Final = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_FORM: Final[dict[str, Types]] = {
    "id": str, "kind": str, "severity": str, "by": str, "count": int, "within_s": int, "within_d": int, "min_amount": str,
    "open": str, "close": str,
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Rule:
    """One row of the table."""

    id: str
    kind: str
    severity: str
    by: str = "terminal"
    """What transactions are counted by."""
    count: int = 0
    """So many are too many."""
    within_s: int = 0
    within_d: int = 0
    min_amount: Decimal = Decimal(0)
    open: datetime.time = datetime.time(0)
    close: datetime.time = datetime.time(0)
    """From `open` on, up to but without `close`; a shop may close after midnight."""


def load(paths: Iterable[pathlib.Path] = ()) -> tuple[Rule, ...]:
    """The shipped rules with those of the files; a rule with the id of an earlier one takes its place.

    Raises:
        LocalError: a file cannot be read.
        ToolError: a rule that means nothing, or can never hold (`usage`).
    """
    shipped = importlib.resources.files("fwtool.compliance.activity").joinpath("rules.toml").read_text("utf-8")
    rules = {rule.id: rule for rule in _rules(shipped, "rules.toml")}
    for path in paths:
        rules |= {rule.id: rule for rule in _rules(load_toml(path), path.name)}
    return tuple(rules.values())


def _rules(text: str, where: str) -> list[Rule]:
    tables = known(parse_toml(text, where), {"rule": list}, where).get("rule", [])
    if not 1 <= len(tables) <= MAX_RULES:
        raise wrong(where, f"expected 1 to {MAX_RULES} tables [[rule]]")
    rules = [_rule(table, f"{where}, rule {number}") for number, table in enumerate(tables, 1)]
    if len({rule.id for rule in rules}) != len(rules):
        raise wrong(where, "an id stands twice")
    return rules


def _rule(table: Any, where: str) -> Rule:
    known(table, _FORM, where)
    kind, name = table.get("kind"), table.get("id", "")
    if kind not in KINDS or not _ID.fullmatch(name):
        raise wrong(where, f"needs an id like shop.nights, and a kind of {', '.join(KINDS)}")
    limits = table.keys() - {"id", "kind", "severity"}
    if limits != set(KINDS[kind]):
        raise wrong(f"{where} ({name})", f"a rule of the kind {kind} has exactly the limits {', '.join(KINDS[kind])}")
    given = {key: _LIMITS[key](table[key], key, f"{where} ({name})") for key in limits}
    if kind == "off_hours" and given["open"] == given["close"]:
        raise wrong(f"{where} ({name})", "open and close are the same: it can never hold")
    return Rule(id=name, kind=kind, severity=choice(table, "severity", SEVERITIES, where), **given)


def _count(value: int, key: str, where: str) -> int:
    if not 2 <= value <= MAX_COUNT:
        raise wrong(where, f"{key} = {value}; expected 2 to {MAX_COUNT}")
    return value


def _within(value: int, key: str, where: str) -> int:
    if not 1 <= value <= MAX_WITHIN[key]:
        raise wrong(where, f"{key} = {value}; expected 1 to {MAX_WITHIN[key]}")
    return value


def _money(value: str, key: str, where: str) -> Decimal:
    try:
        found = money.parse(value, 4)
    except FormatError as error:
        raise wrong(where, f"{key}: {error.message}") from None
    if found <= 0:
        raise wrong(where, f"{key} = {value}; expected more than zero")
    return found


def _clock(value: str, key: str, where: str) -> datetime.time:
    if not _CLOCK.fullmatch(value):
        raise wrong(where, f"{key} = {value!r}; expected a time of day like 07:00")
    return datetime.time.fromisoformat(value)


def _by(value: str, key: str, where: str) -> str:
    return choice({key: value}, key, BY, where)


_LIMITS: Final[dict[str, Any]] = {
    "count": _count, "within_s": _within, "within_d": _within, "min_amount": _money, "open": _clock, "close": _clock, "by": _by,
}  # fmt: skip
