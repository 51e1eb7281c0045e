"""Seeds: bills of materials, advisories, provenance, versions."""

import json
from typing import Any

from fwtool.supply_chain import provenance
from tests.fuzz.seed_files import Seeds


def sboms() -> Seeds:
    inner = {"type": "library", "name": "zlib", "version": "1.2.13", "licenses": [{"expression": "Zlib OR MIT"}]}
    outer = {
        "type": "library", "group": "openssl.org", "name": "openssl", "version": "3.0.2", "purl": "pkg:generic/openssl@3.0.2",
        "cpe": "cpe:2.3:a:openssl:openssl:3.0.2:*:*:*:*:*:*:*", "supplier": {"name": "OpenSSL"}, "components": [inner],
        "licenses": [{"license": {"id": "Apache-2.0"}}, {"license": {"name": "Own words"}}],
        "hashes": [{"alg": "SHA-256", "content": "AB" * 32}, {"alg": "MD5", "content": "0" * 32}],
    }  # fmt: skip
    main = {"type": "firmware", "name": "vt100-app", "version": "1.5.0"}
    top = {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 2, "components": [outer]}
    serial = "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79"
    return [_json(top), _json({**top, "serialNumber": serial, "metadata": {"timestamp": "2026-01-02", "component": main}})]


def _advisory(name: str, ecosystem: str, kind: str, versions: list[str], *events: dict[str, str]) -> dict[str, Any]:
    return {
        "id": "X-1", "modified": "2026-03-01T00:00:00Z", "published": "2026-02-01T12:00:00.5Z", "aliases": ["CVE-2026-1"],
        "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
        "affected": [{
            "package": {"ecosystem": ecosystem, "name": name}, "versions": versions,
            "ranges": [{"type": kind, "repo": "https://github.com/a/b", "events": list(events)}],
            "ecosystem_specific": {"severity": "HIGH"},
        }],
    }  # fmt: skip


def advisories() -> Seeds:
    v4 = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N/E:A"
    made = [
        _advisory("zlib", "OSS-Fuzz", "ECOSYSTEM", ["v1.2.12"], {"introduced": "0"}, {"fixed": "1.2.14"}),
        _advisory("openssl", "Ubuntu:22.04", "ECOSYSTEM", [], {"introduced": "0"}, {"last_affected": "3.0.2-0ubuntu2"}),
        _advisory("requests", "PyPI", "ECOSYSTEM", ["2.31.0rc1"], {"introduced": "2.0"}, {"limit": "3"}),
        _advisory("left-pad", "npm", "SEMVER", [], {"introduced": "1.0.0"}, {"fixed": "1.3.0"}),
        _advisory("Kernel", "Linux", "GIT", [], {"introduced": "0"}, {"fixed": "deadbeef01"}),
    ]
    late = {**made[0], "withdrawn": "2026-04-01T00:00:00Z", "severity": [{"type": "CVSS_V4", "score": v4}], "summary": "s"}
    return [*map(_json, made), _json(late), _json(made[:2])]


def provenances() -> Seeds:
    build = provenance.Build(
        subjects=(provenance.Artifact("vt100.bin", "cd" * 32),), source="https://example.com/vt100", revision="0123456789" * 4,
        dirty=False, builder="https://example.com/ci", tools=(provenance.Tool("gcc", "12.2.0", "ef" * 32),), flags=("-Os",),
        source_date_epoch=1_700_000_000,
    )  # fmt: skip
    return [provenance.make(build)]


def versions() -> Seeds:
    return [
        b"1.2.13\n1.2.14-rc1\n3.0.2k", b"1:2.3-4ubuntu1\n2.3~rc1-1\n2.3+dfsg-1", b"1!2.0rc1.post2.dev3+local.4\n2.0a1\nv2",
        b"1.0.0-alpha.1+b.2\n1.0.0-alpha.beta\n1.0.0", b"curl-7_88_1\nOpenSSL_1_1_1k\ndeadbeef01",
        b"pkg:deb/debian/zlib@1:1.2?distro=bookworm&upstream=zlib%2B\nhttps://github.com/madler/zlib.git\nubuntu:22.04:LTS",
        b"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:L/A:N/E:P",
        b"CVSS:4.0/AV:P/AC:H/AT:P/PR:L/UI:A/VC:L/VI:H/VA:N/SC:H/SI:L/SA:H/MSI:S/E:U/CR:M",
    ]  # fmt: skip


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
