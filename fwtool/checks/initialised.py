"""Initialisation with the payment host."""

from fwtool.checks.base import Check, reading
from fwtool.findings import Words
from transports.tsp.messages import Level

CHECK = Check(
    id="setup.initialised",
    level=Level.INTERNAL,
    title=Words("Initialised", "初始化状态"),
    value=reading("setup.initialised"),
    low=1,
    cause=Words(
        "the terminal wants to be initialised",
        "终端需要初始化",
    ),
    action=Words(
        "Settle the batch first if it is not closed, then: fwtool reset reinitialise --port P",
        "如有未结算交易先批结算,然后重新初始化:fwtool reset reinitialise --port P",
    ),
)
