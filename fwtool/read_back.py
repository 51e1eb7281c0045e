"""After an update: is it the same terminal, does it run what was sent, is it as healthy as before?"""

from formats.errors import ToolError
from fwtool.connection import Connection
from fwtool.diagnosis import diagnose
from fwtool.findings import Outcome
from fwtool.look import Before
from fwtool.packages import PackageSource
from transports.errors import LinkError
from transports.tsp import messages
from transports.tsp.messages import Level


def same_terminal(connection: Connection, before: Before) -> messages.Info:
    """Who answers now.

    Raises:
        LinkError: another terminal than the one that was looked at (`wrong_device`).
    """
    info, was = connection.info(), before.situation.info
    if (info.serial_number, info.model) != (was.serial_number, was.model):
        raise LinkError(
            f"another terminal answers now: {info.model} {info.serial_number}, expected {was.model} {was.serial_number}",
            name="wrong_device",
            hint="Connect the first one again and run the same command.",
        )
    return info


def read_back(connection: Connection, source: PackageSource, before: Before) -> None:
    """What runs now, as the terminal reports it in two independent answers, must be what was sent."""
    info, slots = same_terminal(connection, before), connection.slots()
    running = next((slot for slot in slots if slot.running), None)
    if running is None or running.digest != source.digest:
        found = str(running.version) if running else "no firmware"
        raise ToolError(
            f"the terminal went back to its old firmware ({found})",
            name="reverted",
            hint="It refused the new one at start; `fwtool journal show` says why. The terminal is usable.",
            resumable=True,
        )
    if info.version != source.manifest.version:
        raise ToolError(
            f"the terminal says it runs {info.version}; {source.manifest.version} was installed",
            name="read_back_differs",
            hint="Do not trust this terminal: take it out of service and tell the bank.",
        )


def compare_health(connection: Connection, before: Before) -> None:
    """Nothing that was good may be bad now; otherwise the terminal is left on trial and goes back by itself."""
    good = {finding.id for finding in before.findings if finding.outcome is not Outcome.FAIL}
    worse = [f for f in diagnose(connection, Level.INTERNAL) if f.outcome is Outcome.FAIL and f.id in good]
    if not worse:
        return
    connection.restart()
    same_terminal(connection, before)
    raise ToolError(
        f"the health check got worse under the new firmware: {', '.join(finding.id for finding in worse)}",
        name="reverted",
        hint="The new firmware was not confirmed; the terminal has gone back to the old one.",
    )
