"""Every check of a package (docs/formats/fwp.md section 6) with what became of it: which bytes, which key, held or failed.

The same functions as everywhere else, in the same order; what comes after the first that fails is not looked at.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO, Final, NamedTuple, TypeVar

from formats.errors import ToolError
from formats.fwp import header, package
from formats.fwp.coding import Cipher
from formats.fwp.manifest import Component
from formats.fwp.package import Package, Sealed
from formats.fwp.wrapping import GroupKey
from formats.outcomes import Check, Outcome
from formats.trust import Check as Worth
from formats.trust import Judged, Trust

T = TypeVar("T")
ORDER: Final = ("header", "signature-block", "trust-time", "signature", "thresholds", "manifest", "security-counter",
                "components")  # fmt: skip
"""Checks in their order; those not reached are named too."""


class Explained(NamedTuple):
    """What was found; `package` is there if everything held."""

    checks: tuple[Check, ...]
    package: Package | None


def explain(file: BinaryIO, trust: Trust, now: float | None = None, groups: Sequence[GroupKey] = ()) -> Explained:
    """Check a package completely.

    Args:
        now: Seconds since 1970-01-01 UTC; None: expiry is not looked at.
        groups: What encrypted components are opened with; without, their stored bytes are checked.
    """
    run = _Run()
    try:
        found = _check(run, file, trust, now, groups)
    except _Stopped:
        found = None
        reached = {check.id for check in run.checks}
        for name in ORDER[max(ORDER.index(one) for one in reached if one in ORDER) + 1 :]:
            run.checks.append(Check(id=name, outcome=Outcome.NOT_CHECKED, offset=0, size=0, detail="after a failed check"))
    return Explained(tuple(run.checks), found)


class _Stopped(Exception):
    """A check failed; what follows would lean on it."""


class _Run:
    def __init__(self) -> None:
        self.checks: list[Check] = []

    def step(self, name: str, offset: int, size: int, act: Callable[[], T], say: Callable[[T], str]) -> T:
        """Do one check and note what became of it."""
        try:
            found = act()
        except ToolError as error:
            at = offset if error.offset is None else error.offset
            self.checks.append(
                Check(id=name, outcome=Outcome.FAILED, offset=at, size=0 if error.offset is not None else size,
                      detail=error.message, error=error.name, hint=error.hint)
            )  # fmt: skip
            raise _Stopped from error
        self.checks.append(Check(id=name, outcome=Outcome.HELD, offset=offset, size=size, detail=say(found)))
        return found


def _check(run: _Run, file: BinaryIO, trust: Trust, now: float | None, groups: Sequence[GroupKey]) -> Package:
    size = package.file_size(file)
    head = run.step(
        "header", 0, header.SIZE, lambda: package.read_header(file, size),
        lambda h: f"manifest of {h.manifest_size}, table of {h.table_size}, payload of {h.payload_size} bytes",
    )  # fmt: skip
    sealed = run.step(
        "signature-block", head.signatures_offset, size - head.signatures_offset, lambda: package.seal(file),
        lambda s: f"well-formed; signatures: {len(s.signatures.signatures)}",
    )  # fmt: skip
    _signatures(run, sealed, trust, now)
    opened = run.step(
        "manifest", header.SIZE, head.manifest_size, sealed.open,
        lambda p: f"{p.manifest.package_id} {p.manifest.version} for {p.manifest.hardware}; the table's index fits the root",
    )  # fmt: skip
    run.step(
        "security-counter", header.SIZE, head.manifest_size, lambda: opened.check_counter(trust),
        lambda _: f"{opened.manifest.security_counter}, at least {trust.minimum_counter(opened.manifest.model)} asked for",
    )  # fmt: skip
    unlocked = run.step(
        "components", head.table_offset, head.table_size, lambda: opened.unlocked(groups),
        lambda _: f"blocks: {len(opened.table)}; components: {len(opened.manifest.components)}",
    )  # fmt: skip
    for number, (component, offset) in enumerate(_places(unlocked)):
        seen = component.cipher is Cipher.NONE or unlocked.content_key is not None
        run.step(
            f"component {component.name}", offset, component.stored_size,
            lambda n=number: unlocked.check_component(n),  # type: ignore[misc]
            lambda _, s=seen: "every block fits its digest" if s else "every stored block fits its digest; encrypted, not seen",  # type: ignore[misc]
        )  # fmt: skip
    return unlocked


def _places(opened: Package) -> Iterator[tuple[Component, int]]:
    offset = opened.sealed.header.payload_offset
    for component in opened.manifest.components:
        yield component, offset
        offset += component.stored_size


_SAID: Final = {
    Worth.VALID: (Outcome.HELD, "by {name}, over the first {size} bytes"),
    Worth.INVALID: (Outcome.FAILED, "by {name}: does not fit the first {size} bytes"),
    Worth.UNKNOWN_KEY: (Outcome.NOT_CHECKED, "by a key the trust does not know: does not count"),
    Worth.REVOKED: (Outcome.NOT_CHECKED, "by a revoked key: does not count"),
    Worth.EXPIRED: (Outcome.NOT_CHECKED, "by {name}, whose key has expired: does not count"),
}


def _signatures(run: _Run, sealed: Sealed, trust: Trust, now: float | None) -> None:
    size = sealed.header.signed_size
    run.step("trust-time", 0, 0, lambda: trust.check_time(now), lambda _: "the trust file is within its time")
    judged = trust.judge("package", sealed.digest, sealed.signatures, now)
    places = sealed.signatures.places(sealed.header.signatures_offset)
    for one, (offset, length) in zip(judged, places, strict=True):
        outcome, said = _SAID[one.check]
        run.checks.append(
            Check(id="signature", outcome=outcome, offset=offset, size=length, key_id=one.key_id.hex(),
                  detail=said.format(name=one.key_name, size=size))
        )  # fmt: skip
    run.step("thresholds", 0, size, lambda: trust.decide("package", judged), lambda _: _thresholds(trust, judged))


def _thresholds(trust: Trust, judged: Sequence[Judged]) -> str:
    valid = {one.key_id for one in judged if one.check is Worth.VALID}
    return ", ".join(
        f"{role.role.name.lower()}: {sum(trust.keys[i].key_id in valid for i in role.keys)} of {role.threshold} needed"
        for role in trust.roles_for("package")
    )
