"""Bills of materials in CycloneDX JSON 1.4 to 1.6 (ECMA-424): what is in them, as flat records, from untrusted bytes.

Read by hand, not with cyclonedx-python-lib: that takes wrong types as they are, 24 MB of memory per thousand components, and
its validator needs a time that grows with the square of their number. The tests hold this reader to that validator.
"""

import collections
import dataclasses
import re
from collections.abc import Iterator
from typing import Any, Final

from formats.errors import FormatError
from fwtool.supply_chain import strict_json
from fwtool.supply_chain.purl import Purl
from fwtool.supply_chain.strict_json import Obj

SPEC_VERSIONS: Final = ("1.4", "1.5", "1.6")
MAX_COMPONENTS: Final = 20_000
MAX_DEPTH: Final = 32
"""Components within components."""
HASHES: Final = {
    "MD5": 32, "SHA-1": 40, "SHA-256": 64, "SHA-384": 96, "SHA-512": 128, "SHA3-256": 64, "SHA3-384": 96, "SHA3-512": 128,
    "BLAKE2b-256": 64, "BLAKE2b-384": 96, "BLAKE2b-512": 128, "BLAKE3": 64,
}  # fmt: skip
"""Hash algorithm -> hexadecimal digits of its values (BLAKE3: of its default length)."""
_KEPT = frozenset({
    "bomFormat", "specVersion", "serialNumber", "version", "metadata", "timestamp", "component", "components", "type", "group",
    "name", "purl", "cpe", "licenses", "license", "id", "expression", "hashes", "alg", "content", "supplier",
})  # fmt: skip
_SERIAL = re.compile(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_HEX = re.compile(r"[0-9a-fA-F]+")


@dataclasses.dataclass(frozen=True, slots=True)
class Component:
    """One part. What the SBOM does not say is "" or empty; `licences` are SPDX ids, expressions or names."""

    name: str
    version: str = ""
    group: str = ""
    kind: str = "library"
    purl: str = ""
    cpe: str = ""
    licences: tuple[str, ...] = ()
    hashes: tuple[tuple[str, str], ...] = ()
    """Algorithm and digest in lower-case hexadecimal digits."""
    supplier: str = ""
    path: tuple[str, ...] = ()
    """Names of the components it lies in, outermost first."""


@dataclasses.dataclass(frozen=True, slots=True)
class Sbom:
    """A bill of materials. `main` is what it is about; `components` are all others, nested ones behind their parent."""

    spec_version: str
    serial_number: str
    version: int
    timestamp: str
    main: Component | None
    components: tuple[Component, ...]

    @property
    def parts(self) -> tuple[Component, ...]:
        """The main component, if it is named, and all others."""
        return (*([self.main] if self.main else []), *self.components)


def read(data: bytes) -> Sbom:
    """Read an SBOM. Members that are not used here are neither checked nor kept.

    Raises:
        FormatError: not CycloneDX JSON of a version we read, a member of the wrong type or form, or more than
            `strict_json.MAX_SIZE` bytes, `MAX_COMPONENTS` components or `MAX_DEPTH` levels (`too_large`).
    """
    top = strict_json.as_object(strict_json.load(data, "the SBOM", _KEPT), "the SBOM")
    _check_version(top)
    metadata = strict_json.inner(top, "metadata", "SBOM")
    described = strict_json.inner(metadata, "component", "SBOM.metadata")
    main = _component(described, "SBOM.metadata.component", ()) if "component" in metadata else None
    found: list[Component] = []
    for component in (*_nested(described, "SBOM.metadata.component", _below(main)), *_nested(top, "SBOM", ())):
        found.append(component)
        if len(found) > MAX_COMPONENTS:
            raise FormatError(f"the SBOM has more than {MAX_COMPONENTS} components", name="too_large")
    return Sbom(
        spec_version=top["specVersion"],
        serial_number=strict_json.text(top, "serialNumber", "SBOM", _SERIAL),
        version=strict_json.integer(top, "version", "SBOM", 1),
        timestamp=strict_json.text(metadata, "timestamp", "SBOM.metadata"),
        main=main,
        components=tuple(found),
    )


def _check_version(top: Obj) -> None:
    if strict_json.text(top, "bomFormat", "SBOM") != "CycloneDX":
        raise FormatError("this is no CycloneDX SBOM: bomFormat is not CycloneDX", name="unsupported_format")
    version = strict_json.text(top, "specVersion", "SBOM", required=True)
    if version not in SPEC_VERSIONS:
        raise FormatError(
            f"the SBOM is CycloneDX {version[:20]!r}",
            name="unsupported_format",
            hint=f"Write it as one of {', '.join(SPEC_VERSIONS)} (JSON).",
        )


def _nested(obj: Obj, where: str, path: tuple[str, ...]) -> Iterator[Component]:
    """Components under `components`, each followed by those inside it."""
    for place, one in strict_json.objects(obj, "components", where):
        if len(path) >= MAX_DEPTH:
            raise FormatError(f"the SBOM has components nested more than {MAX_DEPTH} deep", name="too_large")
        component = _component(one, place, path)
        yield component
        yield from _nested(one, place, _below(component))


def _below(parent: Component | None) -> tuple[str, ...]:
    return (*parent.path, parent.name) if parent else ()


def _component(obj: Obj, where: str, path: tuple[str, ...]) -> Component:
    purl = strict_json.text(obj, "purl", where)
    if purl:
        Purl.parse(purl)
    return Component(
        name=strict_json.text(obj, "name", where, required=True),
        version=strict_json.text(obj, "version", where),
        group=strict_json.text(obj, "group", where),
        kind=strict_json.text(obj, "type", where, required=True),
        purl=purl,
        cpe=strict_json.text(obj, "cpe", where),
        licences=tuple(_licence(one, place) for place, one in strict_json.objects(obj, "licenses", where)),
        hashes=tuple(_hash(one, place) for place, one in strict_json.objects(obj, "hashes", where)),
        supplier=strict_json.text(strict_json.inner(obj, "supplier", where), "name", f"{where}.supplier"),
        path=path,
    )


def _licence(obj: Obj, where: str) -> str:
    """An SPDX expression, or a licence with exactly one of `id` and `name`."""
    if "expression" in obj and "license" not in obj:
        return strict_json.text(obj, "expression", where)
    licence = strict_json.as_object(obj.get("license"), f"{where}.license")
    if "expression" in obj or ("id" in licence) == ("name" in licence):
        raise FormatError(f"{where} needs exactly one of expression, license.id and license.name")
    return strict_json.text(licence, "id" if "id" in licence else "name", f"{where}.license")


def _hash(obj: Obj, where: str) -> tuple[str, str]:
    algorithm = strict_json.text(obj, "alg", where, required=True)
    content = strict_json.text(obj, "content", where, _HEX, required=True)
    if HASHES.get(algorithm) != len(content):
        raise FormatError(f"{where} is no {algorithm[:20]!r} digest: it has {len(content)} hexadecimal digits")
    return algorithm, content.lower()


def summary(sbom: Sbom) -> dict[str, Any]:
    """What an SBOM holds, for JSON: counts, and how many components lack what a check needs."""
    licences = collections.Counter(" AND ".join(component.licences) or "" for component in sbom.components)
    return {
        "spec_version": sbom.spec_version,
        "serial_number": sbom.serial_number,
        "timestamp": sbom.timestamp,
        "name": sbom.main.name if sbom.main else "",
        "version": sbom.main.version if sbom.main else "",
        "components": len(sbom.components),
        "without_version": sum(not component.version for component in sbom.components),
        "without_purl": sum(not component.purl for component in sbom.components),
        "without_licence": licences.pop("", 0),
        "licences": dict(sorted(licences.items())),
    }
