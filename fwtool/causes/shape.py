"""The form of a rule file: which keys there are, and what kind of value each has. Meaning is `fwtool.causes.lint`'s."""

import math
import re
from collections.abc import Callable
from typing import Any, Final

from fwtool.causes.conditions import OPERATORS
from fwtool.causes.model import Condition, Confidence, Rule, Urgency
from fwtool.findings import Outcome, Words
from fwtool.text import clean

ID: Final = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)+")
MAX_ID: Final = 64
MAX_ITEMS: Final = 16
"""Of one list."""
MAX_TEXT: Final = 400
BAD: Final = ("warn", "fail")
NOTHING: Final = Words("", "")


class Misfit(Exception):
    """A value that is not of the form; the text says what was found and expected."""


def rules_of(document: dict[str, Any], at_most: int) -> tuple[list[Rule], list[str]]:
    """The rules of a document, and what is wrong with its form."""
    tables = document.get("rule")
    unknown = sorted(clean(key) for key in document.keys() - {"rule"})
    if unknown or not isinstance(tables, list) or not tables or len(tables) > at_most:
        return [], [
            f"a rule file has 1 to {at_most} tables [[rule]], and nothing else" + (f": {unknown[0]!r}" if unknown else "")
        ]
    rules, problems = [], []
    for number, table in enumerate(tables, 1):
        try:
            rules.append(_rule(table))
        except Misfit as misfit:
            named = table.get("id") if isinstance(table, dict) else None
            problems.append(f"rule {clean(named)[:MAX_ID] if isinstance(named, str) else number}: {misfit}")
    return rules, problems


def _rule(table: Any) -> Rule:
    _keys(table, FIELDS.keys(), "a rule")
    missing = [key for key in REQUIRED if key not in table]
    if missing:
        raise Misfit(f"{missing[0]!r} is missing")
    given = {ATTRIBUTES.get(key, key): FIELDS[key](value, key) for key, value in table.items()}
    return Rule(**{**DEFAULTS, **given})


def _keys(table: Any, known: Any, what: str) -> None:
    if not isinstance(table, dict):
        raise Misfit(f"{what} is a table")
    for key in table:
        if key not in known:
            raise Misfit(f"{what} has no key {clean(key)[:MAX_ID]!r}; known: {', '.join(known)}")


def _text(value: Any, key: str) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT or clean(value) != value:
        raise Misfit(f"{key!r} is a text of at most {MAX_TEXT} characters in one line")
    return value


def _id(value: Any, key: str) -> str:
    if not ID.fullmatch(_text(value, key)) or len(value) > MAX_ID:
        raise Misfit(f"{key!r} is of the form part.fault in lower case, at most {MAX_ID} characters")
    return str(value)


def _words(value: Any, key: str) -> Words:
    _keys(value, ("en", "zh"), f"{key!r}")
    if set(value) != {"en", "zh"}:
        raise Misfit(f"{key!r} needs both languages, en and zh")
    return Words(_text(value["en"], key), _text(value["zh"], key))


def _choice(kind: type[Urgency] | type[Confidence]) -> Callable[[Any, str], Urgency | Confidence]:
    names = [one.name.lower() for one in kind]

    def read(value: Any, key: str) -> Urgency | Confidence:
        if value not in names:
            raise Misfit(f"{key!r} is one of {', '.join(names)}")
        return kind[value.upper()]

    return read


def _items(value: Any, key: str) -> list[Any]:
    if not isinstance(value, list) or len(value) > MAX_ITEMS:
        raise Misfit(f"{key!r} is a list of at most {MAX_ITEMS}")
    return value


def _names(value: Any, key: str) -> tuple[str, ...]:
    names = tuple(_text(one, key) for one in _items(value, key))
    if len(set(names)) != len(names):
        raise Misfit(f"{key!r} names something twice")
    return names


def _conditions(value: Any, key: str) -> tuple[Condition, ...]:
    return tuple(_condition(one, key) for one in _items(value, key))


def _condition(table: Any, key: str) -> Condition:
    _keys(table, ("finding", "is", "value", *OPERATORS), f"a condition of {key!r}")
    if "finding" in table and not table.keys() - {"finding", "is"}:
        return Condition(finding=_text(table["finding"], "finding"), outcomes=_outcomes(table.get("is", list(BAD))))
    tests = tuple((name, _number(table[name], name)) for name in OPERATORS if name in table)
    if "value" not in table or table.keys() & {"finding", "is"} or not tests:
        raise Misfit(f"a condition of {key!r} is a finding (and `is`), or a value with {', '.join(OPERATORS)}")
    return Condition(quantity=_text(table["value"], "value"), tests=tests)


def _outcomes(value: Any) -> frozenset[Outcome]:
    names = [outcome.value for outcome in Outcome]
    if not isinstance(value, list) or not value or any(one not in names for one in value):
        raise Misfit(f"'is' is a list of {', '.join(names)}")
    return frozenset(Outcome(one) for one in value)


def _number(value: Any, key: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or abs(value) > 1e15:
        raise Misfit(f"{key!r} is a number")
    return float(value)


def _flag(value: Any, key: str) -> bool:
    if not isinstance(value, bool):
        raise Misfit(f"{key!r} is true or false")
    return value


FIELDS: Final[dict[str, Callable[[Any, str], Any]]] = {
    "id": _id, "urgency": _choice(Urgency), "confidence": _choice(Confidence), "explains": _names, "consequences": _names,
    "withholds": _names, "when": _conditions, "any": _conditions, "unless": _conditions, "steps": _names, "reason": _words,
    "cause": _words, "action": _words, "part": _text, "replace": _flag,
}  # fmt: skip
REQUIRED: Final = ("id", "urgency", "confidence", "explains", "steps", "reason")
ATTRIBUTES: Final = {"any": "any_of"}
DEFAULTS: Final[dict[str, Any]] = {
    "consequences": (), "withholds": (), "when": (), "any_of": (), "unless": (), "cause": NOTHING, "action": NOTHING, "part": "",
}  # fmt: skip
