"""Difference between the terminal's clock and this computer's."""

from fwtool.checks.base import Check
from fwtool.findings import Words
from transports.tsp.messages import Level

CHECK = Check(
    id="clock.skew",
    level=Level.INTERNAL,
    title=Words("Clock", "时钟"),
    value=lambda snapshot: None if snapshot.clock_skew_s is None else abs(snapshot.clock_skew_s),
    unit="s",
    high=3600,
    warn_high=120,
    cause=Words(
        "the terminal's clock is wrong",
        "终端时钟不准",
    ),
    action=Words(
        "Set it with: fwtool clock set --port P",
        "用 fwtool clock set --port P 校准时钟。",
    ),
)
