"""`fwtool log`: the maintenance records of this computer: show, verify, export, keep."""

import dataclasses
import datetime
import pathlib
import shutil
from typing import Any

import click

from formats import keys
from formats.errors import LocalError, ToolError, TrustError
from fwtool.cli.app import App, Outcome, VerbGroup, pass_app
from fwtool.cli.output import size_text
from fwtool.files import read_small, replacing, write_file
from fwtool.records import Entry, Records
from fwtool.records import head as heads
from fwtool.records.chain import Flaw, Problem
from fwtool.records.export import WRITERS, span
from fwtool.records.head import SignedHead
from fwtool.records.retention import AT_HAND, MONTHS, Retention
from fwtool.records.retention import retention as by_age
from fwtool.records.station import known_key
from fwtool.records.verify import Unfinished, Verdict, kept
from fwtool.records.verify import verify as verify_log

FILE = click.Path(path_type=pathlib.Path)
DAY = click.DateTime(formats=["%Y-%m-%d"])
LITTLE_ROOM = 64 << 20
"""Bytes on the disk under which it is said that room should be made."""
NO_TAIL = (
    "whether a tail was cut off together with its signed heads cannot be seen in the store itself; "
    "compare with a head that is kept elsewhere (--head)"
)
CHANGED_HINT = "Keep the store as it is and tell who is responsible for it; entries before that one can be relied on."


@click.group(cls=VerbGroup)
def command() -> None:
    """Read, verify and export the maintenance records of this computer."""


@command.command()
@click.option("--last", default=20, show_default=True, type=click.IntRange(1), help="How many entries.")
@pass_app
def show(app: App, last: int) -> Outcome:
    """Show the newest entries."""
    entries = Records(app.state_dir).entries(last=last)
    return Outcome({"entries": [entry.body for entry in entries]}, [_line(entry) for entry in entries])


def _line(entry: Entry) -> str:
    body = entry.body
    words = [str(body["time"])[:19].replace("T", " "), f"{entry.kind:<8}", str(body.get("act", ""))]
    if body.get("serial_number"):
        words.append(str(body["serial_number"]))
    if body.get("version_after"):
        words.append(" -> ".join(str(body[key]) for key in ("version_before", "version_after") if body.get(key)))
    if body.get("verdict"):
        words.append(str(body["verdict"]))
    if body.get("error"):
        words.append(f"({body['error']})")
    if body.get("simulated"):
        words.append("(simulated)")
    if body.get("technician"):
        words.append(f"by {body['technician']}")
    return f"{entry.number:>4}  {'  '.join(words)}"


@command.command()
@click.option("--out", type=FILE, help="Also write it to this file, for `fwtool log verify --head FILE`.")
@pass_app
def head(app: App, out: pathlib.Path | None) -> Outcome:
    """Give the newest signed head, to be kept where nobody who uses this computer can change it."""
    raw = Records(app.state_dir).newest_head()
    if raw is None:
        raise LocalError("there is no signed head yet", hint="One is signed whenever a job ends.")
    newest = heads.parse(raw)
    if out:
        write_file(out, raw)
    facts = {**head_facts(newest), "path": str(out) if out else None, "signed_head": raw.hex()}
    return Outcome(facts, head_lines(newest), changed=out is not None)


def head_facts(signed: SignedHead) -> dict[str, Any]:
    stamp = datetime.datetime.fromtimestamp(signed.head.time, datetime.UTC).isoformat().replace("+00:00", "Z")
    return {"number": signed.number, "hash": signed.hash, "time": stamp, "key_id": signed.key_id}


def head_lines(signed: SignedHead) -> list[str]:
    facts = head_facts(signed)
    return [f"entry {signed.number}  {signed.hash}", f"signed {facts['time']} with the key {signed.key_id[:16]} of this computer"]


@command.command()
@click.option("--head", "names", multiple=True, metavar="FILE|HASH", help="A head that was kept elsewhere. Repeatable.")
@click.option(
    "--public", multiple=True, type=FILE, metavar="PUB.pem",
    help="Key of the computer that wrote the log; this one's if not given. Repeatable.",
)  # fmt: skip
@pass_app
def verify(app: App, names: tuple[str, ...], public: tuple[pathlib.Path, ...]) -> Outcome:
    """Check every entry and every signed head; name the first that is wrong."""
    verdict = _verified(Records(app.state_dir), names, public)
    return Outcome(_verdict_facts(verdict), _verdict_lines(verdict), failure=_failure(verdict))


def _verified(records: Records, names: tuple[str, ...] = (), public: tuple[pathlib.Path, ...] = ()) -> Verdict:
    own = known_key(records.path.parent)
    named = [keys.read_public(read_small(path)) for path in public]
    elsewhere = [kept(name) for name in names]
    with records.contents() as contents:
        return verify_log(contents, named or ([own] if own else []), elsewhere)


def _failure(verdict: Verdict) -> ToolError | None:
    if not verdict.flaws:
        return None
    worst = verdict.flaws[0]
    name = "bad_signature" if worst.problem is Problem.BAD_HEAD else "trust_failed"
    return TrustError(f"the log cannot be relied on from {_place(worst)} on: {worst.detail}", name=name, hint=CHANGED_HINT)


def _place(flaw: Flaw) -> str:
    return f"entry {flaw.first}"


def _verdict_facts(verdict: Verdict) -> dict[str, Any]:
    return {
        "entries": verdict.entries,
        "first_time": verdict.first_time or None,
        "last_time": verdict.last_time or None,
        "first_bad": verdict.flaws[0].first if verdict.flaws else None,
        "flaws": [flaw._asdict() for flaw in verdict.flaws],
        "heads": verdict.heads,
        "newest_head": head_facts(verdict.newest_head) if verdict.newest_head else None,
        "compared_to": verdict.compared or None,
        "unfinished": [job._asdict() for job in verdict.unfinished],
    }


def _verdict_lines(verdict: Verdict) -> list[str]:
    lines = [f"  {flaw.problem.replace('_', ' ').upper():<9} {_place(flaw)}: {flaw.detail}" for flaw in verdict.flaws]
    lines += [f"  unfinished job: {_job(job)}" for job in verdict.unfinished]
    span_text = f", {verdict.first_time[:10]} to {verdict.last_time[:10]}" if verdict.entries else ""
    if verdict.flaws:
        return [*lines, f"{verdict.entries} entries{span_text}"]
    signed = verdict.newest_head.number if verdict.newest_head else 0
    lines.append(f"{verdict.entries} entries{span_text}: every one follows the one before; {verdict.heads} signed heads fit")
    if signed < verdict.entries:
        lines.append(f"not under a signed head yet: entries {signed + 1} to {verdict.entries}")
    if verdict.compared:
        lines.append(f"up to entry {verdict.compared} it is the log that the head from elsewhere was taken from")
    return lines if 0 < verdict.compared == verdict.entries else [*lines, NO_TAIL]


def _job(job: Unfinished) -> str:
    words = (f"entry {job.number}", job.time[:19].replace("T", " "), job.act, job.serial_number)
    return "  ".join(word for word in words if word)


@command.command()
@click.option("--to", "out", required=True, type=FILE, metavar="FILE.json|FILE.csv", help="The ending says which form.")
@click.option("--since", type=DAY, metavar="YYYY-MM-DD", help="First day (UTC).")
@click.option("--until", type=DAY, metavar="YYYY-MM-DD", help="Last day (UTC).")
@click.option("--overwrite", is_flag=True, help="Replace the file if it is there.")
@pass_app
def export(
    app: App, out: pathlib.Path, since: datetime.datetime | None, until: datetime.datetime | None, overwrite: bool
) -> Outcome:
    """Write entries for others: .json, one a line as they were hashed; .csv for a spreadsheet."""
    write = WRITERS.get(out.suffix.lower())
    if write is None:
        raise ToolError(f"{out}: the name ends in none of {', '.join(WRITERS)}", name="usage", hint="Choose another name.")
    if out.exists() and not overwrite:
        raise ToolError(f"{out} exists", name="usage", hint="Choose another name, or give --overwrite.")
    first_day, last_day = (day.date().isoformat() if day else "" for day in (since, until))
    with Records(app.state_dir).contents() as contents:
        first, last = span(contents.rows(), first_day, last_day)
        with replacing(out) as file:
            count = write((row for row in contents.rows() if first <= row.number <= last), file)
    facts = {"path": str(out), "entries": count, "first": first if count else None, "last": last if count else None}
    return Outcome(facts, [f"{out}: {count} entries" + (f", {first} to {last}" if count else "")], changed=True)


@command.command()
@click.option("--months", default=MONTHS, show_default=True, type=click.IntRange(1, 1200), help="How long entries are kept.")
@pass_app
def retention(app: App, months: int) -> Outcome:
    """Report what is kept, for PCI DSS 10.5.1 (12 months, 3 of them at hand). Nothing is deleted."""
    records = Records(app.state_dir)
    verdict = _verified(records)
    with records.contents() as contents:
        ages = by_age(contents.rows(), datetime.datetime.now(datetime.UTC).date(), months)
    room = {"size": records.path.stat().st_size, "free": shutil.disk_usage(records.path.parent).free}
    facts = {
        "months": months, **dataclasses.asdict(ages), "first_day": ages.first_day or None, "covered": ages.covered,
        "older_until": ages.older_until or None, "verified": not verdict.flaws, **room,
    }  # fmt: skip
    return Outcome(facts, [*_age_lines(ages, months), *_room_lines(**room)], failure=_failure(verdict))


def _age_lines(ages: Retention, months: int) -> list[str]:
    lines = [
        f"kept, since {ages.since} ({months} months): {ages.kept} entries",
        f"of them at hand, since {ages.at_hand_since} ({min(AT_HAND, months)} months): {ages.at_hand}",
    ]
    if ages.first_day and not ages.covered:
        lines.append(f"the log begins on {ages.first_day}: it is not {months} months old yet")
    if ages.older:
        lines.append(f"older: {ages.older} entries, up to number {ages.older_until}")
    return lines


def _room_lines(size: int, free: int) -> list[str]:
    need = "; make room, without a record nothing is flashed" if free < LITTLE_ROOM else ""
    return [f"the store takes {size_text(size)}, {size_text(free)} are free{need}"]
