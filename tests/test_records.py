"""A48: whatever is done to a log of 200 entries is found, and the place is named. Tampering is done in SQL, on the store."""

import functools
import hashlib
import json
import pathlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator

import pytest

from formats.errors import FormatError
from fwtool.records import Records, new_job_id
from fwtool.records import head as heads
from fwtool.records.chain import Problem
from fwtool.records.station import station_key
from fwtool.records.store import Contents
from fwtool.records.verify import Kept, Verdict, kept, verify
from tests.support import STRANGER, flips

SIZE = 200
EVERY = range(1, SIZE + 1)
Tamper = Callable[[sqlite3.Connection], object]


class Log:
    """A log of 100 jobs, copied into memory, and its key."""

    def __init__(self, folder: pathlib.Path, terminal: str) -> None:
        records = Records(folder)
        for number in range(SIZE // 2):
            job = new_job_id()
            facts = {"act": "flash", "serial_number": f"{terminal}-{number}", "technician": "李伟"}
            records.append(job, "started", facts)
            records.append(job, "finished", {**facts, "verdict": "updated"})
        self.key = station_key(folder)
        self.hashes = [entry.hash for entry in records.entries()]
        self.head = heads.parse(records.newest_head() or b"")
        self.database = sqlite3.connect(":memory:", isolation_level=None)
        with sqlite3.connect(folder / "records.sqlite") as stored:
            stored.backup(self.database)
        stored.close()

    def after(self, *tampering: Tamper | str, elsewhere: Iterable[Kept] = ()) -> Verdict:
        """What is said of the log once it has been tampered with; the log itself stays as it is."""
        self.database.execute("BEGIN")
        try:
            for one in tampering:
                self.database.execute(one) if isinstance(one, str) else one(self.database)
            stored = self.database.execute("SELECT number, head FROM heads ORDER BY number").fetchall()
            return verify(Contents(stored, self.database), [self.key.public], list(elsewhere))
        finally:
            self.database.execute("ROLLBACK")

    @property
    def file(self) -> Kept:
        """The newest head, kept elsewhere."""
        return Kept("head", self.head)


@pytest.fixture(scope="module", autouse=True)
def remembered() -> Iterator[None]:
    """What is said of a head does not change from one case to the next, so it is asked for once: 100 signatures a case."""
    objection = functools.cache(lambda signed, keys, judge=heads.objection: judge(signed, keys))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(heads, "objection", lambda signed, keys: objection(signed, tuple(keys)))
        patch.setattr(heads, "parse", functools.cache(heads.parse))
        yield


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Log]:
    made = Log(tmp_path_factory.mktemp("log"), "VT")
    yield made
    made.database.close()


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Log]:
    made = Log(tmp_path_factory.mktemp("other"), "PX")
    yield made
    made.database.close()


def rows(database: sqlite3.Connection, first: int = 1) -> list[tuple[int, str, str, str, str]]:
    return database.execute(
        "SELECT number, job, kind, body, hash FROM entries WHERE number >= ? ORDER BY number", (first,)
    ).fetchall()


def edited(number: int) -> Tamper:
    """Another verdict in the text of an entry, its hash made anew."""

    def tamper(database: sqlite3.Connection) -> None:
        body = database.execute("SELECT body FROM entries WHERE number = ?", (number,)).fetchone()[0]
        body = body.replace('"act":"flash"', '"act":"reset"')
        values = (body, hashlib.sha256(body.encode()).hexdigest(), number)
        assert database.execute("UPDATE entries SET body = ?, hash = ? WHERE number = ?", values).rowcount == 1

    return tamper


def changed(statement: str, value: bytes) -> Tamper:
    return lambda database: database.execute(statement, (value,))


def rechained(first: int) -> Tamper:
    """All entries from `first` on numbered and hashed again, so that each follows the one before."""

    def tamper(database: sqlite3.Connection) -> None:
        before = rows(database)[first - 2] if first > 1 else None
        number, previous = (before[0], before[4]) if before else (0, "")
        tail = [row for row in rows(database) if row[0] > number]
        database.execute("DELETE FROM entries WHERE number > ?", (number,))
        for _, job, kind, body, _ in tail:
            number += 1
            whole = {**json.loads(body), "number": number, "previous": previous}
            text = json.dumps(whole, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            previous = hashlib.sha256(text.encode()).hexdigest()
            database.execute("INSERT INTO entries VALUES (?, ?, ?, ?, ?)", (number, job, kind, text, previous))

    return tamper


def moved(number: int, by: int) -> list[str]:
    """Entries from `number` on, given other numbers in the store."""
    return [
        f"UPDATE entries SET number = -number WHERE number >= {number}",
        f"UPDATE entries SET number = -number + {by} WHERE number < 0",
    ]


def swapped(number: int) -> list[str]:
    place = "UPDATE entries SET number = {} WHERE number = {}"
    return [place.format(9999, number), place.format(number, number + 1), place.format(number + 1, 9999)]


def one(verdict: Verdict) -> tuple[int, int, Problem]:
    """The flaw that is named first."""
    assert verdict.flaws, "nothing was found"
    return verdict.flaws[0][:3]


def within_its_job(verdict: Verdict, number: int) -> bool:
    """The place is named as closely as signed heads can: one job has two entries."""
    first, last, problem = one(verdict)
    return first <= number <= last <= first + 1 and problem in (Problem.REWRITTEN, Problem.SPLICED)


def test_an_untouched_log_is_good_and_says_what_it_cannot_know(log: Log) -> None:
    found = log.after()
    assert (found.flaws, found.entries, found.heads, found.unfinished) == ((), SIZE, SIZE // 2, ())
    assert found.newest_head == log.head
    assert found.compared == 0
    assert log.after(elsewhere=[log.file]).compared == SIZE
    assert log.after(elsewhere=[kept(log.hashes[99]), kept(log.hashes[49][:16].upper())]).compared == 100


def test_a48_every_single_edit(log: Log) -> None:
    for number in EVERY:
        for change in (
            "body = replace(body, '\"kind\":', '\"kinD\":')",
            "body = replace(body, 'flash', 'flush')",
            "body = ''",
            "body = x'ff00'",
            "body = '[' || body || ']'",
            "job = 'another'",
            "kind = CASE kind WHEN 'started' THEN 'finished' ELSE 'started' END",
            "hash = replace(hash, substr(hash, 1, 1), 'z')",
            "hash = upper(hash) || 'A'",
        ):
            found = one(log.after(f"UPDATE entries SET {change} WHERE number = {number}"))
            assert found == (number, number, Problem.EDITED), (number, change)
        assert one(log.after(f"UPDATE entries SET number = 9999 WHERE number = {number}"))[0] == number


def test_a48_every_byte_of_an_entry(log: Log) -> None:
    body = rows(log.database)[56][3].encode()
    for place in range(len(body)):
        flipped = bytearray(body)
        flipped[place] ^= 1 << place % 8
        found = log.after(changed("UPDATE entries SET body = ? WHERE number = 57", bytes(flipped)))
        assert one(found) == (57, 57, Problem.EDITED), place


def test_a48_edits_that_are_hashed_again(log: Log) -> None:
    """Alone, or with all that follows; the signed heads in the store tell where."""
    for number in EVERY:
        assert within_its_job(log.after(edited(number)), number), number
        assert within_its_job(log.after(edited(number), rechained(number + 1)), number), number


def test_a48_a_thief_of_the_key_is_caught_by_a_head_from_elsewhere(log: Log) -> None:
    """Whoever holds the key of the computer can write a log anew; a head that was kept elsewhere he cannot reach."""

    def resigned(database: sqlite3.Connection) -> None:
        database.execute("DELETE FROM heads")
        for number, _, kind, _, digest in rows(database):
            if kind == "finished":
                raw = heads.sign(number, bytes.fromhex(digest), 1, log.key)
                database.execute("INSERT INTO heads VALUES (?, ?)", (number, raw))

    early = log.database.execute("SELECT head FROM heads WHERE number = 40").fetchone()[0]
    for number in (41, 120, 200):
        forged = (edited(number), rechained(number + 1), resigned)
        assert log.after(*forged).flaws == ()
        found = log.after(*forged, elsewhere=[log.file, Kept("early", heads.parse(early))])
        assert one(found) == (41, SIZE, Problem.REWRITTEN)
        assert one(log.after(*forged, elsewhere=[kept(log.hashes[-1])]))[2] is Problem.CUT_OFF


def test_a48_every_deletion(log: Log) -> None:
    for number in EVERY[:-1]:
        gone = f"DELETE FROM entries WHERE number = {number}"
        assert one(log.after(gone)) == (number, number, Problem.MISSING)
        closed = log.after(gone, *moved(number + 1, -1))
        assert one(closed) == (number, number, Problem.MISSING), number
        if number < SIZE - 1:
            assert within_its_job(log.after(gone, rechained(number)), number), number
    last = log.after(f"DELETE FROM entries WHERE number = {SIZE - 1}", rechained(SIZE - 1))
    assert one(last) == (SIZE, SIZE, Problem.CUT_OFF), "nobody can tell which of the last two it was"
    assert "vouches for what follows entry 198" in last.flaws[0].detail
    assert one(log.after("DELETE FROM entries WHERE number BETWEEN 20 AND 29")) == (20, 29, Problem.MISSING)


def test_a48_every_swap_of_neighbours(log: Log) -> None:
    for number in EVERY[:-1]:
        expected = (number, number + 1, Problem.SWAPPED)
        assert one(log.after(*swapped(number))) == expected
        for columns in ("body", "hash", "body, hash", "job, kind, body, hash"):
            pair = f"SELECT {columns} FROM entries WHERE number = {2 * number + 1} - outer.number"
            swap = f"UPDATE entries AS outer SET ({columns}) = ({pair}) WHERE number IN ({number}, {number + 1})"
            assert (
                one(log.after("CREATE TABLE old AS SELECT * FROM entries", swap.replace("FROM entries", "FROM old"))) == expected
            )
        assert within_its_job(log.after(*swapped(number), rechained(number)), number), number


def test_a48_every_truncation(log: Log) -> None:
    """The heads of the store tell; where they are cut off too, a head from elsewhere does, and without it nobody can."""
    for left in range(SIZE):
        cut = f"DELETE FROM entries WHERE number > {left}"
        assert one(log.after(cut)) == (left + 1, SIZE, Problem.CUT_OFF)
        both = (cut, f"DELETE FROM heads WHERE number > {left}")
        assert one(log.after(*both, elsewhere=[log.file])) == (left + 1, SIZE, Problem.CUT_OFF)
        assert one(log.after(*both, elsewhere=[kept(log.hashes[-1])])) == (left + 1, left + 1, Problem.CUT_OFF)
        alone = log.after(*both)
        assert (alone.flaws, alone.compared) == ((), 0)


def test_a48_every_splice(log: Log, other: Log) -> None:
    """A tail, a piece or one entry of another computer's log, with its heads or without."""
    spliced = {number: (number, job, kind, body, digest) for number, job, kind, body, digest in rows(other.database)}
    signed = other.database.execute("SELECT number, head FROM heads").fetchall()

    def foreign(first: int, last: int, with_heads: bool) -> Tamper:
        def tamper(database: sqlite3.Connection) -> None:
            inside = range(first, last + 1)
            database.executemany("REPLACE INTO entries VALUES (?, ?, ?, ?, ?)", [spliced[number] for number in inside])
            if with_heads:
                database.executemany("REPLACE INTO heads VALUES (?, ?)", [row for row in signed if row[0] in inside])

        return tamper

    for number in EVERY[1:]:
        for last in (number, min(number + 9, SIZE), SIZE):
            for with_heads in (False, True):
                first, _, problem = one(log.after(foreign(number, last, with_heads)))
                assert (first, problem) == (number, Problem.SPLICED), (number, last, with_heads)
    assert one(log.after(foreign(1, SIZE, with_heads=False))) == (1, 2, Problem.REWRITTEN)
    assert one(log.after(foreign(1, SIZE, with_heads=True))) == (2, 2, Problem.BAD_HEAD)
    assert one(log.after(foreign(1, 1, with_heads=False)))[0] in (1, 2)


def test_a48_every_insertion(log: Log) -> None:
    for number in EVERY[1:]:
        for copied in (1, number - 1, SIZE):
            text = f"SELECT {number}, job, kind, body, hash FROM old WHERE number = {copied}"
            made = ("CREATE TABLE old AS SELECT * FROM entries", *moved(number, 1), f"INSERT INTO entries {text}")
            if copied != number:
                assert one(log.after(*made))[0] == number, (number, copied)
    assert one(log.after("INSERT INTO entries SELECT -1, job, kind, body, hash FROM entries WHERE number = 9"))[0] == -1


def test_a48_every_bit_and_every_cut_of_a_signed_head(log: Log) -> None:
    raw = log.head.raw
    assert counts(raw, log)
    for bit, flipped in flips(raw):
        assert not counts(flipped, log), bit
    for end in range(len(raw)):
        assert not counts(raw[:end], log), end
    assert not counts(raw + b"\0", log)
    found = log.after(changed("UPDATE heads SET head = ? WHERE number = 100", next(iter(flips(raw)))[1]))
    assert one(found) == (100, 100, Problem.BAD_HEAD)


def counts(raw: bytes, log: Log) -> bool:
    try:
        return not heads.objection(heads.parse(raw), [log.key.public])
    except FormatError:
        return False


def test_heads_of_strangers_and_of_other_entries_do_not_count(log: Log) -> None:
    by_stranger = heads.parse(heads.sign(SIZE, bytes.fromhex(log.hashes[-1]), 1, STRANGER))
    assert one(log.after(elsewhere=[Kept("theirs", by_stranger)])) == (SIZE, SIZE, Problem.BAD_HEAD)
    moved_head = "UPDATE heads SET head = (SELECT head FROM heads WHERE number = 100) WHERE number = 50"
    assert one(log.after(moved_head)) == (50, 50, Problem.BAD_HEAD)
    assert verify_without_keys(log).flaws[0].problem is Problem.BAD_HEAD


def verify_without_keys(log: Log) -> Verdict:
    stored = log.database.execute("SELECT number, head FROM heads ORDER BY number").fetchall()
    return verify(Contents(stored, log.database), [])


def test_a_log_from_before_there_were_heads_is_good(log: Log) -> None:
    found = log.after("DELETE FROM heads")
    assert (found.flaws, found.heads, found.newest_head) == ((), 0, None)
