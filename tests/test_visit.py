"""The guided visit, as a technician runs it: from a file of answers, and at a terminal in Chinese."""

import dataclasses
import datetime
import json
import os
import pathlib
import re
import shutil
import sys
import time
from collections.abc import Callable
from typing import Any

import pexpect
import pytest

from formats import work_order
from formats.errors import EXIT_CODES, LocalError
from fwtool.files import write_file
from fwtool.locks import device_lock
from fwtool.records import Records, new_job_id
from fwtool.report.gather import gathered
from fwtool.trust_store import load_trust
from fwtool.visit.answers import FileAsker
from fwtool.visit.conduct import conduct
from fwtool.visit.context import Setup
from fwtool.visit.ending import finish
from fwtool.visit.shelf import Shelf
from fwtool.visit.state import Outcome
from fwtool.visit.steps import QUESTIONS
from tests.conftest import Done, Fwtool
from tests.support import pattern

ANSWERS = """
[inspect]
foreign = false
housing = "good"
seals = ["S-1", "S-2"]
[slip]
density = true
lines = true
"""
WHO = ("--technician", "Li Wei")
STEPS = ["inspect", "clean", "paper", "battery", "slip", "reset", "update", "verify", "record"]


class Site:
    """A terminal to be visited, a stick, and a laptop that trusts the bank."""

    def __init__(self, run: Fwtool, folder: pathlib.Path) -> None:
        self.run, self.folder = run, folder

    def make(self) -> None:
        self.ok("trust", "install", "maker.trust")
        for version, counter in (("1.0.0", "1"), ("1.1.0", "2")):
            (self.folder / "app.bin").write_bytes(pattern(90_000, int(counter)))
            numbers = ("--version", version, "--hardware", "VT-100:1..9", "--security-counter", counter)
            self.ok("image", "build", "app=app.bin@0x200000", *numbers, "--out", f"{version}.fwp")
            self.ok("image", "sign", f"{version}.fwp", "--key", "maker.pem")
        self.order("o.fwo")
        (self.folder / "stick").mkdir()
        self.ok("stick", "write", "1.1.0.fwp", "stick", "--order", "o.fwo")
        self.ok("visit", "training", *WHO, "--course", "T-1", "--expires", self.day(30))
        self.answers(ANSWERS)

    def ok(self, *arguments: str) -> dict[str, Any]:
        done = self.run(*arguments, "--json")
        assert done.code == 0, done.out
        return dict(done.result["data"])

    @staticmethod
    def day(ahead: int) -> str:
        return (datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=ahead)).isoformat()

    def answers(self, text: str, name: str = "a.toml") -> None:
        (self.folder / name).write_text(text, encoding="utf-8")

    def order(self, name: str, *, key: str = "maker.pem", terminal: str = "SIM-0001", start: int = -1,
              acts: tuple[str, ...] = ("service", "settle", "reset", "update")) -> None:  # fmt: skip
        named = [word for act in acts for word in ("--act", act)]
        self.ok("order", "create", "--number", "WO-1", "--bank", "Example Bank", "--terminal", terminal, *named,
                "--from", self.day(start), "--days", "3", "--out", name)  # fmt: skip
        self.ok("order", "sign", name, "--key", key)

    def port(self, scenario: str = "") -> str:
        """Always the same terminal; what goes wrong with it may differ."""
        if scenario:
            (self.folder / "s.toml").write_text(scenario)
        extra = "&scenario=s.toml" if scenario else ""
        return f"sim:?trust=maker.trust&firmware=1.0.0.fwp&state=terminal&paper=paper{extra}"

    def visit(self, *arguments: str, scenario: str = "", answers: str = "a.toml", who: tuple[str, ...] = WHO) -> Done:
        stick = () if "--stick" in arguments else ("--stick", "stick")
        return self.run("visit", "--port", self.port(scenario), *stick, "--answers", answers, *who, "--json", *arguments)

    def entries(self, act: str = "", kind: str = "") -> list[dict[str, Any]]:
        found = [entry.body for entry in Records(self.folder / "state").entries()]
        return [body for body in found if (not act or body.get("act") == act) and (not kind or body["kind"] == kind)]

    def version(self) -> str:
        return str(self.ok("info", "--port", self.port())["version"])


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Where the first site is kept, for the others to begin as."""
    return tmp_path_factory.mktemp("site") / "made"


@pytest.fixture
def site(run: Fwtool, tmp_path: pathlib.Path, prepared: pathlib.Path, request: pytest.FixtureRequest) -> Site:
    found = Site(run, tmp_path)
    if prepared.exists():
        shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    else:
        request.getfixturevalue("keys")
        found.make()
        shutil.copytree(tmp_path, prepared)
    return found


def outcomes(done: Done) -> dict[str, str]:
    return {step["id"]: step["outcome"] for step in done.result["data"]["steps"]}


# -- the whole of it -------------------------------------------------------------------------------------------------------------


def test_a_whole_visit_without_a_question(site: Site) -> None:
    done = site.visit()
    assert done.code == 0, done.out
    data = done.result["data"]
    assert (data["version_before"], data["version_after"], data["verdict"]) == ("1.0.0", "1.1.0", "done")
    assert outcomes(done) == {**dict.fromkeys(STEPS, "done"), "reset": "not_needed"}
    assert site.version() == "1.1.0"
    # The record has it, every change of its own, each begun before it was done; and nothing was left open.
    assert [(body["act"], body["kind"]) for body in site.entries()][1:] == [
        ("visit", "started"), ("print_test", "started"), ("print_test", "finished"), ("flash", "started"), ("flash", "finished"),
        ("print_test", "started"), ("print_test", "finished"), ("visit", "finished"),
    ]  # fmt: skip
    ended = site.entries("visit", "finished")[0]
    assert (ended["technician"], ended["order"]["number"], ended["serial_number"]) == ("Li Wei", "WO-1", "SIM-0001")
    assert {step["id"]: step["outcome"] for step in ended["steps"]} == outcomes(done)
    verified = site.ok("log", "verify")
    assert (verified["flaws"], verified["unfinished"]) == ([], [])
    slips = [
        ended["steps"][STEPS.index(step)]["facts"][act]["picture"] for step, act in (("slip", "slip"), ("verify", "slip_again"))
    ]
    for slip in slips:
        assert (site.folder / "state" / "visit" / f"{slip['sha256']}.png").read_bytes().startswith(b"\x89PNG")
    shown = site.ok("visit", "show")
    assert (shown["open"], shown["job"]) == (False, data["job"])
    report = site.ok("visit", "report", "--out", "r", "--lang", "zh")
    assert report["hash"] == data["hash"]
    assert (site.folder / report["pdf"]).read_bytes().startswith(b"%PDF-")
    page = (site.folder / report["html"]).read_text(encoding="utf-8")
    for words in ("维护前 1.0.0,维护后 1.1.0", "WO-1, Example Bank", data["hash"], "更改后的打印测试单", "模拟终端"):
        assert words in page
    assert page.count("data:image/png;base64,") == 2


def test_a_second_visit_changes_nothing_and_compares_with_the_first(site: Site) -> None:
    (site.folder / "front.jpg").write_bytes(b"\xff\xd8\xff" + pattern(500))
    photos = ANSWERS.replace('"S-2"]', '"S-2"]\nphotos = ["front.jpg"]')
    site.answers(photos)
    assert site.visit().code == 0
    site.answers(photos.replace('"S-2"', '"S-3"'), "b.toml")
    done = site.visit(answers="b.toml")
    assert done.code == 0
    assert done.result["data"]["version_before"] == done.result["data"]["version_after"] == "1.1.0"
    inspect = done.result["data"]["steps"][0]
    evidence = inspect["facts"]["evidence"]
    assert inspect["outcome"] == "attention"
    assert evidence["attention"] == ["seals_missing", "seals_new", "photos_again"]
    assert (evidence["seals_missing"], evidence["seals_new"]) == (["-2"], ["-3"])
    assert [entry["verdict"] for entry in site.entries("flash", "finished")] == ["updated", "unchanged"]


def test_f17_a_visit_goes_on_after_the_step_that_failed(site: Site) -> None:
    first = site.visit(scenario="[[fault]]\nkind = 'unplug'\nat = {byte = 40000, direction = 'rx'}\n")
    assert first.result["error"]["name"] in ("no_answer", "transfer_incomplete"), first.out
    assert site.ok("visit", "show")["next_step"] == "update"
    assert site.ok("visit", "show")["open"] is True
    second = site.visit()
    assert second.code == 0, second.out
    assert [step["id"] for step in second.result["data"]["steps"]] == STEPS
    assert len(site.entries("print_test", "finished")) == 2, "the first slip is not printed again"
    assert len(site.entries("visit", "started")) == 1
    assert site.version() == "1.1.0"


def test_f20_a_stick_that_is_gone_ends_the_step_not_the_visit(site: Site) -> None:
    site.answers(ANSWERS + '[update]\nstick = "gone"\n')
    done = site.visit()
    assert (done.code, done.result["error"]["name"]) == (9, "file_unreadable")
    assert site.ok("visit", "show")["next_step"] == "update"
    site.answers(ANSWERS)
    assert site.visit().code == 0
    assert site.version() == "1.1.0"


def test_a_visit_that_is_ended_early_says_why(site: Site) -> None:
    site.visit(scenario="[[fault]]\nkind = 'unplug'\nat = {byte = 40000, direction = 'rx'}\n")
    assert site.run("visit", "finish", "--json").result["error"]["name"] == "usage"
    done = site.run("visit", "finish", "--reason", "the merchant closes", "--json").result
    assert (done["data"]["verdict"], done["data"]["next_step"]) == ("incomplete", "update")
    assert site.entries("visit", "finished")[0]["reason"] == "the merchant closes"
    assert site.run("visit", "finish", "--json").result["error"]["name"] == "usage"
    assert site.visit().code == 0, "the next visit begins anew"


def test_a_visit_belongs_to_who_began_it(site: Site) -> None:
    site.visit(scenario="[[fault]]\nkind = 'unplug'\nat = {byte = 40000, direction = 'rx'}\n")
    assert "Li Wei" in site.visit(who=("--technician", "Wang Fang")).result["error"]["message"]
    assert site.visit(who=()).code == 0, "nobody has to say again who it is"
    assert {body["technician"] for body in site.entries() if body["kind"] != "training"} == {"Li Wei"}


def test_another_terminal_is_not_taken_for_the_one_whose_visit_is_open(site: Site) -> None:
    site.visit(scenario="[[fault]]\nkind = 'unplug'\nat = {byte = 40000, direction = 'rx'}\n")
    other = site.run(
        "visit", "--port", "sim:?trust=maker.trust&firmware=1.0.0.fwp&serial=SIM-0002", "--answers", "a.toml", "--json"
    )
    assert (other.code, other.result["error"]["name"]) == (5, "wrong_device")


# -- gates -----------------------------------------------------------------------------------------------------------------------

UNSETTLED = "[terminal]\nunsettled = 3\n"


def no_order(site: Site) -> dict[str, Any]:
    next((site.folder / "stick" / "FWTOOL").glob("ORDER_*")).unlink()
    return {}


def stranger(site: Site) -> dict[str, Any]:
    site.ok("keys", "generate", "--out", "other.pem")
    site.order("x.fwo", key="other.pem")
    return {"arguments": ("--order", "x.fwo")}


def with_order(**changes: Any) -> Callable[[Site], dict[str, Any]]:
    def act(site: Site) -> dict[str, Any]:
        site.order("x.fwo", **changes)
        return {"arguments": ("--order", "x.fwo")}

    return act


def nobody_trained(site: Site) -> dict[str, Any]:
    return {"who": ("--technician", "Wang Fang")}


def training_over(site: Site) -> dict[str, Any]:
    site.ok("visit", "training", *WHO, "--course", "T-0", "--expires", site.day(-1))
    return {}


def in_a_window(site: Site) -> dict[str, Any]:
    rows = f"bank,start,end\nExample Bank,{site.day(-1)}T00:00,{site.day(2)}T00:00\n"
    (site.folder / "w.csv").write_text(rows)
    site.ok("settlement", "import", "w.csv")
    return {}


def of_another_bank(site: Site) -> dict[str, Any]:
    """The notice writes the bank's name in another way: that opens no gate."""
    rows = f"bank,start,end\nEXB,{site.day(-1)}T00:00,{site.day(2)}T00:00\n"
    (site.folder / "w.csv").write_text(rows)
    site.ok("settlement", "import", "w.csv")
    return {}


def scenario(text: str) -> Callable[[Site], dict[str, Any]]:
    return lambda site: {"scenario": text}


CLOSED: list[tuple[Callable[[Site], dict[str, Any]], str, str]] = [
    (no_order, "order", "not_authorised"),
    (stranger, "order", "trust_failed"),
    (with_order(terminal="SIM-0002"), "order", "not_authorised"),
    (with_order(start=-10), "order", "not_authorised"),
    (with_order(start=2), "order", "not_authorised"),
    (with_order(acts=("service", "settle", "reset")), "order", "not_authorised"),
    (nobody_trained, "training", "not_authorised"),
    (training_over, "training", "not_authorised"),
    (in_a_window, "window", "not_authorised"),
    (of_another_bank, "window", "not_authorised"),
    (scenario(UNSETTLED), "batch", "unsettled"),
    (scenario("[terminal]\nmains = false\nbattery_percent = 12\n"), "power", "low_power"),
]


@pytest.mark.parametrize(("close", "gate", "name"), CLOSED)
def test_a_closed_gate_stops_before_anything_is_changed(
    site: Site, close: Callable[[Site], dict[str, Any]], gate: str, name: str
) -> None:
    given = close(site)
    done = site.visit(*given.pop("arguments", ()), **given)
    error = done.result["error"]
    assert (done.code, error["name"]) == (EXIT_CODES[name], name), done.out
    assert f"[{gate}]" in error["message"]
    assert error["hint"]
    assert site.entries("flash") == []
    assert site.version() == "1.0.0"
    refused = site.entries("visit", "refused")
    assert bool(refused) == (not site.entries("visit", "started")), "it is on record, begun or refused"


def test_without_a_pinned_trust_no_order_counts(site: Site) -> None:
    (site.folder / "state" / "pinned.trust").unlink()
    assert site.visit().result["error"]["name"] == "no_trust"


def test_a_batch_is_settled_when_asked_for_and_only_with_leave(site: Site) -> None:
    site.answers(ANSWERS + '[batch]\nsettle = "now"\n')
    site.order("x.fwo", acts=("service", "update"))
    done = site.visit("--order", "x.fwo", scenario=UNSETTLED)
    assert (done.code, done.result["error"]["name"]) == (6, "not_authorised")
    assert site.run("visit", "finish", "--reason", "no leave to settle").code == 0
    done = site.visit(scenario=UNSETTLED)
    assert done.code == 0, done.out
    assert site.entries("settle", "finished")[0]["count"] == 3
    assert site.ok("batch", "show", "--port", site.port())["state"] == "closed"


def test_saying_that_it_is_settled_does_not_settle_it(site: Site) -> None:
    site.answers(ANSWERS + '[batch]\nsettle = "terminal"\n')
    done = site.visit(scenario=UNSETTLED)
    assert done.result["error"]["name"] == "usage"
    assert "batch.settle did not settle it" in done.result["error"]["message"]
    assert site.version() == "1.0.0"


# -- a second person -------------------------------------------------------------------------------------------------------------


def granted(site: Site, holder: str = "Zhao Min", *, right: str = "service", device: str = "SIM-0001") -> str:
    site.ok("keys", "generate", "--out", "h.pem")
    site.ok("keys", "public", "h.pem", "--out", "h.pub.pem")
    site.ok("grant", "create", "--model", "VT-100", "--device", device, "--right", right, "--holder", "h.pub.pem",
            "--name", holder, "--out", "g")  # fmt: skip
    site.ok("grant", "sign", "g", "--key", "maker.pem")
    return "g"


def override(*gates: str, grant: str = "g") -> tuple[str, ...]:
    return (*(word for gate in gates for word in ("--override", gate)), "--reason", "card machine down", "--approved-by", grant)


def test_a_gate_is_opened_by_a_second_person_and_it_is_on_record(site: Site) -> None:
    training_over(site)
    in_a_window(site)
    granted(site)
    assert site.visit(*override("window")).result["error"]["name"] == "not_authorised", "training is still closed"
    done = site.visit(*override("training", "window"))
    assert done.code == 0, done.out
    noted = site.entries("visit", "override")
    assert [(body["gate"], body["reason"], body["approver"]) for body in noted] == [
        ("training", "card machine down", "Zhao Min"), ("window", "card machine down", "Zhao Min"),
    ]  # fmt: skip
    assert [one["gate"] for one in site.entries("visit", "finished")[0]["overrides"]] == ["training", "window"]
    started = next(n for n, body in enumerate(site.entries()) if (body["act"], body["kind"]) == ("flash", "started"))
    assert max(n for n, body in enumerate(site.entries()) if body["kind"] == "override") < started


@pytest.mark.parametrize(
    ("gate", "grant", "name"),
    [
        ("training", {"holder": "li  WEI"}, "not_authorised"),
        ("training", {"device": "SIM-0002"}, "not_authorised"),
        ("training", {"right": "inspect"}, "not_authorised"),
        ("batch", {}, "usage"),
        ("power", {}, "usage"),
        ("everything", {}, "usage"),
    ],
)
def test_an_override_that_does_not_count(site: Site, gate: str, grant: dict[str, str], name: str) -> None:
    training_over(site)
    granted(site, **grant)
    done = site.visit(*override(gate))
    assert done.result["error"]["name"] == name
    assert site.entries("visit", "started") == []
    assert site.version() == "1.0.0"


def test_an_unsigned_grant_and_half_an_override_do_not_count(site: Site) -> None:
    training_over(site)
    granted(site)
    site.ok("grant", "create", "--model", "VT-100", "--device", "SIM-0001", "--right", "service", "--holder", "h.pub.pem",
            "--name", "Zhao Min", "--out", "unsigned")  # fmt: skip
    assert site.visit(*override("training", grant="unsigned")).code == 4
    assert site.visit("--override", "training", "--reason", "x").result["error"]["name"] == "usage"
    assert site.visit("--override", "training", "--reason", " ", "--approved-by", "g").result["error"]["name"] == "usage"


# -- what is found ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["overlay", "tamper"])
def test_a_security_case_ends_the_visit_before_anything_is_done(site: Site, kind: str) -> None:
    done = site.visit(scenario=f"[[fault]]\nkind = '{kind}'\n")
    assert (done.code, done.result["error"]["name"]) == (6, "tampered"), done.out
    assert outcomes(done) == {"inspect": "stopped"}
    assert [body["act"] for body in site.entries() if body["kind"] == "started"] == ["visit"]
    assert site.entries("visit", "finished")[0]["verdict"] == "stopped"


def test_what_the_technician_sees_on_the_slot_ends_it_too(site: Site) -> None:
    site.answers(ANSWERS.replace("foreign = false", "foreign = true"))
    done = site.visit()
    assert (done.code, outcomes(done)) == (6, {"inspect": "stopped"})
    assert site.version() == "1.0.0"


def test_a_firmware_that_makes_things_worse_is_not_kept_and_the_difference_is_named(site: Site) -> None:
    done = site.visit(scenario="[[fault]]\nkind = 'init_needed'\nat = {byte = 60000, direction = 'rx'}\n")
    steps = {step["id"]: step for step in done.result["data"]["steps"]}
    assert (steps["update"]["outcome"], steps["update"]["facts"]["update"]["verdict"]) == ("attention", "reverted")
    assert steps["verify"]["facts"]["reexamine"]["worse"] == ["setup.initialised"]
    assert (done.code, done.result["error"]["name"]) == (7, "diagnostic_failed")
    assert done.result["data"]["version_after"] == "1.0.0"


@pytest.mark.parametrize("kind", ["paper_out", "cover_open", "head_hot"])
def test_f21_a_slip_that_was_not_printed_is_never_passed(site: Site, kind: str) -> None:
    done = site.visit(scenario=f"[[fault]]\nkind = '{kind}'\n")
    slip = next(step for step in done.result["data"]["steps"] if step["id"] == "slip")
    assert (slip["outcome"], slip["facts"]["slip"]["done"]) == ("attention", False)
    assert slip["reasons"] == [kind]
    assert site.entries("print_test", "finished")[0]["verdict"] == "failed"
    assert done.code == 7


CARD = "4539578763621486"
"""Made up; its check digit is right."""


def test_a49_a_card_number_that_somebody_types_is_kept_nowhere(site: Site) -> None:
    spaced = " ".join(CARD[at : at + 4] for at in range(0, 16, 4))
    (site.folder / f"{CARD}.jpg").write_bytes(b"\xff\xd8\xff")
    site.answers(
        ANSWERS.replace('"S-1"', f'"{CARD}"').replace("seals", f'photos = ["{CARD}.jpg"]\nseals')
        + f'[record]\nremarks = "card {spaced} was left"\nsite = "{CARD}"\n'
    )
    first = site.visit(scenario="[[fault]]\nkind = 'unplug'\nat = {byte = 40000, direction = 'rx'}\n")
    kept = [path.read_bytes() for path in (site.folder / "state").rglob("*") if path.is_file()]
    second = site.visit()
    report = site.run("visit", "report", "--out", "r", "--json")
    kept += [path.read_bytes() for folder in ("state", "r") for path in (site.folder / folder).rglob("*") if path.is_file()]
    kept += [text.encode() for done in (first, second, report) for text in (done.out, done.err)]
    assert second.code == 0
    assert any(b"1486" in data for data in kept), "the last four digits may be seen"
    assert not [data for data in kept if CARD.encode() in data or spaced.encode() in data]


def test_an_id_that_looks_like_a_card_number_does_no_harm(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    job = f"{CARD[:8]}-{CARD[8:12]}-{CARD[12:]}-8000-000000000000"
    monkeypatch.chdir(site.folder)
    monkeypatch.setattr("fwtool.visit.conduct.new_job_id", lambda: job)
    records, shelf = Records("state"), Shelf(pathlib.Path("state"))
    setup = Setup(
        port=site.port(), trust=load_trust("maker.trust"), technician="Li Wei", records=records, shelf=shelf,
        asker=FileAsker(pathlib.Path("a.toml"), QUESTIONS, lambda words: None), now=time.time,
        defaults={"update.stick": "stick"},
    )  # fmt: skip
    finish(records, shelf, conduct(setup, [work_order.parse(pathlib.Path("o.fwo").read_bytes())]), time.time())
    found = gathered(records.entries(), shelf, job)
    assert [bool(data) for _, data in found.pictures] == [True, True]
    begun = next(body for body in site.entries("visit", "started"))
    assert {body["visit"] for body in site.entries("print_test")} == {begun["number"]}
    assert site.ok("log", "verify")["unfinished"] == []


def test_f17_whatever_write_fails_the_visit_goes_on_and_nothing_is_flashed_unrecorded(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(site.folder)
    trust = load_trust(site.folder / "maker.trust")
    left = [0]

    def failing(path: pathlib.Path, data: bytes, *, private: bool = False) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise LocalError("the disk is full", name="disk")
        write_file(path, data, private=private)

    monkeypatch.setattr("fwtool.visit.shelf.write_file", failing)
    order = work_order.parse((site.folder / "o.fwo").read_bytes())
    for number in range(1, 40):
        state = site.folder / f"state-{number}"
        records = Records(state)
        records.append(new_job_id(), "training", {"technician": "Li Wei", "course": "T", "expires": site.day(1)})
        setup = Setup(
            port=f"sim:?trust=maker.trust&firmware=1.0.0.fwp&state=t-{number}&paper=p", trust=trust, technician="Li Wei",
            records=records, shelf=Shelf(state), asker=FileAsker(site.folder / "a.toml", QUESTIONS, lambda words: None),
            now=time.time, defaults={"update.stick": "stick"},
        )  # fmt: skip
        left[0] = number
        try:
            conduct(setup, [order])
            break
        except LocalError:
            again = dataclasses.replace(setup, asker=FileAsker(site.folder / "a.toml", QUESTIONS, lambda words: None))
            visit = conduct(again, [order])
        assert (visit.verdict, visit.version_after) == (Outcome.DONE, "1.1.0"), number
        kinds = [entry.kind for entry in records.entries() if entry.body.get("act") == "flash"]
        assert kinds in (["started", "finished"], ["started", "finished", "finished"]), number
    assert number > len(STEPS)


def test_a_reset_takes_a_reason_and_leave(site: Site) -> None:
    site.answers(ANSWERS + '[reset]\nkind = "restart"\n')
    assert "Add [reset] reason" in site.visit().result["error"]["hint"]
    site.answers(ANSWERS + '[reset]\nkind = "restart"\nreason = "screen frozen"\n')
    assert site.visit().code == 0
    assert site.entries("reset_restart", "finished")[0]["reason"] == "screen frozen"
    site.order("x.fwo", acts=("service", "update"))
    done = site.visit("--order", "x.fwo")
    assert "does not allow: reset" in done.result["error"]["message"]


def test_without_a_stick_nothing_is_updated(site: Site) -> None:
    done = site.run("visit", "--port", site.port(), "--answers", "a.toml", "--order", "o.fwo", *WHO, "--json")
    assert done.code == 0
    assert outcomes(done)["update"] == "not_needed"
    assert site.version() == "1.0.0"
    assert len(site.entries("print_test", "finished")) == 1


# -- questions -------------------------------------------------------------------------------------------------------------------


def test_nobody_is_asked_where_nobody_can_answer(site: Site) -> None:
    done = site.run("visit", "--port", site.port(), *WHO, "--json")
    assert (done.code, done.result["error"]["name"]) == (2, "usage")
    assert "--answers" in done.result["error"]["hint"]
    assert "[visit] technician" in site.visit(who=()).result["error"]["hint"]
    site.answers(ANSWERS + '[visit]\ntechnician = "Li Wei"\n')
    assert site.visit(who=()).result["data"]["technician"] == "Li Wei"


@pytest.mark.parametrize(
    "text",
    [
        "[inspect\n", "loose = 1\n", "[inspect]\nhousing = 'shiny'\n", "[inspect]\nforeign = 'no'\n",
        "[inspect]\ncolour = 'red'\n",
        "[nowhere]\nx = 1\n", "[inspect]\nseals = 'S-1'\n", "[inspect]\nseals = ['']\n", "[reset]\nreason = ''\n",
        "[inspect]\nforeign = false\n",
    ],
)  # fmt: skip
def test_a_file_that_does_not_answer_is_refused(site: Site, text: str) -> None:
    site.answers(text, "b.toml")
    done = site.visit(answers="b.toml")
    assert (done.code, done.result["error"]["name"]) == (2, "usage")
    assert site.entries("print_test") == []


def test_a_visit_at_a_terminal_in_chinese(site: Site) -> None:
    environment = {**os.environ, "FWTOOL_STATE_DIR": "state", "LANG": "C.UTF-8", "XDG_CONFIG_HOME": "."}
    words = ["visit", "--port", site.port(), "--order", "o.fwo", "--stick", "stick", "--lang", "zh", "--technician", "李伟"]
    site.ok("visit", "training", "--technician", "李伟", "--course", "培训一", "--expires", site.day(1))
    child = pexpect.spawn(
        sys.executable, ["-m", "fwtool", *words], cwd=str(site.folder), env=environment, encoding="utf-8", timeout=60,
        dimensions=(40, 160),
    )  # fmt: skip
    said = ""
    for expected, typed in (
        ("疑似加装侧录装置或卡槽异物", "也许"),
        ("疑似加装侧录装置或卡槽异物", "否"),
        ("外壳状况如何", "y"),
        ("外壳状况如何", "1"),
        ("封签编号", "甲-1,甲-2"),
        ("照片文件", ""),
        ("是否已清洁", ""),
        ("是否更换了新纸卷", "是"),
        ("没有鼓包", ""),
        ("是否更换了电池", ""),
        ("颜色是否深且均匀", "y"),
        ("没有纵向白线", "y"),
        ("测试单照片文件", ""),
        ("是否需要重启或重新初始化", ""),
        ("U盘文件夹", "stik"),
        ("U盘文件夹", ""),
        ("现在重启终端吗", ""),
        ("新测试单是否与第一张一样清晰", ""),
        ("商户名称或地点", "鑫源便利店"),
        ("已用配件", "纸卷"),
        ("备注", ""),
    ):
        child.expect(f"{expected}[^\\n]*: ")
        said += f"{child.before}{child.after}"
        child.sendline(typed)
    child.expect(pexpect.EOF)
    said += f"{child.before}"
    child.close()
    assert child.exitstatus == 0, said
    for words in ("取出电池30秒并不会恢复出厂设置", "请输入 y 或 n", "请输入选项前的序号", "stik 不存在"):
        assert words in said
    ended = site.entries("visit", "finished")[0]
    answers = {step["id"]: step["answers"] for step in ended["steps"]}
    assert ended["technician"] == "李伟"
    assert answers["inspect"]["seals"] == 2
    evidence = ended["steps"][0]["facts"]["evidence"]
    assert [seal["ends"] for seal in evidence["seals"]] == ["-1", "-2"]
    assert "甲" not in json.dumps(ended, ensure_ascii=False), "numbers of seals are kept as digests"
    assert answers["record"] == {"site": "鑫源便利店", "used": ["纸卷"], "remarks": ""}
    assert answers["paper"] == {"roll": True}
    assert ended["used_parts"] == {"paper": 1}
    assert ended["wear"]["printer.head_distance"] > 1000
    assert (ended["verdict"], ended["version_after"]) == ("done", "1.1.0")
    english = [line for line in said.splitlines() if re.search(r"[a-z]{3,} [a-z]{3,} [a-z]{3,}", line)]
    assert english == []


def test_ctrl_c_at_a_question_leaves_the_visit_where_it_is(site: Site) -> None:
    environment = {**os.environ, "FWTOOL_STATE_DIR": "state", "LANG": "C.UTF-8", "XDG_CONFIG_HOME": "."}
    words = ["-m", "fwtool", "visit", "--port", site.port(), "--stick", "stick", *WHO]
    child = pexpect.spawn(sys.executable, words, cwd=str(site.folder), env=environment, encoding="utf-8", timeout=60)
    for expected, typed in (("does not belong", "n"), ("housing", "1"), ("seals", "S-1, S-2"), ("photos", "")):
        child.expect(f"{expected}[^\\n]*: ")
        child.sendline(typed)
    child.expect("keypad cleaned[^\\n]*: ")
    child.sendintr()
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130
    assert site.ok("visit", "show")["next_step"] == "clean"
    done = site.visit()
    assert (done.code, outcomes(done)["inspect"]) == (0, "done")


def test_only_one_visit_goes_on_at_a_time(site: Site) -> None:
    with device_lock(site.folder / "state", "visit"):
        done = site.visit()
    assert done.code == 9
    assert site.entries("visit") == []


def test_the_record_does_not_change_with_the_language(site: Site) -> None:
    assert site.visit("--lang", "zh").code == 0
    assert site.visit("--lang", "en").code == 0
    one, two = site.entries("visit", "finished")
    assert one.keys() == two.keys()
    assert one["steps"][0]["facts"]["examine"]["findings"] == two["steps"][0]["facts"]["examine"]["findings"]


def test_a_damaged_visit_is_named(site: Site) -> None:
    site.visit(scenario="[[fault]]\nkind = 'unplug'\nat = {byte = 40000, direction = 'rx'}\n")
    path = site.folder / "state" / "visit" / "current.json"
    whole = path.read_text()
    for text in ("", whole[:-1], "[]", "{}", json.dumps({**json.loads(whole), "steps": [{}]}), "[" * 100_000):
        path.write_text(text)
        assert site.run("visit", "show", "--json").result["error"]["name"] == "record_damaged", text[:20]
    path.write_text(whole)
    assert site.visit().code == 0
