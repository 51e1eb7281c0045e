"""What differs between two SBOMs: components that came, went, or changed their version, licence or contents."""

import dataclasses
from collections.abc import Iterable
from typing import NamedTuple

from fwtool.supply_chain.purl import Purl
from fwtool.supply_chain.sbom import Component, Sbom


@dataclasses.dataclass(frozen=True, slots=True)
class Change:
    """One difference. `kind` is added, removed or changed; what was not there has version "" and no licences."""

    kind: str
    name: str
    version_before: str = ""
    version_after: str = ""
    licences_before: tuple[str, ...] = ()
    licences_after: tuple[str, ...] = ()
    contents_differ: bool = False
    """Both name a digest of the same algorithm for the same version, and the digests differ."""


class _Facts(NamedTuple):
    """What is compared of a component."""

    version: str
    licences: tuple[str, ...]
    hashes: tuple[tuple[str, str], ...]


def compare(before: Sbom, after: Sbom) -> tuple[Change, ...]:
    """Differences of the components (not of the main one), by name. Where a component lies does not matter.

    Components are the same if their purls without version are, or, without purls, their group and name.
    """
    old, new = _by_identity(before.components), _by_identity(after.components)
    names = {_identity(component): _shown(component) for component in (*before.components, *after.components)}
    found: list[Change] = []
    for key, name in names.items():
        gone, come = old.get(key, set()), new.get(key, set())
        found += _changes(name, sorted(gone - come), sorted(come - gone))
    return tuple(sorted(found, key=lambda change: (change.name, change.version_before, change.version_after)))


def _identity(component: Component) -> tuple[str, str, str]:
    return Purl.parse(component.purl).package if component.purl else ("", component.group, component.name)


def _shown(component: Component) -> str:
    return f"{component.group}/{component.name}" if component.group else component.name


def _by_identity(components: Iterable[Component]) -> dict[tuple[str, str, str], set[_Facts]]:
    found: dict[tuple[str, str, str], set[_Facts]] = {}
    for component in components:
        facts = _Facts(component.version, tuple(sorted(component.licences)), tuple(sorted(component.hashes)))
        found.setdefault(_identity(component), set()).add(facts)
    return found


def _changes(name: str, gone: list[_Facts], come: list[_Facts]) -> Iterable[Change]:
    """Pairs of one version first; then one that went and one that came are a change; the rest went or came."""
    pairs: list[tuple[_Facts, _Facts]] = []
    left: list[_Facts] = []
    waiting: dict[str, list[_Facts]] = {}
    for one in reversed(come):
        waiting.setdefault(one.version, []).append(one)
    for one in gone:
        if waiting.get(one.version):
            pairs.append((one, waiting[one.version].pop()))
        else:
            left.append(one)
    right = [one for same in waiting.values() for one in same]
    if len(left) == len(right) == 1:
        pairs.append((left.pop(), right.pop()))
    for one, other in pairs:
        contents = one.version == other.version and _contents_differ(one, other)
        if contents or one[:2] != other[:2]:
            yield Change("changed", name, one.version, other.version, one.licences, other.licences, contents)
    yield from (Change("removed", name, one.version, licences_before=one.licences) for one in left)
    yield from (Change("added", name, "", one.version, licences_after=one.licences) for one in right)


def _contents_differ(one: _Facts, other: _Facts) -> bool:
    known = dict(one.hashes)
    return any(known.get(algorithm, digest) != digest for algorithm, digest in other.hashes)
