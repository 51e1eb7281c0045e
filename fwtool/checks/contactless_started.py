"""Whether the contactless reader was started with the terminal."""

from fwtool.checks.base import Check, reading
from fwtool.findings import Words
from transports.tsp.messages import Level

CHECK = Check(
    id="contactless.started",
    level=Level.EXTERNAL,
    title=Words("Contactless reader started", "非接读卡器初始化"),
    value=reading("contactless.started"),
    low=1,
    cause=Words(
        "the contactless reader was not started",
        "非接读卡器未初始化",
    ),
    action=Words(
        "When no payment is going on, restart the terminal: fwtool reset restart --port P",
        "确认无交易进行后重启终端:fwtool reset restart --port P",
    ),
)
