"""PCI items, the list of devices, incident reports: what counts as evidence, and what does not."""

import dataclasses
import datetime
import json
import pathlib
import re
import zipfile
from typing import Any

import pytest

from formats.errors import ToolError
from formats.versions import Version
from fwtool.causes.advice import dangers
from fwtool.compliance import ITEMS, Outcome, Sight
from fwtool.compliance.evidence import History
from fwtool.compliance.firmware_list import load as load_firmware
from fwtool.compliance.incident import _ACTIONS, incidents
from fwtool.compliance.looking import history
from fwtool.compliance.registry import Entry, Registry, add, is_uscc, load, parse
from fwtool.compliance.registry_check import Kind, Seen, check
from fwtool.findings import Snapshot
from fwtool.records import Records, new_job_id
from fwtool.records.retention import Retention
from fwtool.records.verify import Verdict
from tests.conftest import Fwtool
from tests.support import KEY, ROOT, SECOND_KEY, trust_of
from transports.terminal_records import Capability, Facts
from transports.tsp.messages import JournalEntry, Slot, SlotState

NOW = datetime.datetime(2026, 11, 25, 12, tzinfo=datetime.UTC)
DIGEST = "ab" * 32
HEALTHY = {
    "tamper.open": 0, "secure_module.changed": 0, "keys.present": 1, "card_slot.overlay": 0, "card_slot.obstructed": 0,
    "self_test.hours_ago": 9, "firmware_approval.days_left": 500, "certificate.days_left": 400, "maintenance.running": 0,
}  # fmt: skip
ENTRY = Entry("Acme", "VT-100", "S1", "Shop 3", "Shop Ltd")
FULL = ENTRY._replace(acquirer="A", merchant_id="M", uscc="9144030071526726XG", account="6000123", inspected="2026-11-20")
TRAINED = {"technician": "Li", "score": 90, "expires": "2027-11-25"}
UPDATED = {"version_before": "1.0.0", "version_after": "1.1.0", "time": "2026-11-01T00:00:00Z", "number": 2, "technician": "Li"}


def slot(version: str, state: SlotState, *, running: bool = False, digest: str = DIGEST) -> Slot:
    return Slot(index=int(not running), version=Version.parse(version), digest=bytes.fromhex(digest), state=state,
                running=running, security_counter=1, starts_left=0)  # fmt: skip


def records_of(**changes: Any) -> History:
    verdict = Verdict(4, "2025-11-01", "2026-11-25", (), 2, None, 0, ())
    kept = Retention("2025-11-25", "2026-08-25", 1, 1, 3, 2, "2025-11-01")
    return History(verdict, kept, 2, (), (), UPDATED, TRAINED)._replace(**changes)


def sight(readings: dict[str, float] | None = None, **changes: Any) -> Sight:
    """A terminal for which every item that can pass does."""
    told = HEALTHY | (readings or {})
    snapshot = Snapshot(Facts("VT-100", "S1", "1.1.0", "Acme"), told, {}, None, changes.pop("skew", 0), {})
    whole = Sight(
        snapshot=snapshot, protocol="tsp", verified_by="device",
        capabilities=frozenset({Capability.GRANT}),
        slots=(slot("1.1.0", SlotState.ACTIVE, running=True), slot("1.0.0", SlotState.CONFIRMED, digest="cd" * 32)),
        journal=(JournalEntry(number=1, time=1, event="boot", detail="1.1.0"),), history=records_of(),
        station_algorithm="ed25519", trust=trust_of(KEY, SECOND_KEY, threshold=2), technician="Li", now=NOW,
        registry=Registry((FULL,), 30), flags=(), firmware=None,
    )  # fmt: skip
    return dataclasses.replace(whole, **changes)


def outcomes(seen: Sight) -> dict[str, Outcome]:
    return {item.id: item.check(seen).outcome for item in ITEMS}


NEVER = {"test_data", "lock_out"}
NEEDS_LIST = {"firmware_known", "critical_patch"}


def firmware(tmp_path: pathlib.Path, *more: str, digest: str = DIGEST, critical: str = "2026-01-01") -> Any:
    path = tmp_path / "firmware.toml"
    path.write_text(
        f'[[firmware]]\nmodel = "VT-100"\nversion = "1.1.0"\ndigest = "{digest}"\n' + "\n".join(more)
    )  # fmt: skip
    return load_firmware(path)


def newer(released: str) -> str:
    return f'[[firmware]]\nmodel = "VT-100"\nversion = "1.2.0"\ndigest = "{"ef" * 32}"\nreleased = {released}\ncritical = true\n'


def test_all_that_can_pass_passes(tmp_path: pathlib.Path) -> None:
    found = outcomes(sight(firmware=firmware(tmp_path)))
    assert {name for name, outcome in found.items() if outcome is not Outcome.PASS} == NEVER


def test_what_is_not_told_is_not_passed() -> None:
    """A terminal that tells nothing, at a computer that knows nothing."""
    snapshot = Snapshot(Facts("X", "S9", "1"), {}, {}, None, None, {})
    verdict, kept = Verdict(0, "", "", (), 0, None, 0, ()), Retention("2025-11-25", "2026-08-25", 0, 0, 0, 0, "")
    nothing = dataclasses.replace(
        sight(), snapshot=snapshot, capabilities=frozenset(), verified_by="none", slots=(), journal=None, trust=None,
        technician="", registry=None, history=History(verdict, kept, 0, (), (), None, None),
    )  # fmt: skip
    assert {name for name, outcome in outcomes(nothing).items() if outcome is not Outcome.NOT_CHECKABLE} == {"key_inventory"}


CASES: list[tuple[str, dict[str, float], dict[str, Any]]] = [
    ("tamper", {"tamper.open": 1}, {}),
    ("tamper", {"secure_module.changed": 1}, {}),
    ("tamper", {"keys.present": 0}, {}),
    ("overlay", {"card_slot.overlay": 1}, {}),
    ("overlay", {"card_slot.obstructed": 1}, {}),
    ("device_list", {}, {"flags": tuple(check(Registry((ENTRY,)), [Seen("p", "Acme", "VT-100", "S9")]))}),
    ("device_binding", {}, {"registry": Registry((FULL._replace(uscc=""),), 30)}),
    ("inspection", {}, {"registry": Registry((FULL._replace(inspected="2026-10-25"),), 30)}),
    ("inspection", {}, {"registry": Registry((FULL._replace(inspected=""),), 30)}),
    ("inspection", {}, {"registry": Registry((FULL._replace(inspected="2026-12-24"),), 30)}),
    ("self_test", {"self_test.hours_ago": 24.5}, {}),
    ("firmware_verified", {}, {"verified_by": "host"}),
    ("firmware_approval", {"firmware_approval.days_left": -1}, {}),
    ("back_out", {}, {"slots": (slot("1.1.0", SlotState.ACTIVE, running=True),)}),
    ("card_data", {}, {"journal": (JournalEntry(number=1, time=1, event="sale", detail="pin=1234"),)}),
    ("remote_access", {"maintenance.running": 1}, {}),
    ("terminal_password", {}, {"protocol": "zvt"}),
    ("clock", {}, {"skew": -121}),
    ("certificate", {"certificate.days_left": -1}, {}),
    ("trained", {}, {"history": records_of(training=None)}),
    ("trained", {}, {"history": records_of(training={**TRAINED, "expires": "2026-11-24"})}),
    ("trained", {}, {"history": records_of(training={**TRAINED, "expires": "soon"})}),
    ("personal_ids", {}, {"history": records_of(nameless=(3,))}),
    ("log_content", {}, {"history": records_of(incomplete=(3,))}),
    ("dual_control", {}, {"trust": trust_of(KEY)}),
]


@pytest.mark.parametrize(("item", "readings", "changes"), CASES)
def test_each_item_fails_on_its_own_evidence_alone(item: str, readings: dict[str, float], changes: dict[str, Any]) -> None:
    found = outcomes(sight(readings, **changes))
    assert {name for name, outcome in found.items() if outcome is Outcome.FAIL} == {item}


def test_a_card_number_in_the_journal_is_a_failure_and_is_not_repeated() -> None:
    body = "400000000000000"
    number = next(body + d for d in "0123456789" if sum(sum(divmod(int(c) * (1 + p % 2), 10)) for p, c in
                                                       enumerate(reversed(body + d))) % 10 == 0)  # fmt: skip
    seen = sight(journal=(JournalEntry(number=7, time=1, event="sale", detail=f"card {number}"),))
    answer = next(item for item in ITEMS if item.id == "card_data").check(seen)
    assert answer.outcome is Outcome.FAIL
    assert "7" in answer.evidence.en
    assert number not in answer.evidence.en + answer.evidence.zh


def test_firmware_that_is_in_no_list_and_patches_that_are_late(tmp_path: pathlib.Path) -> None:
    def of(**changes: Any) -> dict[str, Outcome]:
        return outcomes(sight(**changes))

    assert of(firmware=firmware(tmp_path, digest="00" * 32))["firmware_known"] is Outcome.FAIL
    late, soon = firmware(tmp_path, newer("2026-10-25")), firmware(tmp_path, newer("2026-10-26"))
    assert of(firmware=late)["critical_patch"] is Outcome.FAIL
    assert of(firmware=soon)["critical_patch"] is Outcome.PASS  # 30 days ago
    ended = firmware(tmp_path, "approved_until = 2026-11-24")
    assert of(firmware=ended)["firmware_approval"] is Outcome.FAIL


@pytest.mark.parametrize(
    "text", ["", "x = 1", "[[firmware]]\nmodel = 1", '[[firmware]]\nmodel = "a"\nversion = "1"\ndigest = "00"', "\x00",
             '[[firmware]]\nmodel = "a"\nversion = "1.0.0"\ndigest = "' + "0" * 64 + '"\ncritical = "yes"'],
)  # fmt: skip
def test_a_firmware_list_that_means_nothing_is_refused(text: str, tmp_path: pathlib.Path) -> None:
    (tmp_path / "f.toml").write_text(text)
    with pytest.raises(ToolError) as told:
        load_firmware(tmp_path / "f.toml")
    assert told.value.name == "usage"


def test_every_item_has_words_in_both_languages_and_ids_are_unique() -> None:
    assert len({item.id for item in ITEMS}) == len(ITEMS)
    for item in ITEMS:
        answer = item.check(sight())
        for words in (item.title, answer.evidence):
            assert words.en
            assert words.zh


# -- incidents ------------------------------------------------------------------------------------------------------


def test_incidents_are_told_by_their_evidence(tmp_path: pathlib.Path) -> None:
    assert incidents(sight()) == []
    assert incidents(sight({"keys.present": 0})) == []
    exchanged = tuple(check(Registry((ENTRY,)), [Seen("p", "Acme", "VT-200", "S1")]))
    seen = sight({"tamper.open": 1, "card_slot.overlay": 1}, firmware=firmware(tmp_path, digest="00" * 32), flags=exchanged)
    assert [one.kind for one in incidents(seen)] == ["tamper", "overlay", "unknown_firmware", "exchanged"]


def test_no_action_of_an_incident_is_dangerous() -> None:
    for words in _ACTIONS.values():
        assert dangers(words) == [] if isinstance(dangers(words), list) else not dangers(words)


# -- records --------------------------------------------------------------------------------------------------------


def test_history_reads_what_was_written(tmp_path: pathlib.Path) -> None:
    records = Records(tmp_path)
    for technician, verdict in (("Li", "updated"), ("", "done")):
        job = new_job_id()
        facts = {"act": "flash", "serial_number": "S1", "technician": technician, "version_after": "1.1.0"}
        records.append(job, "started", facts)
        records.append(job, "finished", {**facts, "verdict": verdict})
    records.append(new_job_id(), "training", {"technician": "Li", "score": 80, "expires": "2027-01-01"})
    today = datetime.datetime.now(datetime.UTC).date()
    found = history(tmp_path, "S1", "Li", today)
    assert found.jobs == 2
    assert found.nameless == (4,)
    assert found.last_update is not None
    assert found.last_update["version_after"] == "1.1.0"
    assert found.training is not None
    assert found.training["score"] == 80
    assert history(tmp_path, "S2", "Wu", today)[5:] == (None, None)
    assert not found.verdict.flaws


# -- the list of devices --------------------------------------------------------------------------------------------


def test_unknown_exchanged_moved_rebound_missing_and_twice() -> None:
    listed = Registry((ENTRY._replace(terminal_id="T1"), ENTRY._replace(serial="S2"), ENTRY._replace(serial="S3", location="X")))

    def kinds(*seen: Seen, location: str = "") -> list[Kind]:
        return [flag.kind for flag in check(listed, seen, location)]

    ok, second = Seen("a", "Acme", "VT-100", "S1", "T1"), Seen("b", "Acme", "VT-100", "S2")
    assert kinds(ok) == []
    assert kinds(ok, second, location="Shop 3") == []
    assert kinds(ok, location="Shop 3") == [Kind.MISSING]
    assert kinds(ok, second, location="X") == [Kind.MOVED, Kind.MOVED, Kind.MISSING]
    assert kinds(ok._replace(serial="S9")) == [Kind.UNKNOWN]
    assert kinds(ok._replace(model="VT-200")) == [Kind.EXCHANGED]
    assert kinds(ok._replace(make="")) == []  # it does not tell
    assert kinds(ok._replace(terminal_id="T2")) == [Kind.REBOUND]
    assert kinds(ok, ok._replace(port="b")) == [Kind.TWICE, Kind.TWICE]


def test_a_device_is_added_and_the_rest_of_the_file_stays(tmp_path: pathlib.Path) -> None:
    toml = tmp_path / "r.toml"
    toml.write_text('# ours\ninspect_every_d = 30\n[[device]]\nmake="Acme"\nmodel="M"\nserial="S0"\nlocation="L"\nmerchant="X"')
    found = add(toml, FULL._replace(note='quote " and \\ 中文'))
    assert toml.read_text().startswith("# ours\n")
    assert load(toml) == found
    assert found.devices[1].note == 'quote " and \\ 中文'
    with pytest.raises(ToolError, match="twice"):
        add(toml, FULL)
    assert load(toml) == found
    table = tmp_path / "r.csv"
    add(table, ENTRY)
    assert load(add_second(table)).devices == (ENTRY, ENTRY._replace(serial="S2", location='a "b", c'))


def add_second(table: pathlib.Path) -> pathlib.Path:
    add(table, ENTRY._replace(serial="S2", location='a "b", c'))
    return table


@pytest.mark.parametrize(
    "text",
    ["x = 1", "device = 1", "[[device]]\nserial = 1", '[[device]]\nserial = "S"', "inspect_every_d = 0", "inspect_every_d = true",
     '[[device]]\nmake="a"\nmodel="b"\nserial="c"\nlocation="d"\nmerchant="e"\nuscc="91440300715267260G"',
     '[[device]]\nmake="a"\nmodel="b"\nserial="c"\nlocation="d"\nmerchant="e"\ninspected="2026-02-30"',
     '[[device]]\nmake="a"\nmodel="b"\nserial="c"\nlocation="d"\nmerchant="e\\u001b"'],
)  # fmt: skip
def test_a_list_that_means_nothing_is_refused(text: str) -> None:
    with pytest.raises(ToolError) as told:
        parse(text.encode(), "r.toml")
    assert told.value.name == "usage"


def test_csv_from_a_spreadsheet_is_read_and_wrong_ones_are_not() -> None:
    head = "\ufeffmake,model,serial,location,merchant,note\r\n"
    assert parse((head + "A,B,C,D,E,\r\n").encode(), "R.CSV").devices == (Entry("A", "B", "C", "D", "E"),)
    for bad in ("A,B,C,D\r\n", "A,B,C,D,E,F,G\r\n", 'A,"B\r\n'):
        with pytest.raises(ToolError):
            parse((head + bad).encode(), "r.csv")


def test_credit_codes_of_real_companies_pass_and_changed_ones_do_not() -> None:
    """Two codes from company registers, and each character of the first one changed to its neighbour."""
    good = "9144030071526726XG"
    assert is_uscc(good)
    assert is_uscc("91110108551385082Q")
    alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    for place, character in enumerate(good):
        other = alphabet[(alphabet.index(character) + 1) % 31]
        assert not is_uscc(good[:place] + other + good[place + 1 :])


def test_accounts_are_not_shown() -> None:
    assert FULL.shown()["account"] == "****0123"


# -- the command line -----------------------------------------------------------------------------------------------


def test_a_security_case_leaves_a_signed_report(run: Fwtool, tmp_path: pathlib.Path) -> None:
    (tmp_path / "bad.toml").write_text('[[fault]]\nkind = "overlay"\n')
    port = "sim:?scenario=bad.toml"
    made = run("compliance", "registry", "add", "--registry", "r.toml", "--port", port, "--dev", "--location", "Shop 3",
               "--merchant", "Shop Ltd", "--json")  # fmt: skip
    assert made.code == 0
    assert made.result["command"] == "compliance registry add"
    done = run("compliance", "--port", port, "--dev", "--registry", "r.toml", "--location", "Shop 3", "--incident", "i.zip",
               "--technician", "Li", "--json")  # fmt: skip
    assert done.code == 7
    data = done.result["data"]
    assert [one["kind"] for one in data["incidents"]] == ["overlay"]
    assert data["incident_path"] == "i.zip"
    with zipfile.ZipFile(tmp_path / "i.zip") as archive:
        report = json.loads(archive.read("incident.json"))
    assert report["technician"] == "Li"
    assert report["location"] == "Shop 3"
    assert report["zh"][0]["kind"] == "overlay"
    shown = run("support-bundle", "show", "i.zip", "--json").result["data"]
    assert shown["signature"] == "good"
    assert [one["kind"] for one in shown["incident"]] == ["overlay"]
    assert "安全事件" in run("support-bundle", "show", "i.zip", "--lang", "zh").out
    entries = run("log", "show", "--json").result["data"]["entries"]
    assert entries[-1]["act"] == "incident"
    assert entries[-1]["verdict"] == "reported"
    assert run("log", "verify").code == 0


def test_without_a_case_there_is_no_report(run: Fwtool, tmp_path: pathlib.Path) -> None:
    done = run("compliance", "--port", "sim:", "--dev", "--incident", "i.zip", "--json")
    assert done.result["data"]["incidents"] == []
    assert not (tmp_path / "i.zip").exists()
    (tmp_path / "i.zip").write_bytes(b"mine")
    assert run("compliance", "--port", "sim:", "--dev", "--incident", "i.zip").code == 2


def test_moved_and_unknown_devices_are_flagged(run: Fwtool) -> None:
    base = ("--registry", "r.toml", "--dev")
    assert run("compliance", "registry", "add", *base, "--port", "sim:", "--location", "A", "--merchant", "M").code == 0
    fine = run("compliance", "registry", "check", *base, "--port", "sim:", "--location", "A", "--json")
    assert fine.code == 0
    bad = run("compliance", "registry", "check", *base, "--port", "sim:", "--port", "sim:?serial=S9", "--location", "B", "--json")
    assert bad.code == 7
    assert sorted(flag["kind"] for flag in bad.result["data"]["flags"]) == ["moved", "unknown"]
    assert "登记位置" in run("compliance", "registry", "check", *base, "--port", "sim:", "--location", "B", "--lang", "zh").out
    assert run("compliance", "registry", "show", "--registry", "r.toml", "--json").result["data"]["devices"][0]["location"] == "A"
    assert run("compliance", "registry", "show").code == 2
    assert run("compliance", "registry", "add", *base, "--port", "sim:", "--location", "A").code == 2


def test_a_zvt_terminal_is_asked_too(run: Fwtool) -> None:
    data = run("compliance", "--port", "sim-zvt:", "--json").result["data"]
    found = {item["id"]: item["outcome"] for item in data["items"]}
    assert found["terminal_password"] == "fail"
    assert found["overlay"] == "not_checkable"


def test_firmware_in_no_list_is_a_security_case(run: Fwtool, tmp_path: pathlib.Path) -> None:
    """As at a bank: the digest that `image show` prints is in the list, or the terminal is reported."""
    samples = ROOT / "firmware_samples"
    package = samples / "built" / "vt100-1.4.2.fwp"
    port = f"sim:?firmware={package}&trust={samples}/keys/sample-ed25519.pub.pem"
    shown = run("image", "show", str(package), "--json").result["data"]
    text = f'[[firmware]]\nmodel = "VT-100"\nversion = "{shown["version"]}"\ndigest = "{shown["digest"]}"\n'
    (tmp_path / "f.toml").write_text(text)
    fine = run("compliance", "--port", port, "--firmware-list", "f.toml", "--incident", "i.zip", "--json").result["data"]
    assert {item["id"]: item["outcome"] for item in fine["items"]}["firmware_known"] == "pass"
    assert fine["incident_path"] is None
    (tmp_path / "f.toml").write_text(text.replace(shown["digest"], "0" * 64))
    bad = run("compliance", "--port", port, "--firmware-list", "f.toml", "--incident", "i.zip", "--json").result["data"]
    assert [one["kind"] for one in bad["incidents"]] == ["unknown_firmware"]
    assert shown["digest"] in bad["incidents"][0]["evidence"]
    assert (tmp_path / "i.zip").exists()


@pytest.mark.parametrize("folder", ["bundle", "compliance", "parts", "escpos", "train"])
def test_one_chinese_word_for_each_thing_and_consoles_in_gbk_have_it(folder: str) -> None:
    """The words that technicians know (facts of the field); a bare 签名 is the cardholder's, a bare 密码 is the PIN."""
    avoid = ("韧体", "图像", "映像", "插槽", "清算", "跳过", "窗口", "重置", "复位", r"(?<!数字)(?<!验)签名(?!单)")
    for path in sorted((ROOT / "fwtool" / folder).rglob("*")):
        if path.suffix in (".py", ".toml"):
            text = path.read_text(encoding="utf-8")
            for line in text.splitlines():
                chinese = "".join(re.findall("[\u3000-\u9fff，；：（）]+", line))
                chinese.encode("gbk")
                assert not [word for word in avoid if re.search(word, chinese)], (path.name, line)
