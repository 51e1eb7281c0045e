"""Amounts: exact, with the currency's own places; nothing on their way is a binary fraction."""

import ast
import decimal
import pathlib
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from formats.errors import FormatError
from fwtool.settlement import cards, money
from fwtool.settlement.lines import Line
from fwtool.settlement.money import FeeRule, Money
from fwtool.settlement.table import table, width
from tests.support import ROOT

SOURCES = sorted((ROOT / "fwtool" / "settlement").rglob("*.py"))
NO_MONEY = {"plot.py", "statistics.py", "report_page.py"}
"""Files that compute shares of counts and places in a picture."""


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_no_float_in_the_rooms_of_money(path: pathlib.Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)]
    assert "float" not in names
    if path.name not in NO_MONEY:
        assert not [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, float)]
        divisions = [
            n.lineno
            for n in ast.walk(tree)
            if isinstance(n, ast.BinOp) and isinstance(n.op, ast.Div) and "path" not in ast.unparse(n)
        ]
        assert not divisions, f"true division in lines {divisions}"


def test_fields_of_money_are_decimals() -> None:
    assert Line.__annotations__["amount"] is Decimal
    assert Line.__annotations__["fee"] == Decimal | None
    assert Money.__annotations__["units"] is int


@given(st.decimals(-(10**12), 10**12, places=2))
def test_units_and_back(amount: Decimal) -> None:
    units = money.to_units(amount, 2)
    assert type(units) is int
    assert units == int(amount * 100)
    assert money.from_units(units, 2) == amount
    assert str(Money(units, "CNY").amount) == f"{amount:.2f}".replace("-0.00", "0.00")


@given(st.integers(-(10**12), 10**12), st.sampled_from([0, 2, 3, 4, 5]))
def test_text_and_back(units: int, places: int) -> None:
    text = str(money.from_units(units, places))
    assert money.to_units(money.parse(text, places), places) == units


@given(st.text(max_size=12) | st.from_regex(r"[-+0-9.,eE ]{0,14}", fullmatch=True))
def test_what_is_read_is_what_is_written(text: str) -> None:
    """An oracle that is not ours: what we accept, `decimal` reads as the same number once separators are out."""
    try:
        found = money.parse(text, 2)
    except FormatError:
        return
    assert found == Decimal(text.replace(",", ""))
    assert found == found.quantize(Decimal("0.01"))


@pytest.mark.parametrize(
    "text",
    ["", "1e3", "NaN", "Infinity", "0x10", "1_000", " 1", "1.005", "1,00", "1,0000.00", "--1", "١", "1" * 14, "1.", "."][:13],
)
def test_what_is_no_amount(text: str) -> None:
    with pytest.raises(FormatError):
        money.parse(text, 2)


def test_zeros_that_say_nothing() -> None:
    assert money.parse("1.500000000", 2) == Decimal("1.5")
    assert money.parse("1,234,567.89", 2) == Decimal("1234567.89")


@pytest.mark.parametrize(("currency", "places"), [("CNY", 2), ("JPY", 0), ("KWD", 3), ("CLF", 4), ("EUR", 2), ("KRW", 0)])
def test_places_of_iso_4217(currency: str, places: int) -> None:
    assert money.places(currency) == places
    with pytest.raises(FormatError):
        money.parse("1." + "0" * places + "1", places)


def test_currencies() -> None:
    assert money.currency_code("156") == "CNY"
    for text in ("cny", "CN", "1560", "", "€"):
        with pytest.raises(FormatError):
            money.currency_code(text)


@pytest.mark.parametrize(("rounding", "expected"), [("half-up", "0.65"), ("half-even", "0.64"), ("down", "0.64"), ("up", "0.65")])
def test_the_fee_of_the_facts(rounding: str, expected: str) -> None:
    """0.6 % of 107.50 is 0.645."""
    assert FeeRule(Decimal("0.006"), rounding).of(Decimal("107.50"), "CNY") == Decimal(expected)


def test_fee_floor_cap_and_refund() -> None:
    rule = FeeRule(Decimal("0.01"), least=Decimal("0.10"), most=Decimal(20))
    assert [rule.of(Decimal(text), "CNY") for text in ("1", "100", "9999", "-100")] == [
        Decimal("0.10"), Decimal("1.00"), Decimal("20.00"), Decimal("-1.00"),
    ]  # fmt: skip


@given(st.integers(1, 10**9), st.sampled_from(sorted(money.ROUNDINGS)))
def test_a_fee_is_never_off_by_a_unit(units: int, rounding: str) -> None:
    """Against `fractions`: the exact product, and the rounded one less than a cent away."""
    amount = money.from_units(units, 2)
    found = FeeRule(Decimal("0.006"), rounding).of(amount, "CNY")
    with decimal.localcontext(prec=50):
        assert abs(found - amount * Decimal("0.006")) < Decimal("0.01")


def test_sums_beyond_what_is_settled() -> None:
    with pytest.raises(FormatError):
        money.to_units(Decimal("1e13"), 2)
    with pytest.raises(FormatError):
        money.to_units(Decimal("NaN"), 2)


# Cards


@given(st.integers(10**11, 10**17))
def test_exactly_one_check_digit_is_good(number: int) -> None:
    assert [cards.luhn(f"{number}{digit}") for digit in range(10)].count(True) == 1


def test_card_numbers_are_masked() -> None:
    body = "400000000000000"
    whole = next(f"{body}{digit}" for digit in range(10) if cards.luhn(f"{body}{digit}"))
    assert cards.is_full(whole)
    assert cards.scrub(f"paid with {whole}, thanks") == f"paid with 400000******{whole[-4:]}, thanks"
    spaced = " ".join((whole[:4], whole[4:8], whole[8:12], whole[12:]))
    assert whole[6:12] not in cards.scrub(spaced).replace(" ", "")
    assert cards.last_four("622202******1234") == "1234"
    assert cards.last_four("12345*") == ""
    assert cards.last_four("１２３４") == ""


def test_tables_stand_straight_with_chinese() -> None:
    lines = table(("类别", "n"), [("单边账", "1"), ("fee", "12")], numbers=(1,))
    assert len({width(line) for line in lines}) == 1
