"""Which package an OSV advisory speaks of, as a purl would name it, and whose rules order its versions.

Ecosystems are those of the OSV schema 1.7.4, purl types those of the package-url project.
"""

import re
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from fwtool.supply_chain.purl import Package, Purl, package


class Ecosystem(NamedTuple):
    """`kind`: a registry of a language, a distribution with its own packaging, or upstream releases as they are."""

    purl_type: str
    namespace: str
    scheme: str
    """A key of `versions.SCHEMES`, or "": its rules are not known here."""
    kind: str


_TABLE: Final = """
PyPI             pypi      -            pypi     registry
npm              npm       -            semver   registry
crates.io        cargo     -            semver   registry
Go               golang    -            semver   registry
Hex              hex       -            semver   registry
Pub              pub       -            semver   registry
SwiftURL         swift     -            semver   registry
Maven            maven     -            -        registry
NuGet            nuget     -            -        registry
Packagist        composer  -            -        registry
RubyGems         gem       -            -        registry
Hackage          hackage   -            -        registry
CRAN             cran      -            -        registry
Debian           deb       debian       debian   distribution
Ubuntu           deb       ubuntu       debian   distribution
Alpine           apk       alpine       -        distribution
Chainguard       apk       chainguard   -        distribution
Wolfi            apk       wolfi        -        distribution
AlmaLinux        rpm       almalinux    -        distribution
openSUSE         rpm       opensuse     -        distribution
Red_Hat          rpm       redhat       -        distribution
Rocky_Linux      rpm       rocky-linux  -        distribution
SUSE             rpm       suse         -        distribution
Bitnami          bitnami   -            semver   upstream
ConanCenter      conan     -            generic  upstream
Linux            generic   -            generic  upstream
OSS-Fuzz         generic   -            generic  upstream
"""


def _read_table() -> dict[str, Ecosystem]:
    found = {}
    for line in _TABLE.split("\n")[1:-1]:
        name, *columns = line.split()
        found[name.replace("_", " ")] = Ecosystem(*("" if column == "-" else column for column in columns))
    return found


ECOSYSTEMS: Final = _read_table()
UNKNOWN: Final = Ecosystem("", "", "", "upstream")
"""For an ecosystem that is not in the table: it may speak of anything, in versions of any kind."""
UPSTREAM: Final = Ecosystem("", "", "generic", "upstream")
"""For advisories that name a repository and no package."""
_HOSTS: Final = {"github.com": "github", "gitlab.com": "gitlab", "bitbucket.org": "bitbucket"}
_KERNEL: Final = ("Linux", "Kernel")
_RELEASES: Final = {
    "buster": "10", "bullseye": "11", "bookworm": "12", "trixie": "13", "forky": "14",
    "bionic": "18.04", "focal": "20.04", "jammy": "22.04", "noble": "24.04", "resolute": "26.04",
}  # fmt: skip
"""Code names of Debian and Ubuntu -> the numbers OSV uses."""
_NUMBER = re.compile(r"\d+(?:\.\d+)*")


def find(ecosystem: str) -> tuple[Ecosystem, str]:
    """The ecosystem and the release, "" for none, of a name such as Debian:12 or Ubuntu:Pro:22.04:LTS."""
    name, _, release = ecosystem.partition(":")
    number = _NUMBER.search(release)
    return ECOSYSTEMS.get(name, UNKNOWN), number[0] if number else ""


def package_of(ecosystem: str, name: str) -> Package | None:
    """The package that an ecosystem and a name in it mean, None for an ecosystem that is not in the table."""
    known, _ = find(ecosystem)
    if known is UNKNOWN:
        return None
    namespace, _, last = (name.replace(":", "/", 1) if known.purl_type == "maven" else name).rpartition("/")
    return package(known.purl_type, known.namespace or namespace, last) if last else None


def repository(url: str) -> Package | None:
    """The package that purls of type github, gitlab or bitbucket call a repository."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    kind = _HOSTS.get((parts.hostname or "").removeprefix("www."))
    namespace, _, name = parts.path.strip("/").removesuffix(".git").rpartition("/")
    return package(kind, namespace, name) if kind and namespace and name else None


def names(ecosystem: str, name: str) -> tuple[str, ...]:
    """By which names, as `plain` writes them, a package goes where no purl tells."""
    if (ecosystem, name) == _KERNEL:
        return "linux", "linux-kernel"
    return (plain(name.replace(":", "/", 1)),)


def plain(name: str) -> str:
    """A name without case, and one hyphen for runs of spaces and `-_.`."""
    return re.sub(r"[-_.\s]+", "-", name.lower()).strip("-")


def release_of(purl: Purl) -> str:
    """The release of a distribution that a purl names in its qualifier `distro`, as a number; "" if it names none."""
    distro = purl.qualifiers.get("distro", "").lower()
    number = _NUMBER.search(distro)
    return _RELEASES.get(distro.rpartition("-")[2], number[0] if number else "")


def same_release(one: str, other: str) -> bool:
    """12 and 12.5 are one release, as are 3.18 and 3.18.4."""
    return one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")
