"""Package URLs (ECMA-427, package-url specification): `pkg:TYPE/NAMESPACE/NAME@VERSION?QUALIFIERS#SUBPATH`."""

import re
from typing import NamedTuple, Self
from urllib.parse import unquote

from formats.errors import FormatError

_TYPE = re.compile(r"[A-Za-z][A-Za-z0-9.+-]*")
_LOWER = {"alpm", "apk", "bitbucket", "bitnami", "composer", "deb", "github", "gitlab", "hex", "pub", "pypi", "rpm"}
"""Types whose namespaces are compared without case; all but rpm's have names without case too (purl type definitions)."""
MAX_LENGTH = 2048


class Package(NamedTuple):
    """Which package, without its version: what two purls have in common that speak of the same one."""

    type: str
    namespace: str
    name: str


class Purl(NamedTuple):
    """A parsed package URL; `version` is "" if it has none. The subpath is not kept."""

    package: Package
    version: str
    qualifiers: dict[str, str]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a purl from right to left, as the specification says.

        Raises:
            FormatError: no scheme, type or name.
        """
        rest = text.partition("#")[0]
        rest, _, query = rest.partition("?")
        scheme, _, rest = rest.partition(":")
        kind, _, rest = rest.strip("/").partition("/")
        rest, _, version = rest.rpartition("@") if "@" in rest.rpartition("/")[2] else (rest, "", "")
        parts = [_decode(part, text) for part in rest.split("/") if part]
        if scheme.lower() != "pkg" or not _TYPE.fullmatch(kind) or not parts or not parts[-1] or len(text) > MAX_LENGTH:
            raise FormatError(
                f"{text[:80]!r} is not a package URL", hint="Write pkg:TYPE/NAME@VERSION, e.g. pkg:generic/zlib@1.3.1."
            )
        qualifiers = {
            key.lower(): _decode(value, text) for key, _, value in (one.partition("=") for one in query.split("&")) if value
        }
        return cls(package(kind, "/".join(parts[:-1]), parts[-1]), _decode(version, text), qualifiers)


def _decode(part: str, whole: str) -> str:
    try:
        return unquote(part, errors="strict")
    except UnicodeDecodeError:
        raise FormatError(f"{whole[:80]!r} is not a package URL: an escape is not UTF-8") from None


def package(kind: str, namespace: str, name: str) -> Package:
    """A package with the normalisation of its type: case, and for PyPI runs of `-_.` (PEP 503)."""
    kind = kind.lower()
    if kind in _LOWER:
        namespace, name = namespace.lower(), name if kind == "rpm" else name.lower()
    if kind == "pypi":
        name = re.sub(r"[-_.]+", "-", name)
    return Package(kind, namespace, name)
