"""Reports and notices on paper and on screen, read back with tools that have nothing to do with what wrote them."""

import contextlib
import datetime
import hashlib
import io
import pathlib
import re
import subprocess
import sys
import zlib
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest

from formats.errors import LocalError
from fwtool.findings import Words
from fwtool.records import Entry
from fwtool.report import gather, html, pdf
from fwtool.report.chart import chart
from fwtool.report.document import Curve, Document, Facts, Paragraph, Picture, Table
from fwtool.report.notice_page import Asked, ahead, notice_page
from fwtool.report.source import Source
from fwtool.report.visit_page import visit_page
from fwtool.settlement.windows import Window
from fwtool.visit.health import both
from fwtool.visit.shelf import Shelf
from fwtool.visit.state import Outcome, StepDone, Visit
from tests.conftest import Fwtool
from tests.support import need

HASH = hashlib.sha256(b"entry").hexdigest()
FONTS = pathlib.Path(pdf.FOLDER)


def png() -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.linear_gradient("L").resize((120, 240)).save(out, "PNG")
    return out.getvalue()


def finding(name: str, outcome: str) -> dict[str, object]:
    said = Words(f"{name} cause", f"{name}的原因"), Words(f"{name} action", f"{name}的处理")
    bad = {"cause": both(said[0]), "action": both(said[1])} if outcome in ("warn", "fail") else {}
    return {"id": name, "outcome": outcome, "title": both(Words(f"{name} title", f"{name}检测")), **bad}


def power(charge: float, head_m: float) -> dict[str, object]:
    return {"readings": {"battery.charge": charge, "printer.head_distance": head_m}}


def visit(**changes: object) -> Visit:
    before = {"findings": [finding("good.one", "pass"), finding("bad.one", "fail"), finding("mended.one", "warn")]}
    last = [finding("good.one", "pass"), finding("bad.one", "fail"), finding("mended.one", "pass"), finding("new.one", "fail")]
    after = {"findings": last, "worse": ["new.one"], "version": "1.1.0", "parts_needed": ["printer"]}  # fmt: skip
    seals = [{"ends": "-1", "sha256": HASH}]
    evidence = {"seals": seals, "photos": [{"name": "front.jpg", "sha256": HASH}], "attention": ["seals_missing"],
                "seals_missing": ["-0"]}  # fmt: skip
    steps = (
        StepDone("inspect", Outcome.ATTENTION, "t", {"housing": "worn"}, {"examine": before, "evidence": evidence}, ("bad.one",)),
        StepDone("paper", Outcome.DONE, "t", {"roll": True}, {}),
        StepDone("battery", Outcome.DONE, "t", {"flat": True}, {"power": power(92, 4200)}),
        StepDone("slip", Outcome.ATTENTION, "t", {"density": False}, {}, ("slip.density",)),
        StepDone("verify", Outcome.ATTENTION, "t", {}, {"reexamine": after}),
        StepDone("record", Outcome.DONE, "t", {"site": "鑫源便利店", "used": ["清洁卡"], "remarks": "<b>囍</b>"}, {}),
    )
    fields = {
        "job": "j", "started": "2026-05-28T01:00:00Z", "technician": "李伟", "port": "p", "model": "VT-100",
        "serial_number": "SIM-0001", "version_before": "1.0.0", "order": {"number": "WO-1", "bank": "Example Bank"},
        "overrides": ({"gate": "window", "reason": "urgent", "approver": "赵敏"},), "steps": steps, **changes,
    }  # fmt: skip
    return Visit(**fields)  # type: ignore[arg-type]


def source(**changes: object) -> Source:
    history = [
        {"ended": f"2026-0{month}-01T00:00:00Z", "steps": [{"facts": {"power": power(95 - month, 4000 + month)}}]}
        for month in (3, 4, 5)
    ]
    fields = {"visit": visit(), "ended": "2026-05-28T02:00:00Z", "entry": 12, "hash": HASH, "history": history,
              "pictures": (("before", png()), ("after", None)), **changes}  # fmt: skip
    return Source(**fields)  # type: ignore[arg-type]


def text_of(tmp_path: pathlib.Path, data: bytes) -> str:
    """What another program reads in it; lines joined, because a cell may break anywhere."""
    (tmp_path / "x.pdf").write_bytes(data)
    done = subprocess.run([need("pdftotext"), "-layout", str(tmp_path / "x.pdf"), "-"], capture_output=True, check=True)
    assert done.stderr == b""
    return done.stdout.decode()


def unpacked(data: bytes) -> Iterator[bytes]:
    """The streams of a PDF that are packed with zlib (ISO 32000-1, 7.4.4)."""
    for found in re.finditer(rb"stream\r?\n(.*?)endstream", data, re.DOTALL):
        with contextlib.suppress(zlib.error):
            yield zlib.decompress(found[1])


class Seen(HTMLParser):
    """What a browser would show, and what it would load."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.text, self.tags, self.links = "", set[str](), list[str]()
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href") or name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.text += data


IN_EACH = {
    "en": ("Maintenance report", "WO-1, Example Bank", "before 1.0.0, after 1.1.0", "bad.one action", "赵敏", "鑫源便利店",
           "printer module", "cleaning card", "roll of paper", "2 checks passed, 2 did not, 0 were not run", "new.one title",
           "...-1", ": -0", "Technician: 李伟",
           "urgent", "not done", "the picture is not there"),
    "zh": ("维护报告", "WO-1, Example Bank", "维护前 1.0.0", "维护后 1.1.0", "bad.one的处理", "复核人: 赵敏", "鑫源便利店",
           "打印模块", "清洁卡", "纸卷", "2 项通过,2 项需关注或不通过", "new.one检测", "...-1", ": -0", "技术员: 李伟",
           "未进行", "图片缺失"),
}  # fmt: skip


@pytest.mark.parametrize("language", ["en", "zh"])
def test_both_forms_of_a_report_say_all_of_it(tmp_path: pathlib.Path, language: str) -> None:
    document = visit_page(source(), language)
    squeeze = re.compile(r"\s+")
    paper = squeeze.sub("", text_of(tmp_path, pdf.pages(document)))
    screen = Seen(html.page(document))
    for words in (*IN_EACH[language], HASH):
        assert squeeze.sub("", words) in squeeze.sub("", screen.text), words
        assert squeeze.sub("", words) in paper, words
    assert "good.one" not in screen.text, "what is well is not listed"


def test_a_page_loads_nothing_and_runs_nothing() -> None:
    seen = Seen(html.page(visit_page(source(), "zh")))
    assert not seen.tags & {"script", "b", "iframe", "link"}
    assert "<b>囍</b>" in seen.text
    assert all(link.startswith("data:image/png;base64,") for link in seen.links)
    assert len(seen.links) == 1


def test_nothing_is_told_by_colour() -> None:
    page = html.page(visit_page(source(), "en")).decode()
    colours = set(re.findall(r"#[0-9a-fA-F]{3,6}\b", page))
    assert all(len(set(colour[1:])) == 1 for colour in colours), colours
    stream = b"".join(unpacked(pdf.pages(visit_page(source(pictures=()), "en"))))
    assert b" Tf" in stream, "the text of the pages was found"
    assert not [three for three in re.findall(rb"([\d.]+) ([\d.]+) ([\d.]+) rg\b", stream, re.IGNORECASE) if len(set(three)) > 1]


def test_the_fonts_are_embedded_and_small(tmp_path: pathlib.Path) -> None:
    (tmp_path / "x.pdf").write_bytes(pdf.pages(visit_page(source(), "zh")))
    rows = subprocess.run([need("pdffonts"), str(tmp_path / "x.pdf")], capture_output=True, text=True, check=True).stdout
    fonts = rows.splitlines()[2:]
    assert fonts
    assert all(re.search(r"yes yes yes", row) for row in fonts), rows
    assert {row.split()[0].split("+")[1] for row in fonts} == {"DejaVuSansBook", "DejaVuSansBold", "DroidSansFallback"}
    assert sum(path.stat().st_size for path in FONTS.glob("*.ttf")) < 3_000_000
    assert {path.name for path in FONTS.glob("LICENSE-*")} == {"LICENSE-DejaVu.txt", "LICENSE-Droid.txt"}


def test_the_font_has_every_character_of_gb_2312_and_of_what_the_tool_says() -> None:
    from fontTools.ttLib import TTFont  # type: ignore[import-untyped]

    cmaps = []
    for name in ("latin.ttf", "chinese.ttf"):
        with TTFont(FONTS / name) as font:
            cmaps.append(font.getBestCmap())
    wanted = "".join(bytes((row, cell)).decode("gb2312", "ignore") for row in range(0xB0, 0xF8) for cell in range(0xA1, 0xFF))
    assert len(wanted) == 6763
    document = visit_page(source(), "zh")
    said = html.page(document).decode().replace("囍", "")
    missing = {letter for letter in wanted + said if letter >= " " and not any(ord(letter) in cmap for cmap in cmaps)}
    assert missing == set()


def test_a_character_without_a_picture_leaves_a_box_not_a_gap(tmp_path: pathlib.Path) -> None:
    document = Document("t", "zh", 0, "f", [Paragraph("甲囍\U00020000乙")])
    assert "甲□□乙" in text_of(tmp_path, pdf.pages(document))


def test_the_same_visit_gives_the_same_files() -> None:
    document = visit_page(source(), "zh")
    assert pdf.pages(document) == pdf.pages(document)
    assert html.page(document) == html.page(document)
    assert b"2026" in re.findall(rb"/CreationDate \((.*?)\)", pdf.pages(document))[0]


def test_a_long_report_goes_on_on_the_next_page(tmp_path: pathlib.Path) -> None:
    rows = [(f"row {number}", "word " * 40) for number in range(200)]
    text = text_of(
        tmp_path, pdf.pages(Document("t", "en", 0, "foot", [Table(("a", "b"), rows, (20, 80)), Facts([("x", "y" * 3000)])]))
    )
    assert all(f"row {number}" in text for number in range(200))
    count = text.count("\f")
    assert count > 5
    assert f"{count}/{count}" in text


@pytest.mark.parametrize("data", [b"\x89PNG\r\n\x1a\n" + b"\0" * 50, b"\xff\xd8\xff" + b"\0" * 50, b""])
def test_a_damaged_picture_is_named(data: bytes) -> None:
    with pytest.raises(LocalError):
        pdf.pages(Document("t", "en", 0, "f", [Picture(data, "slip")]))


def test_a_curve_stays_in_its_field() -> None:
    assert chart(Curve("t", "", ["d"], [5.0])) == ([(0.0, 0.5)], 4.0, 6.0)
    found = chart(Curve("t", "", ["a", "b", "c"], [1.0, 3.0, 2.0]))
    assert found.points == [(0.0, 0.0), (0.5, 1.0), (1.0, 0.5)]
    curves = [block for block in visit_page(source(), "en").blocks if isinstance(block, Curve)]
    assert [(one.title, one.unit) for one in curves] == [("Battery charge", "%"), ("Paper over the print head", "km")]
    assert list(curves[0].values) == [92.0, 91.0, 90.0]
    assert list(curves[1].values) == pytest.approx([4.003, 4.004, 4.005])
    assert curves[0].days == ["2026-03-01", "2026-04-01", "2026-05-01"]


# -- from the record -------------------------------------------------------------------------------------------------------------


def test_a_picture_that_was_changed_is_not_shown(tmp_path: pathlib.Path) -> None:
    shelf = Shelf(tmp_path)
    kept = shelf.keep_picture(png(), ".png")
    path = shelf.folder / f"{kept['sha256']}.png"
    step = StepDone("slip", Outcome.DONE, "t", {}, {"slip": {"picture": kept}})
    fields = {name: value for name, value in visit(steps=(step,)).as_json().items() if name not in ("job", "schema")}
    entry = Entry(3, "j", "finished", {"act": "visit", "time": "2026-05-28T02:00:00Z", **fields}, HASH)
    assert gather.gathered([entry], shelf).pictures == (("before", png()),)
    path.write_bytes(png()[:-1] + b"x")
    assert gather.gathered([entry], shelf).pictures == (("before", None),)
    path.unlink()
    assert gather.gathered([entry], shelf).pictures == (("before", None),)
    outside = {
        **entry.body,
        "steps": [{**fields["steps"][0], "facts": {"slip": {"picture": {**kept, "suffix": "/../../../a.png"}}}}],
    }
    (tmp_path.parent / "a.png").write_bytes(png())
    assert gather.gathered([entry._replace(body=outside)], shelf).pictures == (("before", None),)
    with pytest.raises(LocalError):
        gather.finished([entry], "another")


def test_names_of_files_are_good_everywhere() -> None:
    assert gather.name_of("visit", "../CON:序列?", "", "zh") == "visit-_CON_-zh"


def test_without_the_library_the_page_is_there_and_the_paper_is_asked_for(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "fpdf", None)
    with pytest.raises(LocalError) as caught:
        gather.write(visit_page(source(), "en"), tmp_path / "out", "x")
    assert (caught.value.name, caught.value.exit_code) == ("missing_component", 9)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["x.html"]


# -- the notice ------------------------------------------------------------------------------------------------------------------

NOW = 1_780_000_000  # 2026-05-28 20:26 UTC, 2026-05-29 04:26 in Shanghai
DAY = 86_400


def test_the_notice_names_what_is_ahead_and_nothing_else(tmp_path: pathlib.Path) -> None:
    windows = [
        Window("Bank A", NOW + DAY, NOW + DAY + 3600, services=("card",), effect="stopped"),
        Window("", NOW + 2 * DAY, NOW + 2 * DAY + 7200, services=("clearing",), effect="brief"),
        Window("Bank B", NOW - 60, NOW + 60),
        Window("Bank A", NOW - 7200, NOW),
        Window("Bank A", NOW + 31 * DAY, NOW + 32 * DAY),
        Window("Bank A", NOW + DAY, NOW + DAY + 60, cancelled=True),
        Window("Bank A", NOW + DAY, NOW + DAY + 60, services=("online",)),
    ]
    assert ahead(windows, Asked(NOW, 30)) == [windows[2], windows[0], windows[1]]
    assert ahead(windows, Asked(NOW, 30, "Bank A")) == windows[:2]
    document = notice_page(ahead(windows, Asked(NOW, 30)), Asked(NOW, 30, accepts=("cash", "QR")), "en")
    text = text_of(tmp_path, pdf.pages(document))
    public, private = text.split("\f")[:2]
    for words in ("2026-05-30 04:26", "2026-05-30 05:26", "Asia/Shanghai", "cash, QR", "may be delayed or fail", "all banks"):
        assert words in re.sub(r"\s+", " ", public) or words in Seen(html.page(document)).text, words
    assert "Batch closed" not in public
    for words in ("Batch closed", "Offline limit", "roll of paper"):
        assert words in private
    assert "现金" in text_of(tmp_path, pdf.pages(notice_page(windows[:1], Asked(NOW, 30), "zh")))


def test_a_notice_by_hand(run: Fwtool, tmp_path: pathlib.Path) -> None:
    none = run("visit", "notice", "--out", "n", "--json").result
    assert (none["exit_code"], none["error"]["name"]) == (2, "usage")
    soon = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=3)).strftime("%Y-%m-%d")
    (tmp_path / "w.csv").write_text(f"bank,start,end,services,effect\n示例银行,{soon}T00:30,{soon}T04:00,card,stopped\n")
    assert run("settlement", "import", "w.csv").code == 0
    made = run("visit", "notice", "--out", "n", "--lang", "zh", "--accepts", "扫码付款", "--json").result["data"]
    assert f"{soon} 00:30" in text_of(tmp_path, (tmp_path / made["pdf"]).read_bytes())
    page = (tmp_path / made["html"]).read_text(encoding="utf-8")
    assert "扫码付款" in page
    assert 'lang="zh-CN"' in page
    assert run("visit", "report", "--out", "r", "--json").result["error"]["hint"]
