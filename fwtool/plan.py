"""What an update would do, and how long it would take, computed before anything is done."""

import dataclasses

from formats.fwp import table
from formats.fwp.package import Package
from transports.tsp import frames, messages

ROUND_TRIPS = 8
"""Waits for an answer in a whole update: hello, questions, begin, finish."""
DEFAULT_ROUND_TRIP_S = 0.004


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
    """The same with table and all framing."""
    erase_count: int
    program_count: int
    transfer_s: float
    total_s: float
    """Until the new firmware answers."""
    limit: str
    """line or flash: what the time is made of."""


def make_plan(
    package: Package,
    info: messages.Info,
    *,
    held: int,
    byte_time_s: float,
    frame_payload: int,
    round_trip_s: float | None,
) -> Plan:
    """Predict.

    Args:
        held: Blocks the terminal is known to have.
        byte_time_s: Of the line; 0 if it is not the limit.
        frame_payload: Payload of a full frame.
        round_trip_s: As measured, if it has been.
    """
    manifest = package.manifest
    block_count = len(package.table)
    payload = sum(manifest.installed_length(index) for index in range(held, block_count))
    pages = table.page_count(block_count) - held // table.ENTRIES_PER_PAGE
    messages_size = (block_count - held + pages + 1) * (messages.HEADER_SIZE + 8)
    body = payload + pages * table.PAGE_SIZE + len(package.table.index) + messages_size + len(package.sealed.signed)
    wire = body + -(-body // frame_payload) * frames.OVERHEAD
    erases = -(-payload // info.erase_size) + 2
    programs = -(-payload // info.program_size)
    flash_s = erases * info.erase_time_us / 1e6 + programs * info.program_time_us / 1e6
    line_s = wire * byte_time_s
    tail_s = manifest.block_size / info.program_size * info.program_time_us / 1e6
    overhead_s = ROUND_TRIPS * (DEFAULT_ROUND_TRIP_S if round_trip_s is None else round_trip_s) + info.verify_time_us / 1e6
    transfer_s = max(line_s, flash_s) + tail_s + overhead_s
    return Plan(
        version_from=str(info.version),
        version_to=str(manifest.version),
        blocks_total=block_count,
        blocks_held=held,
        bytes_to_send=payload,
        bytes_on_wire=wire,
        erase_count=erases,
        program_count=programs,
        transfer_s=round(transfer_s, 3),
        total_s=round(transfer_s + info.restart_time_ms / 1e3, 3),
        limit="line" if line_s >= flash_s else "flash",
    )
