"""Whether a stored package may start although its counter is below the terminal's (docs/device/boot.md section 9)."""

from formats import permit as permit_format
from formats.errors import ToolError
from formats.fwp.manifest import ComponentType
from formats.permit import Permit
from formats.signed_file import MAX_SIZE
from formats.trust import Trust
from hwsim import component_file
from hwsim.refusal import Refused
from hwsim.slots import Identity, Offered, SlotStore
from transports.tsp.messages import Status


def needed(store: SlotStore, offered: Offered, trust: Trust | None, identity: Identity, counter: int) -> Permit | None:
    """The permit that lets a package start whose blocks are right; None: its counter suffices, it needs none.

    Raises:
        Refused: it needs one, and brings none that is for it, for this terminal and for its counter.
    """
    if offered.manifest.security_counter >= counter:
        return None
    reason = f"its security counter {offered.manifest.security_counter} is below {counter}"
    if trust is None or component_file.components_of(offered, ComponentType.TRUST):
        raise Refused(Status.ROLLBACK, f"{reason}; a package that brings a trust is never permitted that")
    for component in component_file.components_of(offered, ComponentType.PERMIT):
        try:
            permit = permit_format.parse(component_file.read(store, offered, component, MAX_SIZE))
            permit.check(trust, offered.manifest, identity.model, identity.serial_number, counter)
        except ToolError as error:
            reason = f"{component.name}: {error.message}"
        else:
            return permit
    raise Refused(Status.ROLLBACK, reason)
