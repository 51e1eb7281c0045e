"""The pure parts of a visit: questions, gates, evidence, saved states, and that both languages say everything."""

import dataclasses
import datetime
import json
import pathlib
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from formats import work_order
from formats.errors import LocalError, ToolError
from formats.work_order import DAY_S, Act, OrderRecord
from fwtool.findings import Words
from fwtool.report import notice_page, words
from fwtool.settlement.windows import Window
from fwtool.visit import conduct, evidence, gates, health, history, parts_used, steps, wording
from fwtool.visit.answers import FileAsker
from fwtool.visit.gates import Situation
from fwtool.visit.history import Training
from fwtool.visit.questions import Kind, Question
from fwtool.visit.state import Outcome, StepDone, Visit, from_json
from transports.terminal_records import Batch, Facts
from transports.tsp.messages import BatchState

NOW = 1_780_000_000  # 2026-05-28
FACTS = Facts("VT-100", "SIM-0001", "1.0.0", battery_percent=80, mains=True)
ORDER = work_order.build(
    OrderRecord(number="WO-1", bank="B", not_before=NOW, not_after=NOW + DAY_S, acts=15, terminals=("SIM-0001",))
)
OPEN = Situation(
    now=NOW, act=Act.UPDATE, facts=FACTS, batch=Batch(BatchState.CLOSED, 0), order=ORDER, distrust="",
    training=Training("Li Wei", "T", "2026-05-30"), windows=(),
)  # fmt: skip
LONG_AGO = "2026-05-27"


def window(start: int, end: int, bank: str = "B", **more: Any) -> Window:
    return Window(bank, NOW + start, NOW + end, **more)


# -- gates -----------------------------------------------------------------------------------------------------------------------


def test_where_all_holds_every_gate_is_open() -> None:
    assert gates.first_closed(OPEN, ()) is None


@pytest.mark.parametrize(
    ("gate", "changes"),
    [
        ("order", {"order": None}),
        ("order", {"distrust": "it is not signed"}),
        ("order", {"facts": FACTS._replace(serial_number="SIM-0002")}),
        ("order", {"now": NOW - 1}),
        ("order", {"now": NOW + DAY_S}),
        ("training", {"training": None}),
        ("training", {"training": Training("Li Wei", "T", LONG_AGO)}),
        ("training", {"training": Training("Li Wei", "T", "")}),
        ("batch", {"batch": Batch(BatchState.OPEN, 3)}),
        ("batch", {"batch": Batch(BatchState.UNKNOWN)}),
        ("power", {"facts": FACTS._replace(mains=False, battery_percent=29)}),
        ("power", {"facts": FACTS._replace(mains=None, battery_percent=0)}),
        ("window", {"windows": (window(-10, 10),)}),
        ("window", {"windows": (window(gates.LONGEST_S - 1, 99_999),)}),
        ("window", {"windows": (window(-10, 10, bank=""),)}),
    ],
)
def test_each_gate_closes_for_its_own_reason_and_nobody_opens_another_with_it(gate: str, changes: dict[str, Any]) -> None:
    here = dataclasses.replace(OPEN, **changes)
    closed = gates.first_closed(here, ())
    assert closed is not None
    assert closed[0].id == gate
    others = [one.id for one in gates.GATES if one.id != gate]
    assert gates.first_closed(here, others) == closed
    opened = gates.first_closed(here, [gate])
    assert (opened is None) == (gate not in ("batch", "power"))


@pytest.mark.parametrize(
    "changes",
    [
        {"facts": FACTS._replace(mains=False, battery_percent=30)},
        {"facts": FACTS._replace(mains=True, battery_percent=1)},
        {"facts": FACTS._replace(mains=None, battery_percent=None)},
        {"batch": None},
        {"windows": (window(-10, 0), window(gates.LONGEST_S, 99_999), window(-10, 10, bank="other"))},
        {"windows": (window(-10, 10, services=("online",)), window(-10, 10, cancelled=True))},
        {"training": Training("Li Wei", "T", "2026-05-28")},
    ],
)
def test_what_closes_no_gate(changes: dict[str, Any]) -> None:
    assert gates.first_closed(dataclasses.replace(OPEN, **changes), ()) is None


def test_windows_under_another_name_count_unless_the_bank_has_some_of_its_own() -> None:
    strange = window(-10, 10, bank="示例银行")
    assert [one.bank for one in gates.relevant((strange, window(0, 1, bank="")), "B")] == ["B", ""]
    assert gates.relevant((strange, window(50, 60)), "B")[0].bank == "示例银行"


# -- questions -------------------------------------------------------------------------------------------------------------------


@given(st.sampled_from(steps.QUESTIONS), st.text(max_size=40))
def test_whatever_is_typed_is_an_answer_or_refused(question: Question, text: str) -> None:
    try:
        answer = question.read(text)
    except ToolError:
        return
    assert question.checked(answer) == answer


@pytest.mark.parametrize(
    ("kind", "typed", "answer"),
    [
        (Kind.YES_NO, "y", True), (Kind.YES_NO, "是", True), (Kind.YES_NO, "N", False), (Kind.YES_NO, "否", False),
        (Kind.CHOICE, "2", "b"), (Kind.CHOICE, "a", "a"), (Kind.LIST, "x, y,z", ["x", "y", "z"]), (Kind.TEXT, " x ", "x"),
    ],
)  # fmt: skip
def test_what_is_typed(kind: Kind, typed: str, answer: object) -> None:
    choices = (("a", Words("A", "甲")), ("b", Words("B", "乙"))) if kind is Kind.CHOICE else ()
    assert Question("s.q", Words("?", "?"), kind, choices).read(typed) == answer


@pytest.mark.parametrize("typed", ["0", "3", "-1", "²", "", "c"])
def test_a_number_beside_the_list_is_no_choice(typed: str) -> None:
    with pytest.raises(ToolError):
        Question("s.q", Words("?", "?"), Kind.CHOICE, (("a", Words("A", "甲")), ("b", Words("B", "乙")))).read(typed)


def test_every_question_has_its_own_key_under_its_step() -> None:
    ids = [question.id for question in steps.QUESTIONS]
    assert len(set(ids)) == len(ids)
    for step in steps.STEPS:
        assert all(part.id.startswith(f"{step.id}.") for part in step.parts if isinstance(part, Question))


def test_a_file_answers_each_question_once(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a").write_text("[reset]\nkind = 'none'\n")
    asker = FileAsker(tmp_path / "a", steps.QUESTIONS, lambda said: None)
    question = next(one for one in steps.QUESTIONS if one.id == "reset.kind")
    assert asker.ask(question) == "none"
    with pytest.raises(ToolError):
        asker.ask(question)


# -- what is kept ----------------------------------------------------------------------------------------------------------------


def test_seals_and_photos_are_held_against_the_last_visit(tmp_path: pathlib.Path) -> None:
    (tmp_path / "p.jpg").write_bytes(b"photo")
    photo = evidence.photo(tmp_path / "p.jpg")
    digest = "55c64d0fcd6f9d5f7c828093857e3fdfda68478bb4e9bd24d481ef391c7804e8"  # by sha256sum
    assert photo == {"name": "p.jpg", "size": 5, "sha256": digest}
    a, b, c = (evidence.seal(number, "SIM-0001") for number in ("A-101", "B-102", "C-103"))
    # By: printf 'fwtool/seal\\0SIM-0001\\0A-101' | sha256sum
    assert a == {"ends": "01", "sha256": "afc9cf3802445fd435a870479253d4949a57be9d01d0816c875a370fe4c04332"}
    assert evidence.seal(" a-101 ", "SIM-0001") == a
    assert evidence.seal("A-101", "SIM-0002")["sha256"] != a["sha256"]
    first = evidence.compared([a, b], [photo], {})
    assert first["attention"] == []
    second = evidence.compared([a, c], [photo], first)
    assert (second["seals_missing"], second["seals_new"], second["photos_again"]) == (["02"], ["03"], ["p.jpg"])
    assert evidence.compared([b, a], [], first)["attention"] == []
    assert evidence.compared([], [], first)["attention"] == ["seals_missing"]


def test_only_a_picture_is_taken_for_a_picture(tmp_path: pathlib.Path) -> None:
    for name, data in (("secret.txt", b"root:x:0:0"), ("empty", b""), ("half", b"\x89PN")):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(LocalError):
            evidence.picture(tmp_path / name)
    with pytest.raises(LocalError):
        evidence.picture(tmp_path)
    (tmp_path / "ok").write_bytes(b"\x89PNG\r\n\x1a\n...")
    assert evidence.picture(tmp_path / "ok")[1] == ".png"


def saved() -> Visit:
    visit = Visit("j", "2026-05-28T00:00:00Z", "Li Wei", "sim:", "VT-100", "SIM-0001", "1.0.0", overrides=({"gate": "window"},))
    return visit.with_step(StepDone("inspect", Outcome.ATTENTION, "t", {"seals": ["A"]}, {"examine": {"x": 1}}, ("a",)))


def test_a_visit_comes_back_as_it_was_saved() -> None:
    assert from_json(json.loads(json.dumps(saved().as_json()))) == saved()


KEYS = st.sampled_from(["steps", "overrides", "job", "outcome", "id", "reasons", "port"])
OBJECTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(KEYS, OBJECTS, max_size=7))
def test_any_other_object_is_damaged(fields: dict[str, Any]) -> None:
    with pytest.raises(LocalError) as caught:
        from_json(fields)
    assert caught.value.name == "record_damaged"


@pytest.mark.parametrize(
    "changes", [{"facts": {"examine": 5}}, {"facts": ["x"]}, {"answers": None}, {"outcome": "x"}, {"more": 1}]
)
def test_a_step_that_is_none_is_damage(changes: dict[str, Any]) -> None:
    fields = json.loads(json.dumps(saved().as_json()))
    fields["steps"][0] |= changes
    with pytest.raises(LocalError):
        from_json(fields)


def test_the_steps_are_done_in_the_order_of_the_guide() -> None:
    visit = Visit("j", "t", "Li Wei", "sim:", "VT-100", "SIM-0001", "1.0.0")
    order = []
    while step := visit.next_step:
        assert visit.verdict is Outcome.INCOMPLETE
        order.append(step.id)
        visit = visit.with_step(StepDone(step.id, Outcome.DONE, "t", {}, {}))
    assert order == ["inspect", "clean", "paper", "battery", "slip", "reset", "update", "verify", "record"]
    assert visit.verdict is Outcome.DONE
    stopped = saved().with_step(StepDone("clean", Outcome.STOPPED, "t", {}, {}))
    assert (stopped.next_step, stopped.verdict) == (None, Outcome.STOPPED)


def test_parts_are_counted_by_class_and_never_twice() -> None:
    def visit(roll: bool, used: list[str]) -> Visit:
        steps_done = [
            StepDone("paper", Outcome.DONE, "t", {"roll": roll}, {}), StepDone("record", Outcome.DONE, "t", {"used": used}, {}),
        ]  # fmt: skip
        return dataclasses.replace(saved(), steps=tuple(steps_done))

    assert parts_used.used(visit(True, ["纸卷", "Cleaning card", "cleaning card", "tape"])) == (
        {"paper": 1, "cleaning card": 2}, ["tape"],
    )  # fmt: skip
    assert parts_used.used(visit(False, ["paper", "电池"])) == ({"paper": 1, "battery": 1}, [])
    assert parts_used.used(visit(False, [])) == ({}, [])
    assert parts_used.used(saved()) == ({}, [])


def test_a_visit_notes_what_the_forecast_of_parts_is_made_from() -> None:
    from fwtool.parts.history import NAMES, USED, WEAR

    assert set(NAMES) == set(health.WEAR)
    assert (WEAR, USED) == ("wear", "used_parts")


def test_the_newest_training_of_that_technician_counts() -> None:
    from fwtool.records import Entry

    def entry(number: int, kind: str, who: str, expires: str) -> Entry:
        return Entry(number, "j", kind, {"technician": who, "course": "T", "expires": expires}, "")

    entries = [
        entry(1, "training", "Li", "2026-01-01"),
        entry(2, "training", "Wang", "2030-01-01"),
        entry(3, "started", "Li", "x"),
    ]
    assert history.training_of(entries, "Li") == Training("Li", "T", "2026-01-01")
    assert history.training_of([*entries, entry(4, "training", "Li", "2027-01-01")], "Li") == Training("Li", "T", "2027-01-01")
    assert history.training_of(entries, "li") is None


# -- both languages --------------------------------------------------------------------------------------------------------------

AVOID = ("韧体", "图像", "映像", "插槽", "复位", "重置", "清算", "跳过", "窗口", "更新")
"""Words that the glossary (Chinese words for technicians) tells to avoid."""


def inside(value: Any) -> Iterator[Words]:
    """Every sentence in a value."""
    if isinstance(value, Words):
        yield value
    elif isinstance(value, dict):
        yield from inside(list(value.values()))
    elif isinstance(value, Question):
        yield from inside([value.text, value.choices])
    elif isinstance(value, list | tuple):
        for one in value:
            yield from inside(one)


def all_words() -> Iterator[Words]:
    for module in (steps, gates, conduct, notice_page, words, words.W):
        yield from inside(list(vars(module).values()))
    yield from inside([wording.OUTCOMES, wording._OTHERS, wording.NOT_RUN])


def test_everything_is_said_in_both_languages() -> None:
    found = list(all_words())
    assert len(found) > 150
    for one in found:
        assert one.en.strip(), one
        assert re.search(r"[\u4e00-\u9fff]", one.zh), one
        assert not re.search(r"[\u4e00-\u9fff]", one.en), one
        assert not any(word in one.zh for word in AVOID), one
        assert set(re.findall(r"\{\w*\}", one.en)) == set(re.findall(r"\{\w*\}", one.zh)), one
        one.zh.encode("gbk")


def test_the_guide_is_put_right() -> None:
    said = " ".join(words.en for step in steps.STEPS for words in step.how)
    for truth in ("30 seconds is no factory reset", "no ink", "Never open a PIN device", "A reset is no routine step"):
        assert truth in said
    reset = next(one for one in steps.QUESTIONS if one.id == "reset.kind")
    assert reset.default == "none"
    assert "factory" not in [value for value, _ in reset.choices]
    assert datetime.datetime.fromtimestamp(NOW, datetime.UTC).date().isoformat() == "2026-05-28"
