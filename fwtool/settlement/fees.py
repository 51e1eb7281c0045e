"""What a bank has charged, held against the contract: line by line, or once on the sum of a day."""

import functools
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from fwtool.settlement import money
from fwtool.settlement.items import Item, state_of

_UNIT: Final = 10**money.FEE_PLACES


class Finding(NamedTuple):
    """A fee that is not as agreed. The difference is agreed minus charged: what is missing for the merchant."""

    kind: str
    charged: str
    agreed: str
    difference: str


class Fees:
    """The fees of one bank."""

    def __init__(self, bank: str, rule: money.FeeRule | None, name: Callable[[int], str]) -> None:
        self._bank, self._rule, self._name = bank, rule, name
        self.by_line = rule is not None and rule.per == "line"
        self._charged: Counter[tuple[int, int]] = Counter()
        self._base: Counter[tuple[int, int]] = Counter()
        self.agreed = functools.lru_cache(50_000)(self._agreed)

    def _agreed(self, units: int, number: int) -> int:
        assert self._rule is not None
        currency = self._name(number)
        return money.to_units(self._rule.of(money.from_units(units, money.places(currency)), currency), money.FEE_PLACES)

    def in_order(self, units: int, number: int, charged: int) -> bool:
        """Whether nothing is to be said of a fee; sums of days are looked at later, so not of those."""
        return self._rule is None or (self.by_line and charged == self.agreed(units, number))

    def check(self, units: int, number: int, charged: int) -> Finding | None:
        """A fee of an amount in the smallest units of a currency (by its number); None if it is as agreed."""
        agreed = self.agreed(units, number)
        if charged == agreed:
            return None
        places = money.places(self._name(number))
        kind = "fee_rounding" if abs(charged - agreed) <= _UNIT // 10**places else "fee_difference"
        values = [money.shortest(money.from_units(one, money.FEE_PLACES), places) for one in (charged, agreed, agreed - charged)]
        return Finding(kind, *map(str, values))

    def add(self, day: int, number: int, units: int, charged: int) -> None:
        """Count a fee to the sum of its day."""
        if self._rule is not None and not self.by_line:
            self._charged[day, number] += charged
            self._base[day, number] += units

    def days(self) -> Iterator[Item]:
        """Days whose fees are not as agreed."""
        for (day, number), charged in sorted(self._charged.items()):
            base, currency = self._base[day, number], self._name(number)
            if found := self.check(base, number, charged):
                amount = str(money.from_units(base, money.places(currency)))
                yield Item(found.kind, state_of(found.kind), day, self._bank, currency, amount, amount, found.difference,
                           reason="rate", arguments=(found.charged, found.agreed))  # fmt: skip
