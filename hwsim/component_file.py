"""A component of a stored package as one file, for what the terminal itself reads: trust files and permits."""

from formats.fwp.manifest import Component, ComponentType
from hwsim.refusal import Refused
from hwsim.slots import Offered, SlotStore
from transports.tsp.messages import Status

MOST = 8
"""Of a kind in one package."""


def components_of(offered: Offered, kind: ComponentType) -> list[Component]:
    """Raises Refused: more than a terminal reads."""
    found = [one for one in offered.manifest.installed if one.type == kind]
    if len(found) > MOST:
        raise Refused(Status.BAD_REQUEST, f"a package brings at most {MOST} components of type {kind.name.lower()}")
    return found


def read(store: SlotStore, offered: Offered, component: Component, capacity: int) -> bytes:
    """The bytes of one whose blocks have been held against their digests.

    Args:
        capacity: The most it may have, in bytes.

    Raises:
        Refused: it is larger.
    """
    if component.installed_size > capacity:
        raise Refused(Status.TOO_LARGE, f"{component.name} has {component.installed_size} bytes, there is room for {capacity}")
    first, count = component.first_block, component.block_count(offered.manifest.block_size)
    return b"".join(store.read_block(offered.manifest, index, component) for index in range(first, first + count))
