"""ISO 20022 camt.053 (statement) and camt.054 (debit and credit notification), any version: read entry by entry.

Memory stays that of one transaction. A document type definition is refused as soon as it begins, so that no entity is ever
declared. Balances must tie: opening plus entries is closing.
"""

import datetime
import pathlib
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final
from xml.etree import ElementTree
from xml.parsers import expat

from formats.errors import FormatError
from fwtool.settlement import cards, money
from fwtool.settlement.clock import zone as zone_named
from fwtool.settlement.lines import FileFacts, Line, Lines
from fwtool.settlement.sources.text import Source, opened

_NAMESPACE: Final = re.compile(r"\{urn:iso:std:iso:20022:tech:xsd:camt\.05[34]\.001\.\d\d\}")
_CHUNK: Final = 1 << 16
MAX_DEPTH: Final = 32
MAX_ELEMENTS: Final = 2000
"""Of one transaction, or of an entry beside its transactions."""
MAX_TOKEN: Final = 1 << 18
"""Bytes without the beginning or end of an element."""
_OPENING, _CLOSING = ("OPBD", "PRCD"), ("CLBD",)


def read(path: pathlib.Path, zone: str) -> Lines:
    """Postings, and where an entry lists its transactions, those too; returns `FileFacts`.

    Args:
        zone: For times without one.

    Raises:
        FormatError: not such a message, damaged, or balances that do not tie.
    """
    with opened(path) as file:
        reader = _Reader(path.name, zone)
        yield from reader.lines(_elements(file, path.name))
    if not reader.statements:
        raise FormatError(f"{path.name} has no statement")
    return FileFacts(reader.first, reader.last)


def _elements(file: Source, name: str) -> Iterator[tuple[str, ElementTree.Element]]:
    """Beginnings and ends of elements, without their namespace."""
    parser: Any = ElementTree.XMLPullParser(("start", "end"))
    guard = expat.ParserCreate()
    guard.StartDoctypeDeclHandler = _no_doctype
    silent = 0
    try:
        while data := file.read(_CHUNK):
            guard.Parse(data, False)
            parser.feed(data)
            silent += len(data)
            for event in parser.read_events():
                silent = 0
                yield event
            if silent > MAX_TOKEN:
                raise FormatError("the XML has something far larger than any field of a statement", name="too_large")
        guard.Parse(b"", True)
        parser.close()
        yield from parser.read_events()
    except (ElementTree.ParseError, expat.ExpatError, UnicodeError, LookupError, ValueError) as error:
        raise FormatError(f"{name} is not well-formed XML: {error}") from error


def _no_doctype(*_: object) -> None:
    raise FormatError("the XML has a document type definition, which no statement has: it is refused")


class _Reader:
    """One message."""

    def __init__(self, name: str, zone: str) -> None:
        self.statements = 0
        self.first: datetime.date | None = None
        self.last: datetime.date | None = None
        self._name, self._zone = name, zone_named(zone)
        self._entry = 0
        self._balances: dict[str, Decimal] = {}
        self._sum = Decimal(0)
        self._open: list[ElementTree.Element] = []
        """Elements that are not ended yet, from the outside in."""
        self._elements = 0
        self._details = 0

    def lines(self, events: Iterator[tuple[str, ElementTree.Element]]) -> Iterator[Line]:
        for event, element in events:
            tag = _name(element)
            if event == "start":
                self._begin(tag, element)
                continue
            self._open.pop()
            yield from self._ended(tag, element)

    def _ended(self, tag: str, element: ElementTree.Element) -> Iterator[Line]:
        above = [_name(one) for one in self._open[-2:]]
        if tag == "TxDtls" and above == ["Ntry", "NtryDtls"]:
            self._details += 1
            if line := self._transaction(element, self._open[-2]):
                yield line
        elif tag == "Ntry" and above[-1:] in (["Stmt"], ["Ntfctn"]):
            yield self._posting(element)
        elif tag == "Bal" and above[-1:] == ["Stmt"]:
            self._balance(element)
        elif tag in ("Stmt", "Ntfctn"):
            self._end(tag)
        elif len(self._open) > 3:
            return
        if self._open:
            self._open[-1].remove(element)
        self._elements = 0

    def _begin(self, tag: str, element: ElementTree.Element) -> None:
        if not self._open and (tag != "Document" or not _NAMESPACE.match(element.tag)):
            raise FormatError(f"{self._name} is XML, but neither camt.053 nor camt.054", name="unsupported_format")
        self._open.append(element)
        self._elements += 1
        if len(self._open) > MAX_DEPTH or self._elements > MAX_ELEMENTS or len(element.attrib) > MAX_DEPTH:
            raise FormatError(f"{self._name} has more elements in one place than any statement", name="too_large")
        if tag in ("Stmt", "Ntfctn"):
            self.statements += 1
            self._balances, self._sum = {}, Decimal(0)
        elif tag == "Ntry":
            self._entry, self._details = self._entry + 1, 0

    def _end(self, tag: str) -> None:
        opening = next((self._balances[code] for code in _OPENING if code in self._balances), None)
        closing = next((self._balances[code] for code in _CLOSING if code in self._balances), None)
        if tag == "Stmt" and opening is not None and closing is not None and opening + self._sum != closing:
            raise FormatError(
                f"{self._name}: opening balance {opening} and entries {self._sum} do not come to the closing balance {closing}",
                hint="Entries are missing or changed; fetch the statement again.",
            )

    def _balance(self, element: ElementTree.Element) -> None:
        code = _text(element, "Tp/CdOrPrtry/Cd")
        if code:
            self._balances[code] = self._amount(element)[0] * (-1 if _text(element, "CdtDbtInd") == "DBIT" else 1)
            self._seen(self._date(element, "Dt"))

    def _seen(self, day: datetime.date | None) -> None:
        if day is not None:
            self.first, self.last = min(self.first or day, day), max(self.last or day, day)

    def _amount(self, element: ElementTree.Element) -> tuple[Decimal, str]:
        found = _child(element, "Amt")
        if found is None and (inner := _child(element, "AmtDtls")) is not None:
            found = _at(inner, "TxAmt/Amt")
        if found is None or not found.text:
            raise FormatError(f"{self._name}: entry {self._entry} has no amount")
        currency = money.currency_code(found.get("Ccy", ""))
        return money.parse(found.text.strip(), money.places(currency)), currency

    def _signed(self, element: ElementTree.Element, usual: str) -> tuple[Decimal, str]:
        amount, currency = self._amount(element)
        indicator = _text(element, "CdtDbtInd") or usual
        if indicator not in ("CRDT", "DBIT"):
            raise FormatError(f"{self._name}: entry {self._entry} is neither credit nor debit")
        return (amount if indicator == "CRDT" else -amount), currency

    def _posting(self, element: ElementTree.Element) -> Line:
        amount, currency = self._signed(element, "")
        value_date, booked = self._date(element, "ValDt"), self._date(element, "BookgDt")
        state = _text(element, "Sts/Cd") or _text(element, "Sts")
        if state == "BOOK":
            self._sum += amount
        self._seen(booked)
        batch = next((found for group in _children(element, "NtryDtls") for found in _children(group, "Btch")), None)
        return Line(
            place=self._entry, kind="posting", amount=amount, currency=currency,
            state="approved" if state == "BOOK" else "pending",
            day=booked, value_date=value_date or booked, rrn=_text(element, "AcctSvcrRef"),
            batch=_text(batch, "MsgId") if batch is not None else "",
            times=_count(_text(batch, "NbOfTxs") if batch is not None else "") or max(1, self._details),
            text=cards.scrub(_told(element))[:140],
        )  # fmt: skip

    def _transaction(self, element: ElementTree.Element, entry: ElementTree.Element) -> Line | None:
        """A card transaction; others (transfers, direct debits) are only part of their posting.

        Of the entry, what stands before its transactions is known here: amount, sign and dates (schema order).
        """
        reference, terminal = _text(element, "Refs/EndToEndId"), _text(element, "CardTx/POI/Id/Id")
        if not terminal and reference in ("", "NOTPROVIDED"):
            return None
        amount, currency = self._signed(element, _text(entry, "CdtDbtInd"))
        charges = [one for group in _children(element, "Chrgs") for one in (_children(group, "Rcrd") or [group])]
        fee = sum((self._fee(one) for one in charges), Decimal(0)) if charges else None
        if any(_text(one, "ChrgInclInd") in ("true", "1") for one in charges):
            amount += fee or 0
        moment = _text(element, "RltdDts/TxDtTm") or _text(element, "RltdDts/AccptncDtTm")
        booked = self._date(entry, "BookgDt")
        return Line(
            place=self._entry, kind="sale" if amount > 0 else "refund", amount=amount, currency=currency,
            time=self._moment(moment) if moment else None, day=self._date(element, "RltdDts/IntrBkSttlmDt"),
            value_date=self._date(entry, "ValDt") or booked, terminal=terminal,
            stan=_text(element, "CardTx/Tx/SaleRefNb"), rrn=_text(element, "Refs/TxId"),
            order="" if reference == "NOTPROVIDED" else reference, fee=fee,
            last4=cards.last_four(_text(element, "CardTx/Card/PlainCardData/PAN")),
        )  # fmt: skip

    def _fee(self, element: ElementTree.Element) -> Decimal:
        amount, _ = self._amount(element)
        return -amount if _text(element, "CdtDbtInd") == "CRDT" else amount

    def _date(self, element: ElementTree.Element, path: str) -> datetime.date | None:
        text = _text(element, f"{path}/Dt") or _text(element, f"{path}/DtTm") or _text(element, path)
        try:
            return datetime.date.fromisoformat(text[:10]) if text else None
        except ValueError:
            raise FormatError(f"{self._name}: entry {self._entry} has the date {text[:40]!r}") from None

    def _moment(self, text: str) -> datetime.datetime:
        try:
            found = datetime.datetime.fromisoformat(text)
        except ValueError:
            raise FormatError(f"{self._name}: entry {self._entry} has the time {text[:40]!r}") from None
        return found if found.tzinfo else found.replace(tzinfo=self._zone)


def _children(element: ElementTree.Element, tag: str) -> list[ElementTree.Element]:
    return [child for child in element if _name(child) == tag]


def _child(element: ElementTree.Element, tag: str) -> ElementTree.Element | None:
    return next((child for child in element if _name(child) == tag), None)


def _name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _at(element: ElementTree.Element, path: str) -> ElementTree.Element | None:
    found: ElementTree.Element | None = element
    for tag in path.split("/"):
        found = _child(found, tag) if found is not None else None
    return found


def _text(element: ElementTree.Element, path: str) -> str:
    found = _at(element, path)
    return (found.text or "").strip() if found is not None else ""


def _count(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0


def _told(element: ElementTree.Element) -> str:
    """What the entry says in words: additional information, remittance text, the batch's name."""
    words: list[Any] = [_text(element, "AddtlNtryInf")]
    for found in element.iter():
        if _name(found) in ("Ustrd", "AddtlTxInf", "MsgId", "PmtInfId"):
            words.append((found.text or "").strip())
        if len(words) > 8:
            break
    return " ".join(filter(None, words))
