"""The page of `image diff --html`: parsed again, held against the difference it shows, and against names from bad files."""

import collections
import html.parser
import pathlib
import random
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import firmware_samples
from formats.elf_symbols import Section, Symbol
from fwtool.compare import compare
from fwtool.diff_page import page
from fwtool.difference import Bar, Change, Difference, ElfDifference, Range, Totals
from fwtool.inputs import Limits
from fwtool.memory_axis import MAX_REGIONS, regions, ticks
from fwtool.memory_map import AFTER, BEFORE, MAX_BARS, WIDTH, picture
from tests.conftest import Fwtool
from tests.elf_samples import Name, Part, make
from tests.support import KEY, SECOND_KEY, make_package, part, pattern

VOID = {"meta", "br", "link", "img", "input", "hr"}
SELF_CLOSED = {"rect", "line", "path", "polygon"}
NOTHING = ElfDifference((Totals(0, 0, 0), Totals(0, 0, 0)), (), ())


class Page(html.parser.HTMLParser):
    """A page taken apart; it fails where an element is closed that was not opened last."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(text)
        self.close()
        assert self.open == [], "everything that was opened is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs)
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in SELF_CLOSED
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append((self.open[-1], data.strip()))

    def rects(self, kind: str) -> list[dict[str, str]]:
        return [attributes for tag, attributes in self.elements if tag == "rect" and kind in attributes.get("class", "").split()]

    @property
    def text(self) -> str:
        return " ".join(text for tag, text in self.texts if tag not in ("style", "title"))


def shown(difference: Difference, before: str = "before.fwp", after: str = "after.fwp") -> Page:
    return Page(page(before, after, difference))


@pytest.fixture(scope="module", params=["elf", "hex", "bin"])
def releases(request: pytest.FixtureRequest) -> Difference:
    old, new = (firmware_samples.path(f"built/vt100-{version}.{request.param}") for version in ("1.4.2", "1.5.0"))
    return compare(old, new, Limits())


# The picture


def test_every_range_is_a_rectangle_in_proportion(releases: Difference) -> None:
    """One scale for all of them: distances between rectangles are those between addresses."""
    found = shown(releases).rects("range")
    sides = {"before": (BEFORE, "added"), "after": (AFTER, "removed")}
    for column, hidden in sides.values():
        expected = [piece for piece in releases.ranges if piece.kind != hidden]
        here = [rect for rect in found if column[0] <= float(rect["x"]) < column[1]]
        assert [rect["class"].split()[-1] for rect in here] == [piece.kind for piece in expected]
        first, last = expected[0], expected[-1]
        top, bottom = float(here[0]["y"]), float(here[-1]["y"]) + float(here[-1]["height"])
        scale = (bottom - top) / (last.end - first.start)
        for piece, rect in zip(expected, here, strict=True):
            assert float(rect["y"]) == pytest.approx(top + scale * (piece.start - first.start), abs=0.001)
            assert float(rect["height"]) == pytest.approx(scale * (piece.end - piece.start), abs=0.001)
    assert len(found) == sum(2 if piece.kind == "changed" else 1 for piece in releases.ranges)


def test_everything_is_drawn_inside_the_picture(releases: Difference) -> None:
    parsed = shown(releases)
    box = next(attributes for tag, attributes in parsed.elements if tag == "svg" and attributes["class"] == "map")["viewbox"]
    width, height = map(float, box.split()[2:])
    assert width == WIDTH
    for kind in ("range", "bar", "frame", "symbol"):
        for rect in parsed.rects(kind):
            assert float(rect["x"]) >= 0
            assert float(rect["x"]) + float(rect["width"]) <= width
            assert 0 <= float(rect["y"]) <= float(rect["y"]) + float(rect["height"]) <= height


def test_bars_are_named_and_joined_by_ribbons() -> None:
    difference = Difference(
        (), (), maps=((Bar("app", 0, 1000), Bar("old", 1000, 2000)), (Bar("app", 0, 1500), Bar("new", 1500, 1600)))
    )
    parsed = shown(difference)
    assert len(parsed.rects("bar")) == 4
    assert {"app", "old", "new"} <= {text for tag, text in parsed.texts if tag == "text"}
    ribbons = [attributes["points"] for tag, attributes in parsed.elements if tag == "polygon"]
    assert len(ribbons) == 1
    heights = [float(point.split(",")[1]) for point in ribbons[0].split()]
    assert (heights[2] - heights[1]) / (heights[3] - heights[0]) == pytest.approx(1.5, abs=0.001)


def test_symbols_are_drawn_where_they_lie() -> None:
    before = Symbol("f", 0x1100, 0x100, "function", ".text")
    after = Symbol("f", 0x1200, 0x80, "function", ".text")
    in_ram = Symbol("ram", 0x9000, 4, "object", ".bss")
    symbols = (
        Change("function f", "shrunk", before, after),
        Change("object ram", "added", None, in_ram),
        Change("function g", "moved", before, after),
    )
    maps = ((Bar(".text", 0x1000, 0x2000),), (Bar(".text", 0x1000, 0x2000),))
    parsed = shown(Difference((), (), elf=ElfDifference(NOTHING.totals, (), symbols), maps=maps))
    frame, found = parsed.rects("frame")[0], parsed.rects("symbol")
    top, scale = float(frame["y"]), float(frame["height"]) / 0x1000
    places = [(float(rect["y"]), float(rect["height"])) for rect in found]
    assert places == [pytest.approx((top + scale * 0x100, scale * 0x100), abs=0.001),
                      pytest.approx((top + scale * 0x200, scale * 0x80), abs=0.001)]  # fmt: skip


BARS = st.lists(
    st.builds(
        lambda start, size, space, name: Bar(name, start, start + size, space),
        st.one_of(st.integers(0, 2**20), st.integers(0, 2**64)), st.integers(1, 2**24),
        st.sampled_from(["", "", "modem"]), st.sampled_from("abcdef"),
    ),
    min_size=1, max_size=30,
)  # fmt: skip


@given(BARS)
@settings(deadline=None)
def test_regions_hold_every_bar_and_do_not_overlap(bars: list[Bar]) -> None:
    found = regions(bars, 0)
    for bar in bars:
        homes = [region for region in found if region.space == bar.space and region.start <= bar.start and bar.end <= region.end]
        assert len(homes) == 1
    assert all(a.top + a.height < b.top for a, b in zip(found, found[1:], strict=False))
    assert len(found) <= 2 * MAX_REGIONS
    labels = [tick.y for region in found for tick in ticks(region)]
    assert all(b - a >= 15 for a, b in zip(labels, labels[1:], strict=False)), "labels do not touch"


@given(BARS, st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=50)
def test_every_range_of_any_map_is_drawn(bars: list[Bar], chance: random.Random) -> None:
    """Every address space has one bar of each name, as manifests see to it."""
    known = list({bar.name: bar for bar in bars}.values())
    found = [Range(bar.name, chance.choice(["changed", "added", "removed"]), bar.start, chance.randint(bar.start + 1, bar.end))
             for bar in known]  # fmt: skip
    drawn = picture(Difference((), tuple(found), maps=(tuple(known), tuple(known)))).ranges
    counts = collections.Counter(rect.kind for rect in drawn)
    expected = collections.Counter(piece.kind for piece in found)
    assert counts == {kind: count * (2 if kind == "changed" else 1) for kind, count in expected.items()}


def test_places_without_bytes_are_left_out_and_said() -> None:
    bars = (Bar("boot", 0x0800_0000, 0x0801_0000), Bar("fonts", 0x9000_0000, 0x9001_0000), Bar("modem", 0, 5000, "modem"))
    parsed = shown(Difference((), (), maps=(bars, bars)))
    told = [text for tag, text in parsed.texts if tag == "text"]
    assert f"{0x9000_0000 - 0x0801_0000:,} bytes that neither has" in told
    assert "modem: no address, offsets from 0" in told
    assert float(parsed.rects("frame")[0]["height"]) == pytest.approx(float(parsed.rects("frame")[2]["height"]), abs=0.001)


# The tables


def test_what_the_difference_says_is_on_the_page(releases: Difference) -> None:
    parsed = shown(releases)
    for piece in releases.ranges:
        assert f"0x{piece.start:08x}..0x{piece.end:08x}" in parsed.text
    if releases.elf:
        for change in (*releases.elf.sections, *releases.elf.symbols):
            assert change.kind == "moved" or change.what.split()[1] in parsed.text
        for number in ("151,480", "134,542", "+16,938", "78,336 → 91,584"):
            assert number in parsed.text


def test_fields_components_and_signatures_of_packages(tmp_path: pathlib.Path) -> None:
    before = [part(pattern(5000), "app", address=0x1000), part(pattern(90), "gone")]
    after = [part(pattern(5100), "app", address=0x1000), part(pattern(80), "new")]
    (tmp_path / "one").write_bytes(make_package(before))
    (tmp_path / "other").write_bytes(
        make_package(after, signers=[KEY, SECOND_KEY], version="1.1.0", counter=8, hardware="VT-100:2..9")
    )
    found = compare(tmp_path / "one", tmp_path / "other", Limits())
    parsed = shown(found)
    for word in ("VT-100:1..9", "VT-100:2..9", "1.1.0", "component gone", "component new", SECOND_KEY.public.key_id.hex()):
        assert word in parsed.text
    assert {rect["class"].split()[-1] for rect in parsed.rects("range")} == {"added", "removed"}


def test_lines_of_release_notes_stay_lines() -> None:
    text = page("a", "b", Difference((Change("notes en", "changed", "first\nsecond", "third"),), ()))
    assert "<bdi>first</bdi><br><bdi>second</bdi>" in text
    assert "\\u000a" not in text


def test_nothing_differs() -> None:
    parsed = shown(Difference((), (), maps=((Bar("app", 0, 10),), (Bar("app", 0, 10),))))
    assert "No difference" in parsed.text
    assert parsed.rects("range") == []
    assert "No difference" in shown(Difference((), ())).text


DEBUG = ElfDifference(NOTHING.totals, (Change("section .debug", "removed", Section(".debug", 0, 1, "", "00", None)),), ())


@pytest.mark.parametrize(
    ("difference", "sentence"),
    [
        (Difference((), (), (Change("signature ab", "added", None, True),)), "only in signatures"),
        (Difference((), (), elf=DEBUG), "Every byte that is loaded is the same"),
        (Difference((), (Range("image", "changed", 0, 16),), grain=64), "less than 64 bytes apart is one range"),
    ],
)  # fmt: skip
def test_what_a_reviewer_should_know(difference: Difference, sentence: str) -> None:
    assert sentence in shown(difference).text


# Alone and at peace


def test_nothing_runs_and_nothing_is_fetched(releases: Difference) -> None:
    text = page("a", "b", releases)
    parsed = Page(text)
    assert not {"script", "iframe", "object", "embed", "link", "img", "base", "form", "foreignobject", "use"} & {
        t for t, _ in parsed.elements
    }
    for _, attributes in parsed.elements:
        assert not {name for name in attributes if name.startswith("on") or name in ("href", "xlink:href", "src", "action")}
    assert "//" not in re.sub(r"/\*.*?\*/", "", text.split("<body>")[0]).replace("<!DOCTYPE", "")
    assert set(re.findall(r"url\(([^)]*)\)", text)) <= {"#added", "#removed"}
    policy = next(attributes["content"] for tag, attributes in parsed.elements if attributes.get("http-equiv"))
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"


def test_the_same_difference_gives_the_same_page(releases: Difference) -> None:
    assert page("a", "b", releases) == page("a", "b", releases)


def test_kinds_are_told_apart_without_colour() -> None:
    """On paper and with every kind of colour vision: by sign, and by pattern."""
    found = tuple(Range("image", kind, 100 * n, 100 * n + 50) for n, kind in enumerate(("changed", "added", "removed")))
    parsed = shown(Difference((), found))
    signs = {attributes["title"] for tag, attributes in parsed.elements if attributes.get("class", "").startswith("sign ")}
    assert signs == {"changed", "added", "removed"}
    assert {text for tag, text in parsed.texts if tag == "span"} >= {"~", "+", "\u2212"}
    assert {attributes["id"] for tag, attributes in parsed.elements if tag == "pattern"} == {"added", "removed"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_stand_out_from_what_is_behind_them(scheme: str) -> None:
    """WCAG 2.2: 4.5:1 for text (1.4.3), 3:1 for graphics next to the paper (1.4.11) or, where less, a sign beside them."""
    styles = page("a", "b", Difference((), ())).split("</style>")[0]
    block = re.findall(r":root \{(.*?)\}", styles, re.DOTALL)[0 if scheme == "light" else 1]
    colours = dict(re.findall(r"--([a-z]+): (#[0-9a-f]{3,6})", block))

    def luminance(colour: str) -> float:
        digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
        parts = [int(digits[n : n + 2], 16) / 255 for n in (0, 2, 4)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    def contrast(one: str, other: str) -> float:
        light, dark = sorted((luminance(colours[one]), luminance(colours[other])), reverse=True)
        return (light + 0.05) / (dark + 0.05)

    for text in ("ink", "soft"):
        for ground in ("paper", "card"):
            assert contrast(text, ground) >= 4.5
    assert contrast("ink", "bar") >= 4.5
    assert contrast("soft", "bar") >= 4.5
    assert min(contrast(kind, "paper") for kind in ("added", "removed")) >= 3
    assert min(contrast("on", kind) for kind in ("added", "removed")) >= 4.5
    assert contrast("changed", "paper") >= 2


def test_dark_and_paper_are_thought_of() -> None:
    styles = page("a", "b", Difference((), ())).split("</style>")[0]
    assert "@media (prefers-color-scheme: dark)" in styles
    assert "@media print" in styles
    assert "print-color-adjust: exact" in styles


# Names from bad files

NAMES = ["<script>alert(1)</script>", '"><svg onload=alert(1)>', "' onmouseover='x", "\u202egnp.exe", "two\nlines", "a\u2028b",
         "\x00\x1b[2J", "{{ 7 * 7 }}", "&lt;b&gt;", "</title></style><b>", "\u200b\ufeff", "x" * 5000]  # fmt: skip
SHOWS_NOTHING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def everywhere(name: str) -> Difference:
    """A difference with a name in every place that a file can put one."""
    section, symbol = Section(name, 0, 64, name, name, 0), Symbol(name, 0, 32, name, name)
    elf = ElfDifference(NOTHING.totals, (Change(f"section {name}", "changed", section, section),),
                        (Change(f"{name} {name}", "added", None, symbol),))  # fmt: skip
    changes = (
        Change(name, "changed", name, name),
        Change("version", "changed", name, name),
        Change("hardware", "changed", name, name),
    )
    bars = (Bar(name, 0, 64), Bar(name, 0, 64, name))
    return Difference(
        changes,
        (Range(name, "changed", 0, 16),),
        (Change(f"signature {name}", "added", None, True),),
        1,
        elf,
        (bars, bars),
    )


@pytest.mark.parametrize("name", NAMES)
def test_a37_a38_names_stay_text(name: str) -> None:
    harmless = page("before", "after", everywhere("harmless"))
    text = page(name, name, everywhere(name))
    parsed = Page(text)
    assert not SHOWS_NOTHING.search(text), "nothing hides or reorders"

    def shape(parsed: Page) -> list[tuple[str, list[str]]]:
        return [(tag, sorted(attributes)) for tag, attributes in parsed.elements if tag not in ("br", "bdi")]

    assert shape(parsed) == shape(Page(harmless)), "the same elements and attributes as with a plain name"
    if name.isprintable() and len(name) < 100:
        assert parsed.texts.count(("bdi", name)) >= 8
        assert ("title", f"{name} → {name}") in parsed.texts
    assert "\\u000a" in parsed.text or "\n" not in name


@given(st.text(min_size=1, max_size=40))
@settings(deadline=None, max_examples=60)
def test_any_name_gives_a_page_of_the_same_shape(name: str) -> None:
    tags = [tag for tag, _ in Page(page("a", "b", everywhere(name))).elements if tag not in ("br", "bdi")]
    assert tags == [tag for tag, _ in Page(page("a", "b", everywhere("plain"))).elements if tag not in ("br", "bdi")]


def test_a37_names_inside_an_elf_file(run: Fwtool, tmp_path: pathlib.Path) -> None:
    names = [Name(name.replace("\0", ""), 0x1000 + n, 1) for n, name in enumerate(NAMES) if len(name) < 100]
    (tmp_path / "one.elf").write_bytes(make([Part("<script>", 6, 0x1000, pattern(64, 1))], names))
    (tmp_path / "two.elf").write_bytes(make([Part(".text", 6, 0x1000, pattern(64, 2))]))
    assert run("image", "diff", "one.elf", "two.elf", "--html", "page.html").code == 0
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    parsed = Page(text)
    assert not SHOWS_NOTHING.search(text)
    assert "script" not in {tag for tag, _ in parsed.elements}
    assert ("bdi", "<script>alert(1)</script>") in parsed.texts


# Large ones


def test_a_page_of_very_many_ranges_symbols_and_pieces() -> None:
    """As many as a difference can hold: all ranges in the picture, the tables cut and saying so."""
    found = tuple(Range("image", "changed", 64 * n, 64 * n + 16) for n in range(10_000))
    symbols = tuple(
        Change(f"function f{n}", "added", None, Symbol(f"f{n}", 64 * n, 16, "function", ".text")) for n in range(10_000)
    )
    bars = tuple(Bar(f"piece {n}", 64 * n, 64 * n + 32) for n in range(10_000))
    difference = Difference((), found, elf=ElfDifference(NOTHING.totals, (), symbols, 5), maps=(bars, bars))
    text = page("a", "b", difference)
    assert len(text) < 8 << 20
    parsed = Page(text)
    assert len(parsed.rects("range")) == 20_000
    assert len(parsed.rects("bar")) == 2 * MAX_BARS
    assert "And 8000 more, which the picture has too" in parsed.text
    assert f"And {10_000 - 400 + 5} more of less effect" in parsed.text
    assert f"{2 * (10_000 - MAX_BARS)} smaller pieces are not drawn" in parsed.text


def test_records_without_maps_are_still_drawn() -> None:
    """A difference made by a script may know ranges and no bars."""
    some: Any = Difference((), (Range("image", "changed", 0x100, 0x110), Range("image", "changed", 0x180, 0x190)))
    assert len(shown(some).rects("range")) == 4
