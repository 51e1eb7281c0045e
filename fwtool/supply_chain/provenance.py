"""How a firmware was built: an in-toto Statement v1 with a SLSA provenance v1 predicate, always in the same bytes.

Build type `urn:fwtool:build:v1`. externalParameters: `source` (URL), `revision`, `dirty` (true if the source had changes that
the revision does not have), `flags`. internalParameters: `sourceDateEpoch`. resolvedDependencies: first the source, with the
digest `gitCommit` where the revision is a commit and nothing was changed; then the tools, named, with the digest of each
where it is known and its version as an annotation.
"""

import dataclasses
import re
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote

from formats.errors import FormatError, ToolError
from fwtool.records import canonical
from fwtool.supply_chain import strict_json
from fwtool.supply_chain.strict_json import Obj

STATEMENT: Final = "https://in-toto.io/Statement/v1"
PREDICATE: Final = "https://slsa.dev/provenance/v1"
BUILD_TYPE: Final = "urn:fwtool:build:v1"
MAX_SIZE: Final = 1 << 20
_KEPT = frozenset({
    "_type", "subject", "name", "digest", "sha256", "gitCommit", "predicateType", "predicate", "buildDefinition", "buildType",
    "externalParameters", "source", "revision", "dirty", "flags", "internalParameters", "sourceDateEpoch",
    "resolvedDependencies", "uri", "annotations", "version", "runDetails", "builder", "id",
})  # fmt: skip
_SHA256 = re.compile(r"[0-9a-f]{64}")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SOME = re.compile(r"\S(?:.*\S)?")
"""Text that is not blank, on one line."""


@dataclasses.dataclass(frozen=True, slots=True)
class Artifact:
    """What came out: a file, or a component of a package. SHA-256 in lower-case hexadecimal digits."""

    name: str
    sha256: str


@dataclasses.dataclass(frozen=True, slots=True)
class Tool:
    """A part of the toolchain; `sha256` of its executable or archive, or ""."""

    name: str
    version: str
    sha256: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Build:
    """One build. Subjects and tools are written sorted by name."""

    subjects: tuple[Artifact, ...]
    source: str
    revision: str
    dirty: bool
    builder: str
    """URI of who ran the build and vouches for this record."""
    tools: tuple[Tool, ...] = ()
    flags: tuple[str, ...] = ()
    source_date_epoch: int = 0
    """Seconds since 1970 (reproducible-builds.org specification); 0: not set."""


def make(build: Build) -> bytes:
    """The record of a build. `read` gives the build back.

    Raises:
        ToolError: a field is empty or not of its form (`usage`).
    """
    source: Obj = {"uri": f"{build.source}@{build.revision}", "name": "source"}
    if _COMMIT.fullmatch(build.revision):
        source["uri"] = f"git+{source['uri'].removeprefix('git+')}"
        if not build.dirty:
            source["digest"] = {"gitCommit": build.revision}
    statement = {
        "_type": STATEMENT,
        "subject": [{"name": one.name, "digest": {"sha256": one.sha256}} for one in _sorted(build.subjects)],
        "predicateType": PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {
                    "source": build.source, "revision": build.revision, "dirty": build.dirty, "flags": list(build.flags),
                },
                "internalParameters": {"sourceDateEpoch": build.source_date_epoch},
                "resolvedDependencies": [source, *map(_tool_descriptor, _sorted(build.tools))],
            },
            "runDetails": {"builder": {"id": build.builder}},
        },
    }  # fmt: skip
    try:
        data = canonical(statement).encode() + b"\n"
        read(data)
    except (FormatError, UnicodeEncodeError) as error:
        raise ToolError(f"no provenance can be written: {error}", name="usage") from error
    return data


def _sorted(things: Sequence[Any]) -> list[Any]:
    return sorted(things, key=lambda one: one.name)


def _tool_descriptor(tool: Tool) -> Obj:
    """A resource descriptor; the purl stands for the tool where no digest is known (one of the two is required)."""
    descriptor: Obj = {
        "name": tool.name, "uri": f"pkg:generic/{quote(tool.name, safe='')}@{quote(tool.version, safe='')}",
        "annotations": {"version": tool.version},
    }  # fmt: skip
    if tool.sha256:
        descriptor["digest"] = {"sha256": tool.sha256}
    return descriptor


def read(data: bytes) -> Build:
    """Read such a record. Members that are not used here are ignored, as the attestation framework demands.

    Raises:
        FormatError: not JSON, larger than `MAX_SIZE`, another kind of statement, or a member of the wrong type or form.
    """
    if len(data) > MAX_SIZE:
        raise FormatError(f"the provenance has {len(data)} bytes, at most {MAX_SIZE} are read", name="too_large")
    top = strict_json.as_object(strict_json.load(data, "the provenance", _KEPT), "the provenance")
    predicate = strict_json.inner(top, "predicate", "provenance")
    definition = strict_json.inner(predicate, "buildDefinition", "predicate")
    for obj, key, expected in (
        (top, "_type", STATEMENT),
        (top, "predicateType", PREDICATE),
        (definition, "buildType", BUILD_TYPE),
    ):
        if (said := strict_json.text(obj, key, "provenance")) != expected:
            raise FormatError(f"{key} of the provenance is {said[:80]!r}, expected {expected!r}", name="unsupported_format")
    outer = strict_json.inner(definition, "externalParameters", "buildDefinition")
    runner = strict_json.inner(strict_json.inner(predicate, "runDetails", "predicate"), "builder", "runDetails")
    build = Build(
        subjects=tuple(_artifact(one, place) for place, one in strict_json.objects(top, "subject", "provenance")),
        source=_some(outer, "source", "externalParameters"),
        revision=_some(outer, "revision", "externalParameters"),
        dirty=_flag(outer, "dirty", "externalParameters"),
        builder=_some(runner, "id", "builder"),
        tools=tuple(_tool(one, place) for place, one in _dependencies(definition)),
        flags=strict_json.texts(outer, "flags", "externalParameters"),
        source_date_epoch=strict_json.integer(
            strict_json.inner(definition, "internalParameters", "buildDefinition"), "sourceDateEpoch", "internalParameters", 0
        ),
    )
    if not build.subjects:
        raise FormatError("the provenance has no subject: it is about nothing")
    return build


def _some(obj: Obj, key: str, where: str) -> str:
    return strict_json.text(obj, key, where, _SOME, required=True)


def _flag(obj: Obj, key: str, where: str) -> bool:
    value = obj.get(key)
    if not isinstance(value, bool):
        raise FormatError(f"{where}.{key} is neither true nor false")
    return value


def _artifact(obj: Obj, where: str) -> Artifact:
    digest = strict_json.inner(obj, "digest", where)
    return Artifact(_some(obj, "name", where), strict_json.text(digest, "sha256", where, _SHA256, required=True))


def _dependencies(definition: Obj) -> list[tuple[str, Obj]]:
    """All but the first, which is the source."""
    return list(strict_json.objects(definition, "resolvedDependencies", "buildDefinition"))[1:]


def _tool(obj: Obj, where: str) -> Tool:
    return Tool(
        _some(obj, "name", where),
        _some(strict_json.inner(obj, "annotations", where), "version", where),
        strict_json.text(strict_json.inner(obj, "digest", where), "sha256", where, _SHA256),
    )


def describe(build: Build) -> dict[str, Any]:
    """A build in plain values, for JSON."""
    return dataclasses.asdict(build)
