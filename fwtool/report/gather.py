"""From the record to a report: finding the visit, its history and its pictures; and writing the files."""

import pathlib
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from formats.errors import LocalError
from fwtool.files import write_file
from fwtool.records import Entry
from fwtool.report import html, pdf
from fwtool.report.document import Document
from fwtool.report.source import Source
from fwtool.visit.history import ACT, visits_of
from fwtool.visit.shelf import Shelf
from fwtool.visit.state import Visit, from_json

SLIPS: Final = (("before", "slip", "slip"), ("photo", "slip", "slip_picture"), ("after", "verify", "slip_again"))
"""What a picture shows, and where the record names it: step and act."""


def finished(entries: Sequence[Entry], job: str = "") -> tuple[Entry, Visit]:
    """The last visit that is over, or the one of a job.

    Raises:
        LocalError: there is none.
    """
    found = [one for one in entries if one.kind == "finished" and one.body.get("act") == ACT and (not job or one.job == job)]
    if not found:
        raise LocalError(f"there is no finished visit{' ' + job if job else ''} on record", hint="Begin one with: fwtool visit")
    return found[-1], from_json({**found[-1].body, "job": found[-1].job})


def gathered(entries: Sequence[Entry], shelf: Shelf, job: str = "") -> Source:
    """All that a report of that visit is made from. Raises as `finished`."""
    entry, visit = finished(entries, job)
    body = entry.body
    earlier = visits_of((one for one in entries if one.number <= entry.number), visit.serial_number)
    return Source(
        visit=visit, ended=str(body.get("ended") or body["time"]), entry=entry.number, hash=entry.hash, history=earlier,
        pictures=tuple(_pictures(visit, shelf)), simulated=bool(body.get("simulated")), reason=str(body.get("reason") or ""),
    )  # fmt: skip


def _pictures(visit: Visit, shelf: Shelf) -> Iterator[tuple[str, bytes | None]]:
    for shows, step, act in SLIPS:
        kept: Any = visit.fact(step, act).get("picture")
        if kept:
            yield shows, shelf.picture(kept)


def name_of(*words: str) -> str:
    """A file name that every system takes."""
    return "-".join(re.sub(r"[^A-Za-z0-9_]+", "_", word) for word in words if word)


def write(document: Document, folder: pathlib.Path, name: str) -> tuple[pathlib.Path, pathlib.Path]:
    """The page as HTML and as PDF; the HTML page is there even if the PDF cannot be made.

    Raises:
        LocalError: no room, no permission; fpdf2 is not installed (`missing_component`).
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LocalError(f"{folder} cannot be made: {error.strerror}", name="disk") from error
    page, paper = folder / f"{name}.html", folder / f"{name}.pdf"
    write_file(page, html.page(document))
    write_file(paper, pdf.pages(document))
    return page, paper
