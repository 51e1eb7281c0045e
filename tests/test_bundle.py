"""`make bundle`: the tool with all it needs, which starts from a stick, without network, on a computer that has only Python."""

import hashlib
import importlib.util
import os
import pathlib
import platform
import re
import subprocess
import sys
import zipfile
from types import ModuleType

import pytest

from fwtool.stick.check import check
from fwtool.stick.names import is_safe
from fwtool.stick.write import Writing, write
from tests.support import KEY, ROOT, make_package, need, trust_of

pytestmark = pytest.mark.skipif(not (ROOT / "tools" / "bundle.py").exists(), reason="needs the checkout, not the wheel")
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
LOCK = """\
# comment
one==1.0 \\
    --hash=sha256:aa \\
    --hash=sha256:bb
    # via nobody
two==2.0 ; sys_platform == 'win32' \\
    --hash=sha256:cc
three==3.0 ; python_version < '3.12' and platform_system != 'Darwin' \\
    --hash=sha256:dd
"""


@pytest.fixture(scope="module")
def bundle() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fwtool_tools_bundle", ROOT / "tools" / "bundle.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("system", "python", "names"),
    [
        ("windows", "3.11", ["one", "two", "three"]), ("windows", "3.13", ["one", "two"]), ("linux", "3.11", ["one", "three"]),
        ("linux", "3.12", ["one"]), ("macos", "3.11", ["one"]),
    ],
)  # fmt: skip
def test_markers_are_judged_for_the_system_the_wheels_are_for(
    bundle: ModuleType, system: str, python: str, names: list[str]
) -> None:
    lines = bundle.needed(LOCK, bundle.SYSTEMS[system], python).splitlines()
    assert [line.split("==")[0] for line in lines] == names
    assert lines[0] == "one==1.0 --hash=sha256:aa --hash=sha256:bb"
    assert all(";" not in line and "--hash=sha256:" in line for line in lines)


def test_the_lock_file_asks_for_something_on_windows_only(bundle: ModuleType) -> None:
    """The reason for all this: pip itself looks at the markers of the system it runs on."""
    lock = bundle.LOCK.read_text()
    assert "colorama==" in bundle.needed(lock, bundle.SYSTEMS["windows"], "3.12")
    assert "colorama==" not in bundle.needed(lock, bundle.SYSTEMS["linux"], "3.12")


@pytest.fixture(scope="module")
def bare(bundle: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A bundle with our wheel only, and a frozen build for Linux that is a shell script; needs no network."""
    frozen = tmp_path_factory.mktemp("frozen") / "built"
    frozen.write_text('#!/bin/sh\necho frozen "$@"\n')
    path: pathlib.Path = bundle.make(tmp_path_factory.mktemp("bare"), [], ["3.11", "3.13"], {"linux": frozen})
    return path


def test_a_bundle_is_whole_and_the_same_every_time(
    bundle: ModuleType, bare: pathlib.Path, tmp_path: pathlib.Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    need("sha256sum")
    subprocess.run(["sha256sum", "-c", "--quiet", "--strict", "SHA256SUMS"], cwd=bare, check=True)
    listed = {line.split("  ")[1] for line in (bare / "SHA256SUMS").read_text().splitlines()}
    found = {path.relative_to(bare).as_posix() for path in bare.rglob("*") if path.is_file()}
    assert found == listed | {"SHA256SUMS"}
    assert all(is_safe(part) for path in found for part in path.split("/"))
    archive = bare.with_name(bare.name + ".zip")
    with zipfile.ZipFile(archive) as opened:
        assert {name: opened.read(name) for name in opened.namelist()} == {name: (bare / name).read_bytes() for name in found}
    again = bundle.make(tmp_path, [], ["3.11", "3.13"], {"linux": bare / "frozen" / "linux" / "fwtool"})
    assert archive.read_bytes() == again.with_name(again.name + ".zip").read_bytes()


def test_no_file_of_ours_names_a_host_or_this_machine(bare: pathlib.Path) -> None:
    for name in ("start.sh", "start.cmd", "README.txt", "requirements.txt"):
        text = (bare / name).read_text(encoding="utf-8-sig")
        assert "://" not in text
        assert str(ROOT) not in text
        assert "@ID@" not in text
        assert not re.search(r"@[A-Z]+@", text)
    (wheel,) = (bare / "wheels").glob("fwtool_terminal-*.whl")
    line = (bare / "requirements.txt").read_text().splitlines()[-1]
    assert line == f"fwtool-terminal=={wheel.name.split('-')[1]} --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}"
    with zipfile.ZipFile(wheel) as archive:
        assert not [name for name in archive.namelist() if str(ROOT).encode() in archive.read(name)]


def test_the_windows_start_file_is_sound(bare: pathlib.Path) -> None:
    """Nobody runs it here: ASCII, CRLF, every label there, and the same environment as the other one."""
    raw = (bare / "start.cmd").read_bytes()
    text = raw.decode("ascii")
    assert raw.count(b"\n") == raw.count(b"\r\n") > 20
    assert set(re.findall(r"goto :?(\w+)", text)) <= set(re.findall(r"^:(\w+)\r$", text, re.MULTILINE))
    marks = [set(re.findall(r"tool-([0-9a-f]{12})", file)) for file in (text, (bare / "start.sh").read_text())]
    assert marks[0] == marks[1]
    assert len(marks[0]) == 1
    for option in ("--no-index", "--require-hashes", "--no-deps", "--isolated"):
        assert option in text
        assert option in (bare / "start.sh").read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="the build in the bundle is for Linux")
def test_a_frozen_build_needs_no_python(bare: pathlib.Path, tmp_path: pathlib.Path) -> None:
    (tmp_path / "bin").mkdir()
    for tool in ("sh", "dirname", "uname", "mkdir", "cp", "chmod"):
        (tmp_path / "bin" / tool).symlink_to(need(tool))
    for arguments, said in (([], "frozen visit\n"), (["flash", "--stick", "a b"], "frozen flash --stick a b\n")):
        done = subprocess.run(
            [tmp_path / "bin" / "sh", bare / "start.sh", *arguments], env={"HOME": str(tmp_path), "PATH": str(tmp_path / "bin")},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert done.stdout == said


@pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() != "x86_64" or HERE not in ("3.11", "3.12", "3.13"),
    reason="starts what is made for Linux on x86-64",
)
def test_the_tool_starts_from_a_stick_without_network(bundle: ModuleType, tmp_path: pathlib.Path) -> None:
    """Made with the network there is, written to a stick, and started where there is none."""
    try:
        made = bundle.make(tmp_path / "out", ["linux"], [HERE], {})
    except SystemExit as error:
        if re.search("connection|resolution|resolve|unreachable|timed out|No matching distribution", str(error), re.IGNORECASE):
            pytest.skip("no network to fetch wheels from")
        raise
    stick, home = tmp_path / "stick", tmp_path / "home"
    stick.mkdir()
    home.mkdir()
    (tmp_path / "x.fwp").write_bytes(make_package())
    trust = trust_of(KEY)
    write(stick, Writing(packages=[tmp_path / "x.fwp"], tool=made.with_name(made.name + ".zip")), trust)
    assert check(stick, trust).error is None
    alone = (
        ["unshare", "-n"] if subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False).returncode == 0 else []
    )
    environment = {"HOME": str(home), "PATH": os.environ["PATH"], "PIP_NO_INDEX": "1", "LANG": "C.UTF-8"}
    start = [*alone, "sh", str(stick / "FWTOOL" / "TOOL" / "start.sh")]
    before = {path: path.stat().st_mtime_ns for path in stick.rglob("*")}
    for _ in range(2):
        done = subprocess.run([*start, "--version"], env=environment, capture_output=True, text=True, check=False, timeout=300)
        assert (done.returncode, done.stdout.split()[0]) == (0, "fwtool"), done.stderr
    assert done.stderr == "", "the second start has nothing to set up"
    checked = subprocess.run([*start, "stick", "check", str(stick)], env=environment, capture_output=True, text=True, check=False)
    assert (checked.returncode, "integrity only" in checked.stdout) == (0, True), checked.stderr
    assert {path: path.stat().st_mtime_ns for path in stick.rglob("*")} == before
