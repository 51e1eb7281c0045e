"""Modem or network interface."""

from fwtool.checks.base import Check, reading
from fwtool.findings import Words
from transports.tsp.messages import Level

CHECK = Check(
    id="network.module",
    level=Level.EXTERNAL,
    title=Words("Network module", "通信模块"),
    value=reading("network.module_ok"),
    low=1,
    part="terminal",
    cause=Words(
        "the network module does not answer",
        "通信模块无响应",
    ),
    action=Words(
        "Exchange the terminal.",
        "更换终端。",
    ),
)
