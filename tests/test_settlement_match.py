"""The match: planted discrepancies, the situations of the facts, and pairing against a slow oracle."""

import datetime
import itertools
import pathlib
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from formats.errors import FormatError
from fwtool.settlement import importing, importing_windows, notices, settings_store
from fwtool.settlement.items import Item
from fwtool.settlement.matching import Outcome, match
from fwtool.settlement.pairing import APPROVED, Row, pair
from fwtool.settlement.results import read_items
from fwtool.settlement.sources import detect
from fwtool.settlement.sources.text import sha256_of
from fwtool.settlement.store import Store
from tests import settlement_planted

DATE = datetime.date.fromisoformat


def take(
    store: Store, *files: pathlib.Path, toml: pathlib.Path | None = None, kind: str = "", replace: bool = False
) -> list[Any]:
    """Import as the command does, in one process."""
    known, found = settings_store.current(store, toml), []
    for path in files:
        what, digest = kind or detect.kind_of(path, known.layouts, known.usual), sha256_of(path)
        if what in detect.WINDOWS:
            names = {name: terms.names for name, terms in known.banks.items()}
            notice = notices.read(path, what, DATE("2026-11-01"), "Asia/Shanghai", names)
            found.append(importing_windows.import_windows(store, path, what, digest, notice, "now"))
        else:
            found.append(importing.import_file(store, known, path, what, digest, "", "now", replace=replace))
    return found


# Planted


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> tuple[settlement_planted.Made, Outcome, list[Item]]:
    """20,000 lines with every kind of discrepancy; the million is in the benchmarks."""
    folder = tmp_path_factory.mktemp("planted")
    made = settlement_planted.make(folder, lines=20_000, each=6, terminals=20)
    with Store(folder / "state") as store:
        take(store, *made.files, toml=folder / "settings.toml")
        outcome = match(store, settings_store.current(store), settlement_planted.AS_OF)
        return made, outcome, list(read_items(store))


Planted = tuple[settlement_planted.Made, Outcome, list[Item]]


def test_all_that_was_planted_is_found_and_nothing_else(planted: Planted) -> None:
    made, outcome, items = planted
    found = Counter((item.kind, item.terminal, item.batch, item.trace, item.difference) for item in items)
    wanted = Counter(tuple(one) for one in made.planted)
    assert len(made.planted) >= 6 * len(settlement_planted.KINDS)
    assert found - wanted == Counter(), "false"
    assert wanted - found == Counter(), "missed"
    assert outcome.matched == made.matched


def test_statistics_are_those_of_the_generator(planted: Planted) -> None:
    made, outcome, _ = planted
    shares = outcome.statistics["ACQ"]
    assert {half: shares[half]["attempts"] for half in ("inside", "outside")} == dict(made.attempts)
    assert {half: shares[half]["failed"] for half in ("inside", "outside")} == dict(made.failed)
    late = sum(one.kind == "delayed" for one in made.planted)
    assert shares["inside"]["delayed"] + shares["outside"]["delayed"] == late


def test_every_item_says_where_why_and_what_to_do(planted: Planted) -> None:
    for item in planted[2]:
        for language in ("en", "zh"):
            said = item.as_json(settlement_planted.AS_OF, language)
            assert said["reason"]
            assert said["action"]
            assert said["journal_place"] or said["bank_place"]
            assert "{" not in said["reason"]
    assert len({item.id for item in planted[2]}) == len(planted[2])


# Situations of facts/settlement.md section 6

SETTINGS = settlement_planted.SETTINGS.replace('calendar = "NOV"', 'calendar = "CN"')
NOTICE = "11月22日0:00至6:00开启支付清算系统维护窗口,小额支付系统、网上支付跨行清算系统暂停受理业务。\n"
HEAD = "time,terminal,batch,trace,rrn,original_trace,kind,amount,currency,card,response,reversal,settlement_date,uploaded\n"
BANK = "交易日期,交易时间,清算日,入账日,终端号,批次号,流水号,参考号,卡号,交易类型,交易金额,手续费\n"
TOTALS = "closed,terminal,batch,currency,sales_count,sales_sum,refunds_count,refunds_sum\n"
RRN = "626400000001"


def sale(time: str, amount: str = "100.00", trace: str = "1", rrn: str = RRN, **rest: str) -> str:
    field = {"kind": "sale", "response": "00", "card": "622202******1234", "batch": "1"} | rest
    rrn = rrn if field["response"] == "00" else ""
    return (
        f"{time},T1,{field['batch']},{trace},{rrn},{field.get('original', '')},{field['kind']},{amount},CNY,{field['card']},"
        f"{field['response']},{field.get('reversal', '')},{field.get('day', '')},{field.get('uploaded', '')}\n"
    )


def line(time: str, day: str, value: str, amount: str = "100.00", trace: str = "1", rrn: str = RRN, **rest: str) -> str:
    field = {"kind": "消费", "card": "622202******1234", "fee": "", "batch": "1"} | rest
    date, clock = time.replace("-", "").replace(":", "").split(" ")
    days = f"{date},{clock},{day.replace('-', '')},{value.replace('-', '')}"
    return f"{days},T1,{field['batch']},{trace},{rrn},{field['card']},{field['kind']},{amount},{field['fee']}\n"


Case = Callable[..., list[Item]]


@pytest.fixture
def case(tmp_path: pathlib.Path) -> Case:
    """Match a few lines; the items, without those of a sale that only stands for the days."""

    def run(
        journal: str, bank: str | None, as_of: str = "2026-11-30", totals: str = "", settings: str = SETTINGS, covered: str = ""
    ) -> list[Item]:
        (tmp_path / "settings.toml").write_text(settings, encoding="utf-8")
        files = {"journal.csv": HEAD + journal, "notice.txt": NOTICE}
        if bank is not None:
            # The file is about these days, too: a pair that is in order.
            for number, day in enumerate(covered.split()):
                files["journal.csv"] += sale(f"{day} 12:00:00", trace=f"9{number}", rrn=f"99{number}", batch="77")
                bank += line(f"{day} 12:00:00", day, day, trace=f"9{number}", rrn=f"99{number}", batch="77")
            files["bank.csv"] = BANK + bank
        if totals:
            files["totals.csv"] = TOTALS + totals
        for name, text in files.items():
            (tmp_path / name).write_text(text, encoding="utf-8")
        with Store(tmp_path / "state") as store:
            take(store, *(tmp_path / name for name in files), toml=tmp_path / "settings.toml")
            self.outcome = match(store, settings_store.current(store), DATE(as_of))
            return list(read_items(store))

    self = run  # the outcome of the last run hangs on the function
    return run  # type: ignore[return-value]


def kinds(items: list[Item]) -> list[tuple[str, str]]:
    return [(item.kind, item.state) for item in items]


def test_1_a_weekend_is_on_time(case: Case) -> None:
    assert case(sale("2026-11-21 22:58:00"), line("2026-11-21 22:58:00", "2026-11-21", "2026-11-23")) == []
    (late,) = case(
        sale("2026-11-20 22:58:00", trace="2", rrn="2"),
        line("2026-11-20 22:58:00", "2026-11-20", "2026-11-24", trace="2", rrn="2"),
    )
    assert (late.kind, late.reason, late.age_days(DATE("2026-11-30"))) == ("delayed", "window_before_payment", 10)
    assert late.arguments == ("* 2026-11-22 00:00-06:00",)
    assert (
        late.as_json(DATE("2026-11-30"), "en")["reason"]
        == "the window of all banks 2026-11-22 00:00-06:00 lies before the money was due"
    )


def test_2_cut_over_in_a_window(case: Case) -> None:
    settings_24 = SETTINGS.replace('cutover = "23:00"', 'cutover = "24:00"')
    (item,) = case(sale("2026-11-21 23:58:00"), line("2026-11-21 23:58:00", "2026-11-22", "2026-11-23"), settings=settings_24)
    assert (item.kind, item.state, item.difference) == ("cutover_shift", "info", "0.00")
    (_, item) = case(
        sale("2026-11-22 00:10:00", trace="2", rrn="2"),
        line("2026-11-22 00:10:00", "2026-11-23", "2026-11-24", trace="2", rrn="2"),
        settings=settings_24,
    )
    assert (item.kind, item.reason) == ("cutover_shift", "window")


def test_3_a_reversed_sale_is_a_failure_and_no_item(case: Case) -> None:
    assert case(sale("2026-11-22 00:20:00", response="", reversal="confirmed"), "", covered="2026-11-22") == []
    assert case.outcome.statistics["ACQ"]["inside"]["failed"] == 1  # type: ignore[attr-defined]


def test_4_reversed_and_settled_all_the_same(case: Case) -> None:
    (item,) = case(
        sale("2026-11-22 00:20:00", response="", reversal="confirmed"),
        line("2026-11-22 00:20:00", "2026-11-22", "2026-11-23"),
        as_of="2026-11-23",
    )
    assert (item.kind, item.state, item.difference, item.reason) == ("one_sided_bank", "open", "100.00", "reversal_confirmed")
    assert item.journal_place == "journal.csv:2"


@pytest.mark.parametrize(("as_of", "state"), [("2026-11-23", "doubtful"), ("2026-11-24", "doubtful"), ("2026-11-25", "open")])
def test_5_a_reversal_without_answer_is_doubtful_for_two_working_days(case: Case, as_of: str, state: str) -> None:
    (item,) = case(
        sale("2026-11-22 00:20:00", response="", reversal="pending"),
        line("2026-11-22 00:20:00", "2026-11-22", "2026-11-23"),
        as_of=as_of,
    )
    assert (item.kind, item.state, item.reason) == ("one_sided_bank", state, "reversal_pending")


def test_6_late_and_lost(case: Case) -> None:
    (item,) = case(sale("2026-11-17 10:00:00"), "", as_of="2026-11-18", covered="2026-11-17")
    assert (item.kind, item.state, item.difference, item.reason) == ("one_sided_journal", "doubtful", "-100.00", "waiting")
    (item,) = case("", line("2026-11-17 10:00:00", "2026-11-18", "2026-11-19"), as_of="2026-11-20")
    assert (item.kind, item.state, item.reason, item.arguments) == ("delayed", "info", "booked_late", ("2026-11-18",))


def test_6_never(case: Case) -> None:
    (item,) = case(sale("2026-11-17 10:00:00"), "", as_of="2026-11-30", covered="2026-11-17 2026-11-20")
    assert (item.kind, item.state, item.reason) == ("one_sided_journal", "open", "not_in_files")
    assert item.needs_action


def test_7_listed_twice(case: Case) -> None:
    bank = line("2026-11-17 10:00:00", "2026-11-17", "2026-11-18")
    (item,) = case(sale("2026-11-17 10:00:00"), bank * 2)
    assert (item.kind, item.difference, item.arguments) == ("duplicate_bank", "100.00", ("bank.csv:2",))


def test_7_uploaded_twice(case: Case) -> None:
    (item,) = case(sale("2026-11-17 10:00:00") * 2, line("2026-11-17 10:00:00", "2026-11-17", "2026-11-18"))
    assert (item.kind, item.difference) == ("duplicate_journal", "-100.00")


@pytest.mark.parametrize(
    ("fee", "kind", "difference"),
    [("0.64", "fee_rounding", "0.01"), ("0.75", "fee_difference", "-0.10"), ("0.645", "fee_rounding", "0.005")],
)
def test_8_fees(case: Case, fee: str, kind: str, difference: str) -> None:
    (item,) = case(
        sale("2026-11-17 10:00:00", "107.50"), line("2026-11-17 10:00:00", "2026-11-17", "2026-11-18", "107.50", fee=fee)
    )
    assert (item.kind, item.difference) == (kind, difference)


def test_8_fees_that_are_rounded_once_a_day(case: Case) -> None:
    """Three times 0.645 is 1.935; the day's fee is 1.94, by line it would be 1.95."""
    pairs = [(str(n), f"62640000000{n}") for n in (1, 2, 3)]
    journal = "".join(sale("2026-11-17 10:00:00", "107.50", trace, rrn) for trace, rrn in pairs)
    fees = ("0.65", "0.65", "0.64")
    bank = "".join(
        line("2026-11-17 10:00:00", "2026-11-17", "2026-11-18", "107.50", t, r, fee=fee)
        for (t, r), fee in zip(pairs, fees, strict=True)
    )
    assert case(journal, bank, settings=SETTINGS.replace('"half-up" }', '"half-up", per = "day" }')) == []
    assert kinds(case("", "", settings=SETTINGS)) == [("fee_rounding", "info")]


def test_9_offline_counts_from_its_upload(case: Case) -> None:
    journal = sale("2026-11-17 20:50:00", kind="offline", uploaded="2026-11-18 02:00:00")
    assert case(journal, line("2026-11-17 20:50:00", "2026-11-18", "2026-11-19")) == []
    (item,) = case(sale("2026-11-17 20:51:00", trace="2", rrn="2", kind="offline"), "", covered="2026-11-17")
    assert item.reason == "offline_not_sent"


def test_10_batch_totals(case: Case) -> None:
    journal = sale("2026-11-17 10:00:00") + sale("2026-11-17 11:00:00", "30.00", "2", "2")
    bank = line("2026-11-17 10:00:00", "2026-11-17", "2026-11-18") + line(
        "2026-11-17 11:00:00", "2026-11-17", "2026-11-18", "30.00", "2", "2"
    )
    (item,) = case(journal, bank, totals="2026-11-17 22:00:00,T1,000001,CNY,1,70.00,0,0\n")
    assert (item.kind, item.difference, item.reason, item.arguments) == (
        "batch_total_difference",
        "-60.00",
        "bank_agrees_journal",
        ("-1",),
    )


def test_10_a_void_takes_a_sale_away(case: Case) -> None:
    journal = (
        sale("2026-11-17 10:00:00")
        + sale("2026-11-17 10:05:00", trace="2", rrn="2", kind="void", original="1")
        + sale("2026-11-17 11:00:00", "5.00", "3", "3", kind="refund")
    )
    assert (
        case(journal, "", totals="2026-11-17 22:00:00,T1,1,CNY,0,0,1,5.00\n", covered="2026-11-17 2026-11-20")[0].trace
        == "000003"
    )
    assert case.outcome.counts == Counter(one_sided_journal=1), "the bank knows neither the sale nor its void"  # type: ignore[attr-defined]


@pytest.mark.parametrize(("make_up", "kinds_found"), [("true", ["delayed"]), ("false", [])])
def test_11_make_up_days_are_a_flag(case: Case, make_up: str, kinds_found: list[str]) -> None:
    terms = SETTINGS.replace("fee = {", f"make_up_days = {make_up}\nfee = {{")
    items = case(sale("2026-02-13 10:00:00"), line("2026-02-13 10:00:00", "2026-02-13", "2026-02-24"), settings=terms)
    assert [item.kind for item in items] == kinds_found


def test_12_numbers_that_come_again_after_months(case: Case) -> None:
    journal = sale("2026-03-10 10:00:00") + sale("2026-11-17 10:00:00", rrn="2")
    bank = line("2026-11-17 10:00:00", "2026-11-17", "2026-11-18", rrn="2") + line(
        "2026-03-10 10:00:00", "2026-03-10", "2026-03-11"
    )
    assert case(journal, bank) == []
    assert case.outcome.matched == 2  # type: ignore[attr-defined]


def test_13_another_card_is_never_a_match(case: Case) -> None:
    (item,) = case(sale("2026-11-17 10:00:00"), line("2026-11-17 10:00:00", "2026-11-17", "2026-11-18", card="622202******9999"))
    assert (item.kind, item.state, item.arguments) == ("key_collision", "open", ("1234 / 9999",))
    assert item.as_json(DATE("2026-11-30"), "en")["severity"] == "security"


def test_13_nor_is_another_direction(case: Case) -> None:
    (item,) = case(sale("2026-11-17 10:00:00"), line("2026-11-17 10:00:00", "2026-11-17", "2026-11-18", kind="退货"))
    assert (item.kind, item.reason) == ("key_collision", "other_sign")


def test_14_no_file_is_no_shortage(case: Case) -> None:
    (item,) = case(sale("2026-11-17 10:00:00") + sale("2026-11-17 11:00:00", "30.00", "2", "2"), None)
    assert (item.kind, item.lines, item.journal_amount, item.difference) == ("no_file", 2, "130.00", "0")
    assert case("", None, as_of="2026-11-17") == [], "it is not due yet"


def test_14_no_journal_is_no_surplus(case: Case) -> None:
    (item,) = case("", line("2026-11-17 10:00:00", "2026-11-17", "2026-11-18"))
    assert (item.kind, item.bank_amount) == ("no_journal", "100.00")


def test_14_a_footer_that_disagrees(case: Case, tmp_path: pathlib.Path) -> None:
    footed = SETTINGS.replace("header = [", 'footer = { starts = "合计", count = 1 }\nheader = [')
    with pytest.raises(FormatError, match="totals"):
        case(sale("2026-11-17 10:00:00"), line("2026-11-17 10:00:00", "2026-11-17", "2026-11-18") + "合计,2\n", settings=footed)
    with Store(tmp_path / "state") as store:
        assert store.database.execute("SELECT COUNT(*) FROM bank").fetchone() == (0,), "nothing of it came in"


def test_15_beyond_the_calendar(case: Case) -> None:
    items = case(sale("2026-12-31 14:00:00"), line("2026-12-31 14:00:00", "2026-12-31", "2027-03-31"), as_of="2027-04-01")
    assert items == []
    assert case.outcome.notes == [("calendar_ends", "ACQ", "1", "CN", "2026-12-31")]  # type: ignore[attr-defined]


def test_amounts_and_references(case: Case) -> None:
    less = line("2026-11-17 10:00:00", "2026-11-17", "2026-11-18", "99.00")
    other = line("2026-11-17 11:00:00", "2026-11-17", "2026-11-18", "7.00", "2", "555")
    (short, differs) = case(sale("2026-11-17 10:00:00") + sale("2026-11-17 11:00:00", "7.00", "2", "2"), less + other)
    assert (short.kind, short.difference, short.journal_amount, short.bank_amount) == ("amount_short", "-1.00", "100.00", "99.00")
    assert differs.kind == "reference_differs"


def test_a_sale_and_its_reversal_at_the_bank_are_nothing(case: Case) -> None:
    bank = line("2026-11-17 10:00:00", "2026-11-17", "2026-11-18") + line(
        "2026-11-17 10:00:05", "2026-11-17", "2026-11-18", kind="退货"
    )
    assert case(sale("2026-11-17 10:00:00", response="", reversal="confirmed"), bank) == []


# Pairing, against every possible assignment


def row(number: int, units: int, moment: int, rrn: str, last4: str = "1234", state: int = APPROVED) -> Row:
    return Row(number, 1, number, 1, 0, state, units, 1, moment, None, None, 7, 1, 1, rrn, None, None, last4, None, None, 7)


LINES = st.lists(
    st.tuples(st.sampled_from([100, 200]), st.integers(0, 3).map(lambda n: n * 400_000), st.sampled_from(["a", "b"])), max_size=4
)


@given(LINES, LINES)
@settings(deadline=None)
def test_groups_lose_and_invent_nothing(ours: list[tuple[int, int, str]], theirs: list[tuple[int, int, str]]) -> None:
    journal = [row(n, *one) for n, one in enumerate(ours)]
    bank = [row(100 + n, *one) for n, one in enumerate(theirs)]
    found = pair(journal, bank, 864_000)
    seen = [one.id for one, _ in (*found.pairs, *found.collisions, *found.explained, *found.doubles_journal)] + [
        r.id for r in found.left_journal
    ]
    assert sorted(seen) == [one.id for one in journal]
    theirs_seen = [other.id for _, other in (*found.pairs, *found.collisions, *found.explained)] + [
        r.id for r, _ in found.doubles_bank
    ]
    theirs_seen += [r.id for r in found.left_bank] + [r.id for both in found.cancelled for r in both]
    assert sorted(theirs_seen) == [one.id for one in bank]
    for one, other in found.pairs:
        assert abs(one.moment - other.moment) <= 864_000
    kept = [
        [r for r in side if r.id not in {d.id for d, _ in doubles}]
        for side, doubles in ((journal, found.doubles_journal), (bank, found.doubles_bank))
    ]
    exact = max(
        (
            sum(a.units == b.units and abs(a.moment - b.moment) <= 864_000 for a, b in zip(kept[0], order, strict=False))
            for order in itertools.permutations([*kept[1], *[row(900 + n, -1, 0, "z") for n in range(4)]], len(kept[0]))
        ),
        default=0,
    )
    assert sum(a.units == b.units for a, b in found.pairs) >= exact - 1, "near the most pairs of equal amount that there can be"


def test_a_key_on_far_too_many_lines_does_not_pile_up(tmp_path: pathlib.Path) -> None:
    """A terminal whose trace number stands still: matched by the reference number all the same."""
    (tmp_path / "settings.toml").write_text(SETTINGS, encoding="utf-8")
    many = [(f"2026-11-17 10:{n // 60 % 60:02}:{n % 60:02}", f"{600_000_000_000 + n}") for n in range(3000)]
    (tmp_path / "journal.csv").write_text(HEAD + "".join(sale(time, rrn=rrn) for time, rrn in many), encoding="utf-8")
    (tmp_path / "bank.csv").write_text(
        BANK + "".join(line(time, "2026-11-17", "2026-11-18", rrn=rrn) for time, rrn in many), encoding="utf-8"
    )
    with Store(tmp_path / "state") as store:
        take(store, tmp_path / "journal.csv", tmp_path / "bank.csv", toml=tmp_path / "settings.toml")
        assert match(store, settings_store.current(store), DATE("2026-11-30")).matched == 3000
        assert list(read_items(store)) == []
