"""The store of records under stress: many writers, killed writers, a full disk (F17), and card numbers in what it is given."""

import contextlib
import itertools
import math
import os
import pathlib
import random
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from formats import keys
from formats.errors import LocalError
from fwtool.flashing import FlashJob, flash
from fwtool.records import Entry, Records
from fwtool.records.station import known_key
from fwtool.records.verify import Verdict, verify
from hwsim import pipe as sim
from tests.bench_parts import TRUST
from tests.support import ROOT, make_package, pattern

JOB = "0198c0de-0000-7000-8000-000000000000"


def verified(folder: pathlib.Path) -> Verdict:
    records, key = Records(folder), known_key(folder)
    with records.contents() as contents:
        return verify(contents, [key] if key else [])


def python(code: str, *arguments: object) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], cwd=ROOT, stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL
    )


# -- many writers, killed writers ------------------------------------------------------------------------------------------

WRITER = """
import sys
from fwtool.records import Records, new_job_id
records = Records(sys.argv[1])
for number in range(int(sys.argv[2])):
    job = new_job_id()
    for kind in ("started", "finished"):
        records.append(job, kind, {"act": "test", "number": number})
"""
ENDLESS = """
import sys
from fwtool.records import Records, new_job_id
records = Records(sys.argv[1])
while True:
    job = new_job_id()
    records.append(job, "started", {"act": "test"})
    print("started", flush=True)
    records.append(job, "finished", {"act": "test"})
"""


def test_eight_processes_write_one_chain_signed_with_one_key(tmp_path: pathlib.Path) -> None:
    """The store does not exist yet when they start: all of them make it, and the key."""
    writers = [python(WRITER, tmp_path, 100) for _ in range(8)]
    assert [writer.wait(timeout=120) for writer in writers] == [0] * 8
    for writer in writers:
        assert writer.stdout
        writer.stdout.close()
    found = verified(tmp_path)
    assert (found.flaws, found.entries, found.heads, found.unfinished) == ((), 8 * 200, 8 * 100, ())


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs signals")
def test_kill_9_in_the_middle_of_appends_leaves_a_whole_chain_and_names_the_job(tmp_path: pathlib.Path) -> None:
    chance = random.Random(1)
    for _ in range(8):
        writer = python(ENDLESS, tmp_path)
        assert writer.stdout
        for _ in range(chance.randrange(1, 8)):
            assert writer.stdout.readline() == "started\n"
        time.sleep(chance.random() * 0.02)
        writer.kill()
        writer.wait()
        writer.stdout.close()
    Records(tmp_path).append(JOB, "started", {"act": "flash", "serial_number": "VT-1"})
    found = verified(tmp_path)
    assert found.flaws == ()
    assert len(found.unfinished) <= 9, "one for each that was killed, and ours"
    assert found.unfinished[-1]._replace(time="") == (found.entries, JOB, "", "flash", "VT-1")
    Records(tmp_path).append(JOB, "finished", {})
    assert len(verified(tmp_path).unfinished) == len(found.unfinished) - 1


# -- F17 ------------------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def store_with(prepare: Callable[[sqlite3.Connection], object], kind: type[sqlite3.Connection]) -> Iterator[None]:
    """Every connection to a store is of this kind, and prepared."""
    with pytest.MonkeyPatch.context() as patch:
        connect = sqlite3.connect

        def connected(*arguments: Any, **options: Any) -> sqlite3.Connection:
            database: sqlite3.Connection = connect(*arguments, factory=kind, **options)
            prepare(database)
            return database

        patch.setattr(sqlite3, "connect", connected)
        yield


NEW = pattern(900, 1)


class Unit(NamedTuple):
    """A simulated terminal whose cells lie in a file, and an update for it."""

    job: FlashJob
    cells: pathlib.Path

    @property
    def written(self) -> bool:
        """Something of the new image is in the cells."""
        return (self.cells / "flash.bin").exists() and NEW[:32] in (self.cells / "flash.bin").read_bytes()

    def renew(self) -> None:
        shutil.rmtree(self.cells, ignore_errors=True)
        sim._machines.clear()


@pytest.fixture
def unit(tmp_path: pathlib.Path) -> Unit:
    (tmp_path / "trust").write_bytes(TRUST.raw)
    (tmp_path / "old.fwp").write_bytes(make_package(version="1.0.0", counter=7))
    (tmp_path / "new.fwp").write_bytes(make_package([NEW], version="1.1.0", counter=8))
    port = f"sim:?trust={tmp_path / 'trust'}&firmware={tmp_path / 'old.fwp'}&state={tmp_path / 'terminal'}&baud=921600"
    return Unit(FlashJob(package=tmp_path / "new.fwp", port=port, trust=TRUST), tmp_path / "terminal")


def test_f17_a_full_disk_at_started_and_nothing_is_flashed(unit: Unit, tmp_path: pathlib.Path) -> None:
    """SQLite's own limit on pages stands in for the disk: what it says is what it says of a full one."""
    records = Records(tmp_path / "state")
    records.append(JOB, "started", {})
    with store_with(lambda database: database.execute("PRAGMA max_page_count = 1"), sqlite3.Connection):
        with pytest.raises(LocalError):
            while True:  # until the last page is full
                records.append(JOB, "refused", {})
        with pytest.raises(LocalError) as caught:
            flash(unit.job, records)
    assert (caught.value.name, caught.value.exit_code) == ("disk", 9)
    assert "full" in caught.value.message
    assert "Nothing has been sent" in caught.value.hint
    assert not unit.written
    assert verified(tmp_path / "state").flaws == ()
    flash(unit.job, records)
    assert unit.written


def test_f17_every_act_on_the_store_fails_once(unit: Unit, tmp_path: pathlib.Path) -> None:
    """Whichever statement fails: where there is no `started` entry nothing was written, and the error says which it is."""

    class Failing(sqlite3.Connection):
        """Connections that fail together at one statement."""

        left = 0

        def execute(self, *arguments: Any) -> sqlite3.Cursor:
            Failing.left -= 1
            if Failing.left == 0:
                raise sqlite3.OperationalError("disk I/O error")
            return super().execute(*arguments)

    def attempt(folder: pathlib.Path) -> LocalError | None:
        unit.renew()
        try:
            with store_with(lambda database: None, Failing):
                flash(unit.job, Records(folder))
        except LocalError as error:
            return error
        return None

    outcomes = set()
    for step in itertools.count(1):
        folder = tmp_path / f"state-{step}"
        Failing.left = step
        error = attempt(folder)
        kinds = [entry.kind for entry in Records(folder).entries()]
        assert verified(folder).flaws == ()
        assert "started" in kinds or not unit.written, step
        if error is None:
            break
        assert error.name == "disk"
        assert ("Nothing has been sent" in error.hint) == (not unit.written), step
        outcomes.add((unit.written, *kinds))
    assert step > 15
    assert kinds == ["started", "finished"]
    assert outcomes == {(False,), (False, "refused"), (True, "started", "finished")}


def test_f17_a_key_that_cannot_be_used_stops_before_anything_is_sent(unit: Unit, tmp_path: pathlib.Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "station.pem").write_text("no key")
    with pytest.raises(LocalError) as caught:
        flash(unit.job, Records(tmp_path / "state"))
    assert (caught.value.name, unit.written) == ("record_damaged", False)


# -- the key --------------------------------------------------------------------------------------------------------------


def test_the_key_is_made_once_and_is_private(tmp_path: pathlib.Path) -> None:
    mask = os.umask(0)
    try:
        Records(tmp_path).append(JOB, "started", {})
    finally:
        os.umask(mask)
    private, public = tmp_path / "station.pem", tmp_path / "station.pub.pem"
    made = private.read_bytes()
    if os.name != "nt":
        assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert keys.read_private(made).public == keys.read_public(public.read_bytes())
    assert keys.read_private(made).public.algorithm == "ed25519"
    Records(tmp_path).append(JOB, "finished", {})
    assert private.read_bytes() == made


# -- what is written ------------------------------------------------------------------------------------------------------


def card_number(chance: random.Random) -> str:
    """A number with a right check digit (ISO/IEC 7812-1, annex B), made here so that none stands in a file."""
    digits = [chance.randrange(1, 10), *(chance.randrange(10) for _ in range(chance.randrange(11, 18)))]
    doubled = [2 * digit - 9 * (digit > 4) if place % 2 == 0 else digit for place, digit in enumerate(reversed(digits))]
    return "".join(map(str, [*digits, -sum(doubled) % 10]))


def test_a49_no_card_number_goes_into_the_store(tmp_path: pathlib.Path) -> None:
    chance, records, planted = random.Random(49), Records(tmp_path), []
    for _ in range(40):
        one, two, three, four, five = (card_number(chance) for _ in range(5))
        planted += [one, two, three, four, five]
        grouped = " ".join(two[at : at + 4] for at in range(0, len(two), 4))
        records.append(
            JOB, "started", {"serial_number": one, "message": f"卡号 {grouped}。", "list": [{"deep": ("x", f"ab{three}")}]}
        )
        records.append(JOB, "finished", {"count": int(four), f"seen {five}": True, "digest": one})
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir()).replace(b" ", b"")
    assert len(planted) == 200
    for number in planted:
        assert number.encode() not in stored
    for entry in records.entries():
        if entry.kind == "started":
            assert entry.body["serial_number"].startswith("00000000"), "the last four digits stay"
    assert verified(tmp_path).flaws == ()


def stored_as(folder: pathlib.Path, value: object, name: str = "value") -> Any:
    Records(folder).append(JOB, "started", {name: value})
    return newest(folder).body[name]


def newest(folder: pathlib.Path) -> Entry:
    return Records(folder).entries(last=1)[0]


def test_everything_else_is_stored_as_it_is(tmp_path: pathlib.Path) -> None:
    digest = "4" * 3 + "0123456789" * 6 + "a"  # digits enough for a card number in it, and yet none
    for value in (0, -5, 10**15 + 1, 2.5, 0.3333333333333333, 12.0, True, None, "李伟 1.10.0", [1, 2, [3]], {"a": {"b": 1}}):
        assert stored_as(tmp_path, value) == value
        assert type(stored_as(tmp_path, value)) is type(value)
    assert stored_as(tmp_path, digest, "package_digest") == digest
    assert stored_as(tmp_path, math.inf) is None
    assert stored_as(tmp_path, "name\udcff.fwp") == "name\\udcff.fwp", "a file name of another age"
    assert verified(tmp_path).flaws == ()


def test_a_job_keeps_its_id_whatever_its_body_says(tmp_path: pathlib.Path) -> None:
    """An id can look like a card number, and a body may bring a field of that name: the entry has the id all the same."""
    job = "41111111-1111-1111-8000-000000000000"
    entry = Records(tmp_path).append(job, "started", {"job": job, "kind": "other", "schema": 99})
    assert (entry.job, entry.kind, entry.body["job"], entry.body["schema"]) == (job, "started", job, 1)
    assert Records(tmp_path).entries()[0].job == job
