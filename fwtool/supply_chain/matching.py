"""Which parts of SBOMs an advisory speaks of. The parts are indexed, not the advisories: there are far fewer of them."""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from formats.errors import FormatError
from fwtool.supply_chain import ecosystems
from fwtool.supply_chain.affected import Verdict, cost, join, judge
from fwtool.supply_chain.ecosystems import Ecosystem
from fwtool.supply_chain.osv import Advisory, Affected
from fwtool.supply_chain.purl import Package, Purl
from fwtool.supply_chain.purl import package as package_named
from fwtool.supply_chain.sbom import Sbom

MAX_COST: Final = 2_000_000
"""Comparisons of versions in all: a minute at most."""
_UPSTREAM_TYPES = {"generic", "github", "gitlab", "bitbucket"}
"""Purls of these types say where the source is from, so the package may go by its name elsewhere too."""


_PACKAGED_TYPES = {"deb", "rpm", "apk"}


class Part(NamedTuple):
    """A package in one version, wherever it is in the SBOMs."""

    name: str
    version: str
    purl: str
    places: tuple[str, ...]


class Match(NamedTuple):
    """`kind` is package or name; `severity` and `words` are those of the entry, which may differ by package."""

    kind: str
    severity: tuple[tuple[str, str], ...]
    words: tuple[str, ...]


class _Known(NamedTuple):
    part: Part
    purl: Purl | None
    packages: tuple[Package, ...]
    names: tuple[str, ...]


class Index:
    """The parts of SBOMs, by package and by name."""

    def __init__(self, sboms: Mapping[str, Sbom]) -> None:
        places: dict[tuple[str, str, str, str], dict[str, None]] = {}
        for holder, sbom in sboms.items():
            for one in sbom.parts:
                place = "/".join((holder, *one.path))
                places.setdefault((one.name, one.group, one.version, one.purl), {})[place] = None
        self._known = [_known(name, group, version, purl, tuple(at)) for (name, group, version, purl), at in places.items()]
        self.parts = tuple(known.part for known in self._known)
        self._named: set[int] = set()
        self._spent = 0
        self._by_package: dict[Package, list[int]] = {}
        self._by_name: dict[str, list[int]] = {}
        for number, known in enumerate(self._known):
            for package in known.packages:
                self._by_package.setdefault(package, []).append(number)
            for name in known.names:
                self._by_name.setdefault(name, []).append(number)

    def not_named(self) -> tuple[str, ...]:
        """Names of the parts that no advisory has named until now."""
        return tuple(dict.fromkeys(part.name for number, part in enumerate(self.parts) if number not in self._named))

    def find(self, advisory: Advisory) -> Iterator[tuple[Part, Match, Verdict]]:
        """Parts that are affected, or of which it cannot be told.

        Raises:
            FormatError: that would make more than `MAX_COST` comparisons with those of earlier calls (`too_large`).
        """
        entries: dict[int, dict[str, list[Affected]]] = {}
        for affected in advisory.affected:
            for number, kind in self._concerned(affected):
                self._spend(1)
                entries.setdefault(number, {}).setdefault(kind, []).append(affected)
        self._named.update(entries)
        for number, kinds in entries.items():
            kind = "package" if "package" in kinds else "name"
            self._spend(sum(map(cost, kinds[kind])))
            verdict = _verdict(self._known[number], kinds[kind], kind)
            if verdict.affected is not False:
                severity = tuple(one for entry in kinds[kind] for one in entry.severity)
                words = tuple(word for entry in kinds[kind] for word in entry.words)
                yield self.parts[number], Match(kind, severity, words), verdict

    def _spend(self, comparisons: int) -> None:
        self._spent += comparisons
        if self._spent > MAX_COST:
            raise FormatError("the SBOMs and advisories lead to more comparisons than are made", name="too_large")

    def _concerned(self, affected: Affected) -> Iterator[tuple[int, str]]:
        packages = _packages(affected)
        certain = {number for package in packages for number in self._by_package.get(package, ())}
        yield from ((number, "package") for number in sorted(certain))
        kind = _ecosystem(affected).kind
        for name in _names(affected, packages):
            for number in self._by_name.get(name, ()):
                if number not in certain and (self._known[number].purl is None or kind == "upstream"):
                    yield number, "name"


def _known(name: str, group: str, version: str, purl: str, places: tuple[str, ...]) -> _Known:
    parsed = Purl.parse(purl) if purl else None
    names = {ecosystems.plain(name), ecosystems.plain(f"{group}/{name}" if group else name)} - {""}
    if not parsed:
        return _Known(Part(name, version, "", places), None, (), tuple(sorted(names)))
    if parsed.package.type not in _UPSTREAM_TYPES:
        names = set()
    source, source_version = _source(parsed)
    packages = dict.fromkeys((parsed.package, source))
    return _Known(
        Part(name, source_version or parsed.version or version, purl, places), parsed, tuple(packages), tuple(sorted(names))
    )


def _source(purl: Purl) -> tuple[Package, str]:
    """The source package, and its version if that is another one: distributions' advisories are about those.

    Qualifier `upstream` of the types deb, rpm and apk: NAME or NAME@VERSION, as SBOM generators write it.
    """
    name, _, version = purl.qualifiers.get("upstream", "").partition("@")
    if not name or purl.package.type not in _PACKAGED_TYPES:
        return purl.package, ""
    return package_named(purl.package.type, purl.package.namespace, name), version


def _packages(affected: Affected) -> set[Package]:
    found = {affected.purl, ecosystems.package_of(affected.ecosystem, affected.name)}
    if not affected.name:
        found |= {ecosystems.repository(one.repo) for one in affected.ranges if one.repo}
    return {package for package in found if package}


def _names(affected: Affected, packages: set[Package]) -> tuple[str, ...]:
    if affected.name:
        return ecosystems.names(affected.ecosystem, affected.name)
    return tuple(sorted(ecosystems.plain(package.name) for package in packages))


def _ecosystem(affected: Affected) -> Ecosystem:
    return ecosystems.find(affected.ecosystem)[0] if affected.name else ecosystems.UPSTREAM


def _verdict(known: _Known, entries: list[Affected], kind: str) -> Verdict:
    """One answer from all entries about a package. Those of another release of a distribution do not count."""
    if kind == "name":
        return _any([_by_name(entry, known.part.version) for entry in entries])
    ours = ecosystems.release_of(known.purl) if known.purl else ""
    releases: dict[str, list[Verdict]] = {}
    for entry in entries:
        ecosystem, release = ecosystems.find(entry.ecosystem) if entry.name else (ecosystems.UPSTREAM, "")
        if ours and release and not ecosystems.same_release(ours, release):
            continue
        releases.setdefault("" if ours else release, []).append(judge(entry, known.part.version, ecosystem.scheme))
    if not releases:
        return Verdict(False)
    return join([_any(verdicts) for verdicts in releases.values()], "its purl does not say of which release it is (distro=)")


def _by_name(entry: Affected, version: str) -> Verdict:
    """A distribution's version is not comparable with one of which nobody says that it is from there."""
    ecosystem = _ecosystem(entry)
    if ecosystem.kind == "distribution":
        fixes = tuple(
            f"{event.version} ({entry.ecosystem})" for one in entry.ranges for event in one.events if event.kind == "fixed"
        )
        return Verdict(None, fixes[:1], f"{entry.ecosystem} has its own versions")
    return judge(entry, version, ecosystem.scheme)


def _any(verdicts: list[Verdict]) -> Verdict:
    """Affected if one says so; else cannot tell if one cannot."""
    return max(verdicts, key=lambda verdict: (verdict.affected is True, verdict.affected is None))
