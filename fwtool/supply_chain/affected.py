"""Is a version affected? The evaluation algorithm of the OSV schema, with a third answer: cannot tell.

A range is decided by comparing the version with every event. Where one comparison is not possible the range says nothing,
and nothing is never taken for "not affected".
"""

import functools
from collections.abc import Iterable
from typing import NamedTuple

from fwtool.supply_chain import versions
from fwtool.supply_chain.osv import Affected, Event, Range
from fwtool.supply_chain.versions_generic import from_tag, is_commit

_FIRST = "0"
"""As the version of `introduced`: before every other one."""
MAX_FIXES = 8
"""Fixed versions that are named where it cannot be told which one is next."""


class Verdict(NamedTuple):
    """The answer, and the versions (or commits) that have the fix."""

    affected: bool | None
    fixed_in: tuple[str, ...] = ()
    reason: str = ""
    """Why it cannot be told."""


def judge(affected: Affected, version: str, scheme: str) -> Verdict:
    """Whether a version of a package is affected, as one entry of an advisory says.

    Args:
        scheme: Whose rules order the versions of ranges of type ECOSYSTEM; a key of `versions.SCHEMES` or "".
    """
    if not version:
        return Verdict(None, _fixes(affected), "the SBOM gives no version")
    if not affected.versions and not affected.ranges:
        return Verdict(None, (), "the advisory gives no versions")
    verdicts = [*(_range(one, affected, version, scheme) for one in affected.ranges), _listed(affected, version, scheme)]
    for answer in (True, None):
        for verdict in verdicts:
            if verdict.affected is answer:
                return verdict
    return Verdict(False)


def join(verdicts: Iterable[Verdict], doubt: str) -> Verdict:
    """One answer where several entries speak of the same package, and it is not known which of them counts."""
    found = list(verdicts)
    if len({verdict.affected for verdict in found}) == 1:
        return found[0]
    fixes = dict.fromkeys(fix for verdict in found for fix in verdict.fixed_in)
    return Verdict(None, tuple(fixes)[:MAX_FIXES], doubt)


def cost(affected: Affected) -> int:
    """How many comparisons of versions it takes, more or less."""
    return 1 + sum(len(one.events) for one in affected.ranges) + (0 if _has_order(affected) else len(affected.versions))


def _fixes(affected: Affected) -> tuple[str, ...]:
    """Fixed versions, or commits where there are only those."""
    of_kind: dict[bool, dict[str, None]] = {False: {}, True: {}}
    for one in affected.ranges:
        of_kind[one.kind == "GIT"].update((event.version, None) for event in one.events if event.kind == "fixed")
    return tuple(of_kind[False] or of_kind[True])[:MAX_FIXES]


def _listed(affected: Affected, version: str, scheme: str) -> Verdict:
    """Is it in the list of affected versions? Spelling only matters where no range says the same by comparing."""
    if version in affected.versions:
        return Verdict(True, _fixes(affected))
    if not affected.versions or _has_order(affected):
        return Verdict(False)
    if scheme == "generic":
        return _tagged(affected, version)
    return Verdict(any(versions.compare(scheme, version, one) == 0 for one in affected.versions), _fixes(affected))


def _has_order(affected: Affected) -> bool:
    return any(one.kind != "GIT" for one in affected.ranges)


def _tagged(affected: Affected, version: str) -> Verdict:
    """Lists of upstream releases have the tags of a repository, in the spelling of their project."""
    if is_commit(version) and affected.ranges:
        return Verdict(False)
    ours, tags = from_tag(version), {tag: from_tag(tag) for tag in affected.versions}
    if ours is None:
        return Verdict(None, _fixes(affected), f"{version[:40]} is not written like the releases that are listed")
    if ours in tags.values():
        return Verdict(True, _fixes(affected))
    unclear = [tag for tag, known in tags.items() if known is None]
    return Verdict(None, _fixes(affected), f"the list of releases has {unclear[0][:40]}") if unclear else Verdict(False)


def _range(one: Range, affected: Affected, version: str, scheme: str) -> Verdict:
    if one.kind == "GIT":
        return _commits(one, version, decided=bool(affected.versions) or _has_order(affected))
    fixes = _fixes(affected)
    if one.kind not in ("SEMVER", "ECOSYSTEM"):
        return Verdict(None, fixes, f"ranges of type {one.kind[:20]} are not understood")
    scheme = "semver" if one.kind == "SEMVER" else scheme
    try:
        return _linear(one.events, functools.partial(_compare, scheme), version)
    except _CannotTellError as error:
        return Verdict(None, fixes, str(error))


def _commits(one: Range, version: str, *, decided: bool) -> Verdict:
    """Without the repository only the commits named are known.

    A range of commits does not replace the list of versions (schema, `affected[].ranges[].type`), so a release is decided
    by that list or by another range, if there is one.
    """
    fixes = tuple(event.version for event in one.events if event.kind == "fixed")[:MAX_FIXES]
    if not is_commit(version):
        return Verdict(False) if decided else Verdict(None, fixes, "the advisory names commits only")
    for event in one.events:
        if event.version.startswith(version) and event.kind != "limit":
            return Verdict(event.kind != "fixed", fixes)
    return Verdict(None, fixes, "whether a commit has the fix needs the repository")


class _CannotTellError(Exception):
    """Two versions that cannot be compared."""


def _compare(scheme: str, first: str, second: str) -> int:
    found = versions.compare(scheme, first, second)
    if found is None:
        rules = f"by the rules of {scheme} versions" if scheme else "here: the rules of its ecosystem are not known"
        raise _CannotTellError(f"{first[:40]} and {second[:40]} cannot be compared {rules}")
    return found


def _linear(events: tuple[Event, ...], compare: "functools.partial[int]", version: str) -> Verdict:
    """`IncludedInRanges` of the schema, for one range whose versions have an order."""
    limits = [event.version for event in events if event.kind == "limit"]
    if limits and not any("*" in limit or compare(version, limit) < 0 for limit in limits):
        return Verdict(False)

    def before(one: Event, other: Event) -> int:
        if _is_first(one) or _is_first(other):
            return _is_first(other) - _is_first(one)
        return compare(one.version, other.version)

    timeline = sorted((event for event in events if event.kind != "limit"), key=functools.cmp_to_key(before))
    vulnerable = False
    for number, event in enumerate(timeline):
        against = 1 if _is_first(event) else compare(version, event.version)
        if against < 0:
            fixes = [later.version for later in timeline[number:] if later.kind == "fixed"]
            return Verdict(vulnerable, tuple(fixes[:1]) if vulnerable else ())
        if event.kind != "last_affected":
            vulnerable = event.kind == "introduced"
        elif against > 0:
            vulnerable = False
    return Verdict(vulnerable)


def _is_first(event: Event) -> bool:
    return event.kind == "introduced" and event.version == _FIRST
