"""SBOMs, advisories, versions, severities and provenance: against the validators, tools and documents of others."""

import copy
import dataclasses
import datetime
import itertools
import json
import os
import pathlib
import random
import subprocess
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from formats.errors import FormatError, LocalError, ToolError
from fwtool.cli.image_vulnerabilities import examine
from fwtool.supply_chain import (
    advisories,
    affected,
    cvss3,
    cvss4,
    cvss4_tables,
    matching,
    osv,
    provenance,
    sbom,
    sbom_compare,
    sbom_make,
    severity,
    strict_json,
    versions,
)
from fwtool.supply_chain.purl import Purl
from tests.support import flips, need

TODAY = datetime.date(2026, 11, 25)
SBOM: dict[str, Any] = {
    "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "serialNumber": "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79",
    "version": 2,
    "metadata": {
        "timestamp": "2026-01-02T03:04:05Z",
        "component": {"type": "firmware", "name": "vt100-app", "version": "1.5.0", "supplier": {"name": "Acme"}},
    },
    "components": [
        {
            "type": "library",
            "bom-ref": "one",
            "group": "openssl.org",
            "name": "openssl",
            "version": "3.0.2",
            "purl": "pkg:generic/openssl@3.0.2",
            "cpe": "cpe:2.3:a:openssl:openssl:3.0.2:*:*:*:*:*:*:*",
            "licenses": [{"license": {"id": "Apache-2.0"}}, {"license": {"name": "Own words"}}],
            "hashes": [{"alg": "SHA-256", "content": "AB" * 32}, {"alg": "MD5", "content": "0" * 32}],
            "properties": [{"name": "x", "value": "y"}],
            "components": [
                {"type": "library", "name": "zlib", "version": "1.2.13", "licenses": [{"expression": "Zlib OR MIT"}]},
                {"type": "file", "name": "readme.txt"},
            ],
        },
        {"type": "library", "name": "linux", "version": "6.1.55", "purl": "pkg:generic/linux@6.1.55"},
    ],
    "dependencies": [{"ref": "one", "dependsOn": []}],
}
ADVISORY: dict[str, Any] = {
    "schema_version": "1.7.4",
    "id": "OSV-2026-1",
    "modified": "2026-03-01T00:00:00Z",
    "published": "2026-02-01T12:00:00.123456Z",
    "aliases": ["CVE-2026-1"],
    "upstream": ["CVE-2026-1", "CVE-2026-2"],
    "summary": "A made-up hole",
    "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
    "affected": [
        {
            "package": {"ecosystem": "OSS-Fuzz", "name": "openssl", "purl": "pkg:generic/openssl"},
            "ranges": [
                {"type": "ECOSYSTEM", "events": [{"introduced": "3.0.0"}, {"fixed": "3.0.7"}]},
                {"type": "GIT", "repo": "https://example.com/openssl", "events": [{"introduced": "0"}]},
            ],
            "versions": ["3.0.0", "3.0.1"],
            "severity": [],
            "ecosystem_specific": {"severity": "HIGH"},
        }
    ],
    "references": [{"type": "WEB", "url": "https://example.com/"}],
    "database_specific": {"severity": "CRITICAL"},
}
BUILD = provenance.Build(
    subjects=(provenance.Artifact("vt100.elf", "ab" * 32), provenance.Artifact("vt100.bin", "cd" * 32)),
    source="https://example.com/vt100",
    revision="0123456789abcdef0123456789abcdef01234567",
    dirty=False,
    builder="https://example.com/ci",
    tools=(provenance.Tool("gcc", "12.2.0", "ef" * 32), provenance.Tool("binutils", "2.40")),
    flags=("-Os", "-mthumb"),
    source_date_epoch=1_700_000_000,
)
READERS: dict[str, tuple[Callable[[bytes], Any], Any]] = {
    "sbom": (sbom.read, SBOM),
    "advisory": (osv.parse, ADVISORY),
    "provenance": (provenance.read, json.loads(provenance.make(BUILD))),
}
READER = pytest.mark.parametrize("kind", READERS)


def raw(value: Any) -> bytes:
    return json.dumps(value).encode()


def sbom_of(*components: dict[str, Any]) -> sbom.Sbom:
    named = [{"type": "library", **component} for component in components]
    return sbom.read(raw({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": named}))


def advisory(identity: str = "OSV-1", **members: Any) -> dict[str, Any]:
    return {"id": identity, "modified": "2026-11-01T00:00:00Z", "published": "2026-11-01T00:00:00Z", **members}


def about(ecosystem: str, name: str, *events: dict[str, str], kind: str = "ECOSYSTEM", **members: Any) -> dict[str, Any]:
    ranges = {"ranges": [{"type": kind, "events": list(events)}]} if events else {}
    return {"package": {"ecosystem": ecosystem, "name": name}, **ranges, **members}


def check(parts: sbom.Sbom, *found: dict[str, Any], today: datetime.date = TODAY) -> advisories.Report:
    return advisories.check({"app": parts}, osv.parse(raw(list(found))), today)


def answers(parts: sbom.Sbom, *found: dict[str, Any]) -> list[tuple[str, str, str, tuple[str, ...]]]:
    return [(one.component, one.match, one.outcome, one.fixed_in) for one in check(parts, *found).findings]


# -- hostile JSON ---------------------------------------------------------------------------------------------------

NESTED = b'{"components":['
HOSTILE = {
    "nothing": b"",
    "no JSON": b"bill of materials",
    "nested lists": b"[" * 100_000,
    "nested objects": NESTED * 100_000,
    "closed nested lists": b"[" * 50_000 + b"]" * 50_000,
    "key twice": b'{"id": "a", "id": "b"}',
    "key twice where nobody looks": b'{"x": {"y": 1, "y": 1}}',
    "NaN": b'{"x": NaN}',
    "infinity": b'{"x": -Infinity}',
    "digits": b'{"x": ' + b"9" * 5000 + b"}",
    "trailing": b"{} {}",
    "byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": '{"id": "x"}'.encode("utf-16"),
    "not UTF-8": b'{"id": "\xff"}',
    "overlong UTF-8": b'{"id": "\xc0\xaf"}',
    "surrogate in UTF-8": b'{"id": "\xed\xa0\x80"}',
    "control character": b'{"id": "\x01"}',
    "text": b'"text"',
    "null": b"null",
    "too large": b" " * (strict_json.MAX_SIZE + 1),
    "too many values": b"[" + b"0," * strict_json.MAX_VALUES + b"0]",
    "wide characters": b'["' + b"a" * (strict_json.MAX_TEXT // 2) + "\U0001f600".encode() + b'"]',
}


@READER
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_json_is_refused(kind: str, name: str) -> None:
    with pytest.raises(FormatError):
        READERS[kind][0](HOSTILE[name])


@pytest.mark.parametrize(
    ("name", "data"),
    {
        "objects": b"[" + b'{"name":1},' * 199_990 + b"{}]",
        "lists": b"[" + b"[0]," * 133_000 + b"[0]]",
        "texts": b"[" + b",".join(b'"%06d"' % number for number in range(399_990)) + b"]",
        "one long text": b'"' + b"a" * (strict_json.MAX_SIZE - 2) + b'"',
        "one long number": b"[1." + b"1" * (strict_json.MAX_SIZE - 8) + b"]",
        "wide text": ('["' + "a" * (strict_json.MAX_TEXT // 4 - 16) + '\U0001f600"]').encode(),
        "components": raw({**SBOM, "components": [SBOM["components"][1]] * 20_000}),
    }.items(),
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_memory_is_bounded_whatever_is_read(name: str, data: bytes) -> None:
    tracemalloc.start()
    try:
        if name == "components":
            assert len(sbom.read(data).components) == sbom.MAX_COMPONENTS
        else:
            with pytest.raises(FormatError):
                sbom.read(data)
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a JSON value, the whole of it first."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield from places(one, (*path, key))


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    changed = copy.deepcopy(value)
    spot = changed
    for key in path[:-1]:
        spot = spot[key]
    spot[path[-1]] = new
    return changed


WRONG: tuple[Any, ...] = (None, True, 7, 1.5, "x", [], [[]], {}, {"x": 1})
NULLABLE = {"aliases", "upstream", "severity", "affected"}
"""The OSV schema allows null for these lists."""


@READER
def test_every_value_of_a_wrong_type_is_refused_or_not_used(kind: str) -> None:
    read, sample = READERS[kind]
    good = read(raw(sample))
    refused = 0
    for path in places(sample):
        value = sample
        for key in path:
            value = value[key]
        for new in WRONG:
            free_form = {"database_specific", "ecosystem_specific"} & set(path) or (kind, path, new) == ("advisory", (), [])
            if type(new) is type(value) or free_form or (new is None and isinstance(value, list) and path[-1] in NULLABLE):
                continue
            try:
                assert read(raw(replaced(sample, path, new))) == good, (path, new)
            except FormatError:
                refused += 1
    assert refused > 100


@READER
def test_missing_members_are_refused_or_empty(kind: str) -> None:
    """Without any one member there is a result or a FormatError, never anything else."""
    read, sample = READERS[kind]
    for path in places(sample):
        if path and isinstance(path[-1], str):
            shorter = copy.deepcopy(sample)
            spot = shorter
            for key in path[:-1]:
                spot = spot[key]
            del spot[path[-1]]
            try:
                read(raw(shorter))
            except FormatError:
                continue


@READER
def test_no_truncation_is_read_and_no_flipped_bit_does_harm(kind: str) -> None:
    read, sample = READERS[kind]
    data = raw(sample)
    for size in range(len(data)):
        with pytest.raises(FormatError):
            read(data[:size])
    for _, damaged in flips(data):
        try:
            read(damaged)
        except FormatError:
            continue


@READER
@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=8,
    ),
    where=st.integers(0, 10_000),
)
def test_any_json_anywhere(kind: str, value: Any, where: int) -> None:
    read, sample = READERS[kind]
    spots = list(places(sample))
    try:
        read(raw(replaced(sample, spots[where % len(spots)], value)))
    except FormatError:
        return


# -- SBOM -----------------------------------------------------------------------------------------------------------


def test_an_sbom_is_read() -> None:
    found = sbom.read(raw(SBOM))
    assert (found.spec_version, found.version, found.timestamp) == ("1.6", 2, "2026-01-02T03:04:05Z")
    assert found.main == sbom.Component("vt100-app", "1.5.0", kind="firmware", supplier="Acme")
    openssl, zlib, readme, linux = found.components
    assert openssl.licences == ("Apache-2.0", "Own words")
    assert openssl.hashes == (("SHA-256", "ab" * 32), ("MD5", "0" * 32))
    assert (zlib.path, zlib.licences) == (("openssl",), ("Zlib OR MIT",))
    assert (readme.kind, readme.version, linux.path) == ("file", "", ())
    assert sbom.summary(found) == {
        "spec_version": "1.6", "serial_number": SBOM["serialNumber"], "timestamp": "2026-01-02T03:04:05Z",
        "name": "vt100-app", "version": "1.5.0", "components": 4, "without_version": 1, "without_purl": 2,
        "without_licence": 2, "licences": {"Apache-2.0 AND Own words": 1, "Zlib OR MIT": 1},
    }  # fmt: skip


def nest(depth: int) -> dict[str, Any]:
    inner: dict[str, Any] = {"type": "library", "name": "x"}
    for _ in range(depth):
        inner = {"type": "library", "name": "x", "components": [inner]}
    return {"bomFormat": "CycloneDX", "specVersion": "1.4", "components": [inner]}


def test_limits_of_an_sbom() -> None:
    assert sbom.read(raw(nest(sbom.MAX_DEPTH - 1))).components[-1].path == ("x",) * (sbom.MAX_DEPTH - 1)
    for broken in (nest(sbom.MAX_DEPTH), {**SBOM, "components": [{"type": "file", "name": "x"}] * (sbom.MAX_COMPONENTS + 1)}):
        with pytest.raises(FormatError) as caught:
            sbom.read(raw(broken))
        assert caught.value.name == "too_large"


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"specVersion": "1.3"}, "unsupported_format"),
        ({"specVersion": "1.7"}, "unsupported_format"),
        ({"bomFormat": "SPDX"}, "unsupported_format"),
        ({"serialNumber": "urn:uuid:nonsense"}, "damaged_file"),
        ({"version": -1}, "damaged_file"),
        ({"components": [{"type": "library"}]}, "damaged_file"),
        ({"components": [{"name": "typeless"}]}, "damaged_file"),
        ({"components": [{"type": "library", "name": "a", "purl": "zlib@1"}]}, "damaged_file"),
        ({"components": [{"type": "library", "name": "a\ud800"}]}, "damaged_file"),
        ({"components": [{"type": "library", "name": "a", "hashes": [{"alg": "MD4", "content": "0" * 32}]}]}, "damaged_file"),
        ({"components": [{"type": "library", "name": "a", "hashes": [{"alg": "SHA-256", "content": "0" * 32}]}]}, "damaged_file"),
        ({"components": [{"type": "library", "name": "a", "hashes": [{"alg": "MD5", "content": "g" * 32}]}]}, "damaged_file"),
        ({"components": [{"type": "library", "name": "a", "licenses": [{}]}]}, "damaged_file"),
        (
            {"components": [{"type": "library", "name": "a", "licenses": [{"license": {"id": "MIT", "name": "x"}}]}]},
            "damaged_file",
        ),
        (
            {"components": [{"type": "library", "name": "a", "licenses": [{"expression": "MIT", "license": {"id": "MIT"}}]}]},
            "damaged_file",
        ),
    ],
)
def test_wrong_sboms_are_refused(change: dict[str, Any], name: str) -> None:
    with pytest.raises(FormatError) as caught:
        sbom.read(raw({**SBOM, **change}))
    assert caught.value.name == name


def strict_validator(version: str) -> Any:
    """The validator of cyclonedx-python-lib for JSON of a version of CycloneDX, which has the real schemas."""
    pytest.importorskip("cyclonedx")
    from cyclonedx.schema import SchemaVersion  # type: ignore[import-not-found,unused-ignore]
    from cyclonedx.validation.json import JsonStrictValidator  # type: ignore[import-not-found,unused-ignore]

    return JsonStrictValidator(SchemaVersion[f"V{version.replace('.', '_')}"])


@pytest.mark.parametrize("version", sbom.SPEC_VERSIONS)
def test_what_another_writer_writes_is_read(version: str) -> None:
    """cyclonedx-python-lib writes an SBOM; its validator and our reader take it, and we find what was written."""
    pytest.importorskip("cyclonedx")
    from cyclonedx.model import HashAlgorithm, HashType  # type: ignore[import-not-found,unused-ignore]
    from cyclonedx.model.bom import Bom  # type: ignore[import-not-found,unused-ignore]
    from cyclonedx.model.component import Component, ComponentType  # type: ignore[import-not-found,unused-ignore]
    from cyclonedx.model.contact import OrganizationalEntity  # type: ignore[import-not-found,unused-ignore]
    from cyclonedx.model.license import LicenseExpression  # type: ignore[import-not-found,unused-ignore]
    from cyclonedx.output import make_outputter  # type: ignore[import-not-found,unused-ignore]
    from cyclonedx.schema import OutputFormat, SchemaVersion
    from packageurl import PackageURL  # type: ignore[import-not-found,unused-ignore]

    licence = LicenseExpression("MIT OR Apache-2.0")
    inner = Component(name="zlib", version="1.3.1", type=ComponentType.LIBRARY, bom_ref="inner")
    part = Component(
        name="mbedtls", group="arm", version="3.6.0", type=ComponentType.LIBRARY, bom_ref="outer", licenses=[licence],
        purl=PackageURL("github", "Mbed-TLS", "mbedtls", "v3.6.0"), supplier=OrganizationalEntity(name="Arm"),
        hashes=[HashType(alg=HashAlgorithm.SHA_512, content="ab" * 64)], components=[inner],
        cpe="cpe:2.3:a:arm:mbed_tls:3.6.0:*:*:*:*:*:*:*",
    )  # fmt: skip
    bom = Bom(components=[part])
    bom.metadata.component = Component(name="app", version="1", type=ComponentType.FIRMWARE, bom_ref="app")
    bom.register_dependency(bom.metadata.component, [part])
    text = make_outputter(bom, OutputFormat.JSON, SchemaVersion[f"V{version.replace('.', '_')}"]).output_as_string()
    assert strict_validator(version).validate_str(text) is None
    found = sbom.read(text.encode())
    assert found.serial_number == bom.serial_number.urn
    assert found.main == sbom.Component("app", "1", kind="firmware")
    assert found.components == (
        sbom.Component(
            "mbedtls", "3.6.0", "arm", "library", str(part.purl), part.cpe, ("MIT OR Apache-2.0",),
            (("SHA-512", "ab" * 64),), "Arm",
        ),
        sbom.Component("zlib", "1.3.1", path=("mbedtls",)),
    )  # fmt: skip


def test_the_sample_is_valid_by_the_real_schema() -> None:
    assert strict_validator("1.6").validate_str(json.dumps(SBOM)) is None


def test_what_the_schema_refuses_is_refused_where_it_is_used() -> None:
    """Members of a wrong type: whenever our reader takes one, the schema's validator does, or it is not used here."""
    validator = strict_validator("1.6")
    used = sbom.Component.__dataclass_fields__.keys() | {
        "licenses",
        "license",
        "id",
        "expression",
        "alg",
        "content",
        "components",
    }
    for path in places(SBOM):
        if not path or path[-1] not in used or {"properties", "dependencies"} & set(path):
            continue
        for new in (None, 7):
            changed = replaced(SBOM, path, new)
            assert validator.validate_str(json.dumps(changed)) is not None or path == ("version",)
            if path != ("version",) or new is None:
                with pytest.raises(FormatError):
                    sbom.read(raw(changed))


# -- comparing SBOMs ------------------------------------------------------------------------------------------------


def test_what_differs_between_two_sboms() -> None:
    before = sbom_of(
        {"name": "zlib", "version": "1.2.13", "purl": "pkg:generic/zlib@1.2.13", "licenses": [{"license": {"id": "Zlib"}}]},
        {"name": "lwip", "version": "2.1.2"},
        {"name": "fatfs", "version": "0.15", "licenses": [{"expression": "BSD-1-Clause"}]},
        {"name": "blob", "version": "7", "hashes": [{"alg": "SHA-256", "content": "00" * 32}]},
        {"name": "twice", "version": "1"},
        {"name": "twice", "version": "2"},
        {"name": "same", "version": "1"},
    )
    after = sbom_of(
        {"name": "same", "version": "1", "components": [{"type": "library", "name": "fatfs", "version": "0.15"}]},
        {"name": "zlib", "version": "1.3.1", "purl": "pkg:generic/zlib@1.3.1", "licenses": [{"license": {"id": "Zlib"}}]},
        {"name": "littlefs", "version": "2.9"},
        {"name": "blob", "version": "7", "hashes": [{"alg": "SHA-256", "content": "11" * 32}]},
        {"name": "twice", "version": "2"},
        {"name": "twice", "version": "3"},
    )
    assert sbom_compare.compare(before, after) == (
        sbom_compare.Change("changed", "blob", "7", "7", contents_differ=True),
        sbom_compare.Change("changed", "fatfs", "0.15", "0.15", ("BSD-1-Clause",), ()),
        sbom_compare.Change("added", "littlefs", "", "2.9"),
        sbom_compare.Change("removed", "lwip", "2.1.2"),
        sbom_compare.Change("changed", "twice", "1", "3"),
        sbom_compare.Change("changed", "zlib", "1.2.13", "1.3.1", ("Zlib",), ("Zlib",)),
    )
    assert sbom_compare.compare(before, before) == ()


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("123"), st.sampled_from(["", "MIT"])), max_size=8),
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("123"), st.sampled_from(["", "MIT"])), max_size=8),
)
def test_a_comparison_is_complete_and_turns_round(old: list[Any], new: list[Any]) -> None:
    def build(parts: list[Any]) -> sbom.Sbom:
        return sbom_of(*({"name": n, "version": v, "licenses": [{"expression": e}] if e else []} for n, v, e in parts))

    changes = sbom_compare.compare(build(old), build(new))
    assert bool(changes) == (set(old) != set(new))
    back = sbom_compare.compare(build(new), build(old))
    turned = {"added": "removed", "removed": "added", "changed": "changed"}
    expected = sorted(
        (turned[c.kind], c.name, c.version_after, c.version_before, c.licences_after, c.licences_before) for c in changes
    )
    assert expected == sorted(
        (c.kind, c.name, c.version_before, c.version_after, c.licences_before, c.licences_after) for c in back
    )


# -- making SBOMs ---------------------------------------------------------------------------------------------------

LIST = b"""
name = "vt100-app"
version = "1.5.0"
supplier = "Acme"

[[component]]
name = "zlib"
version = "1.3.1"
purl = "pkg:generic/zlib@1.3.1"
licence = "Zlib"
sha256 = "%s"

[[component]]
name = "card-kernel"
version = "4.2"
licence_name = "Acme, all rights reserved"
supplier = "Kernels Inc."
cpe = "cpe:2.3:a:kernels:card:4.2:*:*:*:*:*:*:*"
""" % (b"AB" * 32)


def test_a_made_sbom_is_valid_and_holds_the_list() -> None:
    data = sbom_make.make(LIST, 1_700_000_000)
    found = sbom.read(data)
    assert found.main == sbom.Component("vt100-app", "1.5.0", kind="firmware", supplier="Acme")
    assert found.timestamp == "2023-11-14T22:13:20Z"
    assert found.components == (
        sbom.Component("zlib", "1.3.1", purl="pkg:generic/zlib@1.3.1", licences=("Zlib",), hashes=(("SHA-256", "ab" * 32),)),
        sbom.Component(
            "card-kernel", "4.2", cpe="cpe:2.3:a:kernels:card:4.2:*:*:*:*:*:*:*", licences=("Acme, all rights reserved",),
            supplier="Kernels Inc.",
        ),
    )  # fmt: skip
    for made in (data, sbom_make.make(LIST), sbom_make.make(b'name="x"\nversion="1"')):
        assert strict_validator("1.6").validate_str(made.decode()) is None


def test_the_same_list_gives_the_same_bytes_and_another_another_serial_number() -> None:
    made = sbom_make.make(LIST)
    assert made == sbom_make.make(LIST.replace(b"\n\n", b"\n\n# a comment\n\n"))
    assert b"timestamp" not in made
    other = sbom.read(sbom_make.make(LIST.replace(b"4.2", b"4.3")))
    assert sbom.read(made).serial_number != other.serial_number
    assert sbom.read(made).serial_number.split("-")[2][0] == "5"


@pytest.mark.parametrize(
    "toml",
    [
        b"name =", b"\xff", b'name = "x"', b'version = "1"', b'name = 5\nversion = "1"', b'name = " "\nversion = "1"',
        b'name = "x"\nversion = "1"\nauthor = "me"', b'name = "x"\nversion = "1"\ncomponent = 5',
        b'name = "x"\nversion = "1"\ncomponent = [5]', b'name = "x"\nversion = "1"\n[[component]]\nname = "y"',
        LIST + b'[[component]]\nname = "zlib"\nversion = "1.3.1"\npurl = "pkg:generic/zlib@1.3.1"',
        LIST.replace(b'zlib@1.3.1"', b'zlib@1.3.0"'), LIST.replace(b"pkg:", b"pack:"), LIST.replace(b"AB", b"XY"),
        LIST.replace(b'"Zlib"', b'"Zlib, mostly"'), LIST.replace(b'licence = "Zlib"', b'licence = "Zlib"\nlicence_name = "x"'),
        LIST.replace(b'"zlib"', b'"zl\\u0007ib"'), b"#" * (sbom_make.MAX_TOML + 1), b"a=" + b"[" * 100_000,
    ],
)  # fmt: skip
def test_wrong_lists_are_refused(toml: bytes) -> None:
    with pytest.raises(ToolError) as caught:
        sbom_make.make(toml)
    assert caught.value.name == "usage"


# -- package URLs ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "pkg:generic/openssl@1.1.10g", "pkg:deb/debian/curl@7.50.3-1?arch=i386&distro=jessie",
        "pkg:npm/%40angular/animation@12.3.1",
        "pkg:github/package-url/purl-spec@244fd47e07d1004f0aed9c", "pkg:golang/google.golang.org/genproto#googleapis/api",
        "pkg:pypi/Django_allauth@12.23", "pkg:rpm/fedora/curl@7.50.3-1.fc25?arch=i386&distro=fedora-25",
        "pkg:maven/org.apache.commons/io@1.3.4", "pkg:deb/debian/libc6@1%3A2.3", "pkg:generic//zlib@1", "pkg://generic/zlib",
    ],
)  # fmt: skip
def test_package_urls_as_the_reference_library_reads_them(text: str) -> None:
    reference = pytest.importorskip("packageurl").PackageURL.from_string(text)
    found = Purl.parse(text)
    assert found.package == (reference.type, reference.namespace or "", reference.name)
    assert (found.version, found.qualifiers) == (reference.version or "", reference.qualifiers)
    assert Purl.parse(text.replace("pkg:", "PKG:")) == found


@pytest.mark.parametrize(
    "text", ["", "zlib", "pkg:", "pkg:generic", "pkg:generic/", "pkg:/zlib", "pkg:1a/zlib", "npm:x/y", "pkg:a/%ff"]
)
def test_what_is_no_package_url(text: str) -> None:
    with pytest.raises(FormatError):
        Purl.parse(text)


# -- versions -------------------------------------------------------------------------------------------------------

SEMVER_ORDER = ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1",
                "1.0.0", "2.0.0", "2.1.0", "2.1.1"]  # fmt: skip
"""Clause 11 of semver.org 2.0.0."""
GENERIC_ORDER = ["1.0.2-alpha1", "1.0.2-beta", "1.0.2-beta2", "1.0.2-rc1", "1.0.2", "1.0.2a", "1.0.2k", "1.0.2z", "1.0.2za",
                 "1.0.2zh", "1.1.0", "v1.1.1-rc10", "1.1.1", "1.2.13", "1.10", "2021.07-rc1", "2021.07"]  # fmt: skip


@pytest.mark.parametrize(("scheme", "ordered"), [("semver", SEMVER_ORDER), ("generic", GENERIC_ORDER)])
def test_documented_orders(scheme: str, ordered: list[str]) -> None:
    for (i, one), (j, other) in itertools.product(enumerate(ordered), repeat=2):
        assert versions.compare(scheme, one, other) == (i > j) - (i < j), (one, other)


@pytest.mark.parametrize(
    ("scheme", "one", "other", "expected"),
    [
        ("semver", "1.0.0+a", "1.0.0+b", 0),
        ("semver", "v1.2.3", "1.2.3", 0),
        ("semver", "1.2", "1.2.0", None),
        ("semver", "01.2.3", "1.2.3", None),
        ("semver", "1.0.0-01", "1.0.0", None),
        ("generic", "1.2", "1.2.0", 0),
        ("generic", "9.3p1", "9.3p2", -1),
        ("generic", "9.3", "9.3p1", -1),
        ("generic", "9.3p1", "9.3a", None),
        ("generic", "1.2-pre3", "1.2", -1),
        ("generic", "1.2-pre3", "1.2-alpha1", None),
        ("generic", "5.6.3-stable", "5.6.3", None),
        ("generic", "5.6.3-stable", "5.6.4", -1),
        ("generic", "5.6.3-stable", "5.6.3-stable", 0),
        ("generic", "7.0.10-34", "7.0.11-0", -1),
        ("generic", "7.0.10-34", "7.0.10-35", None),
        ("generic", "1_2_3", "1.2.4", None),
        ("generic", "2-10-4", "2.10.5", None),
        ("generic", "1.2.x", "1.2.3", None),
        ("generic", "1:1.2.3", "1.2.4", None),
        ("generic", "5e3abcd1", "1.2.3", None),
        ("generic", "master", "1.2.3", None),
        ("generic", "20230120", "20230121", -1),
        ("debian", "1.0-", "1.0", None),
        ("debian", "a1", "1", None),
        ("pypi", "1.0.0", "1", 0),
        ("pypi", "newest", "1", None),
        ("", "1", "2", None),
        ("", "1.2-r3", "1.2-r3", 0),
        ("generic", "", "", None),
        ("generic", "1" * 300, "1" * 300, None),
    ],
)
def test_pairs_of_versions(scheme: str, one: str, other: str, expected: int | None) -> None:
    assert versions.compare(scheme, one, other) == expected
    assert versions.compare(scheme, other, one) == (None if expected is None else -expected)


@pytest.mark.parametrize(
    ("tag", "version"),
    [
        ("curl-7_88_1", "7.88.1"), ("OpenSSL_1_1_1k", "1.1.1k"), ("VER-2-10-4", "2.10.4"), ("v1.2.11", "1.2.11"),
        ("libssh2-1.11.0", "1.11.0"), ("R_2_5_0", "2.5.0"), ("mbedtls-3.4.0", "3.4"), ("n4.4", "4.4"), ("1.2-rc1", "1.2-rc1"),
    ],
)  # fmt: skip
def test_tags_of_upstream_projects(tag: str, version: str) -> None:
    from fwtool.supply_chain.versions_generic import from_tag, parse

    assert from_tag(tag) == parse(version)


@pytest.mark.parametrize("tag", ["STABLE-2_1_2_RELEASE", "master", "1.2-custom", "", "libssh2", "before-merge", "v" + "1" * 5000])
def test_tags_that_name_no_version(tag: str) -> None:
    from fwtool.supply_chain.versions_generic import from_tag

    assert from_tag(tag) is None


def dpkg(one: str, relation: str, other: str) -> tuple[bool, str]:
    done = subprocess.run(
        [need("dpkg"), "--compare-versions", one, relation, other], capture_output=True, text=True, check=False,
        env={**os.environ, "LC_ALL": "C"},
    )  # fmt: skip
    return done.returncode == 0, done.stderr


DEBIAN = st.builds(
    lambda epoch, first, upstream, revision: f"{epoch}{first}{upstream}{revision}",
    st.sampled_from(["", "", "0:", "1:", "10:"]),
    st.sampled_from(["0", "1", "10", "01"]),
    st.text("019aZ.+~-", max_size=6),
    st.just("") | st.text("01a.+~", min_size=1, max_size=4).map("-{}".format),
).filter(lambda version: not version.endswith("-"))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(DEBIAN, DEBIAN)
def test_debian_versions_as_dpkg_has_them(one: str, other: str) -> None:
    expected = 0 if dpkg(one, "eq", other)[0] else -1 if dpkg(one, "lt", other)[0] else 1
    assert versions.compare("debian", one, other) == expected


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.text("01a:.+~-_ ", min_size=1, max_size=5).filter(lambda text: text == text.strip() and text[0] not in "-+"))
def test_what_dpkg_says_is_no_version_is_none(text: str) -> None:
    """An option may not begin a text here; and that dpkg takes +0 for an epoch is not in deb-version(7)."""
    _, complaint = dpkg(text, "eq", "2")
    assert (versions.compare("debian", text, "2") is None) == ("bad syntax" in complaint)


PYPI = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(["", "", "1!", "v"]),
        st.sampled_from(["0", "1", "1.0", "1.1", "1.0.0", "1.10", "2"]),
        st.sampled_from(["", "", "a1", "b", "rc1", "-alpha.2", "_preview3", ".c2", "pre"]),
        st.sampled_from(["", "", ".post1", "-2", "rev3", ".r"]),
        st.sampled_from(["", "", ".dev1", "dev", "-dev2"]),
        st.sampled_from(["", "", "+local", "+1", "+1.a", "+a-2"]),
    ),
)


@settings(max_examples=500, deadline=None, derandomize=True)
@given(PYPI, PYPI)
def test_python_versions_as_packaging_has_them(one: str, other: str) -> None:
    from packaging.version import InvalidVersion, Version

    try:
        first, second = Version(one), Version(other)
    except InvalidVersion:
        assert versions.compare("pypi", one, other) in (None, 0)
        return
    assert versions.compare("pypi", one, other) == (first > second) - (first < second)


GENERIC = st.builds(
    lambda numbers, suffix: ".".join(map(str, numbers)) + suffix,
    st.lists(st.integers(0, 3), min_size=1, max_size=3),
    st.sampled_from(["", "", "a", "b", "zb", "p1", "p2", "-rc1", "-rc2", "-beta", "-pre1", "-stable", "-3"]),
)


@settings(max_examples=500, deadline=None, derandomize=True)
@given(GENERIC, GENERIC, GENERIC)
def test_the_generic_order_is_one(one: str, two: str, three: str) -> None:
    """Where it says anything: turned round it says the opposite, and it is transitive."""
    a, b, c = (versions.compare("generic", *pair) for pair in ((one, two), (two, three), (one, three)))
    back = versions.compare("generic", two, one)
    assert (a is None) == (back is None)
    assert a is None or a == -(back or 0)
    if a is not None and b is not None and a * b >= 0 and (a or b):
        assert c in (None, a or b)
    if a == 0 == b:
        assert c == 0


# -- CVSS -----------------------------------------------------------------------------------------------------------

FIRST_31 = {
    "AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N": 6.1,  # CVE-2013-1937
    "AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N": 6.4,  # CVE-2013-0375
    "AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N": 3.1,  # CVE-2014-3566
    "AV:N/AC:L/PR:L/UI:N/S:C/C:H/I:H/A:H": 9.9,  # CVE-2012-1516
    "AV:L/AC:L/PR:H/UI:N/S:U/C:L/I:L/A:L": 4.2,  # CVE-2009-0783
    "AV:N/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H": 8.8,  # CVE-2012-0384
    "AV:L/AC:L/PR:N/UI:R/S:U/C:H/I:H/A:H": 7.8,  # CVE-2015-1098
    "AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N": 7.5,  # CVE-2014-0160
    "AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H": 9.8,  # CVE-2014-6271
    "AV:N/AC:H/PR:N/UI:N/S:C/C:N/I:H/A:N": 6.8,  # CVE-2008-1447
    "AV:P/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H": 6.8,  # CVE-2014-2005
    "AV:N/AC:L/PR:N/UI:N/S:C/C:L/I:N/A:N": 5.8,  # CVE-2010-0467
    "AV:A/AC:L/PR:N/UI:N/S:C/C:H/I:N/A:H": 9.3,  # CVE-2013-6014
    "AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N": 0.0,
}
"""FIRST.Org, CVSS v3.1 Examples."""
FIRST_40 = {
    "AV:L/AC:L/AT:P/PR:L/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N": 7.3,  # CVE-2022-41741
    "AV:N/AC:L/AT:P/PR:N/UI:P/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N": 7.7,  # CVE-2020-3549
    "AV:N/AC:L/AT:P/PR:N/UI:N/VC:H/VI:L/VA:L/SC:N/SI:N/SA:N": 8.3,  # CVE-2023-3089
    "AV:L/AC:L/AT:N/PR:N/UI:A/VC:L/VI:N/VA:N/SC:N/SI:N/SA:N": 4.6,  # CVE-2021-44714
    "AV:N/AC:L/AT:N/PR:N/UI:A/VC:N/VI:N/VA:N/SC:L/SI:L/SA:N": 5.1,  # CVE-2022-21830
    "AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:L/VA:N/SC:N/SI:N/SA:N": 6.9,  # CVE-2022-22186
    "AV:L/AC:L/AT:N/PR:H/UI:N/VC:N/VI:N/VA:N/SC:H/SI:N/SA:N": 5.9,  # CVE-2023-21989
    "AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:N/SC:N/SI:N/SA:N": 0.0,
}
"""FIRST.Org, CVSS v4.0 Examples."""


@pytest.mark.parametrize(("vector", "expected"), FIRST_31.items())
def test_examples_of_cvss_31(vector: str, expected: float) -> None:
    assert cvss3.base_score(f"CVSS:3.1/{vector}") == expected
    assert cvss3.base_score(f"CVSS:3.0/{vector}/E:U/RL:O/MAV:P") == expected


@pytest.mark.parametrize(("vector", "expected"), FIRST_40.items())
def test_examples_of_cvss_40(vector: str, expected: float) -> None:
    assert cvss4.score(f"CVSS:4.0/{vector}") == expected


def test_every_base_score_of_cvss_31_against_another_implementation() -> None:
    reference = pytest.importorskip("cvss").CVSS3
    names = ("AV", "AC", "PR", "UI", "S", "C", "I", "A")
    for values in itertools.product("NALP", "LH", "NLH", "NR", "UC", "HLN", "HLN", "HLN"):
        vector = "CVSS:3.1/" + "/".join(f"{name}:{value}" for name, value in zip(names, values, strict=True))
        assert cvss3.base_score(vector) == float(reference(vector).scores()[0]), vector


def test_scores_of_cvss_40_against_another_implementation() -> None:
    reference = pytest.importorskip("cvss").CVSS4
    chance = random.Random(4)
    for share in (0.0, 0.5):
        for _ in range(1000):
            wanted = [name for name in cvss4_tables.METRICS if name in cvss4_tables.BASE or chance.random() < share]
            vector = "/".join(("CVSS:4.0", *(f"{name}:{chance.choice(cvss4_tables.METRICS[name])}" for name in wanted)))
            assert cvss4.score(vector) == float(reference(vector).base_score), vector


def test_no_damaged_vector_has_a_score() -> None:
    for version, score in (("3.1", cvss3.base_score), ("4.0", cvss4.score)):
        vector = f"CVSS:{version}/" + next(iter(FIRST_31 if version == "3.1" else FIRST_40))
        parts = vector.split("/")
        wrong = [vector[:size] for size in range(len(vector))]
        wrong += ["/".join((*parts[:place], *parts[place + 1 :])) for place in range(len(parts))]
        wrong += [f"{vector}/{part}" for part in parts[1:]]
        wrong += [vector + "/", vector + "/XX:Y", vector.lower(), vector.replace("AV:", "AV:Q"), f" {vector}"]
        for one in wrong:
            with pytest.raises(FormatError):
                score(one)


@pytest.mark.parametrize(
    ("severities", "words", "rank", "score"),
    [
        ([], [], "unknown", None),
        ([("CVSS_V2", "AV:N/AC:L/Au:N/C:C/I:C/A:C")], [], "unknown", None),
        ([("CVSS_V2", "AV:N/AC:L/Au:N/C:C/I:C/A:C")], ["MODERATE"], "medium", None),
        ([("CVSS_V3", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H")], ["LOW"], "critical", 9.8),
        ([("CVSS_V3", "nonsense")], ["Important"], "high", None),
        ([("CVSS_V3", "nonsense")], ["terrible"], "unknown", None),
        ([("CVSS_V3", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N")], [], "low", 0.0),
        (
            [("CVSS_V3", "CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N"), ("CVSS_V4", f"CVSS:4.0/{next(iter(FIRST_40))}")],
            [],
            "high",
            7.3,
        ),
        ([("Ubuntu", "negligible")], [], "low", None),
    ],
)
def test_severity(severities: list[tuple[str, str]], words: list[str], rank: str, score: float | None) -> None:
    assert severity.rate(severities, words) == (rank, score)


# -- OSV evaluation -------------------------------------------------------------------------------------------------


def judged(entry: dict[str, Any], version: str, scheme: str = "generic") -> bool | None:
    (parsed,) = osv.parse(raw(advisory(affected=[entry])))
    return affected.judge(parsed.affected[0], version, scheme).affected


def ranged(*events: dict[str, str], kind: str = "SEMVER") -> dict[str, Any]:
    return {"ranges": [{"type": kind, "events": list(events), "repo": "https://example.com/x"}]}


def test_examples_of_the_schema() -> None:
    """The examples beside the evaluation algorithm, each with versions at both sides of every border."""
    unfixed = ranged({"introduced": "0"})
    assert [judged(unfixed, v) for v in ("0.0.0-alpha", "0.0.0", "99.0.0")] == [True] * 3
    fixed = ranged({"introduced": "0"}, {"fixed": "1.0.2"})
    assert [judged(fixed, v) for v in ("1.0.1", "1.0.2-rc.1", "1.0.2", "1.0.3")] == [True, True, False, False]
    several = ranged({"introduced": "1.0.0"}, {"fixed": "1.0.2"}, {"introduced": "3.0.0"}, {"fixed": "3.2.5"})
    tried = ("0.9.9", "1.0.0", "1.0.1", "1.0.2", "2.9.9", "3.0.0", "3.2.4", "3.2.5")
    assert [judged(several, v) for v in tried] == [False, True, True, False, False, True, True, False]
    last = ranged({"introduced": "0"}, {"last_affected": "2.1.214"}, kind="ECOSYSTEM")
    assert [judged(last, v) for v in ("2.1.213", "2.1.214", "2.1.215")] == [True, True, False]
    limited = ranged({"introduced": "1.0.0"}, {"limit": "2.0.0"})
    assert [judged(limited, v) for v in ("0.9.0", "1.0.0", "1.9.9", "2.0.0")] == [False, True, True, False]
    assert judged(ranged({"introduced": "1.0.0"}, {"limit": "*"}), "5.0.0") is True


def pseudo_code(version: int, events: list[tuple[str, int]]) -> bool:
    """`IncludedInRanges` for one range, word for word, with versions that are numbers."""
    limits = [at for kind, at in events if kind == "limit"]
    if limits and not any(version < at for at in limits):
        return False
    vulnerable = False
    for kind, at in sorted((one for one in events if one[0] != "limit"), key=lambda event: event[1]):
        if kind == "introduced" and version >= at:
            vulnerable = True
        elif (kind == "fixed" and version >= at) or (kind == "last_affected" and version > at):
            vulnerable = False
    return vulnerable


@settings(max_examples=500, deadline=None, derandomize=True)
@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=5),
    st.sampled_from(["fixed", "last_affected"]),
    st.lists(st.integers(0, 9), max_size=5),
    st.lists(st.integers(0, 9), max_size=2),
    st.integers(0, 9),
    st.randoms(use_true_random=False),
)
def test_ranges_as_the_pseudo_code_has_them(
    begins: list[int], end: str, ends: list[int], limits: list[int], version: int, chance: random.Random
) -> None:
    events = (
        [("introduced", at) for at in begins] + [(end, at) for at in ends if at not in begins] + [("limit", at) for at in limits]
    )
    chance.shuffle(events)
    entry = ranged(*({kind: f"0.0.{at}"} for kind, at in events))
    assert judged(entry, f"0.0.{version}", "semver") is pseudo_code(version, events)


@pytest.mark.parametrize(
    ("entry", "version", "expected"),
    [
        ({"versions": ["v1.2.11", "v1.2.12"]}, "1.2.11", True),
        ({"versions": ["v1.2.11", "v1.2.12"]}, "1.2.13", False),
        ({"versions": ["curl-7_88_0", "curl-7_88_1"]}, "7.88.1", True),
        ({"versions": ["curl-7_88_0", "curl-7_88_1"]}, "7.88.2", False),
        ({"versions": ["STABLE-2_1_2_RELEASE", "v1"]}, "2.1.2", None),
        ({"versions": ["STABLE-2_1_2_RELEASE", "v1"]}, "STABLE-2_1_2_RELEASE", True),
        ({"versions": ["1.2"]}, "my build", None),
        ({"versions": ["1.2"]}, "0123456789abcdef", None),
        ({}, "1.2", None),
        ({"versions": ["1.2"]}, "", None),
        (ranged({"introduced": "aaaaaaaaaaaa"}, {"fixed": "bbbbbbbbbbbb"}, kind="GIT"), "1.2", None),
        (ranged({"introduced": "aaaaaaaaaaaa"}, {"fixed": "bbbbbbbbbbbb"}, kind="GIT"), "aaaaaaaaaa", True),
        (ranged({"introduced": "aaaaaaaaaaaa"}, {"fixed": "bbbbbbbbbbbb"}, kind="GIT"), "bbbbbbbbbb", False),
        (ranged({"introduced": "aaaaaaaaaaaa"}, {"fixed": "bbbbbbbbbbbb"}, kind="GIT"), "cccccccccc", None),
        ({**ranged({"introduced": "0"}, kind="GIT"), "versions": ["1.2"]}, "1.3", False),
        ({**ranged({"introduced": "0"}, kind="GIT"), "versions": ["1.2"]}, "0123456789abcdef", None),
        (ranged({"introduced": "0"}, {"fixed": "1.2.4"}, kind="ECOSYSTEM"), "1.2.4-custom", None),
        (ranged({"introduced": "0"}, {"fixed": "next"}, kind="ECOSYSTEM"), "1.2", None),
        (ranged({"introduced": "0"}, {"fixed": "1.2.0"}), "1.1", None),
        (ranged({"introduced": "0"}, kind="PLANETARY"), "1.1", None),
    ],
)
def test_lists_commits_and_what_cannot_be_told(entry: dict[str, Any], version: str, expected: bool | None) -> None:
    assert judged(entry, version) is expected


@pytest.mark.parametrize(
    "events",
    [
        [],
        [{"fixed": "1"}],
        [{"introduced": "0", "fixed": "1"}],
        [{}],
        [{"introduced": "0"}, {"fixed": "1"}, {"last_affected": "1"}],
    ],
)
def test_ranges_that_the_schema_forbids(events: list[dict[str, str]]) -> None:
    with pytest.raises(FormatError):
        osv.parse(raw(advisory(affected=[{"ranges": [{"type": "SEMVER", "events": events}]}])))


# -- matching -------------------------------------------------------------------------------------------------------

UP_TO_2 = ({"introduced": "0"}, {"fixed": "2.0.0"})


def part(purl: str = "", name: str = "thing", version: str = "1.0.0", **members: Any) -> sbom.Sbom:
    return sbom_of({"name": name, "version": version, **({"purl": purl} if purl else {}), **members})


@pytest.mark.parametrize(
    ("purl", "ecosystem", "name"),
    [
        ("pkg:npm/%40acme/thing@1.0.0", "npm", "@acme/thing"),
        ("pkg:pypi/My.Thing@1.0.0", "PyPI", "my-thing"),
        ("pkg:golang/example.com/acme/thing@v1.0.0", "Go", "example.com/acme/thing"),
        ("pkg:cargo/thing@1.0.0", "crates.io", "thing"),
        ("pkg:deb/debian/thing@1.0.0?arch=source", "Debian:12", "thing"),
        ("pkg:generic/thing@1.0.0", "OSS-Fuzz", "thing"),
        ("pkg:conan/thing@1.0.0", "ConanCenter", "thing"),
    ],
)
def test_packages_match_by_ecosystem_and_name(purl: str, ecosystem: str, name: str) -> None:
    found = advisory(affected=[about(ecosystem, name, *UP_TO_2)])
    assert answers(part(purl), found) == [("thing", "package", "affected", ("2.0.0",))]
    assert answers(part(purl.replace("1.0.0", "2.0.0"), version=""), found) == []
    assert answers(part(purl.replace("hing", "hong"), "thong"), found) == []


def test_other_ecosystems_have_other_packages_of_the_name() -> None:
    found = advisory(affected=[about("PyPI", "thing", *UP_TO_2)])
    for purl in ("pkg:npm/thing@1.0.0", "pkg:generic/thing@1.0.0", "pkg:github/acme/thing@1.0.0", "pkg:deb/debian/thing@1.0.0"):
        assert answers(part(purl), found) == []


def test_a_name_without_a_purl_is_possible_only() -> None:
    found = advisory(affected=[about("PyPI", "my-thing", *UP_TO_2)])
    assert answers(part(name="My_Thing"), found) == [("My_Thing", "name", "affected", ("2.0.0",))]
    upstream = advisory(affected=[about("ConanCenter", "thing", *UP_TO_2)])
    assert answers(part("pkg:github/acme/thing@1.0.0"), upstream) == [("thing", "name", "affected", ("2.0.0",))]
    group = advisory(affected=[about("Maven", "org.acme:thing", *UP_TO_2)])
    assert answers(part(group="org.acme"), group) == [("thing", "name", "cannot_tell", ("2.0.0",))]


def test_a_distribution_orders_its_own_versions_only() -> None:
    found = advisory(affected=[about("Debian:12", "thing", {"introduced": "0"}, {"fixed": "1:0.9-1"})])
    assert answers(part(), found) == [("thing", "name", "cannot_tell", ("1:0.9-1 (Debian:12)",))]


def test_repositories_match_purls_of_their_host() -> None:
    git = {"type": "GIT", "repo": "https://github.com/Madler/zlib.git", "events": [{"introduced": "0"}]}
    found = advisory(affected=[{"ranges": [git], "versions": ["v1.2.11", "v1.2.12"]}])
    assert answers(part("pkg:github/madler/zlib@v1.2.12", "zlib", ""), found) == [("zlib", "package", "affected", ())]
    assert answers(part("pkg:github/madler/zlib@v1.3", "zlib", ""), found) == []
    assert answers(part("pkg:generic/zlib@1.2.11", "zlib", ""), found) == [("zlib", "name", "affected", ())]
    assert answers(part("pkg:github/other/zlib2@v1.2.12", "zlib2", ""), found) == []


def test_the_linux_kernel_by_its_usual_names() -> None:
    found = advisory(affected=[about("Linux", "Kernel", {"introduced": "5.10"}, {"fixed": "6.1.60"})])
    for name in ("linux", "linux_kernel", "Linux-Kernel"):
        assert answers(part(name=name, version="6.1.55"), found) == [(name, "name", "affected", ("6.1.60",))]
    assert answers(part(name="kernel", version="6.1.60"), found) == []


def test_releases_of_a_distribution() -> None:
    """Of several releases the purl's own counts; if it names none, they have to agree."""
    entries = [
        about(f"Debian:{number}", "thing", {"introduced": "0"}, {"fixed": fix})
        for number, fix in (("11", "1.1-1"), ("12", "1.3-1"))
    ]
    found = advisory(affected=entries)
    for distro, expected in (("debian-11", []), ("debian-12", ["affected"]), ("bookworm", ["affected"]), ("debian-13", [])):
        told = answers(part(f"pkg:deb/debian/thing@1.2-1?distro={distro}", version=""), found)
        assert [one[2] for one in told] == expected, distro
    for version, expected in (("1.0-1", ["affected"]), ("1.2-1", ["cannot_tell"]), ("1.3-1", [])):
        assert [one[2] for one in answers(part(f"pkg:deb/debian/thing@{version}", version=""), found)] == expected, version


def test_binary_packages_match_by_their_source() -> None:
    found = advisory(upstream=["CVE-1"], affected=[about("Debian:12", "openssl", {"introduced": "0"}, {"fixed": "3.0.9-1"})])
    for purl, expected in (
        ("pkg:deb/debian/libssl3@3.0.8-1?upstream=openssl&distro=debian-12", ["affected"]),
        ("pkg:deb/debian/libssl3@3.0.9-1?upstream=openssl", []),
        ("pkg:deb/debian/libssl3@1-1?upstream=openssl%403.0.9-1", []),
        ("pkg:deb/debian/libssl3@9-1?upstream=openssl%403.0.8-1", ["affected"]),
        ("pkg:generic/libssl3@3.0.8?upstream=openssl", []),
    ):
        assert [one[2] for one in answers(part(purl, "libssl3", ""), found)] == expected, purl
    assert check(part("pkg:deb/debian/openssl@3.0.8-1"), found).findings[0].upstream == ("CVE-1",)


def test_an_ecosystem_that_is_not_known_may_mean_anything() -> None:
    found = advisory(affected=[about("EUVD", "thing", *UP_TO_2)])
    assert answers(part("pkg:generic/thing@1.0.0"), found) == [("thing", "name", "cannot_tell", ("2.0.0",))]
    assert answers(part("pkg:npm/thing@1.0.0"), found) == []


def test_a_part_in_many_places_is_one_finding() -> None:
    parts = sbom_of(
        {"name": "a", "version": "1", "components": [{"type": "library", "name": "x", "version": "1.0.0"}]},
        {"name": "x", "version": "1.0.0"},
    )
    report = advisories.check(
        {"app": parts, "os": parts, "modem": None}, osv.parse(raw(advisory(affected=[about("npm", "x", *UP_TO_2)]))), TODAY
    )
    (found,) = report.findings
    assert found.places == ("app/a", "app", "os/a", "os")
    assert (report.parts, report.not_named, report.without_sbom) == (2, ("a",), ("modem",))


def test_the_main_component_is_a_part_too() -> None:
    main = sbom.read(raw({**SBOM, "components": []}))
    assert answers(main, advisory(affected=[about("OSS-Fuzz", "vt100-app", *UP_TO_2)]))[0][:3] == (
        "vt100-app",
        "name",
        "affected",
    )


def test_severity_of_the_entry_counts_before_that_of_the_advisory() -> None:
    low, critical = (
        [{"type": "CVSS_V3", "score": f"CVSS:3.1/{vector}"}]
        for vector in ("AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N", "AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H")
    )
    found = advisory(severity=critical, affected=[about("npm", "thing", *UP_TO_2, severity=low), about("npm", "other", *UP_TO_2)])
    ranks = {
        one.component: one.severity
        for one in check(sbom_of({"name": "thing", "version": "1.0.0"}, {"name": "other", "version": "1.0.0"}), found).findings
    }
    assert ranks == {"thing": "low", "other": "critical"}


# -- dates ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "expected"),
    [("2026-01-31", "2026-02-28"), ("2028-01-31", "2028-02-29"), ("2026-10-25", "2026-11-25"), ("2026-12-31", "2027-01-31"),
     ("2026-11-30", "2026-12-30"), ("2026-03-31", "2026-04-30")],
)  # fmt: skip
def test_a_calendar_month(day: str, expected: str) -> None:
    assert advisories.a_month_after(datetime.date.fromisoformat(day)).isoformat() == expected


def critical(published: str | None, **members: Any) -> dict[str, Any]:
    found = advisory(affected=[about("npm", "thing", *UP_TO_2)], database_specific={"severity": "CRITICAL"}, **members)
    if published is None:
        del found["published"]
    else:
        found["published"] = published
    return found


@pytest.mark.parametrize(
    ("published", "overdue"),
    [("2026-10-24T23:59:59Z", True), ("2026-10-25T00:00:00Z", False), ("2026-10-24T23:00:00-02:00", False),
     ("2026-11-25T00:00:00Z", False),
     ("2027-01-01T00:00:00Z", False), (None, True)],
)  # fmt: skip
def test_overdue_after_one_month(published: str | None, overdue: bool) -> None:
    report = check(part("pkg:npm/thing@1.0.0"), critical(published))
    assert [one.overdue for one in report.findings] == [overdue]
    assert len(report.overdue) == overdue


def test_only_critical_ones_are_overdue_and_only_the_package_itself_fails() -> None:
    old = "2020-01-01T00:00:00Z"
    assert not check(part("pkg:npm/thing@1.0.0"), {**critical(old), "database_specific": {"severity": "HIGH"}}).overdue
    assert not check(part("pkg:npm/thing@1.0.0"), {**critical(old), "database_specific": {}}).findings[0].overdue
    by_name = check(part(), critical(old))
    assert by_name.findings[0].overdue
    assert not by_name.overdue
    unclear = check(part("pkg:npm/thing@newest", version=""), critical(old))
    assert [(one.outcome, one.overdue) for one in unclear.overdue] == [("cannot_tell", True)]


def test_withdrawn_and_outdated_entries() -> None:
    old, thing = "2020-01-01T00:00:00Z", part("pkg:npm/thing@1.0.0")
    assert check(thing, critical(old, withdrawn="2026-11-24T00:00:00Z")).findings == ()
    assert len(check(thing, critical(old, withdrawn="2026-12-24T00:00:00Z")).findings) == 1
    later = {**critical(old, withdrawn="2026-11-20T00:00:00Z"), "modified": "2026-11-20T00:00:00Z"}
    assert check(thing, critical(old), later).findings == ()
    assert check(thing, later, critical(old)).withdrawn == 1
    assert len(check(thing, critical(old), {**critical(old), "modified": "2026-11-02T00:00:00Z"}).findings) == 1


def test_findings_are_sorted_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    words = {"b": "LOW", "c": "CRITICAL", "d": "HIGH", "a": "x"}
    parts = sbom_of(*({"name": name, "version": "1.0.0", "purl": f"pkg:npm/{name}@1.0.0"} for name in words))
    found = [
        advisory(f"X-{name}", affected=[about("npm", name, *UP_TO_2)], database_specific={"severity": word})
        for name, word in words.items()
    ]
    assert [one.component for one in check(parts, *found).findings] == ["c", "d", "b", "a"]
    monkeypatch.setattr(advisories, "MAX_FINDINGS", 3)
    with pytest.raises(FormatError, match="than 3 findings"):
        check(parts, *found)


def test_comparisons_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Very many entries about very many versions of one name end in an error, not in an endless run."""
    many = sbom_of(*({"name": "x", "version": f"1.{number}"} for number in range(50)))
    found = advisory(affected=[about("npm", "x", {"introduced": "0"}, {"fixed": "0.1.0"})] * 50)
    assert len(check(many, found).findings) == 50
    monkeypatch.setattr(matching, "MAX_COST", 5000)
    with pytest.raises(FormatError, match="more comparisons"):
        check(many, found)


# -- folders --------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    """One advisory in a file, two in a list further down, and files of other kinds."""
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "one.json").write_bytes(raw(advisory("ONE")))
    (tmp_path / "a" / "b" / "list.JSON").write_bytes(raw([advisory("TWO"), advisory("THREE")]))
    (tmp_path / "modified_id.csv").write_text("not an advisory")
    return tmp_path


def test_a_folder_is_read_in_order(folder: pathlib.Path) -> None:
    assert [one.id for one in advisories.load(folder)] == ["ONE", "TWO", "THREE"]


def test_a_broken_file_is_named_and_nothing_is_left_out(folder: pathlib.Path) -> None:
    (folder / "broken.json").write_text("{")
    with pytest.raises(FormatError, match=r"broken\.json"):
        list(advisories.load(folder))


@pytest.mark.parametrize("kind", ["file", "folder", "dangling", "fifo"])
def test_links_and_other_things_are_refused(folder: pathlib.Path, tmp_path_factory: pytest.TempPathFactory, kind: str) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "secret.json").write_bytes(raw(advisory("SECRET")))
    spot = folder / "z.json"
    if kind == "fifo":
        if not hasattr(os, "mkfifo"):
            pytest.skip("no FIFOs here")
        os.mkfifo(spot)
    else:
        spot.symlink_to({"file": outside / "secret.json", "folder": outside, "dangling": outside / "none"}[kind])
    with pytest.raises(LocalError, match="not a regular file"):
        list(advisories.load(folder))


def test_nothing_to_check_against_is_an_error(tmp_path: pathlib.Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    (tmp_path / "listless").mkdir()
    (tmp_path / "listless" / "a.json").write_text("[]")
    for name in ("empty", "missing", "file", "listless"):
        with pytest.raises(LocalError):
            list(advisories.load(tmp_path / name))


# -- provenance -----------------------------------------------------------------------------------------------------


def test_a_build_is_written_as_in_toto_and_slsa_have_it() -> None:
    """Field by field by hand: in-toto Statement v1, SLSA provenance v1."""
    assert json.loads(provenance.make(BUILD)) == {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [
            {"name": "vt100.bin", "digest": {"sha256": "cd" * 32}}, {"name": "vt100.elf", "digest": {"sha256": "ab" * 32}},
        ],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "urn:fwtool:build:v1",
                "externalParameters": {
                    "source": "https://example.com/vt100", "revision": BUILD.revision, "dirty": False,
                    "flags": ["-Os", "-mthumb"],
                },
                "internalParameters": {"sourceDateEpoch": 1_700_000_000},
                "resolvedDependencies": [
                    {
                        "name": "source", "uri": f"git+https://example.com/vt100@{BUILD.revision}",
                        "digest": {"gitCommit": BUILD.revision},
                    },
                    {"name": "binutils", "uri": "pkg:generic/binutils@2.40", "annotations": {"version": "2.40"}},
                    {
                        "name": "gcc", "uri": "pkg:generic/gcc@12.2.0", "annotations": {"version": "12.2.0"},
                        "digest": {"sha256": "ef" * 32},
                    },
                ],
            },
            "runDetails": {"builder": {"id": "https://example.com/ci"}},
        },
    }  # fmt: skip


def test_a_build_comes_back_and_its_bytes_are_always_the_same() -> None:
    data = provenance.make(BUILD)
    back = provenance.read(data)
    assert back == dataclasses.replace(BUILD, subjects=BUILD.subjects[::-1], tools=BUILD.tools[::-1])
    assert provenance.make(back) == data
    assert provenance.describe(back)["tools"][1] == {"name": "gcc", "version": "12.2.0", "sha256": "ef" * 32}


def test_a_changed_source_is_not_called_the_commit() -> None:
    for build in (dataclasses.replace(BUILD, dirty=True), dataclasses.replace(BUILD, revision="r1234")):
        assert b"gitCommit" not in provenance.make(build)
        assert provenance.read(provenance.make(build)).dirty is build.dirty


@pytest.mark.parametrize(
    "change",
    [
        {"subjects": ()}, {"subjects": (provenance.Artifact("x", "AB" * 32),)},
        {"subjects": (provenance.Artifact("", "ab" * 32),)},
        {"source": ""}, {"revision": " "}, {"builder": "\n"}, {"tools": (provenance.Tool("gcc", ""),)}, {"flags": (5,)},
        {"tools": (provenance.Tool("gcc", "1", "xy"),)}, {"source_date_epoch": -1}, {"dirty": 1}, {"source": "\ud800"},
    ],
)  # fmt: skip
def test_a_build_that_says_nothing_is_not_written(change: dict[str, Any]) -> None:
    with pytest.raises(ToolError) as caught:
        provenance.make(dataclasses.replace(BUILD, **change))
    assert caught.value.name == "usage"


@pytest.mark.parametrize("path", [("_type",), ("predicateType",), ("predicate", "buildDefinition", "buildType")])
def test_other_statements_are_not_taken_for_ours(path: tuple[str, ...]) -> None:
    with pytest.raises(FormatError) as caught:
        provenance.read(raw(replaced(json.loads(provenance.make(BUILD)), path, "https://example.com/other")))
    assert caught.value.name == "unsupported_format"


# -- the command ----------------------------------------------------------------------------------------------------


def write(folder: pathlib.Path, *found: dict[str, Any]) -> pathlib.Path:
    for one in found:
        (folder / f"{one['id']}.json").write_bytes(raw(one))
    return folder


def test_the_report_for_people(tmp_path: pathlib.Path) -> None:
    write(
        tmp_path,
        ADVISORY,
        advisory("POSSIBLE-1", affected=[about("npm", "zlib", *UP_TO_2)], summary="line\nbreak"),
        advisory("UNCLEAR-1", affected=[about("OSS-Fuzz", "linux", {"introduced": "0"}, {"fixed": "next"})]),
        advisory("HIGH-1", affected=[about("OSS-Fuzz", "linux", {"introduced": "0"})], database_specific={"severity": "HIGH"}),
    )
    outcome = examine(pathlib.Path("x.fwp"), {"app": raw(SBOM), "modem": None}, tmp_path, TODAY)
    assert outcome.lines == [
        "overdue      OSV-2026-1  critical 9.8  openssl 3.0.2 in app",
        "             fixed in 3.0.7; published 2026-02-01, 297 days ago",
        "             also CVE-2026-1, CVE-2026-2",
        "             A made-up hole",
        "affected     HIGH-1  high  linux 6.1.55 in app",
        "             no fixed version is named; published 2026-11-01, 24 days ago",
        "cannot tell  UNCLEAR-1  unknown  linux 6.1.55 in app",
        "             fixed in next; published 2026-11-01, 24 days ago",
        "             cannot tell: 6.1.55 and next cannot be compared by the rules of generic versions",
        "possible     POSSIBLE-1  unknown  zlib 1.2.13 in app/openssl",
        "             fixed in 2.0.0; published 2026-11-01, 24 days ago",
        "             line",
        "5 parts, 4 advisories: 1 overdue, 1 affected, 1 cannot tell, 1 possible",
        "unknown severity: rank these yourself (PCI DSS 6.3.1); they are never counted as overdue",
        "possible: only the name is the same; give the part a purl in the SBOM. These do not fail the check",
        "no advisory names vt100-app, readme.txt: nothing is known of them here, good or bad",
        "without an SBOM, not checked: modem",
    ]
    assert outcome.failure is not None
    assert (outcome.failure.name, outcome.failure.exit_code) == ("diagnostic_failed", 7)
    assert outcome.failure.hint == "Begin with openssl 3.0.2, fixed in 3.0.7."
    data = json.loads(json.dumps(outcome.data))
    assert (data["overdue"], data["parts"], data["newest"]) == (1, 5, "2026-11-01")
    assert data["findings"][0]["fixed_in"] == ["3.0.7"]


def test_nothing_overdue_does_not_fail(tmp_path: pathlib.Path) -> None:
    write(tmp_path, advisory(affected=[about("OSS-Fuzz", "openssl", {"introduced": "4.0"})]))
    outcome = examine(pathlib.Path("x.fwp"), {"app": raw(SBOM)}, tmp_path, datetime.date(2027, 1, 1))
    assert outcome.failure is None
    assert outcome.lines[0] == "5 parts, 1 advisories: nothing found"
    assert outcome.lines[-1] == "the newest advisory is of 2026-11-01: fetch a fresh copy"


def test_a_package_without_sboms_is_not_called_safe(tmp_path: pathlib.Path) -> None:
    write(tmp_path, advisory())
    for stored in ({}, {"app": None}):
        with pytest.raises(ToolError, match="no SBOM"):
            examine(pathlib.Path("x.fwp"), stored, tmp_path, TODAY)
    with pytest.raises(FormatError, match="SBOM of app"):
        examine(pathlib.Path("x.fwp"), {"app": b""}, tmp_path, TODAY)
