"""Contacts of the chip reader."""

from fwtool.checks.base import Check, reading
from fwtool.findings import Words
from transports.tsp.messages import Level

CHECK = Check(
    id="chip.contacts",
    level=Level.EXTERNAL,
    title=Words("Chip reader", "芯片读卡器"),
    value=reading("chip.contacts_ok"),
    low=1,
    part="cleaning card",
    cause=Words(
        "the chip contacts do not close",
        "芯片触点不通",
    ),
    action=Words(
        "Use a cleaning card for chip readers; if that does not help, settle the batch and exchange the terminal.",
        "使用芯片清洁卡;无效则先批结算,再更换终端。",
    ),
)
