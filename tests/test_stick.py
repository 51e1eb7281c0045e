"""The USB stick as it is meant to be: written, read back, checked, picked from; trust comes from the laptop."""

import dataclasses
import hashlib
import io
import json
import os
import pathlib
import random
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

import firmware_samples
from formats import rotation, trust
from formats.errors import FormatError, LocalError, ToolError, TrustError
from formats.fwp.package import seal
from formats.keys import PrivateKey
from formats.trust import Trust
from formats.trust_record import Role
from formats.versions import Version
from fwtool.stick import bundle, names, system
from fwtool.stick.check import Checked, Standing, check
from fwtool.stick.judge import judge
from fwtool.stick.pick import Candidate, Terminal, pick
from fwtool.stick.shelf import Stick, taken
from fwtool.stick.write import Writing, write
from tests.conftest import Fwtool, Sim
from tests.support import KEY, SECOND_KEY, STRANGER, ed25519_key, make_package, need, pattern, trust_of
from transports.terminal_records import Facts

Simulate = Callable[..., Sim]
TRUST = trust_of(KEY)


@pytest.fixture
def stick(tmp_path: pathlib.Path) -> pathlib.Path:
    folder = tmp_path / "stick"
    folder.mkdir()
    return folder


@pytest.fixture(params=["held", "by path"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Folders are held open, or, as on Windows, reached by their paths."""
    if request.param == "by path":
        monkeypatch.setattr(system, "open_folder", lambda name, inside, follow=False: None)
    return str(request.param)


EITHER_WAY = pytest.mark.usefixtures("way")


def save(path: pathlib.Path, raw: bytes) -> pathlib.Path:
    path.write_bytes(raw)
    return path


def release(folder: pathlib.Path, version: str, counter: int = 7, **rest: object) -> pathlib.Path:
    return save(folder / f"{version}.fwp", make_package([pattern(9000, counter)], version, counter=counter, **rest))  # type: ignore[arg-type]


def there(stick: pathlib.Path) -> dict[str, bytes]:
    return {str(path.relative_to(stick)): path.read_bytes() for path in sorted(stick.rglob("*")) if path.is_file()}


def outcomes(found: Checked) -> dict[str, str]:
    return {verdict.path: str(verdict.outcome) for verdict in found.verdicts}


# -- writing --------------------------------------------------------------------------------------------------------------


@EITHER_WAY
def test_write_puts_the_same_bytes_under_safe_names_and_says_what_to_do(tmp_path: pathlib.Path, stick: pathlib.Path) -> None:
    (stick / "photo.jpg").write_bytes(b"holiday")
    package = release(tmp_path, "1.5.0", 9)
    done = write(stick, Writing(packages=[package]), TRUST)
    assert {one.state for one in done} == {"written"}
    found = there(stick)
    (name,) = (path for path in found if path.endswith(".fwp"))
    assert found[name] == package.read_bytes()
    assert name.startswith("FWTOOL/FW_VT-100_1.5.0_c9_")
    note = found["FWTOOL/README.txt"].decode("utf-8-sig")
    assert "fwtool flash --stick" in note
    assert "请勿断电" in note
    assert name.split("/")[1] in note
    listed = json.loads(found["FWTOOL/INDEX.json"])["packages"][0]
    assert (listed["file"], listed["version"], listed["security_counter"]) == (name.split("/")[1], "1.5.0", 9)
    assert found["photo.jpg"] == b"holiday"
    assert set(found) == {"photo.jpg", name, "FWTOOL/README.txt", "FWTOOL/INDEX.json"}


@EITHER_WAY
def test_writing_again_changes_nothing_and_mends_what_is_damaged(tmp_path: pathlib.Path, stick: pathlib.Path) -> None:
    what = Writing(packages=[release(tmp_path, "1.5.0"), release(tmp_path, "1.6.0", 8)])
    write(stick, what, TRUST)
    before = {path: path.stat().st_mtime_ns for path in stick.rglob("*")}
    assert {one.state for one in write(stick, what, TRUST)} == {"unchanged"}
    assert {path: path.stat().st_mtime_ns for path in stick.rglob("*")} == before
    whole = there(stick)
    victim = next(stick.glob("FWTOOL/*1.5.0*.fwp"))
    victim.write_bytes(victim.read_bytes()[:-1])
    assert [one.path for one in write(stick, what, TRUST) if one.state == "written"] == [f"FWTOOL/{victim.name}"]
    assert there(stick) == whole


@EITHER_WAY
def test_older_releases_go_only_when_asked_and_only_where_the_new_one_takes_their_place(
    tmp_path: pathlib.Path, stick: pathlib.Path
) -> None:
    for version, hardware, package_id in (
        ("1.0.0", "VT-100:1..9", "a"), ("1.1.0", "VT-100:1..12", "a"), ("1.2.0", "VT-200", "a"), ("1.3.0", "VT-100:1..9", "b"),
        ("2.0.0", "VT-100:1..9", "a"),
    ):  # fmt: skip
        package = release(tmp_path, version, hardware=hardware, package_id=package_id)
        write(stick, Writing(packages=[package]), TRUST)
    (stick / "FWTOOL" / "mine.fwp").write_bytes((tmp_path / "1.0.0.fwp").read_bytes())
    new = release(tmp_path, "1.9.0", hardware="VT-100:1..9", package_id="a")
    assert not [one for one in write(stick, Writing(packages=[new]), TRUST) if one.state == "removed"]
    removed = [one.path for one in write(stick, Writing(packages=[new], replace=True), TRUST) if one.state == "removed"]
    assert [path.split("_")[2] for path in removed] == ["1.0.0"]
    left = {path.name.split("_")[2] for path in stick.glob("FWTOOL/FW_*.fwp")}
    assert left == {"1.1.0", "1.2.0", "1.3.0", "2.0.0", "1.9.0"}
    assert (stick / "FWTOOL" / "mine.fwp").exists(), "what has not our name is not ours"


@pytest.mark.parametrize(
    ("signers", "error"), [((), "not_signed"), ((STRANGER,), "bad_signature"), ((KEY,), "")], ids=["nobody", "stranger", "maker"]
)
def test_what_is_not_trusted_is_not_written(
    tmp_path: pathlib.Path, stick: pathlib.Path, signers: Sequence[PrivateKey], error: str
) -> None:
    good, other = release(tmp_path, "1.0.0"), release(tmp_path, "1.1.0", signers=signers)
    if not error:
        write(stick, Writing(packages=[good, other]), TRUST)
        return
    with pytest.raises(TrustError) as caught:
        write(stick, Writing(packages=[good, other]), TRUST)
    assert caught.value.name == error
    assert not there(stick), "all are looked at before the first is written"
    if signers:
        write(stick, Writing(packages=[other]), None)
    else:
        with pytest.raises(TrustError):
            write(stick, Writing(packages=[other]), None)


def test_room_is_looked_at_before_anything_is_written(
    tmp_path: pathlib.Path, stick: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = [release(tmp_path, "1.0.0"), release(tmp_path, "1.1.0")]
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(1 << 20, 1 << 20, 40_000))  # type: ignore[attr-defined]
    with pytest.raises(LocalError) as caught:
        write(stick, Writing(packages=packages), TRUST)
    assert (caught.value.name, list(stick.iterdir())) == ("disk", [])


@EITHER_WAY
def test_a_stick_that_is_not_there_is_not_made(tmp_path: pathlib.Path) -> None:
    package = release(tmp_path, "1.0.0")
    for act in (
        lambda: write(tmp_path / "none", Writing(packages=[package]), TRUST), lambda: check(tmp_path / "none", TRUST),
        lambda: write(package, Writing(packages=[package]), TRUST),
    ):  # fmt: skip
        with pytest.raises(LocalError) as caught:
            act()
        assert caught.value.exit_code == 9
    assert not (tmp_path / "none").exists()


class Huge(io.BytesIO):
    """A file that says it has more bytes than FAT32 can hold."""

    def seek(self, offset: int, whence: int = 0) -> int:
        return 2**32 if whence == os.SEEK_END else super().seek(offset, whence)


def test_a_package_that_fat32_cannot_hold_is_refused() -> None:
    with pytest.raises(FormatError) as caught:
        judge(Huge(make_package()), TRUST)
    assert caught.value.name == "too_large"


# -- names ----------------------------------------------------------------------------------------------------------------


@given(model=st.text(min_size=1, max_size=20).filter(str.strip), version=st.tuples(*[st.integers(0, 255)] * 4))
def test_every_package_name_is_fit_for_fat32(model: str, version: tuple[int, int, int, int]) -> None:
    manifest = seal(io.BytesIO(make_package([b"x"]))).open().manifest
    named = names.of_package(dataclasses.replace(manifest, model=model, version=Version(*version)), bytes(32))
    assert names.is_safe(named)
    assert not pathlib.PureWindowsPath(named).is_reserved()
    assert named.isascii()
    assert len(named) < 100


@pytest.mark.parametrize(
    "name",
    [
        "CON",
        "con.fwp",
        "LPT1.x.y",
        "a.",
        "a ",
        " a",
        "a:b",
        "a\\b",
        "a/b",
        "x" * 256,
        "",
        "..",
        "a\nb",
        "😀" * 128,
        "nul.",
        "COM¹",
    ],
)
def test_names_that_windows_or_fat32_do_not_take(name: str) -> None:
    assert not names.is_safe(name)


@pytest.mark.parametrize("name", ["a", "升级包.fwp", ".part", "x" * 255, "console.fwp", "a+b=c.whl", "😀" * 127])
def test_names_that_they_take(name: str) -> None:
    assert names.is_safe(name)


def test_a_real_fat32_file_system_keeps_names_and_bytes(tmp_path: pathlib.Path, stick: pathlib.Path) -> None:
    """Judges: mkfs.fat and fsck.fat (dosfstools), mcopy (mtools)."""
    mkfs, fsck, mcopy, mdir = need("mkfs.fat"), need("fsck.fat"), need("mcopy"), need("mdir")
    with zipfile.ZipFile(tmp_path / "tool.zip", "w") as archive:
        fill_bundle(lambda name, data: archive.writestr(name, data))
    what = Writing(
        packages=[release(tmp_path, "1.5.0", hardware="终端:1..2"), release(tmp_path, "1.6.0+12", hardware="AUX.1")],
        orders=[save(tmp_path / "order", b"an order")], tool=tmp_path / "tool.zip",
    )  # fmt: skip
    write(stick, what, TRUST)
    image = tmp_path / "fat.img"
    image.write_bytes(b"")
    os.truncate(image, 40 << 20)
    subprocess.run([mkfs, "-F", "32", image], check=True, capture_output=True)
    subprocess.run([mcopy, "-s", "-i", image, stick / "FWTOOL", "::"], check=True)
    listed = subprocess.run([mdir, "-b", "-/", "-i", image, "::"], check=True, capture_output=True, text=True).stdout
    assert {line.removeprefix("::/") for line in listed.splitlines() if not line.endswith("/")} == set(there(stick))
    subprocess.run([fsck, "-n", image], check=True, capture_output=True)
    back = tmp_path / "back"
    back.mkdir()
    subprocess.run([mcopy, "-s", "-i", image, "::FWTOOL", back], check=True)
    assert there(back) == there(stick)
    assert outcomes(check(back, TRUST)) == outcomes(check(stick, TRUST))


# -- checking -------------------------------------------------------------------------------------------------------------


@EITHER_WAY
def test_check_has_a_verdict_for_every_file(tmp_path: pathlib.Path, stick: pathlib.Path) -> None:
    write(stick, Writing(packages=[release(tmp_path, "1.5.0")], orders=[save(tmp_path / "order", b"order")]), TRUST)
    raw = make_package(version="2.0.0")
    save(stick / "flipped", raw[:-200] + bytes([raw[-200] ^ 1]) + raw[-199:])
    save(stick / "stranger.txt", make_package(version="3.0.0", signers=[STRANGER]))
    save(stick / "holiday.jpg", b"\xff\xd8\xff")
    save(stick / "empty", b"")
    save(stick / "FWTOOL" / "x.fwp.part", raw[:500])
    found = check(stick, TRUST)
    assert sorted(outcomes(found)) == sorted(there(stick))
    by_name = {
        path.rsplit("/", 1)[-1]: (str(v.outcome), v.error.name if v.error else "") for v in found.verdicts for path in [v.path]
    }
    assert by_name["flipped"] == ("refused", "damaged_file")
    assert by_name["stranger.txt"] == ("refused", "bad_signature")
    assert by_name["holiday.jpg"] == by_name["empty"] == by_name["x.fwp.part"] == ("foreign", "")
    assert by_name["README.txt"] == by_name["INDEX.json"] == ("note", "")
    assert [v.facts["version"] for v in found.verdicts if v.outcome is Standing.GOOD and v.facts] == ["1.5.0"]
    assert found.error is not None
    assert (found.error.name, "stranger.txt" in found.error.message) == ("bad_signature", True)


def test_without_trust_it_is_integrity_only_and_nothing_is_called_good(tmp_path: pathlib.Path, stick: pathlib.Path) -> None:
    save(stick / "a", make_package(signers=[STRANGER]))
    save(stick / "t", trust_of(STRANGER).raw)
    found = check(stick, None)
    assert (outcomes(found), found.trust, found.error) == ({"a": "whole", "t": "whole"}, None, None)
    save(stick / "b", make_package(signers=[]))
    raw = make_package()
    save(stick / "c", raw[:-200] + bytes([raw[-200] ^ 1]) + raw[-199:])
    found = check(stick, None)
    assert outcomes(found) == {"a": "whole", "b": "refused", "c": "refused", "t": "whole"}


def test_a_stick_without_a_package_is_not_called_good(stick: pathlib.Path) -> None:
    save(stick / "x.fwp", b"FWP, I promise")
    error = check(stick, TRUST).error
    assert error is not None
    assert error.exit_code == 9


def test_an_index_that_lies_changes_nothing(tmp_path: pathlib.Path, stick: pathlib.Path) -> None:
    write(stick, Writing(packages=[release(tmp_path, "1.5.0"), release(tmp_path, "1.6.0")]), TRUST)
    index = stick / "FWTOOL" / "INDEX.json"
    index.write_bytes(index.read_bytes().replace(b"1.5.0", b"9.9.9"))
    with taken(Stick(stick), TRUST) as shelf:
        assert shelf.choose(info()).source.manifest.version == Version(1, 6, 0)


# -- trust ----------------------------------------------------------------------------------------------------------------

ROOTS = [ed25519_key(f"stick root {n}") for n in range(3)]
NEW_ROOTS = [ed25519_key(f"stick new root {n}") for n in range(3)]


def rooted(roots: Sequence[PrivateKey], version: int, *signers: PrivateKey, **rest: object) -> Trust:
    roles = {
        Role.ROOT: (2, [(f"root {n}", key.public) for n, key in enumerate(roots)]),
        Role.SIGNER: (1, [(f"signer {n}", key.public) for n, key in enumerate(signers)]),
    }
    return trust.parse(trust.compose(roles, version=version, **rest))  # type: ignore[arg-type]


FIRST = rooted(ROOTS, 1, KEY)
SECOND = rotation.sign(rooted(NEW_ROOTS, 2, SECOND_KEY, revoked=[KEY.public.key_id]), [*ROOTS[:2], *NEW_ROOTS[:2]])
THIRD = rotation.sign(rooted(NEW_ROOTS, 3, KEY, SECOND_KEY), NEW_ROOTS[:2])
FORGED = rotation.sign(rooted([STRANGER, *NEW_ROOTS], 2, STRANGER), [STRANGER, NEW_ROOTS[0], ROOTS[0]])


def sellable(stick: pathlib.Path, base: Trust) -> list[str]:
    """Versions that may be installed from a stick, the error's name if there are none."""
    try:
        with taken(Stick(stick), base) as shelf:
            return sorted(str(source.manifest.version) for _, source in shelf._sources)
    except ToolError as error:
        return [error.name]


@EITHER_WAY
@pytest.mark.parametrize(
    ("carried", "base", "good"),
    [
        ([], FIRST, ["1.0.0"]),
        ([SECOND], FIRST, ["2.0.0"]),
        ([SECOND, FORGED], FIRST, ["2.0.0"]),
        ([FORGED], FIRST, ["1.0.0"]),
        ([THIRD], FIRST, ["1.0.0"]),
        ([THIRD, SECOND, FIRST], FIRST, ["1.0.0", "2.0.0"]),
        ([FIRST], SECOND, ["2.0.0"]),
        ([FIRST, SECOND], THIRD, ["1.0.0", "2.0.0"]),
        ([FORGED], trust_of(ed25519_key("pinned by nobody here")), ["bad_signature"]),
    ],
    ids=["none", "successor", "successor and forgery", "forgery", "gap", "whole chain", "older", "all older", "foreign"],
)
def test_trust_files_on_a_stick_count_only_if_they_follow_from_ours(
    stick: pathlib.Path, carried: Sequence[Trust], base: Trust, good: list[str]
) -> None:
    """The packages: 1.0.0 by the old key, which the second trust revokes; 2.0.0 by the new one; 9.0.0 by the forger."""
    for number, one in enumerate(carried):
        save(stick / f"{number}", one.raw)
    for version, key in (("1.0.0", KEY), ("2.0.0", SECOND_KEY), ("9.0.0", STRANGER)):
        save(stick / f"p{version}", make_package(version=version, signers=[key]))
    assert sellable(stick, base) == good
    found = check(stick, base)
    assert sorted(v.facts["version"] for v in found.verdicts if v.facts) == ([] if good == ["bad_signature"] else good)
    errors = {v.path: v.error.name for v in found.verdicts if v.error and v.role == "trust"}
    late = THIRD in carried and SECOND not in carried and base is FIRST
    expected = [one for one in carried if one is FORGED or (one is THIRD and late)]
    assert sorted(errors.values()) == ["trust_failed"] * len(expected)


def test_a_stick_alone_makes_no_trust(run: Fwtool, keys: pathlib.Path, stick: pathlib.Path) -> None:
    save(stick / "FWTOOL.fwp", make_package(signers=[STRANGER]))
    save(stick / "trust", trust_of(STRANGER).raw)
    checked = run("stick", "check", "stick", "--json").result
    assert (checked["ok"], checked["data"]["integrity_only"], checked["data"]["trust"]) == (True, True, None)
    assert "integrity only" in run("stick", "check", "stick").out
    flashed = run("flash", "--stick", "stick", "--port", "socket://127.0.0.1:1", "--json").result
    assert (flashed["exit_code"], flashed["error"]["name"]) == (2, "no_trust")
    flashed = run("flash", "--stick", "stick", "--trust", "maker.trust", "--port", "socket://127.0.0.1:1", "--json").result
    assert (flashed["exit_code"], flashed["error"]["name"]) == (4, "bad_signature")
    assert run("stick", "check", "stick", "--trust", "maker.trust", "--json").result["exit_code"] == 4
    assert run("trust", "install", "maker.trust").code == 0
    assert run("stick", "check", "stick", "--json").result["exit_code"] == 4, "now the pinned trust is what counts"


def test_a_successor_is_written_and_followed(run: Fwtool, tmp_path: pathlib.Path, stick: pathlib.Path) -> None:
    save(tmp_path / "first.trust", FIRST.raw)
    save(tmp_path / "second.trust", SECOND.raw)
    save(tmp_path / "new.fwp", make_package(version="2.0.0", signers=[SECOND_KEY]))
    assert run("trust", "install", "first.trust").code == 0
    refused = run("stick", "write", "new.fwp", "stick", "--json").result
    assert (refused["exit_code"], list(stick.iterdir())) == (4, [])
    assert run("stick", "write", "new.fwp", "stick", "--trust", "second.trust", "--add-trust", "second.trust").code == 0
    checked = run("stick", "check", "stick", "--json").result
    assert (checked["ok"], checked["data"]["trust"]["version"]) == (True, 2)
    assert {one["role"]: one["outcome"] for one in checked["data"]["files"]} == {
        "package": "good",
        "trust": "good",
        "note": "note",
    }


# -- picking --------------------------------------------------------------------------------------------------------------


def info(model: str = "VT-100", revision: int = 3, version: str = "1.0.0", counter: int = 0) -> Facts:
    return Facts(model, "1", version, vendor="Example", revision=revision, security_counter=counter)


def candidate(path: str, version: str, counter: int = 7, hardware: str = "VT-100:1..9", **rest: object) -> Candidate:
    sealed = seal(io.BytesIO(make_package([b"x"], version, hardware, counter, **rest)))  # type: ignore[arg-type]
    return Candidate(path, sealed.open().manifest, sealed.digest)


VT100 = Terminal("VT-100", 3, Version(1, 4, 2), 7)


def test_the_newest_that_is_allowed_is_picked_and_every_other_one_explained() -> None:
    offered = [
        candidate("other model", "9.0.0", hardware="VT-200"), candidate("other revision", "8.0.0", hardware="VT-100:4..9"),
        candidate("needs a step", "3.0.0", minimum_version=Version(2, 0, 0)), candidate("taken", "2.0.0"),
        candidate("older", "1.5.0"), candidate("downgrade", "1.4.1"), candidate("withdrawn", "7.0.0", 6),
    ]  # fmt: skip
    for seed in range(10):
        random.Random(seed).shuffle(offered)
        picked = pick(offered, VT100)
        assert picked.candidate.path == "taken"
        assert {one.path: one.error for one in picked.not_taken} == {
            "other model": "wrong_hardware", "other revision": "wrong_hardware", "needs a step": "version_too_old", "older": "",
            "downgrade": "rollback", "withdrawn": "rollback",
        }  # fmt: skip
        assert all(one.reason for one in picked.not_taken)


@pytest.mark.parametrize(
    ("offered", "error"),
    [
        ([("x", "2.0.0", 7, "VT-200")], "wrong_hardware"),
        ([("x", "2.0.0", 6, "VT-100")], "rollback"),
        ([("x", "1.4.1", 7, "VT-100")], "rollback"),
        ([("x", "2.0.0", 7, "VT-200"), ("y", "2.0.0", 6, "VT-100")], "rollback"),
    ],
)
def test_nothing_is_picked_where_nothing_fits(offered: list[tuple[str, str, int, str]], error: str) -> None:
    with pytest.raises(ToolError) as caught:
        pick([candidate(*one) for one in offered], VT100)
    assert (caught.value.name, caught.value.exit_code) == (error, 6)


def test_a_terminal_without_firmware_takes_what_fits() -> None:
    offered = [candidate("x", "3.0.0", minimum_version=Version(2, 0, 0))]
    assert pick(offered, VT100._replace(version=Version(0, 0, 0))).candidate.path == "x"


def test_two_packages_that_claim_to_be_the_same_release_are_not_guessed_between() -> None:
    with pytest.raises(ToolError) as caught:
        pick([candidate("x", "2.0.0", vendor="A"), candidate("y", "2.0.0", vendor="B")], VT100)
    assert caught.value.exit_code == 2
    newer = candidate("z", "2.0.0", vendor="B", build_time=5)
    assert pick([candidate("x", "2.0.0", vendor="A"), newer], VT100).candidate is newer


@EITHER_WAY
def test_the_same_package_twice_is_one_package(stick: pathlib.Path) -> None:
    raw = make_package(version="2.0.0")
    for name in ("a", "b", "c"):
        save(stick / name, raw)
    with taken(Stick(stick), TRUST) as shelf:
        choice = shelf.choose(info())
    assert (choice.told.package, [one.path for one in choice.told.not_taken]) == ("a", ["b", "c"])


@EITHER_WAY
def test_copies_are_private_and_gone_afterwards(
    stick: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "tmp"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    save(stick / "a", make_package(version="2.0.0"))
    with taken(Stick(stick), TRUST) as shelf:
        (folder,) = place.iterdir()
        assert folder.stat().st_mode & 0o777 == 0o700
        shutil.rmtree(stick)
        source = shelf.choose(info()).source
        assert len(list(source.blocks(0))) == source.block_count, "the stick is not needed any more"
    assert not list(place.iterdir())


# -- the tool on the stick ------------------------------------------------------------------------------------------------


def fill_bundle(put: Callable[[str, bytes], object], **changed: bytes) -> None:
    files = {"README.txt": b"read me", "start.cmd": b"@echo", "wheels/a-1.0-py3-none-any.whl": b"PK", "requirements.txt": b"a==1"}
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in files.items())
    for name, data in {**files, "SHA256SUMS": sums.encode(), **changed}.items():
        put(name, data)


@pytest.fixture(params=["folder", "archive"])
def tool(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> Callable[..., pathlib.Path]:
    def make(**changed: bytes) -> pathlib.Path:
        path = tmp_path / "bundle"
        if request.param == "archive":
            with zipfile.ZipFile(path, "w") as archive:
                fill_bundle(lambda name, data: archive.writestr(name, data), **changed)
            return path
        (path / "wheels").mkdir(parents=True)
        fill_bundle(lambda name, data: (path / name).write_bytes(data), **changed)
        return path

    return make


@EITHER_WAY
def test_the_tool_goes_along_and_is_checked(
    tmp_path: pathlib.Path, stick: pathlib.Path, tool: Callable[..., pathlib.Path]
) -> None:
    what = Writing(packages=[release(tmp_path, "1.5.0")], tool=tool())
    write(stick, what, TRUST)
    assert {one.state for one in write(stick, what, TRUST)} == {"unchanged"}
    assert (stick / "FWTOOL/TOOL/wheels/a-1.0-py3-none-any.whl").read_bytes() == b"PK"
    assert check(stick, TRUST).error is None
    place = stick / "FWTOOL" / "TOOL"
    save(place / "start.cmd", b"@format c:")
    save(place / "wheels" / "evil.whl", b"PK")
    (place / "requirements.txt").unlink()
    found = {v.path: v.detail for v in check(stick, TRUST).verdicts if v.error}
    assert {path: detail.split(" is ")[1].split(":")[0] for path, detail in found.items()} == {
        "FWTOOL/TOOL/start.cmd": "damaged", "FWTOOL/TOOL/wheels/evil.whl": "not part of the bundle",
        "FWTOOL/TOOL/requirements.txt": "missing",
    }  # fmt: skip
    write(stick, what, TRUST)
    assert check(stick, TRUST).error is None, "what does not belong to the tool is gone, the rest is mended"
    assert not (place / "wheels" / "evil.whl").exists()
    (place / "SHA256SUMS").unlink()
    assert check(stick, TRUST).error is not None


@pytest.mark.parametrize(
    "changed", [{"start.cmd": b"@format"}, {"more": b"x"}, {"SHA256SUMS": b"nonsense"}, {"SHA256SUMS": b"\xff"}]
)
def test_a_bundle_that_is_not_whole_is_not_written(
    stick: pathlib.Path, tool: Callable[..., pathlib.Path], changed: dict[str, bytes]
) -> None:
    with pytest.raises(FormatError):
        write(stick, Writing(tool=tool(**changed)), TRUST)
    assert not there(stick)


def test_what_is_no_bundle_is_called_so(tmp_path: pathlib.Path, stick: pathlib.Path) -> None:
    for raw in (b"", b"PK\x05\x06", b"no archive", make_package()):
        with pytest.raises(FormatError) as caught:
            write(stick, Writing(tool=save(tmp_path / "b", raw)), TRUST)
        assert caught.value.name == "unsupported_format"
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        fill_bundle(lambda name, data: archive.writestr(name, data), **{"../../evil": b"x"})
    with pytest.raises(FormatError):
        write(stick, Writing(tool=tmp_path / "evil.zip"), TRUST)


@pytest.mark.parametrize(
    "line", ["", "x", "0" * 64, f"{'0' * 64}  ../x", f"{'0' * 64}  /x", f"{'0' * 64}  a/b/c/d/e", f"{'g' * 64}  a"]
)
def test_lists_of_digests_are_read_strictly(line: str) -> None:
    with pytest.raises(FormatError):
        bundle.read_sums(f"{'0' * 64}  good\n{line}\n".encode())


# -- end to end -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def releases(run: Fwtool, keys: pathlib.Path) -> pathlib.Path:
    for version, counter in (("1.4.2", "3"), ("1.5.0", "4")):
        elf = firmware_samples.path(f"built/vt100-{version}.elf")
        numbers = ("--version", version, "--hardware", "VT-100:1..9", "--security-counter", counter)
        assert run("image", "build", f"app={elf}", *numbers, "--out", f"{version}.fwp").code == 0
        assert run("image", "sign", f"{version}.fwp", "--key", "maker.pem").code == 0
    return keys


@pytest.mark.parametrize("listen", ["pty", "tcp:127.0.0.1:0"])
def test_from_the_stick_to_the_terminal(
    run: Fwtool, releases: pathlib.Path, stick: pathlib.Path, simulate: Simulate, listen: str
) -> None:
    assert run("trust", "install", "maker.trust").code == 0
    written = run("stick", "write", "1.4.2.fwp", "1.5.0.fwp", "stick", "--json").result
    assert written["changed"] is True
    assert run("stick", "write", "1.4.2.fwp", "1.5.0.fwp", "stick", "--json").result["changed"] is False
    assert run("stick", "check", "stick", "--json").result["ok"]
    sim = simulate("--listen", listen, "--firmware", "1.4.2.fwp")
    planned = run("flash", "--stick", "stick", "--port", sim.port, "--dry-run", "--json").result["data"]["devices"][0]
    assert (planned["verdict"], planned["from_stick"]["package"][:24]) == ("planned", "FWTOOL/FW_VT-100_1.5.0_c")
    done = run("flash", "--stick", "stick", "--port", sim.port, "--technician", "Li Wei", "--json").result
    device = done["data"]["devices"][0]
    assert (device["version_before"], device["version_after"], device["verdict"]) == ("1.4.2", "1.5.0", "updated")
    assert [one["path"][:24] for one in device["from_stick"]["not_taken"]] == ["FWTOOL/FW_VT-100_1.4.2_c"]
    again = run("flash", "--stick", "stick", "--port", sim.port, "--json").result
    assert (again["ok"], again["changed"]) == (True, False)
    entries = run("log", "show", "--json").result["data"]["entries"]
    assert [(one["kind"], one["package"]) for one in entries] == [
        (kind, device["from_stick"]["package"]) for kind in ("started", "finished", "finished")
    ]
    assert entries[0]["from_stick"] == device["from_stick"]
    assert entries[0]["digest"] == run("image", "show", "1.5.0.fwp", "--json").result["data"]["digest"]


def test_a_stick_for_other_terminals_sends_nothing_but_questions(
    run: Fwtool, releases: pathlib.Path, stick: pathlib.Path, simulate: Simulate
) -> None:
    shutil.copy(releases / "1.5.0.fwp", stick)
    sim = simulate("--listen", "tcp:127.0.0.1:0", "--firmware", "1.4.2.fwp", "--revision", "3")
    shutil.copy(releases / "1.4.2.fwp", stick / "old.fwp")
    (stick / "1.5.0.fwp").write_bytes(make_package(version="1.5.0", hardware="VT-100", signers=[STRANGER]))
    assert run("flash", "1.5.0.fwp", "--port", sim.port, "--trust", "maker.trust").code == 0
    arguments = ("--stick", "stick", "--port", sim.port, "--trust", "maker.trust", "--trace", "line.jsonl", "--json")
    refused = run("flash", *arguments).result
    assert (refused["exit_code"], refused["error"]["name"], refused["changed"]) == (6, "rollback", False)
    spoken = run("trace", "show", "line.jsonl").out
    assert "INFO" in spoken
    assert not [word for word in ("BEGIN", "DATA one_way", "FINISH", "RESET", "CONFIRM") if word in spoken]
    entry = run("log", "show", "--json", "--last", "1").result["data"]["entries"][0]
    assert (entry["kind"], entry["error"], entry["package"]) == ("refused", "rollback", "stick stick")
    assert run("info", "--port", sim.port, "--json").result["data"]["version"] == "1.5.0"


@pytest.mark.parametrize(
    "arguments",
    [("flash", "--port", "sim:"), ("flash", "x.fwp", "--stick", "stick", "--port", "sim:"), ("stick", "write", "stick")],
)
def test_what_cannot_be_meant_is_a_usage_error(
    run: Fwtool, keys: pathlib.Path, stick: pathlib.Path, arguments: Sequence[str]
) -> None:
    extra = ("--trust", "maker.trust") if arguments[0] == "flash" else ()
    assert run(*arguments, *extra, "--json").result["exit_code"] == 2


def test_several_terminals_take_a_package_by_name(run: Fwtool, keys: pathlib.Path, stick: pathlib.Path) -> None:
    ports = ("--port", "socket://127.0.0.1:1", "--port", "socket://127.0.0.1:2")
    assert run("flash", "--stick", "stick", *ports, "--trust", "maker.trust", "--json").result["exit_code"] == 2
