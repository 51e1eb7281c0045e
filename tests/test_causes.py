"""From planted faults to the right first cause, against what was written down before there was any rule."""

import itertools
import pathlib
import re
import tomllib
from typing import Any

import pytest

from fwtool.causes import Ranking, Rule, about, advised, load, rank
from fwtool.causes.advice import dangers
from fwtool.causes.conditions import Situation
from fwtool.causes.model import Urgency
from fwtool.causes.parts import PARTS
from fwtool.causes.steps import ENDS_BATCH, STEPS
from fwtool.checks import CHECKS
from fwtool.findings import Finding, Snapshot, Words
from fwtool.quantities import QUANTITIES
from hwsim.faults import DEVICE_FAULTS, Fault
from hwsim.machine import LineModel, Machine
from hwsim.storage import Storage
from hwsim.terminal import Settings
from tests.support import ROOT
from transports.terminal_records import Batch, Facts
from transports.virtual import Scheduler

EXPECTED = ROOT / "tests" / "causes" / "expected.toml"
BLIND = EXPECTED.with_name("expected_blind.toml")
RIGHT_SHARE = 0.95
RULES = load()


def written(path: pathlib.Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


def cases() -> list[dict[str, Any]]:
    """Every combination as {faults, first, listed}, of both files."""
    own = written(EXPECTED)
    found = [{**single, "faults": [single["fault"]], "listed": single["first"]} for single in own["single"]] + own["pair"]
    return found + written(BLIND)["pair"]


@pytest.fixture(scope="module")
def storage() -> Storage:
    """One flash for all: no fault of these writes to it."""
    return Storage(None, None)


def machine_with(storage: Storage, faults: list[str]) -> Machine:
    """A terminal with faults, each a name or NAME=VALUE."""
    storage.flash.dead_sectors.clear()
    machine = Machine(Settings(), storage, Scheduler(), LineModel())
    for fault in faults:
        kind, _, value = fault.partition("=")
        DEVICE_FAULTS[kind].plant(machine, Fault(kind, float(value or 0)))
    return machine


def seen(machine: Machine, answers: dict[str, bool] | None = None, level: int = 3) -> Snapshot:
    """The snapshot that the line would bring."""
    terminal = machine.terminal
    return Snapshot(
        facts=Facts(model="VT-100", serial_number="1", version="1"),
        readings={reading.name: reading.number for reading in terminal.peripherals.readings(level)},
        statistics=dict(terminal.statistics.values),
        batch=Batch(terminal.account.state, terminal.account.count, offline_unsent=terminal.account.offline_unsent),
        clock_skew_s=terminal.peripherals.clock_offset_s,
        answers=answers or {},
    )


def findings_of(snapshot: Snapshot) -> list[Finding]:
    return [check.run(snapshot) for check in CHECKS]


def ranked(snapshot: Snapshot, rules: tuple[Rule, ...] = RULES) -> Ranking:
    return rank(rules, findings_of(snapshot), snapshot)


def said(snapshot: Snapshot) -> list[tuple[str, Words]]:
    """All that a person in front of this terminal is told, with the step names behind it."""
    ranking = ranked(snapshot)
    lines = [(cause.id, cause.action) for cause in ranking.causes]
    return lines + [(finding.id, finding.action) for finding in advised(findings_of(snapshot), ranking) if finding.bad]


def unsafe(snapshot: Snapshot) -> list[str]:
    """Advice that harms in this situation, judged without the engine: by the words alone."""
    found = [f"{name}: {danger}" for name, words in said(snapshot) for danger in dangers(words)]
    readings = snapshot.readings
    sealed = {"card_slot.overlay", "card_slot.obstructed", "tamper.open", "secure_module.changed"}
    held_open = snapshot.batch is not None and snapshot.batch.counts_as_open
    harmful = []
    if any(readings[name] for name in sealed):
        harmful += ["cleaning card", "restart", "reset", "batch settle", "load a roll", "its owner", "replace the", "clock set"]
    if not readings["batch.store_ok"]:
        harmful += ["batch settle", "fwtool reset", "fwtool flash"]
    for name, words in said(snapshot):
        text = words.en.lower()
        found += [f"{name}: {word!r}" for word in harmful if word in text]
        if (
            held_open
            and "exchange the terminal" in text
            and "settle" not in text
            and not text.startswith(("stop", "take it out of service"))
        ):
            found.append(f"{name}: exchange with an open batch")
    return found


def test_the_files_have_what_the_numbers_ask_for() -> None:
    own = written(EXPECTED)
    assert len(own["single"]) >= 40
    assert len(own["single"]) + len(own["pair"]) >= 200
    assert {single["fault"].partition("=")[0] for single in own["single"]} == set(DEVICE_FAULTS)
    named = {cause for case in cases() for cause in (*case["first"], *case["listed"])}
    assert named <= set(own["cause"])
    assert set(own["cause"]) <= {rule.id for rule in RULES}
    assert len({frozenset(case["faults"]) for case in cases()}) >= 250
    assert len(written(BLIND)["pair"]) >= 50


def test_the_right_cause_comes_first_and_nothing_dangerous_is_advised(storage: Storage) -> None:
    misses, harm = [], []
    for case in cases():
        snapshot = seen(machine_with(storage, case["faults"]))
        ranking = ranked(snapshot)
        ids = [cause.id for cause in ranking.causes]
        told = {*ids, *(cause.id for cause, _ in ranking.withheld)}
        if not ids or ids[0] not in case["first"] or not set(case["listed"]) <= told:
            misses.append(f"{' + '.join(case['faults'])}: {ids}, expected first {case['first']}, listed {case['listed']}")
        harm += [f"{' + '.join(case['faults'])}: {text}" for text in unsafe(snapshot)]
    print(f"{len(misses)} misses of {len(cases())}", *misses, sep="\n")
    assert not harm
    assert len(misses) <= (1 - RIGHT_SHARE) * len(cases())


def test_the_action_says_the_steps_that_the_facts_name(storage: Storage) -> None:
    for single in written(EXPECTED)["single"]:
        first = ranked(seen(machine_with(storage, [single["fault"]]))).causes[0]
        assert list(first.steps) == single["steps"], single["fault"]


def test_no_pair_of_faults_brings_dangerous_advice_or_leaves_a_finding_without_a_cause(storage: Storage) -> None:
    """All pairs, not only those with an expected cause."""
    for pair in itertools.combinations(DEVICE_FAULTS, 2):
        snapshot = seen(machine_with(storage, list(pair)))
        ranking = ranked(snapshot)
        assert not unsafe(snapshot), pair
        assert ranking.causes
        assert not any(cause.id.startswith("finding.") for cause in ranking.causes), pair
        explained = {name for rule in RULES for name in (*rule.explains, *rule.consequences)}
        assert {finding.id for finding in findings_of(snapshot) if finding.bad} <= explained


def test_a_security_case_stops_all_other_advice(storage: Storage) -> None:
    for security in ("tamper", "overlay", "card_blocked", "secure_module"):
        for other in DEVICE_FAULTS:
            ranking = ranked(seen(machine_with(storage, [other, security])))
            assert {cause.urgency for cause in ranking.causes} == {Urgency.SECURITY}
            text = ranking.causes[0].action
            assert "tell the bank" in text.en
            assert "通知银行" in text.zh


def test_an_open_batch_is_settled_before_an_exchange(storage: Storage) -> None:
    for fault in DEVICE_FAULTS:
        alone = ranked(seen(machine_with(storage, [fault])))
        if fault == "unsettled" or not set(alone.causes[0].steps) & ENDS_BATCH or alone.causes[0].urgency is Urgency.SECURITY:
            continue
        ranking = ranked(seen(machine_with(storage, [fault, "unsettled"])))
        assert ranking.causes[0].id == "batch.unsettled", fault
        assert [cause.id for cause, until in ranking.withheld] == [alone.causes[0].id]


def test_the_reason_has_the_measured_numbers(storage: Storage) -> None:
    first = ranked(seen(machine_with(storage, ["msr_dirty"]))).causes[0]
    assert first.reason.en == "read failures 31 % on track 2 only, at most 4 % elsewhere: dirt on the head"
    assert "第2磁道31 %" in first.reason.zh
    assert "cleaning card" in first.action.en
    assert "fwtool diagnose --port P msr" in first.action.en
    assert {one.name: one.value for one in first.measurements} == {
        "msr.worst_failed": 31, "msr.worst_track": 2, "msr.other_failed": 4
    }  # fmt: skip
    worn = ranked(seen(machine_with(storage, ["head_worn=47500"]))).causes[0]
    assert worn.reason.en.startswith("the head has printed 47.5 km of paper")


def test_a_healthy_terminal_has_no_cause(storage: Storage) -> None:
    assert ranked(seen(machine_with(storage, []))) == Ranking()


@pytest.mark.parametrize(
    ("faults", "answers", "cause"),
    [
        ([], {"white_lines": False}, "printer.dirt_lines"),
        (["dead_dots"], {"white_lines": False}, "printer.dead_dots"),
        ([], {"density": False}, "printer.faint_paper"),
        (["head_dirty"], {"density": False}, "printer.faint_dirty"),
        ([], {"battery_flat": False}, "battery.swollen"),
        ([], {"display": False}, "display.faulty"),
        ([], {"keypad": False}, "keypad.key_stuck"),
        (["battery_low", "overlay"], {"battery_flat": False}, "card_slot.overlay"),
    ],
)
def test_what_a_person_saw_counts(storage: Storage, faults: list[str], answers: dict[str, bool], cause: str) -> None:
    assert ranked(seen(machine_with(storage, faults), answers)).causes[0].id == cause


@pytest.mark.parametrize(
    ("faults", "cause"),
    [
        (["clock_skew=600"], "clock.drift"),
        (["storage_full=85"], "storage.filling"),
        (["certificate=-1", "clock_skew=-200"], "security.certificate_expired"),
        (["battery_hot=46"], "battery.hot"),
        (["msr_worn=9"], None),
    ],
)
def test_how_much_decides(storage: Storage, faults: list[str], cause: str | None) -> None:
    found = [one.id for one in ranked(seen(machine_with(storage, faults))).causes]
    assert found[:1] == ([cause] if cause else [])


def test_every_rule_comes_first_for_some_terminal(storage: Storage) -> None:
    """None is there in vain: single faults, their other values, what people say, and terminals made by hand."""
    firsts = {ranked(seen(machine_with(storage, case["faults"]))).causes[0].id for case in cases()}
    by_hand = {
        "battery.charging": {"battery_percent": 20},
        "msr.dirty_two_tracks": {"msr_failed_percents": (20, 30, 2)},
        "printer.fault": {"jammed": True},
    }
    for name, values in by_hand.items():
        machine = machine_with(storage, [])
        for key, value in values.items():
            setattr(machine.terminal.peripherals, key, value)
        snapshot = seen(machine)
        if name == "printer.fault":  # a fault of the printer that is no jam
            snapshot.readings["printer.jammed"] = 0  # type: ignore[index]
        firsts.add(ranked(snapshot).causes[0].id)
    answered = {"printer.dirt_lines", "printer.faint_paper", "printer.faint_dirty", "battery.swollen"}
    measured = {"clock.drift", "storage.filling"}
    assert firsts | answered | measured == {rule.id for rule in RULES}


def test_a_terminal_that_tells_less_still_gets_an_answer(storage: Storage) -> None:
    """A dialect without most readings: checks are not run, and the check itself gives the cause where no rule can."""
    few = {"battery.voltage": 3.2, "host.reachable": 0.0}
    snapshot = Snapshot(Facts("cVEND", "1", "2"), few, {}, None, None, {})
    findings = findings_of(snapshot)
    assert {finding.id for finding in findings if finding.outcome != "not_run"} == {"battery.voltage", "communications.host"}
    ranking = rank(RULES, findings, snapshot)
    assert [cause.id for cause in ranking.causes] == ["network.host", "finding.battery.voltage"]
    assert ranking.causes[1].reason.en == "the check of Battery voltage: 3.2 V"
    assert ranking.causes[1].action.en.startswith("Charge it")


def test_what_was_not_asked_for_is_not_told_except_security(storage: Storage) -> None:
    snapshot = seen(machine_with(storage, ["paper_out", "msr_dirty"]))
    whole = ranked(snapshot)
    msr = [finding for finding in findings_of(snapshot) if finding.id.startswith("msr.")]
    assert [cause.id for cause in about(whole, msr).causes] == ["msr.dirty_head"]
    snapshot = seen(machine_with(storage, ["overlay", "msr_dirty"]))
    msr = [finding for finding in findings_of(snapshot) if finding.id.startswith("msr.")]
    limited = about(ranked(snapshot), msr)
    assert [cause.id for cause in limited.causes] == ["card_slot.overlay"]
    assert [(cause.id, until) for cause, until in limited.withheld] == [("msr.dirty_head", "card_slot.overlay")]
    assert {finding.action.en[:5] for finding in advised(msr, limited) if finding.bad} == {"Stop."}


def test_conditions_need_what_was_measured(storage: Storage) -> None:
    """A measurement that was not told makes no condition true, and none of its opposite either."""
    snapshot = Snapshot(Facts("x", "1", "2"), {}, {}, None, None, {})
    situation = Situation.of(findings_of(snapshot), snapshot)
    assert not any(situation.fires(rule) for rule in RULES)


def test_every_check_has_a_rule_and_every_text_is_safe() -> None:
    explained = {name for rule in RULES for name in rule.explains}
    assert explained == {check.id for check in CHECKS}
    for check in CHECKS:
        assert check.part in {"", *PARTS}, check.id
        for words in (check.title, check.cause, check.action):
            assert not dangers(words), (check.id, words)
    for rule in RULES:
        assert not any(dangers(words) for words in (rule.reason, rule.cause, rule.action)), rule.id
    assert {step for rule in RULES for step in rule.steps} == set(STEPS)


def test_the_document_lists_what_there_is_and_its_example_holds(tmp_path: pathlib.Path) -> None:
    text = (ROOT / "docs" / "diagnosis.md").read_text(encoding="utf-8")
    example = tmp_path / "ours.toml"
    example.write_text(text.partition("```toml\n")[2].partition("```")[0], encoding="utf-8")
    rules = load([example])
    assert len(rules) == len(RULES) + 1
    for title, names in (("Steps", STEPS), ("Part classes", PARTS), ("Measurements", QUANTITIES)):
        listed = text.partition(f"\n{title}: ")[2].partition(".\n")[0]
        assert re.findall(r"`([^`]+)`", listed) == list(names), title
    lists = "".join(part.partition(".\n")[0] for part in text.split("\nChecks, ")[1:])
    assert sorted(re.findall(r"`([^`]+)`", lists)) == sorted(check.id for check in CHECKS)
