"""A terminal as it was found: everything that is asked before an update is decided on."""

from typing import NamedTuple

from fwtool import gates
from fwtool.connection import Connection
from fwtool.diagnosis import diagnose
from fwtool.findings import Finding
from fwtool.packages import PackageSource
from transports.tsp import messages
from transports.tsp.messages import Level, Opcode, Slot


class Before(NamedTuple):
    """The terminal as it was found."""

    situation: gates.Situation
    slots: tuple[Slot, ...]
    findings: list[Finding]
    look_s: float
    """How long the look took."""


def look(connection: Connection, source: PackageSource) -> Before:
    """Ask all of it; nothing is changed."""
    start = connection.now()
    info, slots = connection.info(), connection.slots()
    situation = gates.Situation(
        manifest=source.manifest,
        info=info,
        status=connection.ask(Opcode.STATUS, messages.TerminalStatus),
        batch=connection.ask(Opcode.BATCH, messages.Batch),
        peer=connection.terminal.peer,
        running=next((slot for slot in slots if slot.running), None),
    )
    findings = diagnose(connection, Level.INTERNAL)
    return Before(situation, slots, findings, connection.now() - start)
