"""Make a small CycloneDX 1.6 SBOM from a hand-kept TOML list: makers of C firmware often have no tool that finds the parts.

name = "vt100-app"                       # what the SBOM is about
version = "1.5.0"
supplier = "Acme"                        # optional

[[component]]
name = "zlib"
version = "1.3.1"
purl = "pkg:generic/zlib@1.3.1"          # optional, but without it advisories match by name alone
licence = "Zlib"                         # SPDX expression; or licence_name = "..." for one that has none
supplier = "..."                         # optional
cpe = "cpe:2.3:a:zlib:zlib:1.3.1:*:*:*:*:*:*:*"   # optional
sha256 = "..."                           # optional, of the source archive
"""

import datetime
import hashlib
import re
import tomllib
import uuid
from typing import Any

from formats.errors import FormatError, ToolError
from fwtool.records import canonical
from fwtool.supply_chain.purl import Purl
from fwtool.supply_chain.sbom import MAX_COMPONENTS

NAMESPACE = uuid.UUID("6c7fe2a0-7a4f-5f0e-9d0b-1f3c4f8d2a11")
"""Namespace of the serial numbers (RFC 9562, version 5): one for this tool, drawn once."""
MAX_TOML = 1 << 20
_EXPRESSION = re.compile(r"[A-Za-z0-9.+:() -]+")
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_LAST_SECOND = 253402300799
"""9999-12-31T23:59:59Z."""
_ABOUT = ("name", "version", "supplier")
_PART = ("name", "version", "purl", "licence", "licence_name", "supplier", "cpe", "sha256")


def make(toml: bytes, source_date_epoch: int = 0) -> bytes:
    """The SBOM for a list: the same bytes for the same list, on every machine, at any time.

    Args:
        source_date_epoch: Seconds since 1970 for `metadata.timestamp` (reproducible-builds.org specification); 0: none.

    Raises:
        ToolError: the list is not TOML, or a key is unknown, missing or wrong (`usage`).
    """
    about, parts = _parse(toml)
    main = {"type": "firmware", "bom-ref": "main", **_common(about)}
    components = [_component(part, number) for number, part in enumerate(parts, 1)]
    metadata: dict[str, Any] = {"component": main}
    if source_date_epoch:
        stamp = datetime.datetime.fromtimestamp(min(source_date_epoch, _LAST_SECOND), datetime.UTC)
        metadata["timestamp"] = stamp.strftime("%Y-%m-%dT%H:%M:%SZ")
    refs = [component["bom-ref"] for component in components]
    body: dict[str, Any] = {
        "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "metadata": metadata, "components": components,
        "dependencies": [{"ref": "main", "dependsOn": refs}, *({"ref": ref} for ref in refs)],
    }  # fmt: skip
    serial = uuid.uuid5(NAMESPACE, hashlib.sha256(canonical(body).encode()).hexdigest())
    return canonical({**body, "serialNumber": serial.urn}).encode() + b"\n"


def _wrong(message: str) -> ToolError:
    return ToolError(f"the list of components: {message}", name="usage")


def _parse(toml: bytes) -> tuple[dict[str, str], list[dict[str, str]]]:
    if len(toml) > MAX_TOML:
        raise _wrong(f"{len(toml)} bytes are more than {MAX_TOML}")
    try:
        top = tomllib.loads(toml.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise _wrong(f"it is not TOML: {error}") from error
    parts = top.pop("component", [])
    if not isinstance(parts, list) or len(parts) > MAX_COMPONENTS:
        raise _wrong(f"write each as [[component]], at most {MAX_COMPONENTS} of them")
    found = [_checked(part, _PART, f"component {number}") for number, part in enumerate(parts, 1)]
    seen: set[tuple[str, str, str]] = set()
    for part in found:
        if (key := (part["name"], part["version"], part.get("purl", ""))) in seen:
            raise _wrong(f"{part['name']} {part['version']} is there twice")
        seen.add(key)
    return _checked(top, _ABOUT, "the top"), found


def _checked(table: Any, known: tuple[str, ...], where: str) -> dict[str, str]:
    if not isinstance(table, dict):
        raise _wrong(f"{where} is no table")
    for key, value in table.items():
        if key not in known:
            raise _wrong(f"{where} has {key!r}; known are {', '.join(known)}")
        if not isinstance(value, str) or not value.strip() or not value.isprintable():
            raise _wrong(f"{key} of {where} is not one line of text")
    missing = [key for key in ("name", "version") if key not in table]
    if missing:
        raise _wrong(f"{where} has no {missing[0]}")
    return table


def _common(table: dict[str, str]) -> dict[str, Any]:
    common: dict[str, Any] = {"name": table["name"], "version": table["version"]}
    if "supplier" in table:
        common["supplier"] = {"name": table["supplier"]}
    return common


def _component(part: dict[str, str], number: int) -> dict[str, Any]:
    component = {"type": "library", "bom-ref": f"component-{number}", **_common(part)}
    if "purl" in part:
        component["purl"] = _purl(part)
    if "cpe" in part:
        component["cpe"] = part["cpe"]
    if "licence" in part or "licence_name" in part:
        component["licenses"] = [_licence(part)]
    if "sha256" in part:
        if not _SHA256.fullmatch(part["sha256"]):
            raise _wrong(f"sha256 of {part['name']} is not 64 hexadecimal digits")
        component["hashes"] = [{"alg": "SHA-256", "content": part["sha256"].lower()}]
    return component


def _purl(part: dict[str, str]) -> str:
    try:
        version = Purl.parse(part["purl"]).version
    except FormatError as error:
        raise _wrong(f"purl of {part['name']}: {error}") from error
    if version not in ("", part["version"]):
        raise _wrong(f"{part['name']} has version {part['version']}, and its purl {version}")
    return part["purl"]


def _licence(part: dict[str, str]) -> dict[str, Any]:
    if "licence" in part and "licence_name" in part:
        raise _wrong(f"{part['name']} has licence and licence_name; give one")
    if "licence_name" in part:
        return {"license": {"name": part["licence_name"]}}
    if not _EXPRESSION.fullmatch(part["licence"]):
        raise _wrong(f"licence of {part['name']} is no SPDX expression; use licence_name for a licence without one")
    return {"expression": part["licence"]}
