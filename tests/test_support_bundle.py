"""Support bundles: what goes in, what stays out, and what hostile ones come to."""

import hashlib
import io
import json
import pathlib
import re
import stat
import subprocess
import tracemalloc
import zipfile
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from formats.errors import FormatError, TrustError
from fwtool.bundle import Collected, Opened, judge, opened, pack
from fwtool.bundle import archive as zip_form
from fwtool.bundle.archive import Member
from fwtool.bundle.secrets import HIDDEN, text_without_secrets, without_secrets
from fwtool.causes import load
from tests.conftest import Fwtool
from tests.support import KEY, SECOND_KEY, flips, need

FACTS = {"created": "2026-11-25T00:00:00Z", "tool": "0.1.0", "technician": "Li", "reason": "no paper"}
FAULTS = '[[fault]]\nkind = "msr_dirty"\n[[fault]]\nkind = "paper_low"\n'
NO_CARD = "4000 0000 0000 0000"
"""Sixteen digits whose check digit is wrong; made right where a test needs it."""


def card() -> str:
    """A number that passes the check, made here so that none stands in a file."""
    body = "400000000000000"
    return next(body + digit for digit in "0123456789" if _luhn(body + digit))


def _luhn(digits: str) -> bool:
    """ISO/IEC 7812-1 annex B, by hand."""
    doubled = [int(d) * (2 if place % 2 else 1) for place, d in enumerate(reversed(digits))]
    return sum(sum(divmod(value, 10)) for value in doubled) % 10 == 0


def small() -> bytes:
    found = Collected()
    found.add("device.json", {"model": "VT-100"})
    found.members.append(Member("records.jsonl", b"{}\n"))
    found.missing["trace"] = "none"
    return pack(found, FACTS, KEY)


def with_member(name: str, body: bytes) -> bytes:
    found = Collected()
    found.members.append(Member(name, body))
    return pack(found, FACTS, KEY)


def other(data: bytes, edit: Any) -> bytes:
    """The members written anew by Python's own ZIP writer, after `edit(archive, names)`."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            new.writestr(info, old.read(info))
        edit(new)
    return out.getvalue()


def refused(data: bytes) -> FormatError:
    with pytest.raises(FormatError) as told:
        opened(data, [KEY.public])
    return told.value


def test_same_contents_same_bytes_and_unzip_reads_them() -> None:
    assert small() == small()
    with zipfile.ZipFile(io.BytesIO(small())) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["MANIFEST.fwb", "device.json", "records.jsonl"]
        assert archive.read("records.jsonl") == b"{}\n"


def test_info_zip_finds_no_fault(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a.zip").write_bytes(small())
    done = subprocess.run([need("unzip"), "-t", "a.zip"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_signature_good_unknown_and_bad() -> None:
    data = small()
    assert opened(data, [KEY.public]).signature == "good"
    assert opened(data, [SECOND_KEY.public]).signature == "unknown_key"
    assert opened(data, []).manifest.facts["technician"] == "Li"


def test_a_flipped_bit_is_refused_or_changes_nothing() -> None:
    """Nothing: up to seven bits behind the end of a deflated stream have no meaning (RFC 1951, 3.1.1)."""
    data = small()
    whole, harmless, seen = opened(data, [KEY.public]).members, 0, 0
    for _, damaged in flips(data):
        seen += 1
        try:
            assert opened(damaged, [KEY.public]).members == whole
            harmless += 1
        except (FormatError, TrustError):
            pass
    assert harmless <= 7 * 3
    assert seen == 8 * len(data)


def test_every_truncation_and_every_surplus_is_refused() -> None:
    data = small()
    for end in range(len(data)):
        refused(data[:end])
    refused(data + b"\0")
    refused(b"\0" + data)


@given(st.binary(max_size=300))
def test_any_bytes_behind_a_good_start_come_to_a_format_error(tail: bytes) -> None:
    refused(small()[:40] + tail)


NAMES = st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9_-]{0,8}\.[a-z]{1,4}\Z")


@given(st.lists(st.tuples(NAMES, st.binary(max_size=500)), min_size=1, max_size=6, unique_by=lambda pair: pair[0].lower()))
def test_what_is_built_is_read_again(pairs: list[tuple[str, bytes]]) -> None:
    members = [Member(*pair) for pair in pairs]
    data = zip_form.build(members)
    assert list(zip_form.parse(data)) == members
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert [(name, archive.read(name)) for name in archive.namelist()] == pairs


def test_a_large_bundle_is_opened_in_little_memory() -> None:
    """Three members of 4 MiB that cannot be packed: 12 MiB of file."""
    import random

    noise = random.Random(1)
    found = Collected()
    found.members += [Member(f"trace-{number}.jsonl", noise.randbytes((4 << 20) - 1000)) for number in range(3)]
    data = pack(found, FACTS, KEY)
    del found
    tracemalloc.start()
    bundle = opened(data, [KEY.public])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(bundle.members) == 3
    assert peak < 24 << 20  # beside the file itself


def test_a_member_exchanged_for_another_is_told() -> None:
    members = [one if one.name != "device.json" else Member(one.name, b"{}\n") for one in zip_form.parse(small())]
    assert "digest" in refused(zip_form.build(members)).message


def test_a_member_that_nobody_signed_is_told() -> None:
    members = [*zip_form.parse(small()), Member("extra.json", b"{}")]
    assert "signed list" in refused(zip_form.build(members)).message


def test_a_bad_signature_by_a_known_key_is_an_error_of_trust() -> None:
    members = list(zip_form.parse(small()))
    body = bytearray(members[0].data)
    at = body.index(b"FWSB") + 12 + 36 + 5  # inside the signature's value; the block's own digest is made right below
    body[at] ^= 1
    start = body.index(b"FWSB")
    body[-32:] = hashlib.sha256(bytes(body[start:-32])).digest()
    with pytest.raises(TrustError):
        opened(zip_form.build([Member(members[0].name, bytes(body)), *members[1:]]), [KEY.public])


@pytest.mark.parametrize(
    "name", ["../evil.json", "/etc/passwd", "a/b.json", "C:x.json", ".hidden.json", "a\\b.json", "con .json", "ä.json", "a"]
)
def test_a_name_that_leads_elsewhere_is_refused(name: str) -> None:
    assert "name" in refused(other(small(), lambda archive: archive.writestr(name, b"x"))).message


def test_a_name_twice_is_refused() -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        data = other(small(), lambda archive: archive.writestr("device.json", b"{}"))
    refused(data)
    members = list(zip_form.parse(small()))
    assert "twice" in refused(zip_form.build([*members, Member("DEVICE.json", b"")])).message


def test_a_link_is_refused() -> None:
    def link(archive: zipfile.ZipFile) -> None:
        info = zipfile.ZipInfo("link.json", (1980, 1, 1, 0, 0, 0))
        info.create_system, info.external_attr, info.compress_type = 3, (stat.S_IFLNK | 0o777) << 16, zipfile.ZIP_DEFLATED
        archive.writestr(info, b"/etc/passwd")

    assert "directory" in refused(other(small(), link)).message


def test_bombs_are_refused_in_little_memory() -> None:
    """100 MB of zeros in 100 kB, with the true size, and with a false one in every place."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(bytes(100 << 20)) + packer.flush()
    liar = zip_form._Stored(b"bomb.json", 0, 0, len(packed), 1000)
    honest = liar._replace(size=100 << 20)
    tracemalloc.start()
    for one in (liar, honest):
        refused(one.local() + packed + zip_form._tail([one], len(one.local()) + len(packed)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 << 20


def test_many_members_and_much_in_them_are_refused() -> None:
    many = [zip_form._Stored(f"a{number}.json".encode(), 0, 0, 0, 0) for number in range(100)]
    assert refused(b"".join(one.local() for one in many)).name == "too_large"
    large = [zip_form._Stored(f"a{number}.json".encode(), 0, 0, 0, 8 << 20) for number in range(3)]
    assert refused(b"".join(one.local() for one in large)).name == "too_large"
    assert refused(small() + bytes(zip_form.MAX_FILE)).name == "too_large"


@pytest.mark.parametrize(
    "raw",
    [b"[]", b"{}", b'{"facts": 1}', b"[" * 50_000, b'{"a": NaN}', b'{"a": 1e999}', b'{"a": ' + b"9" * 5000 + b"}", b"\xff",
     b'{"a": 1, "a": 2}', b" " * (1 << 20) + b"{}"],
)  # fmt: skip
def test_a_snapshot_that_is_none_is_a_format_error_and_nothing_else(raw: bytes) -> None:
    bundle: Opened = opened(with_member("snapshot.json", raw), [KEY.public])
    with pytest.raises(FormatError):
        judge(bundle, load())


def test_nothing_secret_is_left() -> None:
    number = card()
    track = f";{number}=29122010000000000000?"
    told = {
        "password": "123456", "deep": [{"detail": f"card {number} read, {track}"}], "uri": "pkcs11:token=a;pin-value=9876",
        "url": "socket://me:hunter2@host:1", "digest": "12" * 32, "count": 17,
        "pem": "-----BEGIN PRIVATE KEY-----\nMC4CAQ\n-----END PRIVATE KEY-----",
    }  # fmt: skip
    kept = json.dumps(without_secrets(told))
    for secret in (number, "29122010", "123456", "9876", "hunter2", "MC4CAQ"):
        assert secret not in kept
    assert "12" * 32 in kept
    assert number[-4:] in kept
    assert '"count": 17' in kept


@pytest.mark.parametrize("text", ["管理员密码:123456", "Password: abc", "pin = 1234", "密码 998877"])
def test_a_secret_behind_its_name_is_hidden(text: str) -> None:
    hidden = text_without_secrets(text)
    assert HIDDEN in hidden
    assert not re.search(r"[0-9]{4}|abc", hidden)


def test_no_number_here_passes_the_check() -> None:
    assert not _luhn(NO_CARD.replace(" ", ""))


def test_made_and_judged_at_the_command_line(run: Fwtool, tmp_path: pathlib.Path) -> None:
    (tmp_path / "bad.toml").write_text(FAULTS)
    port = "sim:?scenario=bad.toml"
    made = run(
        "support-bundle", "--port", port, "--out", "a.zip", "--trace", "t.jsonl", "--json", "--technician", "Li",
        "--reason", "reads fail", "--dev",
    )  # fmt: skip
    assert made.code == 0
    data = made.result["data"]
    assert {"device.json", "snapshot.json", "findings.json", "journal.json", "statistics.json", "slots.json", "doctor.json",
            "records.jsonl", "trace-1.jsonl"} <= set(data["members"])  # fmt: skip
    shown = run("support-bundle", "show", "a.zip", "--json")
    assert shown.code == 0
    told = shown.result["data"]
    assert shown.result["command"] == "support-bundle show"
    assert told["signature"] == "good"
    assert told["facts"]["reason"] == "reads fail"
    assert told["facts"]["simulated"] is True
    assert told["causes"][0]["id"].startswith("msr.")
    assert {finding["id"] for finding in told["findings"] if finding["outcome"] != "pass"} >= {"msr.track_2", "printer.paper"}
    assert told["otherwise"] == []
    # What `diagnose` says of the same terminal.
    direct = run("diagnose", "--port", port, "--json", "--dev").result["data"]
    assert direct["causes"] == told["causes"]
    chinese = run("support-bundle", "show", "a.zip", "--lang", "zh")
    assert "验签通过" in chinese.out
    assert "清洁卡" in chinese.out


def test_somebody_elses_bundle_is_shown_but_does_not_count(run: Fwtool, tmp_path: pathlib.Path) -> None:
    assert run("support-bundle", "--port", "sim:", "--dev", "--out", "a.zip").code == 0
    elsewhere = run("support-bundle", "show", "a.zip", "--json", FWTOOL_STATE_DIR=str(tmp_path / "other"))
    assert elsewhere.code == 4
    assert elsewhere.result["error"]["name"] == "trust_failed"
    assert elsewhere.result["data"]["findings"]
    named = run("support-bundle", "show", "a.zip", "--public", "state/station.pub.pem", FWTOOL_STATE_DIR=str(tmp_path / "other"))
    assert named.code == 0


def test_a_terminal_that_does_not_answer_is_no_reason_to_have_no_bundle(run: Fwtool) -> None:
    made = run("support-bundle", "--port", "socket://127.0.0.1:9", "--out", "a.zip", "--json", "--timeout", "1")
    assert made.code == 0
    assert "device" in made.result["data"]["missing"]
    shown = run("support-bundle", "show", "a.zip", "--json").result["data"]
    assert shown["findings"] == []
    assert "device" in shown["missing"]


def test_of_large_traces_the_newest_part_goes_in_and_can_be_read(run: Fwtool, tmp_path: pathlib.Path) -> None:
    """Three of 5 MiB: what does not fit is the old part, and what is in is a trace."""
    head = '{"trace": 1, "protocol": "TSP/1", "started": "2026-11-25T00:00:00.000Z"}'
    lines = [json.dumps({"dir": "rx", "t": float(at), "noise": "ab" * 500, "port": "p"}) for at in range(5000)]
    (tmp_path / "t.jsonl").write_text("\n".join((head, *lines)) + "\n")
    given = ("--with-trace", "t.jsonl")
    made = run("support-bundle", "--out", "a.zip", "--json", *given, *given, *given)
    assert [name for name in made.result["data"]["members"] if name.startswith("trace")] == [
        f"trace-{n}.jsonl" for n in (1, 2, 3)
    ]
    assert run("support-bundle", "show", "a.zip").code == 0
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        body = archive.read("trace-3.jsonl").decode()
        archive.extract("trace-1.jsonl", tmp_path)
    assert 2 << 20 < len(body) <= (8 << 20) // 3 + 200
    assert body.splitlines()[0] == head
    assert body.splitlines()[-1] == lines[-1]
    assert run("trace", "show", "trace-1.jsonl", "--json").code == 0


def test_wrong_use_is_told(run: Fwtool, tmp_path: pathlib.Path) -> None:
    assert run("support-bundle", "--port", "sim:").code == 2
    (tmp_path / "a.zip").write_bytes(b"mine")
    assert run("support-bundle", "--out", "a.zip").code == 2
    assert (tmp_path / "a.zip").read_bytes() == b"mine"
    assert run("support-bundle", "show", "a.zip").code == 3
    (tmp_path / "t").write_text("no trace")
    assert run("support-bundle", "--out", "b.zip", "--with-trace", "t", "--json").result["data"]["missing"].keys() >= {"trace 1"}
