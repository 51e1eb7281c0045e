"""Trust files on a stick: they count only as far as the trust of this computer vouches for them, one after the other."""

from collections.abc import Iterable
from typing import NamedTuple

from formats import rotation
from formats import trust as trust_format
from formats.errors import ToolError, TrustError
from formats.sample_keys import refuse_samples
from formats.trust import Trust
from fwtool.stick.layout import Role
from fwtool.stick.survey import Item


class Link(NamedTuple):
    """One trust file of a stick."""

    path: str
    trust: Trust | None
    """As far as it could be read."""
    error: ToolError | None
    """Why it counts for nothing."""


class Chain(NamedTuple):
    """What the trust of this computer has become."""

    trust: Trust | None
    links: list[Link]


def follow(base: Trust | None, items: Iterable[Item], *, dev: bool = False) -> Chain:
    """The newest trust that `base` leads to (`formats.rotation`), and what became of each trust file.

    Args:
        base: What is pinned on this computer, or named by a person; None: there is none, and the stick cannot make one.
    """
    read = [_read(item, dev) for item in items if item.role is Role.TRUST]
    links = [link for link in read if link.trust is None]
    current = base
    for link in sorted((link for link in read if link.trust is not None), key=_order):
        assert link.trust is not None
        error = _judge(base, current, link.trust)
        links.append(link._replace(error=error))
        if error is None and current is not None and link.trust.record.version > current.record.version:
            current = link.trust
    return Chain(current, sorted(links))


def _order(link: Link) -> tuple[int, bytes]:
    assert link.trust is not None
    return link.trust.record.version, link.trust.digest


def _read(item: Item, dev: bool) -> Link:
    try:
        trust = trust_format.parse(item.data)
        refuse_samples(trust.keys, dev=dev)
    except ToolError as error:
        return Link(item.path, None, error)
    return Link(item.path, trust, None)


def _judge(base: Trust | None, current: Trust | None, new: Trust) -> ToolError | None:
    """Why `new` does not follow; what is not newer than the trust of this computer is simply not needed."""
    if base is None or current is None or new.record.version <= base.record.version:
        return None
    try:
        rotation.judge(current, new)
    except ToolError as error:
        return TrustError(
            f"the trust of this computer does not vouch for it: {error.message}", name="trust_failed",
            hint="It counts for nothing. Trust comes from this computer: fwtool trust install TRUST",
        )  # fmt: skip
    return None
