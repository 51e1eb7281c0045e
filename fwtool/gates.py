"""What must hold before anything is sent. The terminal checks all of it again for itself; here it is said in time."""

import dataclasses
from collections.abc import Callable

from formats.errors import ToolError
from formats.fwp.manifest import Manifest
from transports.tsp import messages
from transports.tsp.hello import Hello
from transports.tsp.messages import BatchState

LOW_BATTERY_PERCENT = 30


@dataclasses.dataclass(frozen=True)
class Situation:
    """What is known when the decision is made."""

    manifest: Manifest
    info: messages.Info
    status: messages.TerminalStatus
    batch: messages.Batch
    peer: Hello
    running: messages.Slot | None


def _wrong_hardware(at: Situation) -> ToolError | None:
    if at.manifest.hardware.fits(at.info.model, at.info.revision):
        return None
    return ToolError(
        f"the package is for {at.manifest.hardware}; this terminal is {at.info.model} revision {at.info.revision}",
        name="wrong_hardware",
        hint="Take the package that was built for this model and revision.",
    )


def _rollback(at: Situation) -> ToolError | None:
    if at.manifest.security_counter >= at.info.security_counter:
        return None
    return ToolError(
        f"the package has security counter {at.manifest.security_counter}, the terminal is at {at.info.security_counter}: "
        "going back would reopen a hole that was closed",
        name="rollback",
        hint="Take a newer package. The terminal would refuse this one too.",
    )


def _version_too_old(at: Situation) -> ToolError | None:
    if at.running is None or at.info.version >= at.manifest.minimum_version:
        return None
    return ToolError(
        f"the package can only be installed over {at.manifest.minimum_version} or later; {at.info.version} is running",
        name="version_too_old",
        hint=f"Install {at.manifest.minimum_version} first.",
    )


def _too_large(at: Situation) -> ToolError | None:
    size = at.manifest.block_count * at.manifest.block_size  # blocks start at multiples of their size
    if size <= at.info.capacity and at.manifest.block_size <= at.peer.max_block:
        return None
    return ToolError(
        f"the package needs {size} bytes in blocks of {at.manifest.block_size}; this terminal takes {at.info.capacity} "
        f"in blocks of at most {at.peer.max_block}",
        name="wrong_hardware",
        hint="Build it for this terminal: smaller, or with a smaller --block-size.",
    )


def _tampered(at: Situation) -> ToolError | None:
    if not at.status.tampered:
        return None
    return ToolError(
        "the terminal's tamper switch has opened: it is out of service",
        name="tampered",
        hint="Take it out of service, tell the bank, and swap it. Never try to clear the alarm.",
    )


def _unsettled(at: Situation) -> ToolError | None:
    if at.batch.state is BatchState.CLOSED:
        return None
    what = f"{at.batch.count} transactions are" if at.batch.state is BatchState.OPEN else "the terminal does not know what is"
    return ToolError(
        f"{what} not settled with the bank; an update could lose them",
        name="unsettled",
        hint="Settle at the terminal, or with: fwtool batch settle --port P. Then run this again.",
    )


def _low_power(at: Situation) -> ToolError | None:
    if at.status.mains or at.status.battery_percent >= LOW_BATTERY_PERCENT:
        return None
    return ToolError(
        f"the battery is at {at.status.battery_percent} % and there is no mains power (at least {LOW_BATTERY_PERCENT} %)",
        name="low_power",
        hint="Connect the power supply.",
    )


GATES: tuple[Callable[[Situation], ToolError | None], ...] = (
    _tampered,
    _wrong_hardware,
    _rollback,
    _version_too_old,
    _too_large,
    _unsettled,
    _low_power,
)
"""In the order in which a person should hear of them."""


def check(situation: Situation) -> None:
    """Raises the first refusal (ToolError, exit code 6)."""
    for gate in GATES:
        refusal = gate(situation)
        if refusal is not None:
            raise refusal
