"""Activation by the acquirer."""

from fwtool.checks.base import Check, reading
from fwtool.findings import Words
from transports.tsp.messages import Level

CHECK = Check(
    id="setup.activated",
    level=Level.INTERNAL,
    title=Words("Activated", "激活状态"),
    value=reading("setup.activated"),
    low=1,
    cause=Words(
        "the bank has not activated this terminal",
        "银行尚未激活此终端",
    ),
    action=Words(
        "Have the bank activate it; say terminal ID and serial number.",
        "请银行激活此终端,并告知终端号和序列号。",
    ),
)
