"""The documents of a package (SBOMs, build provenance), as people see them: what they hold, and what differs between two."""

import pathlib
from collections.abc import Iterator
from typing import Any

from formats.errors import FormatError
from formats.fwp.manifest import ComponentType
from fwtool.difference import Change
from fwtool.packages import documents_of
from fwtool.supply_chain import provenance, sbom, sbom_compare


def summaries(path: pathlib.Path) -> dict[str, dict[str, Any]]:
    """What the documents of a package say: for `sbom` and `provenance` by the component they describe.

    A document that cannot be read is said to be so; looking must work on everything.

    Raises:
        FormatError: no package, or damaged.
    """
    sboms = documents_of(path, ComponentType.SBOM)
    builds = documents_of(path, ComponentType.PROVENANCE)
    return {
        "sbom": {name: _summary(data) for name, data in sboms.items() if data is not None},
        "provenance": {name: _build(data) for name, data in builds.items() if data is not None},
    }


def _summary(data: bytes) -> dict[str, Any]:
    try:
        return sbom.summary(sbom.read(data))
    except FormatError as error:
        return {"error": error.message}


def _build(data: bytes) -> dict[str, Any]:
    try:
        return provenance.describe(provenance.read(data))
    except FormatError as error:
        return {"error": error.message}


def compare_sboms(before: pathlib.Path, after: pathlib.Path) -> tuple[Change, ...]:
    """What differs between the SBOMs of two packages, component by component; one that cannot be read is passed over."""
    return tuple(_changes(documents_of(before, ComponentType.SBOM), documents_of(after, ComponentType.SBOM)))


def _changes(before: dict[str, bytes | None], after: dict[str, bytes | None]) -> Iterator[Change]:
    for name in dict.fromkeys([*before, *after]):
        old, new = before.get(name), after.get(name)
        if old is None or new is None or old == new:
            continue  # an SBOM that came or went is a component that did
        try:
            found = sbom_compare.compare(sbom.read(old), sbom.read(new))
        except FormatError:
            continue  # that its bytes differ is said anyway
        for change in found:
            yield Change(f"{name} uses {change.name}", change.kind, *_told(change))


def _told(change: sbom_compare.Change) -> tuple[str | None, str | None]:
    before, after = change.version_before or None, change.version_after or None
    if change.kind == "changed" and before == after:
        if change.licences_before != change.licences_after:
            return ", ".join(change.licences_before) or "no licence", ", ".join(change.licences_after) or "no licence"
        return f"{before} with other contents", after
    return before, after
