"""`fwtool settlement` as users meet it; the example; the page. JSON is held to the schema by the fixture."""

import html.parser
import json
import pathlib
import re
import shutil
import subprocess
import sys
from typing import Any

import pytest

from fwtool.settlement import cards
from fwtool.settlement.kinds import KINDS, NOTES, REASONS
from fwtool.settlement.report_page import WORDS, page
from tests.conftest import SCHEMA, Fwtool
from tests.support import ROOT

EXAMPLE = ROOT / "examples" / "settlement"
FILES = sorted((EXAMPLE / "data").iterdir())


@pytest.fixture
def shop(tmp_path: pathlib.Path) -> pathlib.Path:
    shutil.copytree(EXAMPLE / "data", tmp_path / "data")
    shutil.copy(EXAMPLE / "layouts.toml", tmp_path)
    return tmp_path


def load(run: Fwtool, *more: str) -> Any:
    return run(
        "settlement",
        "import",
        "--layouts",
        "layouts.toml",
        "--issued",
        "2026-09-20",
        *(f"data/{path.name}" for path in FILES),
        *more,
    )


def test_the_example_from_import_to_page(run: Fwtool, shop: pathlib.Path) -> None:
    first = load(run, "--json").result
    assert first["changed"]
    assert {file["name"]: file["kind"] for file in first["data"]["files"]} == {
        "acquirer-20260928.csv": "acquirer",
        "alipay-20260923.csv": "alipay",
        "batch-totals.csv": "batch-totals",
        "camt053-20260928.xml": "camt",
        "journal-scan.csv": "journal",
        "journal.csv": "journal",
        "notice.txt": "notice",
        "wechat-20260923.csv": "wechat",
        "windows.ics": "ics",
    }
    again = load(run, "--json").result
    assert not again["changed"]
    assert [file["rows"] for file in again["data"]["files"]] == [file["rows"] for file in first["data"]["files"]]
    matched = run("settlement", "match", "--as-of", "2026-09-30", "--json").result["data"]
    assert matched["matched"] == 275
    assert matched["items"] == {
        "amount_short": 1,
        "batch_total_difference": 1,
        "cutover_shift": 1,
        "delayed": 1,
        "duplicate_bank": 1,
        "fee_difference": 1,
        "one_sided_bank": 2,
        "one_sided_journal": 1,
        "pending": 1,
    }
    assert matched == run("settlement", "match", "--as-of", "2026-09-30", "--json").result["data"], "a match changes nothing"
    listed = run("settlement", "open", "--json")
    assert listed.code == 7
    assert listed.result["error"]["name"] == "diagnostic_failed"
    items = listed.result["data"]["items"]
    assert len(items) == 7
    lost = next(item for item in items if item["kind"] == "one_sided_journal")
    assert (lost["difference"], lost["age_days"], lost["reason"]) == (
        "-512.00",
        6,
        "inside the window of 示例收单 2026-09-24 21:00-02:00",
    )
    assert run("settlement", "report", "--out", "report.html", "--json").result["data"]["items"] == 9 + 1
    assert (shop / "report.html").stat().st_size > 5000


def test_for_people_in_both_languages(run: Fwtool, shop: pathlib.Path) -> None:
    load(run)
    run("settlement", "match", "--as-of", "2026-09-30")
    english, chinese = (run("settlement", "open", "--lang", language) for language in ("en", "zh"))
    assert english.code == chinese.code == 7
    assert "inside the window of" in english.out
    assert "短款" in chinese.out
    assert "系统维护时段内" in chinese.out
    assert len(english.out.splitlines()) == len(chinese.out.splitlines())


def test_only_some_kinds(run: Fwtool, shop: pathlib.Path) -> None:
    load(run)
    run("settlement", "match", "--as-of", "2026-09-30")
    done = run("settlement", "open", "--kind", "delayed", "--all", "--json")
    assert (done.code, [item["kind"] for item in done.result["data"]["items"]]) == (0, ["delayed"])
    assert run("settlement", "open", "--kind", "tea", "--json").code == 2


def test_before_a_match(run: Fwtool) -> None:
    done = run("settlement", "open", "--json")
    assert (done.code, done.result["error"]["hint"]) == (2, "Run `fwtool settlement match` first.")
    assert run("settlement", "match", "--json").result["data"]["matched"] == 0
    assert run("settlement", "open", "--json").code == 0


def test_what_is_refused(run: Fwtool, tmp_path: pathlib.Path) -> None:
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    (tmp_path / "bad.toml").write_text("[bank.A]\ncut = 1\n")
    (tmp_path / "bomb.xml").write_text('<!DOCTYPE a [<!ENTITY a "b">]><Document/>')
    assert run("settlement", "import", "x.csv", "--json").code == 3
    assert run("settlement", "import", "x.csv", "--as", "tea", "--json").code == 2
    assert run("settlement", "import", "x.csv", "--layouts", "bad.toml", "--json").code == 2
    assert run("settlement", "import", "bomb.xml", "--json").result["error"]["name"] == "damaged_file"
    assert run("settlement", "import", "none.csv", "--json").code == 9
    assert run("settlement", "match", "--as-of", "yesterday", "--json").code == 2
    assert run("settlement", "import", "--json").code == 2
    (tmp_path / "state" / "settlement.sqlite").write_bytes(b"not a database, but long enough to be looked at" * 40)
    done = run("settlement", "match", "--json")
    assert (done.code, done.result["error"]["name"]) == (9, "record_damaged")


def test_a_new_edition_of_a_file(run: Fwtool, shop: pathlib.Path) -> None:
    load(run)
    journal = shop / "data" / "journal.csv"
    lines = journal.read_text("utf-8-sig").splitlines(keepends=True)
    journal.write_text("".join(lines[:-1]), encoding="utf-8")
    assert run("settlement", "import", "data/journal.csv", "--replace", "--json").result["data"]["files"][0]["rows"] == 251
    items = run("settlement", "match", "--as-of", "2026-09-30", "--json").result["data"]["items"]
    assert "duplicate_journal" not in items
    notice = shop / "data" / "notice.txt"
    notice.write_text(notice.read_text("utf-8").replace("21:00", "22:00"), encoding="utf-8")
    changed = run("settlement", "import", "data/notice.txt", "--issued", "2026-09-21", "--json").result["data"]["files"][0][
        "changes"
    ]
    assert [one["kind"] for one in changed] == ["moved"]
    assert (changed[0]["before"]["start"], changed[0]["after"]["start"]) == (
        "2026-09-24T21:00:00+08:00",
        "2026-09-24T22:00:00+08:00",
    )
    notice.write_text(
        notice.read_text("utf-8").replace("9月24日22:00", "9月24日22:00".replace("24", "26")).replace("9月25日", "9月27日"),
        encoding="utf-8",
    )
    assert "moved" in run("settlement", "import", "data/notice.txt", "--issued", "2026-09-21").out


# The example's data


def test_the_example_is_what_its_script_makes(tmp_path: pathlib.Path) -> None:
    subprocess.run([sys.executable, EXAMPLE / "make_data.py", tmp_path], check=True, timeout=60)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {path.name: path.read_bytes() for path in FILES}


def text_of(path: pathlib.Path) -> str:
    data = path.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("gb18030")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_card_number_of_the_example_is_a_real_one(path: pathlib.Path) -> None:
    """No run of digits that could be a card number (13 to 19, of a card's first digit) passes the Luhn check.

    Every masked card fails it too, with zeros in the place of the mask and without them.
    """
    text = text_of(path)
    issuers = re.compile(r"(?<!\d)[3456]\d{12,18}(?!\d)|(?<!\d)62\d{11,17}(?!\d)")
    good = [digits for digits in issuers.findall(text) if cards.luhn(digits)]
    assert good == []
    for first, last in re.findall(r"(\d{6})\*{6}(\d{4})", text):
        assert not cards.luhn(f"{first}000000{last}")
        assert not cards.luhn(first + last)


def test_documents_show_real_output(run: Fwtool, shop: pathlib.Path) -> None:
    """What the two walks through the example print is what the commands print."""
    said = [
        load(run).out,
        *(
            run("settlement", verb, "--as-of", "2026-09-30", "--lang", language).out
            if verb == "match"
            else run("settlement", verb, "--lang", language).out
            for language in ("en", "zh")
            for verb in ("match", "open")
        ),
    ]
    printed = {line.rstrip() for text in said for line in text.splitlines()}
    for name in ("settlement.md", "settlement.zh-CN.md"):
        text = (ROOT / "docs" / name).read_text("utf-8")
        blocks = re.findall(r"```text\n(.*?)```", text, re.DOTALL)
        assert len(blocks) >= 3
        for line in itertools_lines(blocks):
            assert line in printed, f"{name} shows a line that is not printed: {line}"


def itertools_lines(blocks: list[str]) -> list[str]:
    return [line.rstrip() for block in blocks for line in block.splitlines() if line.strip() and not line.startswith("$ ")]


# The page


class Page(html.parser.HTMLParser):
    """Fails where an element is closed that was not opened last."""

    VOID = frozenset({"meta", "br", "link", "rect", "line", "path"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)
        if tag not in self.VOID or (
            tag == "rect"
            and "bar" not in dict(attrs)
            and self.get_starttag_text().endswith(">")
            and not self.get_starttag_text().endswith("/>")
        ):  # type: ignore[union-attr]
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


SHARE = {"attempts": 100, "failed": 5, "paid": 95, "delayed": 1, "failure_rate": 0.05, "delay_rate": 0.010526}
OUTCOME = {
    "as_of": "2026-09-30",
    "matched": 95,
    "open": 0,
    "doubtful": 0,
    "items": {},
    "notes": [["postings_of_nobody", "3"]],
    "statistics": {
        "<b>&\"'": {
            "inside": SHARE,
            "outside": {**SHARE, "attempts": 0, "failure_rate": None, "delay_rate": None},
            "due_date_unknown": 0,
        }
    },
}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_is_whole_and_obeys_nobody(language: str) -> None:
    text, count = page(OUTCOME, [], (), language)
    found = Page(text)
    assert count == 0
    assert "script" not in found.tags
    assert "<b>&" not in text
    assert "&lt;b&gt;" in text
    assert "default-src &#39;none&#39;" in text or "default-src 'none'" in text
    assert found.tags.count("svg") >= 2
    assert "5.00 %" in text


# Words


def test_both_languages_say_the_same_things() -> None:
    for words in (
        *(kind.name for kind in KINDS.values()),
        *(kind.action for kind in KINDS.values()),
        *REASONS.values(),
        *NOTES.values(),
    ):
        assert words.en
        assert words.zh
        assert sorted(re.findall(r"\{\d\}", words.en)) == sorted(re.findall(r"\{\d\}", words.zh))
        assert re.search(r"[\u4e00-\u9fff]", words.zh)
        assert words.zh.encode("gb18030")
    assert WORDS["en"].keys() == WORDS["zh"].keys()


def test_the_schema_knows_every_kind() -> None:
    rules = json.dumps(SCHEMA)
    for kind in KINDS:
        assert f'"{kind}"' in rules
