"""A device as it was found: everything that is asked before an update is decided on, and held against it after."""

from typing import NamedTuple

from formats.errors import ToolError
from formats.fwp.manifest import Manifest
from fwtool import gates
from fwtool.diagnosis import diagnose
from fwtool.findings import Finding, Outcome
from transports.device import Device, Update
from transports.terminal_records import Capability, Facts
from transports.tsp.messages import Level


class Before(NamedTuple):
    """The device as it was found."""

    situation: gates.Situation
    findings: list[Finding]
    look_s: float
    """How long the look took."""

    @property
    def facts(self) -> Facts:
        return self.situation.facts


def look(device: Device, manifest: Manifest) -> Before:
    """Ask all of it; nothing is changed."""
    start = device.now()
    situation = gates.Situation(
        manifest=manifest,
        facts=device.facts(),
        fits=device.fits(manifest.hardware),
        batch=device.batch() if device.can(Capability.BATCH) else None,
    )
    return Before(situation, _health(device), device.now() - start)


def _health(device: Device) -> list[Finding]:
    return diagnose(device, Level.INTERNAL) if device.can(Capability.HEALTH) else []


def compare_health(device: Device, before: Before, update: Update) -> None:
    """Nothing that was good may be bad now; otherwise the device goes back to its old firmware, if it has one.

    Raises:
        ToolError: it got worse (`reverted`, or `diagnostic_failed` if the device has no way back).
    """
    good = {finding.id for finding in before.findings if finding.outcome is not Outcome.FAIL}
    worse = [finding.id for finding in _health(device) if finding.outcome is Outcome.FAIL and finding.id in good]
    if not worse:
        return
    said = f"the health check got worse under the new firmware: {', '.join(worse)}"
    if update.give_up():
        hint = "The new firmware was not confirmed; the terminal has gone back to the old one."
        raise ToolError(said, name="reverted", hint=hint)
    hint = "This device keeps no older firmware to go back to. See `fwtool diagnose --port P` for what to do."
    raise ToolError(said, name="diagnostic_failed", hint=hint)
