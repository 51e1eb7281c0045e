"""Offline check of SBOMs against a folder of OSV files. Advisories are read one by one: the folder may be any size."""

import dataclasses
import datetime
import os
import pathlib
import stat
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from formats.errors import FormatError, LocalError
from fwtool.supply_chain import osv, severity
from fwtool.supply_chain.affected import Verdict
from fwtool.supply_chain.matching import Index, Match, Part
from fwtool.supply_chain.osv import Advisory
from fwtool.supply_chain.sbom import Sbom
from fwtool.supply_chain.strict_json import MAX_SIZE

MAX_FILES: Final = 1_000_000
MAX_FINDINGS: Final = 20_000
OUTCOMES: Final = {True: "affected", None: "cannot_tell"}


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """One advisory that may concern one part. Dates are ISO 8601; what is not known is "" or None."""

    id: str
    aliases: tuple[str, ...]
    upstream: tuple[str, ...]
    summary: str
    component: str
    version: str
    purl: str
    places: tuple[str, ...]
    """Where it is: the package's component, and the parts it lies in, joined by "/"."""
    match: str
    """package: the same package, by purl, ecosystem or repository; name: only the name is the same."""
    outcome: str
    """affected or cannot_tell."""
    reason: str
    fixed_in: tuple[str, ...]
    severity: str
    """A key of `severity.RANKS`."""
    score: float | None
    published: str
    age_days: int | None
    overdue: bool
    """Critical, and published more than one month ago or at a time not known (PCI DSS 6.3.3)."""

    @property
    def certain(self) -> bool:
        """It is about this package, and not about one that goes by the same name."""
        return self.match == "package"


@dataclasses.dataclass(frozen=True, slots=True)
class Report:
    """What a check came to. Findings are sorted: overdue ones first, then by severity."""

    findings: tuple[Finding, ...]
    parts: int
    not_named: tuple[str, ...]
    """Parts that no advisory names: nothing was compared."""
    without_sbom: tuple[str, ...]
    advisories: int
    withdrawn: int
    newest: str
    """Date on which the newest advisory was modified."""

    @property
    def overdue(self) -> tuple[Finding, ...]:
        """Findings that fail the check: overdue, and surely about the package."""
        return tuple(finding for finding in self.findings if finding.overdue and finding.certain)

    def as_json(self) -> dict[str, Any]:
        return {**dataclasses.asdict(self), "overdue": len(self.overdue)}


def load(folder: pathlib.Path) -> Iterator[Advisory]:
    """The advisories in the `.json` files of a folder and those below it, each file one advisory or a list of them.

    Raises:
        LocalError: the folder cannot be read, has no such file, or has a link or something else that is no regular file.
        FormatError: a file is no advisory; the message names it.
    """
    found = False
    for path in _files(folder):
        try:
            parsed = osv.parse(_read(path))
        except FormatError as error:
            raise FormatError(f"{path}: {error}", name=error.name, hint="Remove the file, or fetch it again.") from error
        found = found or bool(parsed)
        yield from parsed
    if not found:
        raise LocalError(f"{folder} has no advisory", hint="Name a folder with advisories in the OSV format, in .json files.")


def _files(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    def fail(error: OSError) -> None:
        raise LocalError(f"{error.filename} cannot be read: {error.strerror}") from error

    count = 0
    for place, folders, names in os.walk(folder, onerror=fail):
        folders.sort()
        names = sorted(name for name in names if name.lower().endswith(".json"))
        count += len(names)
        if count > MAX_FILES:
            raise LocalError(f"{folder} has more than {MAX_FILES} advisories", name="too_large")
        for name in folders:
            if pathlib.Path(place, name).is_symlink():
                raise _no_file(pathlib.Path(place, name))
        yield from (pathlib.Path(place, name) for name in names)


def _no_file(path: pathlib.Path) -> LocalError:
    return LocalError(f"{path} is not a regular file; links are not followed", hint="Put the file itself into the folder.")


def _read(path: pathlib.Path) -> bytes:
    """A regular file, as long as it is not longer than `strict_json` reads. A link is never opened."""
    if path.is_symlink():
        raise _no_file(path)
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        with os.fdopen(os.open(path, flags), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise _no_file(path)
            return file.read(MAX_SIZE + 1)
    except OSError as error:
        raise LocalError(f"{path} cannot be read: {error.strerror}") from error


def check(sboms: Mapping[str, Sbom | None], advisories: Iterable[Advisory], today: datetime.date) -> Report:
    """Which advisories concern the parts of these SBOMs. Withdrawn advisories are skipped.

    Of two entries with the same id the later modified one counts (OSV schema, `id`).

    Args:
        sboms: Component of the package -> its SBOM, or None if it has none.

    Raises:
        FormatError: more findings or comparisons than a check makes (`too_large`).
    """
    index = Index({name: sbom for name, sbom in sboms.items() if sbom})
    counted, withdrawn, newest, made = 0, 0, "", 0
    found: dict[str, tuple[datetime.datetime, list[Finding]]] = {}
    for advisory in advisories:
        counted += 1
        newest = max(newest, advisory.modified.date().isoformat())
        if advisory.id in found and found[advisory.id][0] > advisory.modified:
            continue
        found.pop(advisory.id, None)
        if advisory.withdrawn and advisory.withdrawn <= today:
            withdrawn += 1
            continue
        fresh = [_finding(advisory, *match, today) for match in index.find(advisory)]
        if fresh:
            found[advisory.id] = (advisory.modified, fresh)
        made += len(fresh)
        if made > MAX_FINDINGS:
            raise FormatError(f"the SBOMs and advisories lead to more than {MAX_FINDINGS} findings", name="too_large")
    findings = sorted((finding for _, findings in found.values() for finding in findings), key=_order)
    without = tuple(name for name, sbom in sboms.items() if sbom is None)
    return Report(tuple(findings), len(index.parts), index.not_named(), without, counted, withdrawn, newest)


def _order(finding: Finding) -> tuple[object, ...]:
    return (
        not (finding.overdue and finding.certain), not finding.certain, severity.RANKS.index(finding.severity),
        finding.outcome, finding.component, finding.version, finding.id,
    )  # fmt: skip


def _finding(advisory: Advisory, part: Part, match: Match, verdict: Verdict, today: datetime.date) -> Finding:
    rating = severity.rate(match.severity or advisory.severity, (*advisory.words, *match.words))
    published = advisory.published
    return Finding(
        id=advisory.id,
        aliases=advisory.aliases,
        upstream=advisory.upstream,
        summary=advisory.summary[:200],
        component=part.name,
        version=part.version,
        purl=part.purl,
        places=part.places,
        match=match.kind,
        outcome=OUTCOMES[verdict.affected],
        reason=verdict.reason,
        fixed_in=verdict.fixed_in,
        severity=rating.rank,
        score=rating.score,
        published=published.isoformat() if published else "",
        age_days=(today - published).days if published else None,
        overdue=rating.rank == "critical" and (published is None or today > a_month_after(published)),
    )


def a_month_after(day: datetime.date) -> datetime.date:
    """The same day of the next month, or its last day if it has no such day."""
    year, month = day.year + day.month // 12, day.month % 12 + 1
    following = datetime.date(year + month // 12, month % 12 + 1, 1)
    return min(datetime.date(year, month, 1) + datetime.timedelta(day.day - 1), following - datetime.timedelta(1))
