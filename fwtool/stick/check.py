"""Everything on a stick judged again: packages, trust files, the tool; what is not ours is named and left alone."""

import enum
import pathlib
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from formats.errors import FormatError, LocalError, ToolError
from formats.fwp.package import Package
from formats.trust import Trust
from fwtool.stick import bundle, chain, layout
from fwtool.stick.judge import judge, no_package
from fwtool.stick.layout import Role
from fwtool.stick.survey import Item, surveyed


class Standing(enum.StrEnum):
    """What a file on a stick is worth."""

    GOOD = "good"
    """Whole, and signed as the trust demands."""
    WHOLE = "whole"
    """Undamaged; nothing is known of who made it."""
    REFUSED = "refused"
    NOTE = "note"
    """Nothing relies on it."""
    FOREIGN = "foreign"


class Verdict(NamedTuple):
    """What became of one file."""

    path: str
    role: Role
    outcome: Standing
    detail: str
    error: ToolError | None = None
    facts: dict[str, Any] | None = None
    """Of a package: what it is, and for what."""


class Checked(NamedTuple):
    """What was found on a stick."""

    trust: Trust | None
    """What packages were held against: the newest that the trust of this computer leads to."""
    verdicts: list[Verdict]

    @property
    def error(self) -> ToolError | None:
        """The gravest thing found, distrust before damage; also that there is no package at all."""
        bad = [(verdict.path, verdict.error) for verdict in self.verdicts if verdict.error]
        if bad:
            path, error = max(bad, key=lambda one: one[1].exit_code)
            return ToolError(f"{path}: {error.message}", name=error.name, hint=error.hint)
        if not any(verdict.role is Role.PACKAGE for verdict in self.verdicts):
            return no_package()
        return None


def check(path: pathlib.Path, trust: Trust | None, *, dev: bool = False) -> Checked:
    """Look at every file.

    Args:
        trust: Of this computer, or named by a person; without one it can only be seen whether files are whole.

    Raises:
        LocalError: no such folder, or the stick cannot be read.
        FormatError: there is too much on it (`too_large`).
    """
    with surveyed(path, tool=True) as items:
        found = chain.follow(trust, items, dev=dev)
        verdicts = [*(_link(link, found) for link in found.links), *_tool(items)]
        verdicts += [_package(item, found.trust) for item in items if item.file]
    verdicts += [_plain(item) for item in items if item.role in _PLAIN]
    return Checked(found.trust, sorted(verdicts, key=lambda verdict: verdict.path))


def _package(item: Item, trust: Trust | None) -> Verdict:
    assert item.file is not None
    try:
        package = judge(item.file, trust)
    except LocalError:
        raise  # the stick, or the clock: not a matter of one file
    except ToolError as error:
        return _refused(item.path, Role.PACKAGE, error)
    manifest = package.manifest
    outcome = Standing.GOOD if trust else Standing.WHOLE
    return Verdict(item.path, Role.PACKAGE, outcome, f"{manifest.version} for {manifest.hardware}", facts=_facts(package))


def _facts(package: Package) -> dict[str, Any]:
    manifest = package.manifest
    return {
        "version": str(manifest.version), "hardware": str(manifest.hardware), "security_counter": manifest.security_counter,
        "package_id": manifest.package_id, "digest": package.sealed.digest.hex(),
    }  # fmt: skip


def _refused(path: str, role: Role, error: ToolError) -> Verdict:
    return Verdict(path, role, Standing.REFUSED, error.message, error)


def _link(link: chain.Link, found: chain.Chain) -> Verdict:
    if link.error or link.trust is None:
        return _refused(link.path, Role.TRUST, link.error or FormatError("it cannot be read"))
    version = f"trust file, version {link.trust.record.version}"
    if found.trust is None:
        return Verdict(
            link.path, Role.TRUST, Standing.WHOLE, f"{version}; it counts for nothing, because this computer has no trust yet"
        )
    if link.trust.digest == found.trust.digest:
        return Verdict(link.path, Role.TRUST, Standing.GOOD, f"{version}: what packages are held against")
    return Verdict(link.path, Role.TRUST, Standing.WHOLE, f"{version}: not needed here")


def _tool(items: Sequence[Item]) -> list[Verdict]:
    """The files of the tool against their list. The list comes from the stick too, so this shows damage only."""
    files = {item.path.split("/", 2)[2]: item for item in items if item.role is Role.TOOL}
    if not files:
        return []
    try:
        listed = bundle.read_sums(files[bundle.SUMS].data) if bundle.SUMS in files else {}
        wrong = bundle.faults(listed, {path: item.sha256 for path, item in files.items()})
    except FormatError as error:
        wrong = dict.fromkeys(files, error.message)
    verdicts = []
    for path in {**files, **wrong}:
        where = files[path].path if path in files else f"{layout.FOLDER}/{layout.TOOL}/{path}"
        if path in wrong:
            verdicts.append(_refused(where, Role.TOOL, FormatError(f"a file of the tool is {wrong[path]}", hint=_TOOL_HINT)))
        else:
            verdicts.append(Verdict(where, Role.TOOL, Standing.WHOLE, "a file of the tool"))
    return verdicts


_TOOL_HINT: Final = "Do not start the tool from this stick. Write it again: fwtool stick write --with-tool BUNDLE DRIVE"
_PLAIN: Final[dict[Role, tuple[Standing, str]]] = {
    Role.ORDER: (Standing.NOTE, "a work order: who signed it is looked at when it is used"),
    Role.NOTE: (Standing.NOTE, "for people; nothing relies on it"),
    Role.UNFINISHED: (Standing.FOREIGN, "left by a copy that was interrupted"),
    Role.FOREIGN: (Standing.FOREIGN, "not ours; left alone"),
}


def _plain(item: Item) -> Verdict:
    outcome, detail = _PLAIN[item.role]
    return Verdict(item.path, item.role, outcome, item.remark or detail)
