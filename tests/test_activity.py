"""Suspicious activity: planted ones are found with their reason, the others are left alone, and no card number comes out."""

import datetime
import json
import pathlib
import tracemalloc
from typing import Any

import pytest

from formats.errors import FormatError, ToolError
from fwtool.compliance.activity import Hit, load, look, read
from fwtool.compliance.activity.journal import layouts, mode
from tests.conftest import Fwtool

HEAD = "time,terminal,batch,trace,kind,amount,currency,response,card,original_trace,entry_mode"
CARD = "621700******9450"
DAY = datetime.datetime(2026, 3, 2, 10, tzinfo=datetime.UTC)


def row(minute: float, trace: int, kind: str = "sale", amount: str = "10.00", response: str = "00", card: str = CARD,
        original: str = "", entry: str = "051", terminal: str = "T1") -> str:  # fmt: skip
    when = (DAY + datetime.timedelta(minutes=minute)).strftime("%Y-%m-%d %H:%M:%S")
    return f"{when},{terminal},1,{trace:06},{kind},{amount},CNY,{response},{card},{original},{entry}"


def written(folder: pathlib.Path, *rows: str, name: str = "journal.csv") -> pathlib.Path:
    (folder / name).write_text("\n".join((HEAD, *rows)) + "\n", encoding="utf-8")
    return folder / name


def hits(folder: pathlib.Path, *rows: str) -> list[Hit]:
    return look(read(written(folder, *rows), layouts()).records, load())


def names(folder: pathlib.Path, *rows: str) -> list[str]:
    return [hit.rule for hit in hits(folder, *rows)]


def cards(count: int, **changes: Any) -> list[str]:
    return [row(at, at + 1, card=f"621700******{1000 + at}", **changes) for at in range(count)]


def test_honest_trade_has_no_hit(tmp_path: pathlib.Path) -> None:
    day = [row(at * 7, at + 1, card=f"621700******{1000 + at}") for at in range(60)]
    refund = row(500, 90, "refund", "10.00", card="621700******1003", original="000004")
    declined = [row(600 + at, 91 + at, response="51") for at in range(3)]
    assert names(tmp_path, *day, refund, *declined) == []


def test_refunds_without_a_sale(tmp_path: pathlib.Path) -> None:
    sale = row(0, 1, amount="10.00")

    def refund(minute: float, amount: str = "10.00", **more: str) -> str:
        return row(minute, 50, "refund", amount, **more)

    rule = ["refund.without_sale"]
    assert names(tmp_path, sale, refund(5, original="000001")) == []
    assert names(tmp_path, sale, refund(5, "4.00")) == []
    assert names(tmp_path, sale, refund(5, original="000002")) == rule
    assert names(tmp_path, sale, refund(5, "10.01", original="000001")) == rule
    assert names(tmp_path, sale, refund(5), refund(6)) == rule  # twice
    assert names(tmp_path, refund(-5, original="000001"), sale) == rule  # before the sale
    assert names(tmp_path, sale, refund(5, card="621700******1111")) == rule
    assert names(tmp_path, row(0, 1, response="51"), refund(5, original="000001")) == rule  # that sale was declined


def test_a_refund_whose_sale_may_be_older_than_the_journal_is_a_question(tmp_path: pathlib.Path) -> None:
    early = hits(tmp_path, row(0, 1), row(5, 50, "refund", card="621700******1111"))
    assert [hit.severity for hit in early] == ["warning"]
    assert "begins only on 2026-03-02" in early[0].reason.en
    late = hits(tmp_path, row(-91 * 1440, 1), row(5, 50, "refund", card="621700******1111"))
    assert [hit.severity for hit in late] == ["error"]


def test_repeated_declines_by_card_and_by_terminal(tmp_path: pathlib.Path) -> None:
    same = [row(at, at + 1, response="55") for at in range(4)]
    assert names(tmp_path, *same) == ["declines.same_card"]
    assert names(tmp_path, *same[:3]) == []
    slow = [row(at * 5.1, at + 1, response="55") for at in range(4)]  # 15.3 minutes
    assert names(tmp_path, *slow) == []
    assert names(tmp_path, *(row(at * 5, at + 1, response="55") for at in range(4))) == ["declines.same_card"]
    assert names(tmp_path, *cards(12, response="14")) == ["declines.many_cards"]
    assert names(tmp_path, *cards(11, response="14")) == []
    away = [row(at, at + 1, response="91") for at in range(20)]  # the bank's host was away: nobody's fault
    assert names(tmp_path, *away) == []


def test_a_long_run_is_one_hit_and_two_runs_are_two(tmp_path: pathlib.Path) -> None:
    one = hits(tmp_path, *(row(at, at + 1, response="55") for at in range(30)))
    assert [(hit.rule, len(hit.records)) for hit in one] == [("declines.many_cards", 30), ("declines.same_card", 30)]
    rows = [row(at, at + 1, response="55") for at in (0, 1, 2, 3, 100, 101, 102, 103)]
    assert [[record.place for record in hit.records] for hit in hits(tmp_path, *rows)] == [[2, 3, 4, 5], [6, 7, 8, 9]]


def test_key_entered_runs(tmp_path: pathlib.Path) -> None:
    def keyed(*minutes: float, entry: str = "011") -> list[str]:
        return [row(at, number + 1, card=f"621700******{1000 + number}", entry=entry) for number, at in enumerate(minutes)]

    assert names(tmp_path, *keyed(0, 20, 60)) == ["key_entered.run"]
    assert names(tmp_path, *keyed(0, 20, 61)) == []
    assert names(tmp_path, *keyed(0, 1, 2, entry="071")) == []
    assert names(tmp_path, *keyed(0, 1, 2, entry="手输")) == ["key_entered.run"]


@pytest.mark.parametrize(
    ("written_as", "is_mode"),
    [("011", "manual"), ("012", "manual"), ("0510", "chip"), ("07", "contactless"), ("901", "swipe"), ("80", "fallback"),
     ("Manual", "manual"), ("1", ""), ("", ""), ("99", ""), ("01234", "")],
)  # fmt: skip
def test_entry_modes(written_as: str, is_mode: str) -> None:
    assert mode(written_as) == is_mode


def test_off_hours_are_one_hit_a_night(tmp_path: pathlib.Path) -> None:
    night = [row(60 * hour, number + 1) for number, hour in enumerate((12.99, 13, 15, 20.9, 21))]  # 22:59, 23:00, 01, 06:54, 07
    found = hits(tmp_path, *night)
    assert [(hit.rule, [record.place for record in hit.records]) for hit in found] == [("off_hours", [3, 4, 5])]
    assert "23:00" in found[0].reason.en


def test_a_shop_may_close_after_midnight(tmp_path: pathlib.Path) -> None:
    rules = tmp_path / "r.toml"
    rules.write_text('[[rule]]\nid = "off_hours"\nkind = "off_hours"\nopen = "18:00"\nclose = "03:00"\n')
    records = read(written(tmp_path, row(60 * 8, 1), row(60 * 16, 2), row(60 * 17, 3)), layouts()).records  # 18:00, 02:00, 03:00
    found = look(records, load([rules]))
    assert [[record.place for record in hit.records] for hit in found] == [[4]]


def test_forced_offline_by_count_and_by_amount(tmp_path: pathlib.Path) -> None:
    assert names(tmp_path, *cards(5, kind="offline")) == ["forced_offline"]
    assert names(tmp_path, *cards(4, kind="offline")) == []
    assert names(tmp_path, row(0, 1, "offline", "500.00")) == ["forced_offline"]
    assert names(tmp_path, row(0, 1, "offline", "499.99")) == []


def test_json_says_the_same_as_csv(tmp_path: pathlib.Path) -> None:
    rows = [
        *cards(5, kind="offline"),
        row(30, 90, "refund", original="000099"),
        *(row(40 + a, 91 + a, response="55") for a in range(4)),
    ]
    table = read(written(tmp_path, *rows), layouts()).records
    objects = [dict(zip(HEAD.split(","), one.split(","), strict=True)) for one in rows]
    (tmp_path / "a.json").write_text(json.dumps([{**one, "amount": float(one["amount"])} for one in objects]))
    (tmp_path / "b.jsonl").write_text("\n".join(json.dumps(one) for one in objects))

    def told(records: Any) -> Any:
        return [(hit.rule, hit.reason, [record.when for record in hit.records]) for hit in look(records, load())]

    assert (
        told(read(tmp_path / "a.json", layouts()).records) == told(table) == told(read(tmp_path / "b.jsonl", layouts()).records)
    )


@pytest.mark.parametrize("text", ["{", "1", "[1]", '[{"time": "x"}]', "[" * 100_000, "\xff", '[{"a": 1}]'])
def test_json_that_is_no_journal_is_a_format_error(text: str, tmp_path: pathlib.Path) -> None:
    (tmp_path / "a.json").write_text(text, encoding="latin-1")
    with pytest.raises(FormatError):
        read(tmp_path / "a.json", layouts())


def test_a_file_of_the_bank_is_no_journal(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a.csv").write_text("closed,terminal,batch,sales_count,sales_sum,refunds_count,refunds_sum\n")
    with pytest.raises(FormatError):
        read(tmp_path / "a.csv", layouts())


def test_a_large_journal_in_little_memory_and_a_larger_one_is_refused(tmp_path: pathlib.Path, monkeypatch: Any) -> None:
    from fwtool.compliance.activity import journal

    path = written(tmp_path, *(row(at, at % 999_999, card=f"621700******{1000 + at % 9000}") for at in range(20_000)))
    known = layouts()
    tracemalloc.start()
    found = read(path, known)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(found.records) == 20_000
    assert peak < 20_000 * 700
    monkeypatch.setattr(journal, "MAX_RECORDS", 19_999)
    with pytest.raises(FormatError) as told:
        read(path, known)
    assert told.value.name == "too_large"


def test_lines_that_are_skipped_do_not_shift_how_cards_were_read(tmp_path: pathlib.Path) -> None:
    rows = [row(0, 1, "settlement"), row(1, 2, entry="011"), row(2, 3, "reversal"), row(3, 4, entry="071"), row(4, 5, entry="")]
    assert [record.entry for record in read(written(tmp_path, *rows), layouts()).records] == ["manual", "contactless", ""]


RULE = '[[rule]]\nid = "a.b"\nkind = "key_entered"\ncount = 3\nwithin_s = 60\n'


@pytest.mark.parametrize(
    "text",
    ["", "x = 1", RULE + RULE, RULE + "min_amount = '1'\n", RULE.replace("count = 3\n", ""), RULE.replace("3", "1"),
     RULE.replace("60", "0"), RULE.replace("60", "true"), RULE.replace("key_entered", "magic"), RULE.replace("a.b", "A b"),
     RULE + 'severity = "bad"\n', '[[rule]]\nid = "a"\nkind = "off_hours"\nopen = "07:00"\nclose = "07:00"\n',
     '[[rule]]\nid = "a"\nkind = "off_hours"\nopen = "7:00"\nclose = "24:00"\n',
     '[[rule]]\nid = "a"\nkind = "refund_without_sale"\nwithin_d = 9\nmin_amount = "-1"\n'],
)  # fmt: skip
def test_rules_that_mean_nothing_are_refused(text: str, tmp_path: pathlib.Path) -> None:
    (tmp_path / "r.toml").write_text(text)
    with pytest.raises(ToolError) as told:
        load([tmp_path / "r.toml"])
    assert told.value.name == "usage"


def test_a_managers_rule_stands_beside_or_instead(tmp_path: pathlib.Path) -> None:
    (tmp_path / "r.toml").write_text(RULE)
    assert len(load([tmp_path / "r.toml"])) == len(load()) + 1
    (tmp_path / "r.toml").write_text(RULE.replace("a.b", "key_entered.run"))
    assert len(load([tmp_path / "r.toml"])) == len(load())


def test_at_the_command_line_no_whole_card_number_comes_out(run: Fwtool, tmp_path: pathlib.Path) -> None:
    body = "400000000000000"
    number = next(body + d for d in "0123456789" if sum(sum(divmod(int(c) * (1 + p % 2), 10)) for p, c in
                                                       enumerate(reversed(body + d))) % 10 == 0)  # fmt: skip
    written(tmp_path, row(0, 1), row(5, 50, "refund", card=number, original="000007"))
    done = run("compliance", "activity", "journal.csv", "--json")
    assert done.code == 7
    assert done.result["command"] == "compliance activity"
    hit = done.result["data"]["files"][0]["hits"][0]
    assert hit["cards"] == [f"**** {number[-4:]}"]
    assert hit["lines"] == [3]
    assert hit["amount"] == "10.00"
    assert number not in done.out
    chinese = run("compliance", "activity", "journal.csv", "--lang", "zh")
    assert "可疑" in chinese.out
    assert "退款" in chinese.out
    assert number not in chinese.out
