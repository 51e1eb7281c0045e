"""The chip reader as a module."""

from fwtool.checks.base import Check, reading
from fwtool.findings import Words
from transports.tsp.messages import Level

CHECK = Check(
    id="chip.reader",
    level=Level.EXTERNAL,
    title=Words("Chip reader module", "芯片读卡模块"),
    value=reading("chip.answers"),
    low=1,
    part="terminal",
    cause=Words(
        "the chip reader does not answer",
        "芯片读卡模块无响应",
    ),
    action=Words(
        "Exchange the terminal.",
        "更换终端。",
    ),
)
