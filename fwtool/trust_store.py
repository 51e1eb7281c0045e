"""The trust that this computer works with: named by a flag, or pinned once with `fwtool trust install`."""

import pathlib

from formats import trust as trust_format
from formats.errors import ToolError
from formats.sample_keys import refuse_samples
from formats.trust import Trust
from fwtool.files import read_small, write_file

PINNED = "pinned.trust"


def load_trust(path: pathlib.Path | str, *, dev: bool = False) -> Trust:
    """Read a trust file, or a public key as a trust of one.

    Raises:
        LocalError: not readable.
        FormatError: damaged.
        TrustError: weak keys, or sample keys without `dev`.
    """
    trust = trust_format.parse(read_small(pathlib.Path(path), trust_format.MAX_FILE_SIZE))
    refuse_samples(trust.keys, dev=dev)
    return trust


def pinned_trust(state_dir: pathlib.Path, *, dev: bool = False) -> Trust | None:
    """The installed trust, if there is one."""
    path = state_dir / PINNED
    return load_trust(path, dev=dev) if path.is_file() else None


def find_trust(flag: str, state_dir: pathlib.Path, *, dev: bool = False) -> Trust:
    """The trust named by the flag, else the pinned one.

    Raises:
        ToolError: there is none (`no_trust`).
    """
    trust = load_trust(flag, dev=dev) if flag else pinned_trust(state_dir, dev=dev)
    if trust is None:
        raise ToolError(
            "no trust: whose signatures count has not been said",
            name="no_trust",
            hint="Give --trust TRUST, or pin it on this computer once: fwtool trust install TRUST",
        )
    return trust


def install(path: pathlib.Path, state_dir: pathlib.Path, *, dev: bool = False) -> tuple[Trust, bool]:
    """Pin a trust file; get it, and whether anything changed.

    Raises:
        ToolError: another one is pinned: replacing a root takes signatures, not a second install (`usage`).
    """
    trust = load_trust(path, dev=dev)
    present = pinned_trust(state_dir, dev=True)
    if present is not None:
        if present.digest == trust.digest:
            return trust, False
        raise ToolError(
            f"another trust file ({present.digest.hex()[:16]}) is pinned on this computer",
            name="usage",
            hint=f"If it is no longer valid, remove {state_dir / PINNED} yourself; nothing replaces it silently.",
        )
    state_dir.mkdir(parents=True, exist_ok=True)
    write_file(state_dir / PINNED, trust.raw)
    return trust, True
