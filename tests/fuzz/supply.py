"""Targets: bills of materials, advisories, provenance, and the versions in them."""

import contextlib
import dataclasses
import datetime
import itertools
import json
from typing import Any, Final

from formats.errors import FormatError
from fwtool.supply_chain import advisories, cvss3, cvss4, ecosystems, osv, provenance, sbom, sbom_compare, versions
from fwtool.supply_chain.purl import Purl
from fwtool.supply_chain.versions_generic import from_tag
from tests.fuzz.target import Target

TODAY: Final = datetime.date(2026, 11, 25)
KNOWN: Final = sbom.Sbom(
    "1.6", "", 1, "", sbom.Component("vt100-app", "1.5.0", kind="firmware"),
    (
        sbom.Component("zlib", "1.2.13", purl="pkg:generic/zlib@1.2.13"),
        sbom.Component("openssl", "3.0.2-0ubuntu1", purl="pkg:deb/ubuntu/openssl@3.0.2-0ubuntu1?distro=jammy&upstream=openssl"),
        sbom.Component("requests", "2.31.0rc1", purl="pkg:pypi/requests@2.31.0rc1"),
        sbom.Component("left-pad", "1.3.0-beta.2", purl="pkg:npm/left-pad@1.3.0-beta.2"),
        sbom.Component("linux", "6.1.55"),
    ),
)  # fmt: skip
"""What advisories are held against: a version of each scheme."""


def read_sbom(data: bytes) -> None:
    """An SBOM does not differ from itself, and can be told in JSON."""
    found = sbom.read(data)
    _as_json({**sbom.summary(found), "parts": [dataclasses.asdict(part) for part in found.parts]})
    assert sbom_compare.compare(found, found) == ()
    there, back = sbom_compare.compare(KNOWN, found), sbom_compare.compare(found, KNOWN)
    assert len(there) == len(back)
    advisories.check({"app": found}, [], TODAY)


def read_advisory(data: bytes) -> None:
    """Whatever it says, a check comes to findings that are in their order and can be told in JSON."""
    found = osv.parse(data)
    report = advisories.check({"app": KNOWN, "other": None}, found, TODAY)
    assert report.parts == len(KNOWN.parts)
    assert report.advisories == len(found)
    assert all(finding.id in {advisory.id for advisory in found} for finding in report.findings)
    _as_json(report.as_json())


def read_provenance(data: bytes) -> None:
    """A build is the same after it was written, but for the order of its subjects and tools."""
    found = provenance.read(data)
    again = provenance.read(provenance.make(found))
    assert again == dataclasses.replace(
        found, subjects=tuple(_by_name(found.subjects)), tools=tuple(_by_name(found.tools))
    )  # fmt: skip
    _as_json(provenance.describe(found))


def _by_name(things: Any) -> list[Any]:
    return sorted(things, key=lambda one: one.name)


def _as_json(value: Any) -> None:
    assert json.loads(json.dumps(value, ensure_ascii=False, allow_nan=False).encode()) is not None


def compare_versions(data: bytes) -> None:
    """Three versions (lines): whatever can be told of them is an order. And the other small texts of advisories."""
    lines = data.decode("utf-8", "replace").split("\n")[:3]
    for scheme in ("", *versions.SCHEMES):
        told = {(a, b): versions.compare(scheme, a, b) for a, b in itertools.product(lines, repeat=2)}
        for (a, b), sign in told.items():
            assert sign in (-1, 0, 1, None)
            assert told[b, a] == (None if sign is None else -sign)
        for a, b, c in itertools.permutations(lines, 3):
            if told[a, b] == told[b, c] == -1:
                assert told[a, c] in (-1, None), (scheme, a, b, c)
            if told[a, b] == told[b, c] == 0:
                assert told[a, c] in (0, None), (scheme, a, b, c)
    for line in lines:
        from_tag(line)
        ecosystems.find(line)
        ecosystems.repository(line)
        ecosystems.package_of("Maven", line)
        for score in (cvss3.base_score, cvss4.score):
            with contextlib.suppress(FormatError):
                assert 0 <= score(line) <= 10
        with contextlib.suppress(FormatError):
            assert Purl.parse(line).package.name


TARGETS: Final = {
    "sbom": Target(read_sbom),
    "advisory": Target(read_advisory),
    "provenance": Target(read_provenance),
    "versions": Target(compare_versions, (), max_len=400),
}
