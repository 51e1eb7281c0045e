"""The trust that this computer works with: named by a flag, or pinned once with `fwtool trust install`."""

import pathlib
from collections.abc import Sequence

from formats import rotation
from formats import trust as trust_format
from formats.errors import LocalError, ToolError, TrustError
from formats.sample_keys import refuse_samples
from formats.trust import Trust
from fwtool.files import read_small, write_file

PINNED = "pinned.trust"


def load_trust(path: pathlib.Path | str, *, dev: bool = False, foreign: bool = False) -> Trust:
    """Read a trust file, or a public key as a trust of one.

    Args:
        foreign: Also take a lone key that only signs images of others.

    Raises:
        LocalError: not readable.
        FormatError: damaged.
        TrustError: weak keys, or sample keys without `dev`.
    """
    trust = trust_format.parse(read_small(pathlib.Path(path), trust_format.MAX_FILE_SIZE), foreign=foreign)
    refuse_samples(trust.keys, dev=dev)
    return trust


def pinned_trust(state_dir: pathlib.Path, *, dev: bool = False) -> Trust | None:
    """The installed trust, if there is one."""
    path = state_dir / PINNED
    return load_trust(path, dev=dev) if path.is_file() else None


def find_trust(flag: str, state_dir: pathlib.Path, *, dev: bool = False, foreign: bool = False) -> Trust:
    """The trust named by the flag, else the pinned one.

    Raises:
        ToolError: there is none (`no_trust`).
    """
    trust = load_trust(flag, dev=dev, foreign=foreign) if flag else pinned_trust(state_dir, dev=dev)
    if trust is None:
        raise ToolError(
            "no trust: whose signatures count has not been said",
            name="no_trust",
            hint="Give --trust TRUST, or pin it on this computer once: fwtool trust install TRUST",
        )
    return trust


def install(paths: Sequence[pathlib.Path], state_dir: pathlib.Path, *, now: float, dev: bool = False) -> tuple[Trust, bool]:
    """Pin a trust file; get it, and whether anything changed. Nothing is written before every check has held.

    Args:
        paths: One file, or a chain of rotations of which the last is pinned.
        now: Seconds since 1970-01-01 UTC.

    Raises:
        TrustError: another one is pinned that does not vouch for this one, or it has expired.
    """
    chain = [load_trust(path, dev=dev) for path in paths]
    present = pinned_trust(state_dir, dev=True)
    if present is not None and present.digest == chain[-1].digest:
        return present, False
    if present is None:
        trust = rotation.follow(chain[0], chain[1:], now)
        trust.check_time(now)
    else:
        trust = _successor(present, chain, now, state_dir / PINNED)
    try:
        state_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LocalError(f"{state_dir} cannot be made: {error.strerror}", name="disk") from error
    write_file(state_dir / PINNED, trust.raw)
    return trust, True


def _successor(present: Trust, chain: Sequence[Trust], now: float, place: pathlib.Path) -> Trust:
    """The end of the chain, if the pinned trust vouches for it. What is older than the pinned one is passed over."""
    newer = [trust for trust in chain if trust.record.version > present.record.version] or list(chain)
    try:
        return rotation.follow(present, newer, now)
    except TrustError as error:
        raise TrustError(
            f"another trust file ({present.digest.hex()[:16]}, version {present.record.version}) is pinned on this computer, "
            f"and it does not vouch for this one: {error.message}",
            name="rollback" if chain[-1].record.version < present.record.version else "trust_failed",
            hint=f"Get the successor that its root has signed. If the pinned one is no longer valid, remove {place} yourself.",
        ) from error
