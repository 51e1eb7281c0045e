"""Cable or carrier."""

from fwtool.checks.base import Check, reading
from fwtool.findings import Words
from transports.tsp.messages import Level

CHECK = Check(
    id="network.link",
    level=Level.EXTERNAL,
    title=Words("Network link", "网络连接"),
    value=reading("network.link"),
    low=1,
    part="cable",
    cause=Words(
        "there is no network cable or carrier",
        "没有网线连接或无信号载波",
    ),
    action=Words(
        "Check the network cable at both ends and the router; try another cable.",
        "检查网线两端和路由器;换一根网线再试。",
    ),
)
