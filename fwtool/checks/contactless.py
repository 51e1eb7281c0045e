"""The contactless reader."""

from fwtool.checks.base import Check, reading
from fwtool.findings import Words
from transports.tsp.messages import Level

CHECK = Check(
    id="contactless.reader",
    level=Level.EXTERNAL,
    title=Words("Contactless reader", "非接读卡器"),
    value=reading("contactless.ok"),
    low=1,
    part="terminal",
    cause=Words(
        "the contactless reader does not answer",
        "非接读卡器无响应",
    ),
    action=Words(
        "Exchange the terminal.",
        "更换终端。",
    ),
)
