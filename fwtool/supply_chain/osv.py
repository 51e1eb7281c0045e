"""Advisories in the OSV format (OSV schema 1.7.4), read from untrusted bytes into records."""

import dataclasses
import datetime
import re
from typing import Any

from formats.errors import FormatError
from fwtool.supply_chain import strict_json
from fwtool.supply_chain.purl import Package, Purl
from fwtool.supply_chain.strict_json import Obj

_EVENTS = ("introduced", "fixed", "last_affected", "limit")
_KEPT = frozenset({
    "id", "modified", "published", "withdrawn", "aliases", "upstream",
    "summary", "severity", "type", "score", "affected", "package",
    "ecosystem", "name", "purl", "ranges", "repo", "events", *_EVENTS, "versions", "database_specific", "ecosystem_specific",
})  # fmt: skip
_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)", re.ASCII)


@dataclasses.dataclass(frozen=True, slots=True)
class Event:
    """`kind` is introduced, fixed, last_affected or limit."""

    kind: str
    version: str


@dataclasses.dataclass(frozen=True, slots=True)
class Range:
    """`kind` is SEMVER, ECOSYSTEM or GIT; others may come, and are not understood."""

    kind: str
    repo: str
    events: tuple[Event, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Affected:
    """A package and its affected versions. Without a package there are only repositories."""

    ecosystem: str
    name: str
    purl: Package | None
    ranges: tuple[Range, ...]
    versions: tuple[str, ...]
    severity: tuple[tuple[str, str], ...]
    words: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Advisory:
    """One vulnerability."""

    id: str
    modified: datetime.datetime
    published: datetime.date | None
    withdrawn: datetime.date | None
    aliases: tuple[str, ...]
    upstream: tuple[str, ...]
    """Vulnerabilities of the upstream project that a distribution's advisory is about."""
    summary: str
    severity: tuple[tuple[str, str], ...]
    """Type and score, a vector, of each; see `severity.rate`."""
    words: tuple[str, ...]
    """Severities as the database or the ecosystem words them."""
    affected: tuple[Affected, ...]


def parse(data: bytes) -> tuple[Advisory, ...]:
    """Read one advisory, or a list of them.

    Raises:
        FormatError: not JSON, or a member that is used here has the wrong type or form.
    """
    top = strict_json.load(data, "the advisory", _KEPT)
    if isinstance(top, list):
        return tuple(_advisory(strict_json.as_object(one, f"advisory {number}")) for number, one in enumerate(top, 1))
    return (_advisory(strict_json.as_object(top, "the advisory")),)


def _advisory(obj: Obj) -> Advisory:
    where = strict_json.text(obj, "id", "the advisory", required=True)[:80]
    return Advisory(
        id=obj["id"],
        modified=_stamp(obj, "modified", where),
        published=_date(obj, "published", where),
        withdrawn=_date(obj, "withdrawn", where),
        aliases=strict_json.texts(obj, "aliases", where, nullable=True),
        upstream=strict_json.texts(obj, "upstream", where, nullable=True),
        summary=strict_json.text(obj, "summary", where),
        severity=_severity(obj, where),
        words=_words(obj),
        affected=tuple(_affected(one, place) for place, one in strict_json.objects(obj, "affected", where, nullable=True)),
    )


def _stamp(obj: Obj, key: str, where: str) -> datetime.datetime:
    text = strict_json.text(obj, key, where, _STAMP, required=True)
    try:
        return datetime.datetime.fromisoformat(text).astimezone(datetime.UTC)
    except (ValueError, OverflowError):
        raise FormatError(f"{where}.{key} is {text}, which is no time") from None


def _date(obj: Obj, key: str, where: str) -> datetime.date | None:
    return _stamp(obj, key, where).date() if key in obj else None


def _severity(obj: Obj, where: str) -> tuple[tuple[str, str], ...]:
    return tuple(
        (strict_json.text(one, "type", place, required=True), strict_json.text(one, "score", place, required=True))
        for place, one in strict_json.objects(obj, "severity", where, nullable=True)
    )


def _words(obj: Obj) -> tuple[str, ...]:
    """These members mean what their database likes; only text under `severity` is taken for one."""
    holders: list[Any] = [obj.get("database_specific"), obj.get("ecosystem_specific")]
    found = [holder.get("severity") for holder in holders if isinstance(holder, dict)]
    return tuple(word for word in found if isinstance(word, str))


def _affected(obj: Obj, where: str) -> Affected:
    package = strict_json.inner(obj, "package", where)
    named = "package" in obj
    purl = strict_json.text(package, "purl", f"{where}.package")
    return Affected(
        ecosystem=strict_json.text(package, "ecosystem", f"{where}.package", required=named),
        name=strict_json.text(package, "name", f"{where}.package", required=named),
        purl=Purl.parse(purl).package if purl else None,
        ranges=tuple(_range(one, place) for place, one in strict_json.objects(obj, "ranges", where)),
        versions=strict_json.texts(obj, "versions", where),
        severity=_severity(obj, where),
        words=_words(obj),
    )


def _range(obj: Obj, where: str) -> Range:
    kind = strict_json.text(obj, "type", where, required=True)
    events = tuple(_event(one, place) for place, one in strict_json.objects(obj, "events", where))
    kinds = {event.kind for event in events}
    if "introduced" not in kinds:
        raise FormatError(f"{where} has no event `introduced`")
    if kinds >= {"fixed", "last_affected"}:
        raise FormatError(f"{where} has events `fixed` and `last_affected`, of which a range may have one")
    return Range(kind, strict_json.text(obj, "repo", where, required=kind == "GIT"), events)


def _event(obj: Obj, where: str) -> Event:
    kinds = [kind for kind in _EVENTS if kind in obj]
    if len(kinds) != 1:
        raise FormatError(f"{where} has {len(kinds)} of {', '.join(_EVENTS)}, expected one")
    return Event(kinds[0], strict_json.text(obj, kinds[0], where))
