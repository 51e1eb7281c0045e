"""Room for transactions and journals; a full terminal takes no payments."""

from fwtool.checks.base import Check, reading
from fwtool.findings import Words
from transports.tsp.messages import Level

CHECK = Check(
    id="storage.room",
    level=Level.INTERNAL,
    title=Words("Storage room", "存储空间"),
    value=reading("storage.used"),
    unit="%",
    high=95,
    warn_high=80,
    cause=Words(
        "the room for transactions and journals is nearly full",
        "交易和日志的存储空间将满",
    ),
    action=Words(
        "Settle the batch: fwtool batch settle --port P. That frees the room.",
        "批结算:fwtool batch settle --port P,即可释放空间。",
    ),
)
