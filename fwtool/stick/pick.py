"""Which of several packages a terminal gets: by what is signed, never by file name or date (threat A44).

The newest that is for this model and revision, not below the terminal's security counter, and may be installed over what
runs. What is older than what runs is never picked: to go back, somebody names the package.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from formats.errors import ToolError
from formats.fwp.manifest import Manifest
from formats.update_spec import version_in
from formats.versions import Version
from transports.terminal_records import Facts

NOTHING_RUNS: Final = Version(0, 0, 0)
"""What a terminal reports that has no firmware it could start."""


class Terminal(NamedTuple):
    """What a terminal has said of itself."""

    model: str
    revision: int
    version: Version
    security_counter: int


def terminal_of(facts: Facts) -> Terminal:
    """What of a device's facts decides. One that tells no counter has none to fall below."""
    version = version_in(facts.version) or NOTHING_RUNS
    return Terminal(facts.model, facts.revision or 0, version, facts.security_counter or 0)


class Candidate(NamedTuple):
    """A verified package."""

    path: str
    manifest: Manifest
    digest: bytes


@dataclasses.dataclass(frozen=True)
class NotTaken:
    """A package that was not picked."""

    path: str
    error: str
    """Name of the error that keeps it from this terminal (`formats.errors`); empty: another one is newer."""
    reason: str


class Picked(NamedTuple):
    """The choice, and why it was not another."""

    candidate: Candidate
    not_taken: list[NotTaken]


def _hardware(manifest: Manifest, terminal: Terminal) -> str:
    if manifest.hardware.fits(terminal.model, terminal.revision):
        return ""
    return f"it is for {manifest.hardware}, this terminal is {terminal.model} revision {terminal.revision}"


def _counter(manifest: Manifest, terminal: Terminal) -> str:
    if manifest.security_counter >= terminal.security_counter:
        return ""
    return f"its security counter is {manifest.security_counter}, the terminal is at {terminal.security_counter}"


def _minimum(manifest: Manifest, terminal: Terminal) -> str:
    if terminal.version == NOTHING_RUNS or terminal.version >= manifest.minimum_version:
        return ""
    return f"it can only be installed over {manifest.minimum_version} or later, {terminal.version} runs"


def _older(manifest: Manifest, terminal: Terminal) -> str:
    return "" if manifest.version >= terminal.version else f"it is {manifest.version}, and {terminal.version} runs"


RULES: Final[tuple[tuple[str, Callable[[Manifest, Terminal], str]], ...]] = (
    ("wrong_hardware", _hardware),
    ("rollback", _counter),
    ("version_too_old", _minimum),
    ("rollback", _older),
)
"""Each with the name of its error, in the order in which a person should hear of them."""


def pick(candidates: Sequence[Candidate], terminal: Terminal) -> Picked:
    """Choose.

    Raises:
        ToolError: none is for this terminal (6), or two claim to be the same release and differ (`usage`).
    """
    left = [one for one in candidates if _broken(one, terminal) is None]
    refused = [_refusal(one, terminal) for one in candidates if one not in left]
    if not left:
        raise _none(candidates, terminal)
    best = max(left, key=_age)
    equal = [one for one in left if _age(one) == _age(best)]
    if len(equal) > 1:
        raise ToolError(
            f"{' and '.join(one.path for one in equal)} both say they are {best.manifest.version}, and they differ", name="usage",
            hint="Name the one that is meant: fwtool flash FILE --port PORT",
        )  # fmt: skip
    older = [NotTaken(one.path, "", f"{best.manifest.version} is newer") for one in left if one is not best]
    return Picked(best, [*older, *refused])


def _age(candidate: Candidate) -> tuple[Version, int, int]:
    manifest = candidate.manifest
    return manifest.version, manifest.security_counter, manifest.build_time


def _broken(candidate: Candidate, terminal: Terminal) -> int | None:
    """The first of `RULES` that does not hold."""
    return next((number for number, (_, rule) in enumerate(RULES) if rule(candidate.manifest, terminal)), None)


def _refusal(candidate: Candidate, terminal: Terminal) -> NotTaken:
    name, rule = RULES[_broken(candidate, terminal) or 0]
    return NotTaken(candidate.path, name, rule(candidate.manifest, terminal))


def _none(candidates: Sequence[Candidate], terminal: Terminal) -> ToolError:
    """Nothing fits; the one that came nearest speaks for all."""
    nearest = _refusal(max(candidates, key=lambda one: _broken(one, terminal) or 0), terminal)
    others = f" ({len(candidates) - 1} others do not fit either)" if len(candidates) > 1 else ""
    return ToolError(
        f"no package on the stick is for this terminal: {nearest.path}: {nearest.reason}{others}", name=nearest.error,
        hint="Put the right one on the stick: fwtool stick write FILE DRIVE. To go back, name the older one: fwtool flash FILE",
    )  # fmt: skip
