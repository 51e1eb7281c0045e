"""From the columns of one row to a line: dates, amounts and their signs, words and what they mean."""

import datetime
import functools
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Final

from formats.errors import FormatError
from fwtool.settlement import cards, money
from fwtool.settlement.clock import zone
from fwtool.settlement.layout import FIELDS, Layout
from fwtool.settlement.lines import Line, Side, state_of

Cells = Sequence[str]
"""A text for each of `FIELDS`, in their order; empty where the layout has no such column."""
_TAKES_BACK: Final = frozenset({"refund", "void"})
_REVERSALS: Final = ("", "none", "pending", "confirmed", "given_up")
_AT: Final = {field: place for place, field in enumerate(FIELDS)}
_SALES, _REFUNDS = ((_AT[f"{group}_count"], _AT[f"{group}_sum"]) for group in ("sales", "refunds"))


class Recorder:
    """Makes lines of rows of one file."""

    def __init__(self, layout: Layout, near: datetime.date | None) -> None:
        self.full_cards = 0
        """Card numbers that were whole."""
        self._layout, self._near, self._zone = layout, near, zone(layout.zone)
        self._judged = "response" in layout.columns or "reversal" in layout.columns
        self._usual_kind = "posting" if layout.side is Side.ACCOUNT else "sale"
        self._file_day = near if layout.side is Side.BANK else None
        self._day = functools.lru_cache(4096)(self._read_day)
        self._money_of = functools.lru_cache(4)(self._reader)

    def lines(self, place: int, cells: Cells) -> list[Line]:
        """The lines that one row is; none if it is to be skipped.

        Raises:
            FormatError: a value that means nothing in this layout.
        """
        if self._layout.side is Side.TOTALS:
            return self._totals(place, cells)
        (
            time, day, value_date, uploaded, terminal, batch, stan, rrn, order, original, card, amount, credit, debit, fee, code,
            kind_word, response, reversal, state_word, bank, text, *_,
        ) = cells  # fmt: skip
        kind = self._word("kind", self._layout.kinds, kind_word, self._usual_kind)
        state = (
            self._state(response, reversal) if self._judged else self._word("state", self._layout.states, state_word, "approved")
        )
        if "skip" in (kind, state):
            return []
        currency = money.currency_code(code or self._layout.currency)
        self.full_cards += cards.is_full(card)
        line = Line(
            place, kind, self._amount(amount, credit, debit, kind, currency), currency, state, self._moment("time", time),
            self._day("day", day) or self._file_day, self._day("value_date", value_date), terminal, batch, stan, rrn, order,
            original, cards.last_four(card), self._fee(fee, currency) if fee else None, bank or self._layout.bank, response[:8],
            self._moment("uploaded", uploaded), 1, cards.scrub(text[:140]) if text else "",
        )  # fmt: skip
        return [line]

    def _word(self, field: str, words: Mapping[str, str], word: str, default: str) -> str:
        if not words:
            return default
        found = words.get(word)
        if found is not None:
            return found
        if self._layout.skip_other_kinds:
            return "skip"
        raise FormatError(f"the {field} {word[:40]!r} is not in the layout {self._layout.id}")

    def _state(self, response: str, reversal: str) -> str:
        if reversal not in _REVERSALS:
            raise FormatError(f"the reversal is {reversal[:40]!r}, expected one of {', '.join(_REVERSALS[1:])}")
        return state_of(response, reversal)

    def _reader(self, places: int, most: int) -> Callable[[str], Decimal]:
        """Reads amounts of a currency with so many places; fees may have more."""
        if self._layout.unit == "major":
            return lambda written: money.parse(written, most)
        return lambda written: money.parse(written, 0).scaleb(-places)

    def _money(self, written: str, currency: str) -> Decimal:
        places = money.places(currency)
        return self._money_of(places, places)(written)

    def _amount(self, amount: str, credit: str, debit: str, kind: str, currency: str) -> Decimal:
        if "credit" in self._layout.columns:
            return self._money(credit or "0", currency) - self._money(debit or "0", currency)
        if self._layout.sign == "letter":
            return _lettered(amount, "C", lambda digits: self._money(digits, currency))
        found = self._money(amount, currency)
        if self._layout.sign == "kind":
            return -abs(found) if kind in _TAKES_BACK else abs(found)
        return found

    def _fee(self, written: str, currency: str) -> Decimal:
        """What the merchant is charged is positive."""
        read = self._money_of(money.places(currency), money.FEE_PLACES)
        if self._layout.fee_sign == "letter":
            return _lettered(written, "D", read)
        return -read(written) if self._layout.fee_sign == "received" else read(written)

    def _moment(self, field: str, written: str) -> datetime.datetime | None:
        if not written:
            return None
        return self._layout.forms[field].read(written, self._near).replace(tzinfo=self._zone)

    def _read_day(self, field: str, written: str) -> datetime.date | None:
        return self._layout.forms[field].read(written, self._near).date() if written else None

    def _totals(self, place: int, cells: Cells) -> list[Line]:
        text = dict(zip(FIELDS, cells, strict=True))
        currency = money.currency_code(text["currency"] or self._layout.currency)
        found = []
        for kind, sign, (count, total) in (("sale", 1, _SALES), ("refund", -1, _REFUNDS)):
            line = Line(
                place=place, kind=kind, amount=sign * abs(self._money(cells[total] or "0", currency)), currency=currency,
                time=self._moment("time", text["time"]), day=self._day("day", text["day"]), terminal=text["terminal"],
                batch=text["batch"], bank=text["bank"] or self._layout.bank, times=int(money.parse(cells[count] or "0", 0)),
            )  # fmt: skip
            found.append(line)
        return found


def _lettered(written: str, plus: str, read_digits: Callable[[str], Decimal]) -> Decimal:
    """An amount behind a letter, C for credit and D for debit."""
    if written[:1] not in ("C", "D"):
        raise FormatError(f"{written[:40]!r} has no C or D before the amount")
    amount = read_digits(written[1:])
    return amount if written[0] == plus else -amount
