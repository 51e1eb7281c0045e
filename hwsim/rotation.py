"""What a package brings for the trust of a terminal (docs/device/boot.md section 8): judged before it goes on trial, taken
over when it is confirmed."""

from formats import rotation
from formats import trust as trust_format
from formats.errors import FormatError, ToolError
from formats.fwp.manifest import Component, ComponentType
from formats.signing import SignatureBlock
from formats.trust import Trust
from hwsim import component_file
from hwsim.refusal import Refused
from hwsim.slots import Offered, SlotStore
from transports.tsp.messages import Status


def brought(store: SlotStore, offered: Offered, installed: Trust | None, capacity: int) -> Trust | None:
    """The trust that a stored package leads to from the installed one; None: it brings none that is newer.

    Its trust files form a chain, each vouched for by the one before. Those that are not above the installed one are passed
    over: a trust never goes back. The package itself must be good under the last one too, or it would not start any more.

    Args:
        capacity: Largest file there is room for, in bytes.

    Raises:
        Refused: a file is damaged, does not fit, or is not vouched for.
    """
    components = component_file.components_of(offered, ComponentType.TRUST)
    if not components or installed is None:
        return None
    chain = [_read(store, offered, component, capacity) for component in components]
    newer = [trust for trust in chain if trust.record.version > installed.record.version]
    if not newer:
        return None
    try:
        last = rotation.follow(installed, newer)
        last.require("package", offered.digest, SignatureBlock.parse(offered.signatures))
    except ToolError as error:
        raise Refused(Status.BAD_SIGNATURE, f"the trust it brings: {error.message}") from error
    return last


def _read(store: SlotStore, offered: Offered, component: Component, capacity: int) -> Trust:
    raw = component_file.read(store, offered, component, capacity)
    if not raw.startswith(trust_format.MAGIC):
        raise Refused(Status.DAMAGED_PACKAGE, f"{component.name} is not a trust file")
    try:
        return trust_format.parse(raw)
    except FormatError as error:
        raise Refused(Status.DAMAGED_PACKAGE, f"{component.name}: {error.message}") from error
    except ToolError as error:
        raise Refused(Status.BAD_SIGNATURE, f"{component.name}: {error.message}") from error
