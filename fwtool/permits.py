"""The permit of a package that goes back below a terminal's security counter: judged here too, and its time only here."""

import time
from typing import Any

from formats import permit as permit_format
from formats.errors import ToolError, TrustError
from formats.fwp.manifest import ComponentType
from formats.fwp.package import Package
from formats.trust import Trust
from transports.terminal_records import Facts


def check(package: Package, trust: Trust, facts: Facts) -> dict[str, Any]:
    """What goes into the record of a permitted downgrade; nothing for a package that needs no permit.

    Raises:
        TrustError: it is below the counter of this terminal, and no permit in it lets it (`rollback`, `expired`).
    """
    counter, manifest = facts.security_counter, package.manifest
    if counter is None or manifest.security_counter >= counter or not permit_format.is_brought(manifest):
        return {}
    refusal: ToolError = TrustError("the package brings no permit", name="rollback")
    for component in manifest.installed:
        if component.type != ComponentType.PERMIT:
            continue
        try:
            permit = permit_format.parse(b"".join(package.component(component)))
            permit.check(trust, manifest, facts.model, facts.serial_number, counter)
            permit.check_time(time.time())
        except ToolError as error:
            refusal = error
        else:
            record = permit.record
            return {"permit": {"id": record.id.hex(), "work_order": record.work_order, "reason": record.reason}}
    raise refusal
