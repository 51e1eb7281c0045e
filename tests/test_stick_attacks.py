"""Hostile and failing sticks: threats A41 to A44, faults F17 and F20, each by its number.

The terminal in these tests is a tripwire: whoever calls it has failed, unless the test says that a good package was left.
"""

import contextlib
import errno
import io
import itertools
import os
import pathlib
import random
import shutil
import socket
import stat
import subprocess
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from formats.errors import FormatError, LocalError, ToolError, TrustError
from formats.fwp.header import Header
from formats.fwp.package import seal
from formats.versions import Version
from fwtool import flashing
from fwtool.flashing import FlashJob, flash
from fwtool.records import Records
from fwtool.stick import media, system
from fwtool.stick.check import check
from fwtool.stick.media import MAX_DEPTH, MAX_ENTRIES
from fwtool.stick.pick import Terminal
from fwtool.stick.shelf import Stick, taken
from fwtool.stick.stick_file import LeftAlone
from fwtool.stick.survey import MAX_PACKAGES
from fwtool.stick.write import Writing, write
from tests.bench_parts import TRUST
from tests.conftest import Fwtool, Sim
from tests.stick_faults import COUNTED, FailAt, FaultyOs, put_in_place, quick, short_reads
from tests.support import STRANGER, make_package, pattern, trust_of
from transports.terminal_records import Facts
from transports.tsp_install import TspUpdate

MIB = 1 << 20
GOOD = make_package([pattern(30_000)], "1.5.0", counter=8)
OTHER = make_package([pattern(30_000, 1)], "1.4.0", counter=8)
Simulate = Callable[..., Sim]


class Called(Exception):
    """A terminal was called."""


@pytest.fixture
def stick(tmp_path: pathlib.Path) -> pathlib.Path:
    folder = tmp_path / "stick"
    folder.mkdir()
    return folder


@pytest.fixture
def outside(tmp_path: pathlib.Path) -> pathlib.Path:
    """A good, signed package that is not on the stick."""
    path = tmp_path / "outside.fwp"
    path.write_bytes(make_package([pattern(20_000, 2)], "9.0.0", counter=9))
    return path


@pytest.fixture
def tripwire(monkeypatch: pytest.MonkeyPatch) -> None:
    def called(*arguments: object, **options: object) -> None:
        raise Called

    monkeypatch.setattr(flashing, "connect", called)


def install(stick: pathlib.Path) -> ToolError | Called:
    """`flash --stick` with a terminal that must not be called; the one record it leaves is looked at."""
    records = Records(stick.parent / "state")
    before = len(records.entries())
    try:
        flash(FlashJob(Stick(stick), "tripwire", TRUST), records)
    except (ToolError, Called) as error:
        (entry,) = records.entries()[before:]
        assert entry.kind == "refused"
        return error
    raise AssertionError("it cannot have worked")


def versions(stick: pathlib.Path) -> list[str]:
    """What could be installed from it."""
    with taken(Stick(stick), TRUST) as shelf:
        return sorted(str(source.manifest.version) for _, source in shelf._sources)


@contextlib.contextmanager
def small_disk(path: pathlib.Path, size: int) -> Iterator[bool]:
    """A file system of that many bytes at `path`, where this process may mount one."""
    path.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", path]
    mounted = hasattr(os, "geteuid") and not subprocess.run(command, capture_output=True, check=False).returncode
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", path], check=True)


# -- A41: hostile layout ------------------------------------------------------------------------------------------------

Plant = Callable[[pathlib.Path, pathlib.Path], object]


def bind_socket(path: pathlib.Path) -> None:
    with socket.socket(socket.AF_UNIX) as one, contextlib.chdir(path.parent):
        one.bind(path.name)


LAYOUTS: dict[str, Plant] = {
    "link out": lambda path, outside: path.symlink_to(outside),
    "relative link out": lambda path, outside: path.symlink_to(f"../{outside.name}"),
    "link to a folder": lambda path, outside: path.symlink_to(outside.parent),
    "link to the root": lambda path, outside: path.symlink_to("/"),
    "link to itself": lambda path, outside: path.symlink_to(path),
    "link to nothing": lambda path, outside: path.symlink_to("nothing"),
    "fifo": lambda path, outside: os.mkfifo(path),
    "socket": lambda path, outside: bind_socket(path),
    "folder": lambda path, outside: path.mkdir(),
}


@pytest.mark.parametrize("by_path", [False, True], ids=["held", "by path"])
@pytest.mark.parametrize("where", ["x.fwp", "FWTOOL", "FWTOOL/x.fwp", "FWTOOL/TOOL", "FWTOOL/README.txt"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a41_only_regular_files_of_the_stick_are_read(
    stick: pathlib.Path, outside: pathlib.Path, layout: str, where: str, by_path: bool, tripwire: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    if by_path:
        monkeypatch.setattr(system, "open_folder", lambda name, inside, follow=False: None)
    place = stick / where
    place.parent.mkdir(exist_ok=True)
    LAYOUTS[layout](place, outside)
    error = install(stick)
    assert isinstance(error, LocalError)
    assert "no firmware package" in error.message
    found = {verdict.path: verdict for verdict in check(stick, TRUST).verdicts}
    if layout != "folder":
        assert found[where].outcome == "foreign"
        assert "left alone" in found[where].detail
    (stick / "good").write_bytes(GOOD)
    assert versions(stick) == ["1.5.0"]
    assert isinstance(install(stick), Called)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("where", ["FWTOOL", "FWTOOL/README.txt", "FWTOOL/TOOL", "FWTOOL/{name}", "FWTOOL/{name}.part"])
def test_a41_nothing_is_written_outside_the_stick(
    stick: pathlib.Path, outside: pathlib.Path, tmp_path: pathlib.Path, layout: str, where: str
) -> None:
    (tmp_path / "good.fwp").write_bytes(GOOD)
    tool = tmp_path / "tool"
    tool.mkdir()
    (tool / "SHA256SUMS").write_bytes(b"")
    probe = tmp_path / "probe"
    probe.mkdir()
    name = next(one.path for one in write(probe, Writing(packages=[tmp_path / "good.fwp"]), TRUST)).rsplit("/", 1)[1]
    place = stick / where.format(name=name)
    place.parent.mkdir(exist_ok=True)
    LAYOUTS[layout](place, outside)
    before = {path: path.stat().st_mtime_ns for path in (outside, tmp_path, stick.parent)}, outside.read_bytes()
    with contextlib.suppress(LocalError):
        write(stick, Writing(packages=[tmp_path / "good.fwp"], tool=tool, replace=True), TRUST)
    assert ({path: path.stat().st_mtime_ns for path in before[0]}, outside.read_bytes()) == before
    for path in stick.rglob("*.fwp"):
        if path.is_file() and not path.is_symlink():
            assert path.read_bytes() == GOOD, "whole or not there"


def test_a41_hard_links_harm_nobody(stick: pathlib.Path, tmp_path: pathlib.Path, tripwire: None) -> None:
    """Their content is what is judged; and nothing is ever written into a file that is there."""
    secret = tmp_path / "secret"
    secret.write_bytes(b"a secret of this computer" * 100)
    (stick / "FWTOOL").mkdir()
    (tmp_path / "good.fwp").write_bytes(GOOD)
    write(stick, Writing(packages=[tmp_path / "good.fwp"]), TRUST)
    for path in stick.glob("FWTOOL/*"):
        path.unlink()
        os.link(secret, path)
    error = install(stick)
    assert isinstance(error, LocalError)
    assert "secret" not in str([verdict.detail for verdict in check(stick, TRUST).verdicts])
    write(stick, Writing(packages=[tmp_path / "good.fwp"]), TRUST)
    assert secret.read_bytes() == b"a secret of this computer" * 100
    assert versions(stick) == ["1.5.0"]


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs POSIX")
def test_a41_device_nodes_are_left_alone(stick: pathlib.Path, tripwire: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """As root a real node is made; without that right the stick says that a file is one."""
    opened: list[str] = []

    def watch(real: Any, name: str, *rest: Any, **options: Any) -> Any:
        opened.append(str(name))
        return real(name, *rest, **options)

    def as_device(real: Any, name: str, *rest: Any, **options: Any) -> Any:
        status = real(name, *rest, **options)
        if name != "node":
            return status
        return os.stat_result((stat.S_IFCHR | 0o666, *status[1:]))

    node = stick / "node"
    try:
        os.mknod(node, stat.S_IFCHR | 0o666, os.makedev(1, 5))
        put_in_place(monkeypatch, FaultyOs(open=watch))
    except PermissionError:
        node.write_bytes(GOOD)
        put_in_place(monkeypatch, FaultyOs(open=watch, stat=as_device))
    assert isinstance(install(stick), LocalError)
    assert "node" not in opened, "a look must not start a device"


@pytest.mark.parametrize("layout", [name for name in LAYOUTS if name != "folder"])
def test_a41_without_no_follow_a_name_is_looked_at_before_it_is_opened(
    stick: pathlib.Path, outside: pathlib.Path, layout: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Windows, where open knows neither O_NOFOLLOW nor O_NONBLOCK."""
    monkeypatch.setattr(system, "open_folder", lambda name, inside, follow=False: None)
    monkeypatch.setattr(system, "open_file", lambda name, inside: os.open(name, os.O_RDONLY))
    LAYOUTS[layout](stick / "x", outside)
    with media.Folder.root(stick) as root:
        for act in (root.open, root.folder):
            with pytest.raises(LeftAlone):
                act("x")


def test_a41_a_file_that_turns_into_something_else_before_it_is_opened(
    stick: pathlib.Path, outside: pathlib.Path, tripwire: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, plant in LAYOUTS.items():
        victim = stick / "x.fwp"
        victim.write_bytes(GOOD)

        def swap(real: Any, path: str, *rest: Any, _plant: Plant = plant, _victim: pathlib.Path = victim, **options: Any) -> Any:
            if path == "x.fwp" and _victim.is_file() and not _victim.is_symlink():
                _victim.unlink()
                _plant(_victim, outside)
            return real(path, *rest, **options)

        with monkeypatch.context() as patch:
            put_in_place(patch, FaultyOs(open=swap))
            start = time.monotonic()
            error = install(stick)
            assert time.monotonic() - start < 5
        assert isinstance(error, LocalError), name
        shutil.rmtree(victim) if victim.is_dir() and not victim.is_symlink() else victim.unlink()


def test_a41_a_folder_that_turns_into_a_link_before_it_is_opened(
    stick: pathlib.Path, outside: pathlib.Path, tmp_path: pathlib.Path, tripwire: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copy(outside, elsewhere / "x.fwp")
    (stick / "FWTOOL").mkdir()

    def swap(real: Any, path: str, *rest: Any, **options: Any) -> Any:
        if path == "FWTOOL" and not (stick / path).is_symlink():
            (stick / path).rmdir()
            (stick / path).symlink_to(elsewhere)
        return real(path, *rest, **options)

    put_in_place(monkeypatch, FaultyOs(open=swap))
    assert isinstance(install(stick), LocalError)


def test_a41_another_file_system_is_not_entered(
    stick: pathlib.Path, outside: pathlib.Path, tripwire: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real mount where that is allowed; and in any case a stick that says so, of files and of folders."""
    inside = stick / "mounted"
    inside.mkdir()
    mounted = not subprocess.run(["mount", "-t", "tmpfs", "none", inside], capture_output=True, check=False).returncode
    try:
        shutil.copy(outside, inside / "x.fwp")
        shutil.copy(outside, stick / "y.fwp")

        def other_device(real: Any, name: Any, *rest: Any, **options: Any) -> Any:
            status = real(name, *rest, **options)
            if name in ("y.fwp", *([] if mounted else ["mounted"])):
                return os.stat_result((*status[:2], status.st_dev + 1, *status[3:]))
            return status

        put_in_place(monkeypatch, FaultyOs(stat=other_device))
        assert isinstance(install(stick), LocalError)
        found = {verdict.path: verdict.detail for verdict in check(stick, TRUST).verdicts}
        assert found == dict.fromkeys(("mounted", "y.fwp"), "mount point of another file system: left alone")
    finally:
        if mounted:
            subprocess.run(["umount", inside], check=True)


def touch(folder: pathlib.Path, count: int) -> None:
    folder.mkdir()
    for number in range(count):
        os.close(os.open(folder / f"{number:06}", os.O_CREAT | os.O_WRONLY))


def test_a41_a_hundred_thousand_entries(stick: pathlib.Path, tripwire: None) -> None:
    with small_disk(stick, 256 * MIB):  # where that is allowed; it is only faster
        (stick / "FWTOOL").mkdir()
        (stick / "FWTOOL" / "good.fwp").write_bytes(GOOD)
        touch(stick / "full", 100_000)
        tracemalloc.start()
        start = time.monotonic()
        error = install(stick)
        assert time.monotonic() - start < 10
        assert tracemalloc.get_traced_memory()[1] < 64 * MIB
        tracemalloc.stop()
        assert isinstance(error, FormatError)
        assert (error.name, str(MAX_ENTRIES) in error.message) == ("too_large", True)
        with pytest.raises(FormatError):
            check(stick, TRUST)


def test_a41_entries_are_counted_over_all_folders(stick: pathlib.Path, tripwire: None) -> None:
    with small_disk(stick, 256 * MIB):
        for number in range(11):
            touch(stick / str(number), MAX_ENTRIES // 10)
        error = install(stick)
        assert isinstance(error, FormatError)
        assert error.name == "too_large"


def test_a41_folders_without_end(stick: pathlib.Path, tripwire: None) -> None:
    deep = stick.joinpath(*["d"] * MAX_DEPTH)
    deep.mkdir(parents=True)
    (deep / "good").write_bytes(GOOD)
    assert versions(stick) == ["1.5.0"]
    (deep / "d").mkdir()
    error = install(stick)
    assert isinstance(error, FormatError)
    assert error.name == "too_large"


def test_a41_more_packages_than_anybody_needs(stick: pathlib.Path, tripwire: None) -> None:
    for number in range(MAX_PACKAGES + 1):
        (stick / str(number)).write_bytes(GOOD)
    error = install(stick)
    assert isinstance(error, FormatError)
    assert error.name == "too_large"
    (stick / "0").unlink()
    assert versions(stick) == ["1.5.0"]


HOSTILE_NAMES = (
    "x" * 255, "升" * 85, "..fwp", "...", "\x1b[2J.fwp", "a\nb.fwp", "\u202egpj.pwf", "\x9b1m", "=cmd()|'calc'!A1",
    "$(reboot)", "'; DROP TABLE entries; --", "%s%n", "CON", "nul.fwp", "-rf", "\udcff\udcfe.fwp", "A.FWP", "a.fwp", "a.FWP",
)  # fmt: skip


def test_a41_names_are_data(stick: pathlib.Path, tripwire: None) -> None:
    """Long, clashing in case, not in any character set, made to be obeyed: shown harmlessly, otherwise without meaning."""
    for number, name in enumerate(HOSTILE_NAMES):
        (stick / name).write_bytes(make_package(version=f"1.0.{number}"))
    with taken(Stick(stick), TRUST) as shelf:
        assert len(shelf._sources) == len(HOSTILE_NAMES)
        told = shelf.choose(info()).told
    assert all(name.isprintable() for name in (told.package, *(one.path for one in told.not_taken)))
    for verdict in check(stick, TRUST).verdicts:
        assert verdict.path.isprintable()
        assert verdict.path.encode()
        assert verdict.outcome == "good"
    (stick / "\udcff\x1b]0;x").write_bytes(GOOD[:-1] + b"?")
    (stick / "\x1b[31m").symlink_to("\udcff")
    for verdict in check(stick, TRUST).verdicts:
        assert f"{verdict.path}{verdict.detail}".isprintable()
    for name in HOSTILE_NAMES:
        (stick / name).unlink()
    error = install(stick)
    assert isinstance(error, FormatError)
    (entry,) = Records(stick.parent / "state").entries()
    assert entry.body["error"] == "damaged_file"


def test_a41_names_longer_than_the_system_takes(stick: pathlib.Path, tripwire: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """300 characters, as a broken FAT can show them: no call takes such a name back."""

    @contextlib.contextmanager
    def listing(real: Any, folder: Any) -> Iterator[Any]:
        with real(folder) as entries:
            yield itertools.chain(entries, [NamedEntry("x" * 300), NamedEntry("y" * 300 + ".fwp")])

    put_in_place(monkeypatch, FaultyOs(scandir=listing))
    assert isinstance(install(stick), LocalError)
    assert [verdict.outcome for verdict in check(stick, TRUST).verdicts] == ["foreign", "foreign"]
    (stick / "good").write_bytes(GOOD)
    assert versions(stick) == ["1.5.0"]


class NamedEntry:
    """What a listing gives."""

    def __init__(self, name: str) -> None:
        self.name = name


def test_a41_a_file_that_may_not_be_read_is_named(stick: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (stick / "locked.fwp").write_bytes(OTHER)
    (stick / "good.fwp").write_bytes(GOOD)

    def locked(real: Any, name: str, *rest: Any, **options: Any) -> Any:
        if name == "locked.fwp":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return real(name, *rest, **options)

    put_in_place(monkeypatch, FaultyOs(open=locked))
    assert versions(stick) == ["1.5.0"]
    found = {verdict.path: verdict for verdict in check(stick, TRUST).verdicts}
    assert "cannot be read" in found["locked.fwp"].detail


# -- A42: read it twice --------------------------------------------------------------------------------------------------


class TwoFaced(FaultyOs):
    """A stick that answers with another file's bytes from its `turn`-th read on."""

    def __init__(self, turn: int, first: bytes, then: bytes) -> None:
        self.reads = 0
        places: dict[int, int] = {}

        def read(real: Any, descriptor: int, size: int) -> bytes:
            self.reads += 1
            at = places.get(descriptor, 0)
            size = min(size, 4096)
            data = (first if self.reads < turn else then)[at : at + size]
            places[descriptor] = at + len(data)
            return data

        def seek(real: Any, descriptor: int, offset: int, whence: int) -> int:
            base = {os.SEEK_SET: 0, os.SEEK_CUR: places.get(descriptor, 0)}.get(whence)
            places[descriptor] = (len(first if self.reads < turn else then) if base is None else base) + offset
            return places[descriptor]

        def opened(real: Any, *arguments: Any, **options: Any) -> Any:
            descriptor = real(*arguments, **options)
            places[descriptor] = 0
            return descriptor

        super().__init__(read=read, lseek=seek, open=opened)


LIES = {
    "an older release": OTHER,
    "a stranger's": make_package([pattern(30_000, 3)], "1.5.0", counter=8, signers=[STRANGER]),
    "one flipped bit": GOOD[:20_000] + bytes([GOOD[20_000] ^ 1]) + GOOD[20_001:],
    "the same, longer": GOOD + bytes(100),
    "a piece of it": GOOD[:10_000],
    "zeros": bytes(len(GOOD)),
    "nothing": b"",
}


@pytest.mark.parametrize("order", ["good first", "lie first"])
@pytest.mark.parametrize("lie", LIES)
def test_a42_a_stick_that_changes_its_answers_at_every_read(
    stick: pathlib.Path, lie: str, order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is taken is one whole signed package, and what is sent is read from the copy."""
    (stick / "x.fwp").write_bytes(GOOD)
    first, then = (GOOD, LIES[lie]) if order == "good first" else (LIES[lie], GOOD)
    turn, reads, taken_at = 1, 1, []
    while turn <= reads + 1:
        with monkeypatch.context() as patch:
            faulty = TwoFaced(turn, first, then)
            put_in_place(patch, faulty)
            try:
                with taken(Stick(stick), TRUST) as shelf:
                    source = shelf.choose(info()).source
                    sent = b"".join(data for _, data in source.blocks(0))
            except (FormatError, TrustError, LocalError):
                reads = max(reads, faulty.reads)
                turn += 1
                continue
        whole = {b"".join(packed_blocks(raw)): raw for raw in (GOOD, OTHER)}
        assert sent in whole
        assert source.digest == identity(whole[sent])
        taken_at.append(turn)
        reads = max(reads, faulty.reads)
        turn += 1
    assert taken_at, "one face alone is a good stick"
    assert len(taken_at) < turn - 1
    if lie == "an older release":
        assert not {number for number in taken_at if 4 <= number <= reads}, "what was judged is what must be copied"


def packed_blocks(raw: bytes) -> list[bytes]:
    return [data for _, data in seal(io.BytesIO(raw)).open().stored()]


def identity(raw: bytes) -> bytes:
    return seal(io.BytesIO(raw)).digest


def test_a42_a43_what_is_not_signed_is_not_even_copied(
    stick: pathlib.Path, tripwire: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody can fill this computer's disk with a stick."""
    (stick / "x.fwp").write_bytes(make_package([pattern(30_000)], signers=[STRANGER]))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(1, 1, 0))  # type: ignore[attr-defined]
    error = install(stick)
    assert isinstance(error, TrustError)
    (stick / "x.fwp").write_bytes(GOOD)
    error = install(stick)
    assert isinstance(error, LocalError)
    assert error.name == "disk"


@pytest.mark.parametrize("call", ["open", "fstat", "read", "lseek"])
def test_a42_a_swap_of_names_between_any_two_calls(
    stick: pathlib.Path, outside: pathlib.Path, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is replaced by an older signed release before the n-th call, for every n."""
    number, calls, seen = 1, 1, set()
    while number <= calls:
        (stick / "x.fwp").write_bytes(GOOD)
        (stick.parent / "evil").write_bytes(OTHER)
        count = 0

        def swap(real: Any, *arguments: Any, _number: int = number, **options: Any) -> Any:
            nonlocal count
            count += 1
            if count == _number:
                (stick.parent / "evil").replace(stick / "x.fwp")
            return real(*arguments, **options)

        with monkeypatch.context() as patch:
            put_in_place(patch, FaultyOs(**{call: swap}))
            with taken(Stick(stick), TRUST) as shelf:
                ((_, source),) = shelf._sources
                seen.add(str(source.manifest.version))
                assert b"".join(data for _, data in source.blocks(0)) in {b"".join(packed_blocks(raw)) for raw in (GOOD, OTHER)}
        calls, number = count, number + 1
    assert seen == ({"1.4.0"} if call == "open" else {"1.5.0", "1.4.0"} if call == "fstat" else {"1.5.0"})


def test_a42_after_the_copy_the_stick_is_not_looked_at(
    stick: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stick is pulled, and another one put in, at the moment the terminal is called: the copy is installed."""
    (stick / "x.fwp").write_bytes(GOOD)
    real = flashing.connect

    def pulled(*arguments: Any, **options: Any) -> Any:
        shutil.rmtree(stick)
        stick.mkdir()
        (stick / "x.fwp").write_bytes(make_package([pattern(9000, 5)], "7.0.0", counter=9, signers=[STRANGER]))
        put_in_place(monkeypatch, FailAt(1, pulled=True))
        return real(*arguments, **options)

    monkeypatch.setattr(flashing, "connect", pulled)
    result = flash(FlashJob(Stick(stick), terminal(tmp_path), TRUST), Records(tmp_path / "state"))
    assert (result.version_after, result.verdict) == ("1.5.0", "updated")


def terminal(folder: pathlib.Path, **options: str) -> str:
    (folder / "trust").write_bytes(TRUST.raw)
    (folder / "old.fwp").write_bytes(make_package(version="1.0.0", counter=7))
    rest = "".join(f"&{name}={value}" for name, value in options.items())
    return f"sim:?trust={folder / 'trust'}&firmware={folder / 'old.fwp'}{rest}"


def info(model: str = "VT-100", revision: int = 3, version: str = "1.0.0", counter: int = 0) -> Facts:
    return Facts(model, "1", version, vendor="Example", revision=revision, security_counter=counter)


# -- A43: huge, sparse, truncated, failing, pulled -----------------------------------------------------------------------

TIB = 1 << 40


def claiming(manifest: int, table: int, payload: int) -> bytes:
    return Header(manifest, table, payload).build()


@pytest.mark.parametrize(
    "where", ["x.fwp", "FWTOOL/README.txt", "FWTOOL/INDEX.json", "FWTOOL/TOOL/SHA256SUMS", "FWTOOL/ORDER_1.fwo"]
)
@pytest.mark.parametrize(
    "start",
    [
        b"",
        GOOD,
        trust_of(STRANGER).raw,
        claiming(16384, 1 << 30, TIB),
        claiming(1, 64, TIB - 200),
        b"FWTRUST\x01\xff\xff\xff\xff",
    ],
    ids=["zeros", "package", "trust", "claims more", "claims just that", "endless trust"],
)
def test_a43_a_sparse_file_of_a_tebibyte(stick: pathlib.Path, where: str, start: bytes, tripwire: None) -> None:
    place = stick / where
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.open("wb") as file:
        file.write(start)
        file.truncate(TIB)
    tracemalloc.start()
    begin = time.monotonic()
    error = install(stick)
    with contextlib.suppress(FormatError):  # too large for a tool
        check(stick, TRUST)
        check(stick, None)
    assert tracemalloc.get_traced_memory()[1] < 64 * MIB
    tracemalloc.stop()
    assert time.monotonic() - begin < 10
    assert isinstance(error, ToolError)
    assert error.exit_code in (3, 4, 9)


def test_a43_every_truncation(stick: pathlib.Path) -> None:
    raw = make_package([b"short"], "1.5.0")
    for size in range(len(raw)):
        (stick / "x.fwp").write_bytes(raw[:size])
        with pytest.raises((FormatError, LocalError)), taken(Stick(stick), TRUST):
            pass
    (stick / "x.fwp").write_bytes(raw)
    assert versions(stick) == ["1.5.0"]


def test_a43_short_reads_are_no_fault(stick: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (stick / "x.fwp").write_bytes(GOOD)
    put_in_place(monkeypatch, FaultyOs(read=short_reads))
    assert versions(stick) == ["1.5.0"]
    assert check(stick, TRUST).error is None


def test_a43_a_file_that_ends_early(stick: pathlib.Path, tripwire: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """FAT damage: the directory promises more than the chain of clusters holds. At every read call."""
    (stick / "x.fwp").write_bytes(GOOD)
    number, calls = 1, 1
    while number <= calls + 1:
        count = 0

        def ends(real: Any, descriptor: int, size: int, _number: int = number) -> bytes:
            nonlocal count
            count += 1
            return b"" if count >= _number else bytes(real(descriptor, min(size, 2048)))

        with monkeypatch.context() as patch:
            put_in_place(patch, FaultyOs(read=ends))
            error = install(stick)
        if not isinstance(error, Called):
            assert isinstance(error, FormatError | LocalError)
        calls, number = max(calls, count), number + 1
    assert isinstance(error, Called), "after the last read nothing can end any more"


def every_fault(
    act: Callable[[], Any], monkeypatch: pytest.MonkeyPatch, *, pulled: bool, error: int, only: tuple[str, ...] = COUNTED
) -> Iterator[tuple[str, ToolError | Called | None]]:
    """Do it with the n-th call failing, for all n; get the call's name and what was said each time."""
    for number in itertools.count(1):
        with monkeypatch.context() as patch:
            faulty = FailAt(number, pulled=pulled, error=error, only=only)
            put_in_place(patch, faulty)
            try:
                said = act()
            except (ToolError, Called) as caught:
                said = caught
        yield faulty.failed, said
        if not faulty.failed:
            return


@pytest.mark.parametrize(
    ("error", "pulled"), [(errno.EIO, False), (errno.EIO, True), (errno.ENODEV, True), (errno.ENOENT, True), (errno.ESTALE, True)]
)
def test_a43_f20_the_stick_fails_or_is_pulled_at_every_call(
    stick: pathlib.Path, tripwire: None, monkeypatch: pytest.MonkeyPatch, error: int, pulled: bool
) -> None:
    """A clear error, one record, and the terminal is never called; only where nothing failed it is."""
    (stick / "FWTOOL").mkdir()
    for name, raw in (("FWTOOL/a.fwp", GOOD), ("b", OTHER), ("t", TRUST.raw), ("photo", b"x" * 100)):
        (stick / name).write_bytes(raw)
    outcomes = list(every_fault(lambda: install(stick), monkeypatch, pulled=pulled, error=error))
    assert len(outcomes) > 30
    for failed, said in outcomes[:-1]:
        assert isinstance(said, LocalError), (failed, said)
        assert said.exit_code == 9
        assert "stick" in said.message
        assert said.hint
    assert isinstance(outcomes[-1][1], Called)
    for failed, said in every_fault(lambda: check(stick, TRUST), monkeypatch, pulled=pulled, error=error):
        assert isinstance(said, LocalError) if failed else said.error is None  # type: ignore[union-attr]


# -- F17, F20: writing to a stick that fills up, fails, or is pulled ------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "pulled", "name"),
    [
        (errno.EIO, False, "file_unreadable"), (errno.EIO, True, "file_unreadable"), (errno.ENODEV, True, "file_unreadable"),
        (errno.ENOSPC, False, "disk"), (errno.ENOSPC, True, "disk"), (errno.EROFS, True, "permission"),
    ],
)  # fmt: skip
def test_f17_f20_writing_fails_at_every_call(
    stick: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, error: int, pulled: bool, name: str
) -> None:
    """Every package on the stick is whole or not there, what was there before is still there, and doing it again ends well."""
    old, new = tmp_path / "old.fwp", tmp_path / "new.fwp"
    old.write_bytes(OTHER)
    new.write_bytes(GOOD)
    calls = 0
    put_in_place(monkeypatch, FaultyOs(fsync=quick))
    for number in itertools.count(1):
        shutil.rmtree(stick)
        stick.mkdir()
        write(stick, Writing(packages=[old]), TRUST)
        with monkeypatch.context() as patch:
            faulty = FailAt(number, pulled=pulled, error=error)
            put_in_place(patch, faulty)
            said: ToolError | None = None
            try:
                write(stick, Writing(packages=[new], replace=True), TRUST)
            except ToolError as caught:
                said = caught
        found = sorted(path.read_bytes() for path in stick.glob("FWTOOL/*.fwp"))
        assert found in ([OTHER], sorted([OTHER, GOOD]), [GOOD])
        assert found != [OTHER] or said is not None
        if not faulty.failed:
            assert said is None
            break
        assert isinstance(said, LocalError), (number, faulty.failed, said)
        assert said.name in (name, "file_unreadable", "permission"), (faulty.failed, said)
        assert said.hint
        again = write(stick, Writing(packages=[new], replace=True), TRUST)
        assert again
        assert check(stick, TRUST).error is None
        assert [path.read_bytes() for path in stick.glob("FWTOOL/*.fwp")] == [GOOD]
        assert not list(stick.glob("FWTOOL/*.part"))
        calls = number
    assert calls > 40


def test_f17_a_medium_that_loses_what_it_took(
    stick: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worn or faked stick says OK and keeps something else: found by reading back, and nothing gets the name."""
    (tmp_path / "new.fwp").write_bytes(GOOD)

    def forgets(real: Any, descriptor: int, data: Any) -> int:
        return int(real(descriptor, bytes(len(data)) if len(data) > 1000 else data))

    put_in_place(monkeypatch, FaultyOs(write=forgets))
    with pytest.raises(ToolError) as caught:
        write(stick, Writing(packages=[tmp_path / "new.fwp"]), TRUST)
    assert (caught.value.name, caught.value.exit_code) == ("read_back_differs", 10)
    assert not list(stick.glob("FWTOOL/*"))


def test_f17_a_name_is_given_last(stick: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Written, synchronised, opened again past the cache, read, named, the name synchronised: in this order."""
    (tmp_path / "new.fwp").write_bytes(GOOD)
    order: list[str] = []

    def noting(name: str) -> Callable[..., Any]:
        def act(real: Any, *arguments: Any, **options: Any) -> Any:
            order.append(name)
            return real(*arguments, **options)

        return act

    names = ("write", "fsync", "posix_fadvise", "read", "replace")
    put_in_place(monkeypatch, FaultyOs(**{name: noting(name) for name in names if hasattr(os, name)}))
    write(stick, Writing(packages=[tmp_path / "new.fwp"]), TRUST)
    first = [name for name, _ in itertools.groupby(order[order.index("write") :])][: 6 if system.READS_MEDIUM else 5]
    assert [name for name in first if name != "posix_fadvise"] == ["write", "fsync", "read", "replace", "fsync"]
    assert ("posix_fadvise" in first[:3]) is system.READS_MEDIUM


def test_f17_short_writes_are_no_fault(stick: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "new.fwp").write_bytes(GOOD)
    put_in_place(monkeypatch, FaultyOs(write=lambda real, descriptor, data: real(descriptor, data[:1001])))
    write(stick, Writing(packages=[tmp_path / "new.fwp"]), TRUST)
    assert versions(stick) == ["1.5.0"]


def test_f17_a_stick_that_is_really_full(stick: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "big.fwp").write_bytes(make_package([pattern(300_000)]))
    with small_disk(stick, 128 << 10) as mounted:
        if not mounted:
            put_in_place(monkeypatch, FailAt(1, only=("write",), error=errno.ENOSPC))
        with pytest.raises(LocalError) as caught:
            write(stick, Writing(packages=[tmp_path / "big.fwp"]), TRUST)
        assert caught.value.name == "disk"
        if mounted:
            assert not list(stick.iterdir()), "it is seen before"
        monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(1 << 30, 0, 1 << 30))  # type: ignore[attr-defined]
        if not mounted:
            put_in_place(monkeypatch, FailAt(1, only=("write",), error=errno.ENOSPC))
        with pytest.raises(LocalError) as caught:
            write(stick, Writing(packages=[tmp_path / "big.fwp"]), TRUST)
        assert caught.value.name == "disk"
        assert not list(stick.glob("FWTOOL/*")), "nothing half is left"


def test_f17_no_room_for_copies(
    stick: pathlib.Path, tmp_path: pathlib.Path, tripwire: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    (stick / "x.fwp").write_bytes(make_package([pattern(300_000)]))
    place = tmp_path / "tmp"
    with small_disk(place, 128 << 10) as mounted:
        monkeypatch.setattr(tempfile, "tempdir", str(place))
        if not mounted:
            monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(1 << 20, 1 << 20, 0))  # type: ignore[attr-defined]
        error = install(stick)
        assert isinstance(error, LocalError)
        assert error.name == "disk"
        monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(1 << 30, 0, 1 << 30))  # type: ignore[attr-defined]
        if mounted:
            error = install(stick)
            assert isinstance(error, LocalError)
            assert error.name == "disk"
        assert not list(place.iterdir())


def test_f17_nothing_is_sent_from_a_stick_without_a_durable_record(
    stick: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (stick / "x.fwp").write_bytes(GOOD)
    sent: list[object] = []
    monkeypatch.setattr(TspUpdate, "install", lambda *arguments: sent.append(arguments))

    def full(records: Records, job: str, kind: str, body: dict[str, Any]) -> None:
        raise LocalError("no space left", name="disk")

    records = Records(tmp_path / "state")
    monkeypatch.setattr(Records, "append", full)
    with pytest.raises(LocalError):
        flash(FlashJob(Stick(stick), terminal(tmp_path), TRUST), records)
    assert not sent


# -- A44: many releases ---------------------------------------------------------------------------------------------------


def a_hoard(stick: pathlib.Path, outside: pathlib.Path, seed: int) -> dict[str, tuple[str, int, str, str]]:
    """Twenty releases and three hostile ones under random names, in random places, with dates that mislead.

    Returns:
        Version, counter, hardware and least version to update from of each good one, by its path.
    """
    chance = random.Random(seed)
    good: dict[str, tuple[str, int, str, str]] = {}
    folders = [stick, stick / "FWTOOL", stick / "neu" / "alt"]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)

    def plant(raw: bytes, age: float) -> str:
        name = "".join(chance.choices("abcdefghij0123456789", k=12)) + chance.choice(["", ".fwp", ".bin", ".txt", "-v9.9.9.fwp"])
        path = chance.choice(folders) / name
        path.write_bytes(raw)
        os.utime(path, (age, age))
        return str(path.relative_to(stick))

    for number in range(20):
        version = f"{1 + number // 8}.{number % 8}.{chance.randrange(3)}"
        counter = 5 + number // 5
        hardware = chance.choice(["VT-100:1..9", "VT-100:1..4", "VT-100:5..9", "VT-200"])
        least = chance.choice(["0.0.0", "0.0.0", "1.2.0", "2.0.0"])
        raw = make_package(
            [pattern(200, number)], version, hardware, counter, minimum_version=Version.parse(least), package_id=f"id.{number}",
            build_time=number,
        )  # fmt: skip
        good[plant(raw, 2_000_000_000 - number * 1e6)] = (version, counter, hardware, least)
    whole = make_package([pattern(200, 99)], "9.0.0", "VT-100", 99)
    plant(make_package([pattern(200, 98)], "9.9.9", "VT-100", 99, signers=[STRANGER]), 2e9)
    plant(whole[:-150] + bytes([whole[-150] ^ 4]) + whole[-149:], 2e9)
    (stick / "newest.fwp").symlink_to(outside)
    return good


def expected(good: dict[str, tuple[str, int, str, str]], at: Terminal) -> set[str]:
    """By the words of the issue, written down a second time: the versions that may be picked."""

    def number(text: str) -> list[int]:
        return [int(part) for part in text.split(".")]

    running = number(str(at.version))
    fitting = []
    for version, counter, hardware, least in good.values():
        model, _, rest = hardware.partition(":")
        first, last = (int(one) for one in rest.split("..")) if rest else (0, 2**32)
        fits = model == at.model and first <= at.revision <= last
        if fits and counter >= at.security_counter and number(least) <= running <= number(version):
            fitting.append(version)
    return set() if not fitting else {max(fitting, key=number)}


@pytest.mark.parametrize("seed", range(8))
def test_a44_signed_metadata_decides_and_nothing_else(stick: pathlib.Path, outside: pathlib.Path, seed: int) -> None:
    good = a_hoard(stick, outside, seed)
    found = 0
    with taken(Stick(stick), TRUST) as shelf:
        refused = {one.error for one in shelf.refused}
        assert refused == {"bad_signature", "damaged_file"}
        for model, revision, version, counter in itertools.product(
            ["VT-100", "VT-200", "VT-300"], [1, 5, 12], ["1.0.0", "1.2.0", "2.1.0", "3.0.0", "4.0.0"], [0, 6, 8, 9]
        ):
            at = Terminal(model, revision, Version.parse(version), counter)
            wanted = expected(good, at)
            if not wanted:
                with pytest.raises(ToolError) as caught:
                    shelf.choose(info(*at[:2], version, counter))
                assert caught.value.exit_code == 6
                continue
            choice = shelf.choose(info(*at[:2], version, counter))
            found += 1
            assert {str(choice.source.manifest.version)} == wanted, at
            assert good[choice.told.package][0] in wanted
            assert len(choice.told.not_taken) == 19 + 2
            assert all(one.reason for one in choice.told.not_taken)
    assert found > 20


def test_a44_names_and_dates_that_mislead_from_end_to_end(
    run: Fwtool, keys: pathlib.Path, stick: pathlib.Path, simulate: Simulate
) -> None:
    """On the wire: the newest good one, though an older one has the better name and the later date."""
    for version, counter in (("1.4.2", "3"), ("1.5.0", "4"), ("1.4.9", "4")):
        built = ("--version", version, "--hardware", "VT-100:1..9", "--security-counter", counter, "--out", f"{version}.fwp")
        (keys / "app.bin").write_bytes(pattern(20_000, int(version[-1])))
        assert run("image", "build", "app=app.bin@0x0", *built).code == 0
        assert run("image", "sign", f"{version}.fwp", "--key", "maker.pem").code == 0
    shutil.copy(keys / "1.5.0.fwp", stick / "1.0.0-OLD-do-not-use.bak")
    os.utime(stick / "1.0.0-OLD-do-not-use.bak", (1e9, 1e9))
    shutil.copy(keys / "1.4.9.fwp", stick / "VT-100-9.9.9-LATEST.fwp")
    (stick / "VT-100-8.0.0.fwp").write_bytes(make_package(version="8.0.0", hardware="VT-100", counter=50, signers=[STRANGER]))
    sim = simulate("--listen", "tcp:127.0.0.1:0", "--firmware", "1.4.2.fwp")
    done = run("flash", "--stick", "stick", "--port", sim.port, "--trust", "maker.trust", "--json").result
    device = done["data"]["devices"][0]
    assert (device["version_after"], device["from_stick"]["package"]) == ("1.5.0", "1.0.0-OLD-do-not-use.bak")
    assert {one["path"]: one["error"] for one in device["from_stick"]["not_taken"]} == {
        "VT-100-9.9.9-LATEST.fwp": "", "VT-100-8.0.0.fwp": "bad_signature"
    }  # fmt: skip
    assert run("info", "--port", sim.port, "--json").result["data"]["version"] == "1.5.0"


@pytest.mark.parametrize(
    ("hostile", "code"), [("stranger", 4), ("flipped", 3), ("link", 9), ("fifo", 9), ("unsigned", 4), ("nothing", 9)]
)
def test_a41_to_a44_nobody_is_called_where_nothing_is_good(
    run: Fwtool, keys: pathlib.Path, stick: pathlib.Path, outside: pathlib.Path, hostile: str, code: int
) -> None:
    """The real command, and a port that notices every caller."""
    raw = make_package(version="2.0.0")
    plant: dict[str, Callable[[], object]] = {
        "stranger": lambda: (stick / "x.fwp").write_bytes(make_package(signers=[STRANGER])),
        "flipped": lambda: (stick / "x.fwp").write_bytes(raw[:-150] + bytes([raw[-150] ^ 4]) + raw[-149:]),
        "link": lambda: (stick / "x.fwp").symlink_to(outside),
        "fifo": lambda: os.mkfifo(stick / "x.fwp"),
        "unsigned": lambda: (stick / "x.fwp").write_bytes(make_package(signers=[])),
        "nothing": lambda: None,
    }
    plant[hostile]()
    (keys / "trust").write_bytes(TRUST.raw)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = f"socket://127.0.0.1:{listener.getsockname()[1]}"
        done = run("flash", "--stick", "stick", "--port", port, "--trust", "trust", "--json").result
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert (done["exit_code"], done["changed"]) == (code, False)
    entries = run("log", "show", "--json").result["data"]["entries"]
    assert [(one["kind"], one["error"]) for one in entries] == [("refused", done["error"]["name"])]
