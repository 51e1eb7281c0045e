"""SWIFT MT940 and MT942, through the `mt-940` library, which reads fields well and judges little.

So the frame is ours: tags must be known, a statement has an account and both balances, every `:61:` must be readable, and
opening plus entries must be closing. The library sees a few hundred entries at a time, so memory does not grow.
"""

import datetime
import logging
import pathlib
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from formats.errors import FormatError, ToolError
from fwtool.settlement import cards, money
from fwtool.settlement.lines import FileFacts, Line, Lines
from fwtool.settlement.sources.text import encoding_of, text_lines

_TAG: Final = re.compile(r":(\d{2}[A-Z]?):", re.ASCII)
_KNOWN: Final = frozenset(
    [
        "20",
        "21",
        "25",
        "25P",
        "28",
        "28C",
        "60F",
        "60M",
        "61",
        "86",
        "62F",
        "62M",
        "64",
        "65",
        "34F",
        "13D",
        "13",
        "90D",
        "90C",
        "NS",
    ]
)
_BALANCE: Final = re.compile(r"([CD])(\d{6})([A-Z]{3})(\d{1,13},\d{0,3})", re.ASCII)
_ENTRY: Final = re.compile(
    r"\d{6}(?:\d{4})?(R?[CD])[A-Z]?\d{1,13},\d{0,3}[A-Z][A-Z0-9 ]{3}[^\n]{0,60}(?:\n[^\n]{0,130})?", re.ASCII
)
SLICE: Final = 400
"""Entries the library is given at once."""
MAX_FIELD: Final = 4096


def read(path: pathlib.Path) -> Lines:
    """The postings; returns `FileFacts`.

    Raises:
        FormatError: not such a statement, cut off, or balances that do not tie.
        ToolError: the library is not installed (`missing_component`).
    """
    library = _library()
    statement = _Statement(library, path.name)
    for number, tag, value in _fields(path):
        try:
            yield from statement.take(tag, value)
        except FormatError as error:
            raise FormatError(f"line {number} of {path.name}: {error.message}", name=error.name, hint=error.hint) from error
    yield from statement.finish()
    return FileFacts(statement.first, statement.last)


def _library() -> Any:
    try:
        import mt940
    except ImportError as error:
        raise ToolError(
            "MT940 files need the library `mt-940`, which is not installed", name="missing_component",
            hint="Install fwtool-terminal[settlement].",
        ) from error  # fmt: skip
    # It logs whole lines when one does not match; these are account data, and the error is told anyway.
    logging.getLogger("mt940").setLevel(logging.CRITICAL + 1)
    return mt940


def _fields(path: pathlib.Path) -> Iterator[tuple[int, str, str]]:
    """Tags and their values, with the number of the line they begin in."""
    tag, value, begun = "", "", 0
    for number, line in enumerate(text_lines(path, encoding_of(path, ("utf-8", "gb18030", "latin-1"))), 1):
        found = _TAG.match(line)
        if found:
            if tag:
                yield begun, tag, value
            tag, value, begun = found[1], line[found.end() :], number
            if tag not in _KNOWN:
                raise FormatError(f"line {number} of {path.name}: the tag :{tag}: is not of MT940 or MT942")
        elif tag and line.strip() not in ("", "-", "-}"):
            value += "\n" + line
            if len(value) > MAX_FIELD:
                raise FormatError(
                    f"the field :{tag}: in line {begun} of {path.name} is longer than {MAX_FIELD}", name="too_large"
                )
        elif not tag and line.strip() and not line.startswith("{"):
            raise FormatError(f"line {number} of {path.name} is not of an MT940 statement", name="unsupported_format")
    if tag:
        yield begun, tag, value


class _Statement:
    """One statement after the other."""

    def __init__(self, library: Any, name: str) -> None:
        self.first: datetime.date | None = None
        self.last: datetime.date | None = None
        self._library, self._name = library, name
        self._count, self._place = 0, 0
        self._pending: list[str] = []
        self._opening: tuple[str, Decimal] | None = None
        self._head, self._sum, self._open = "", Decimal(0), False
        self._interim = False

    def take(self, tag: str, value: str) -> Iterator[Line]:
        if tag == "20":
            yield from self._close()
            self._open, self._opening, self._sum, self._head, self._interim = True, None, Decimal(0), "", False
        elif not self._open:
            raise FormatError(f"the tag :{tag}: stands before :20:")
        if tag in ("60F", "60M"):
            self._opening = self._balance(value)
        elif tag == "34F":
            self._interim = True
            self._opening = self._opening or (value[:3], Decimal(0))
        elif tag == "61":
            yield from self._entry(value)
        elif tag == "86" and self._pending:
            self._pending[-1] += f":86:{value}\n"
        elif tag in ("62F", "62M"):
            yield from self._flush()
            self._tie(self._balance(value))

    def _entry(self, value: str) -> Iterator[Line]:
        if self._opening is None:
            raise FormatError("an entry stands before the opening balance")
        if not _ENTRY.fullmatch(value):
            raise FormatError("the entry :61: is not of its form")
        if len(self._pending) >= SLICE:
            yield from self._flush()
        self._pending.append(f":61:{value}\n")

    def finish(self) -> Iterator[Line]:
        """The end of the file."""
        yield from self._close()
        if not self._count:
            raise FormatError(f"{self._name} has no statement", name="unsupported_format")

    def _close(self) -> Iterator[Line]:
        """The end of a statement: MT942 has no closing balance, MT940 must have one."""
        if not self._open:
            return
        if self._interim:
            yield from self._flush()
            self._count += 1
        elif self._opening is not None or self._pending:
            raise FormatError(f"a statement of {self._name} has no closing balance: it is cut off", hint="Fetch it again.")
        self._open = False

    def _tie(self, closing: tuple[str, Decimal]) -> None:
        if self._opening is None or closing[0] != self._opening[0]:
            raise FormatError("the closing balance has no opening balance in its currency")
        if self._opening[1] + self._sum != closing[1]:
            raise FormatError(
                f"opening balance {self._opening[1]} and entries {self._sum} do not come to the closing balance {closing[1]}",
                hint="Entries are missing or changed; fetch the statement again.",
            )
        self._count, self._opening = self._count + 1, None

    def _balance(self, value: str) -> tuple[str, Decimal]:
        found = _BALANCE.fullmatch(value.strip())
        if not found:
            raise FormatError(f"{value[:40]!r} is no balance")
        self._seen(datetime.datetime.strptime(found[2], "%y%m%d").date() if _is_day(found[2]) else None)  # noqa: DTZ007 - a date
        amount = money.parse(found[4].replace(",", "."), money.places(found[3]))
        return found[3], amount if found[1] == "C" else -amount

    def _seen(self, day: datetime.date | None) -> None:
        if day is None:
            raise FormatError("a balance has no date")
        self.first, self.last = min(self.first or day, day), max(self.last or day, day)

    def _flush(self) -> Iterator[Line]:
        if not self._pending:
            return
        assert self._opening is not None
        currency = money.currency_code(self._opening[0])
        text = f":20:X\n:25:X\n:28C:1\n:60F:C000101{currency}0,00\n{''.join(self._pending)}:62F:C000101{currency}0,00\n"
        expected, self._pending = len(self._pending), []
        try:
            found = list(self._library.parse(text))
        except (RuntimeError, ValueError, TypeError, KeyError, AssertionError, ArithmeticError) as error:
            raise FormatError(f"an entry cannot be read: {str(error)[:80]}") from error
        if len(found) != expected:
            raise FormatError(f"{expected} entries were read as {len(found)}")
        for entry in found:
            yield self._line(entry.data, currency)

    def _line(self, data: dict[str, Any], currency: str) -> Line:
        self._place += 1
        amount = Decimal(data["amount"].amount)
        # RC takes a credit back: the money goes.
        amount = abs(amount) if data["status"] in ("C", "RD") else -abs(amount)
        money.to_units(amount, money.places(currency))
        self._sum += amount
        day = datetime.date(data["date"].year, data["date"].month, data["date"].day)
        entry = data.get("entry_date") or day
        told = f"{data.get('extra_details') or ''} {data.get('transaction_details') or ''}"
        return Line(
            place=self._place, kind="posting", amount=amount, currency=currency, value_date=day,
            day=datetime.date(entry.year, entry.month, entry.day), order=(data.get("customer_reference") or "").strip(),
            rrn=(data.get("bank_reference") or "").strip(), text=cards.scrub(" ".join(told.split()))[:140],
        )  # fmt: skip


def _is_day(text: str) -> bool:
    try:
        datetime.datetime.strptime(text, "%y%m%d")  # noqa: DTZ007 - a date
    except ValueError:
        return False
    return True
