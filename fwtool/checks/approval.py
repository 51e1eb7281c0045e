"""PCI PTS approvals of firmware end after three years (Program Guide 2.3)."""

from fwtool.checks.base import Check, reading
from fwtool.findings import Words
from transports.tsp.messages import Level

CHECK = Check(
    id="security.approval",
    level=Level.INTERNAL,
    title=Words("Firmware approval", "固件认证有效期"),
    value=reading("firmware_approval.days_left"),
    unit="d",
    warn_low=90,
    cause=Words(
        "the approval of this firmware ends soon, or has ended",
        "固件的认证即将到期或已到期",
    ),
    action=Words(
        "Settle the batch, then update the firmware: fwtool flash PACKAGE --port P. Without newer firmware ask the "
        "bank about a replacement.",
        "先批结算,再做固件升级:fwtool flash PACKAGE --port P。没有新固件时,请向银行咨询更换事宜。",
    ),
)
