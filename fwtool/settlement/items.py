"""An open item: what is not as it should be, how old it is, why probably, and what to do next."""

import datetime
import hashlib
import json
from typing import Any, NamedTuple

from fwtool.settlement.kinds import KINDS, reason_text


class Item(NamedTuple):
    """One finding of the match. Amounts are decimals as text; `difference` is bank minus journal."""

    kind: str
    state: str
    """`open`, `doubtful` (waited for), or `info`."""
    day: int
    """Accounting day, as an ordinal."""
    bank: str
    currency: str
    journal_amount: str | None
    bank_amount: str | None
    difference: str
    terminal: str = ""
    batch: str = ""
    trace: str = ""
    reference: str = ""
    time: str = ""
    reason: str = ""
    arguments: tuple[str, ...] = ()
    journal_place: str = ""
    bank_place: str = ""
    lines: int = 1

    @property
    def id(self) -> str:
        """The same for the same finding in every run."""
        parts = (self.kind, self.bank, str(self.day), self.terminal, self.batch, self.trace, self.reference,
                 self.currency, self.journal_place, self.bank_place)  # fmt: skip
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]

    @property
    def needs_action(self) -> bool:
        return self.state == "open"

    def body(self) -> str:
        return json.dumps(self, ensure_ascii=False)

    def as_json(self, as_of: datetime.date, language: str) -> dict[str, Any]:
        kind = KINDS[self.kind]
        return {
            "id": self.id, "kind": self.kind, "state": self.state, "severity": kind.severity, "name": kind.name.get(language),
            "bank": self.bank, "day": datetime.date.fromordinal(self.day).isoformat(), "age_days": self.age_days(as_of),
            "currency": self.currency, "journal_amount": self.journal_amount, "bank_amount": self.bank_amount,
            "difference": self.difference, "terminal": self.terminal, "batch": self.batch, "trace": self.trace,
            "reference": self.reference, "time": self.time, "reason": reason_text(self.reason, self.arguments, language),
            "action": kind.action.get(language), "journal_place": self.journal_place, "bank_place": self.bank_place,
            "lines": self.lines,
        }  # fmt: skip

    def age_days(self, as_of: datetime.date) -> int:
        return as_of.toordinal() - self.day


def from_body(body: str) -> Item:
    """An item as it was stored."""
    fields = json.loads(body)
    fields[Item._fields.index("arguments")] = tuple(fields[Item._fields.index("arguments")])
    return Item(*fields)


def state_of(kind: str, *, doubtful: bool = False) -> str:
    """Whether somebody has to act."""
    if KINDS[kind].severity == "info":
        return "info"
    return "doubtful" if doubtful else "open"
