"""What an update would do, and how long it would take: computed before anything is done, by rehearsing it in virtual time."""

import dataclasses

from fwtool.packages import PackageSource
from transports.rehearsal import LineFacts, rehearse
from transports.tsp import messages
from transports.tsp.hello import Hello
from transports.tsp.link import HELLO_INTERVAL_S

SHUTDOWN_S = 0.2
"""Between the answer to RESET and the restart (docs/protocol/tsp.md section 5.1)."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """A plan is a value; nothing happens by making one."""

    version_from: str
    version_to: str
    blocks_total: int
    blocks_held: int
    bytes_to_send: int
    """Payload bytes that still have to go."""
    bytes_on_wire: int
    """The same compressed, with table and all framing."""
    erase_count: int
    program_count: int
    baud: int
    """Line rate that is used; 0 if the line has none."""
    round_trip_ms: float
    """The shortest answer: what line and adapter take."""
    transfer_s: float
    total_s: float
    """Until the new firmware has answered and been checked."""
    limit: str
    """line or flash: what the time is made of."""


def make_plan(
    source: PackageSource,
    info: messages.Info,
    peer: Hello,
    line: LineFacts,
    *,
    held: frozenset[int],
    baud: int,
    look_s: float,
) -> Plan:
    """Predict.

    Args:
        info, peer: What the terminal says of itself.
        line: As measured.
        held: Blocks the terminal has already.
        look_s: Time it took to look the terminal over before, which is done again after.
    """
    manifest = source.manifest
    rehearsed = rehearse(source, manifest.installed_length, info, peer, line, held)
    transfer_s = rehearsed.seconds
    after_s = SHUTDOWN_S + info.restart_time_ms / 1e3 + HELLO_INTERVAL_S / 2 + look_s
    return Plan(
        version_from=str(info.version),
        version_to=str(manifest.version),
        blocks_total=source.block_count,
        blocks_held=len(held),
        bytes_to_send=rehearsed.sent.payload_sent,
        bytes_on_wire=rehearsed.sent.bytes_written,
        erase_count=rehearsed.erases,
        program_count=rehearsed.programs,
        baud=baud,
        round_trip_ms=round(1e3 * line.round_trip_s, 1),
        transfer_s=round(transfer_s, 3),
        total_s=round(transfer_s + after_s, 3),
        limit="flash" if rehearsed.flash_s > rehearsed.sent.bytes_written * line.byte_time_s else "line",
    )
