"""What must hold before anything is sent. The terminal checks all of it again for itself; here it is said in time.

What a device does not tell is not held against it; what it should tell and does not, as with its batch, is.
"""

import dataclasses
from collections.abc import Callable

from formats import permit
from formats.errors import ToolError
from formats.fwp.manifest import Manifest
from formats.update_spec import version_in
from fwtool.stick.pick import NOTHING_RUNS
from transports.terminal_records import Batch, Facts
from transports.tsp.messages import BatchState

LOW_BATTERY_PERCENT = 30


@dataclasses.dataclass(frozen=True)
class Situation:
    """What is known when the decision is made."""

    manifest: Manifest
    facts: Facts
    fits: bool
    """The device is one that the package is meant for."""
    batch: Batch | None
    """None: a device that takes no payments."""

    def settled(self) -> "Situation":
        """As it will be when the batch has been settled."""
        return dataclasses.replace(self, batch=self.batch and Batch(BatchState.CLOSED, 0))


def _wrong_hardware(at: Situation) -> ToolError | None:
    if at.fits:
        return None
    revision = f" revision {at.facts.revision}" if at.facts.revision is not None else ""
    return ToolError(
        f"the package is for {at.manifest.hardware}; this device is {at.facts.model}{revision}",
        name="wrong_hardware",
        hint="Take the package that was built for this model and revision.",
    )


def _rollback(at: Situation) -> ToolError | None:
    if at.facts.security_counter is None or at.manifest.security_counter >= at.facts.security_counter:
        return None
    if permit.is_brought(at.manifest):
        return None  # fwtool.permits judges it
    return ToolError(
        f"the package has security counter {at.manifest.security_counter}, the terminal is at {at.facts.security_counter}: "
        "going back would reopen a hole that was closed",
        name="rollback",
        hint="Take a newer package. The terminal would refuse this one too.",
    )


def _version_too_old(at: Situation) -> ToolError | None:
    runs = version_in(at.facts.version) or NOTHING_RUNS
    if runs == NOTHING_RUNS or runs >= at.manifest.minimum_version:
        return None
    return ToolError(
        f"the package can only be installed over {at.manifest.minimum_version} or later; {runs} is running",
        name="version_too_old",
        hint=f"Install {at.manifest.minimum_version} first.",
    )


def _too_large(at: Situation) -> ToolError | None:
    capacity, largest = at.facts.capacity, at.facts.max_block
    size = at.manifest.block_count * at.manifest.block_size  # blocks start at multiples of their size
    if (capacity is None or size <= capacity) and (largest is None or at.manifest.block_size <= largest):
        return None
    return ToolError(
        f"the package needs {size} bytes in blocks of {at.manifest.block_size}; this terminal takes {capacity} "
        f"in blocks of at most {largest}",
        name="wrong_hardware",
        hint="Build it for this terminal: smaller, or with a smaller --block-size.",
    )


def _tampered(at: Situation) -> ToolError | None:
    if not at.facts.tampered:
        return None
    return ToolError(
        "the terminal's tamper switch has opened: it is out of service",
        name="tampered",
        hint="Take it out of service, tell the bank, and swap it. Never try to clear the alarm.",
    )


_SETTLE = "Settle at the terminal, or with: fwtool batch settle --port P. Then run this again; or give --settle."


def _unsettled(at: Situation) -> ToolError | None:
    if at.batch is None or at.batch.state is BatchState.CLOSED:
        return None
    count = "transactions" if at.batch.count is None else f"{at.batch.count} transactions"
    known = at.batch.state is BatchState.OPEN
    what = f"{count} are" if known else "the terminal does not tell what is"
    return ToolError(
        f"{what} not settled with the bank; an update could lose them",
        name="unsettled",
        hint=_SETTLE if known else "Run this again with --settle: the end of day comes first.",
    )


def _low_power(at: Situation) -> ToolError | None:
    percent = at.facts.battery_percent
    if at.facts.mains or percent is None or percent >= LOW_BATTERY_PERCENT:
        return None
    return ToolError(
        f"the battery is at {percent} % and there is no mains power (at least {LOW_BATTERY_PERCENT} %)",
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
