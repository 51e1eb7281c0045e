"""Errors on the line to this computer (UnifiedPOS CommunicationErrorCount)."""

from fwtool.checks.base import Check, reading
from fwtool.findings import Words
from transports.tsp.messages import Level

CHECK = Check(
    id="communications.line",
    level=Level.INTERNAL,
    title=Words("Line to this computer", "与本机的连接线"),
    value=reading("line.errors"),
    unit="/100 h",
    warn_high=10,
    part="cable",
    measures=("statistics.CommunicationErrorCount", "statistics.HoursPoweredCount"),
    cause=Words(
        "many errors on the line to this computer",
        "与本机的连接线错误较多",
    ),
    action=Words(
        "Replace the cable to this computer, then: fwtool stats reset --port P",
        "更换连接线,然后运行 fwtool stats reset --port P",
    ),
)
