"""A part that does not belong on the card slot is a security case before it is a fault."""

from fwtool.checks.base import Check, reading
from fwtool.findings import Words
from transports.tsp.messages import Level

CHECK = Check(
    id="card_slot.overlay",
    level=Level.EXTERNAL,
    title=Words("Overlay on the card slot", "插卡口加装件"),
    value=reading("card_slot.overlay"),
    high=0,
    severity="security",
    cause=Words(
        "a foreign part sits on the card slot: possibly a skimmer",
        "插卡口有外来部件,疑似加装侧录装置",
    ),
    action=Words(
        "Stop. Do not remove it. Keep people away from the terminal and tell the bank's security department.",
        "立即停止。不要拆除。看护现场并通知银行安全部门。",
    ),
)
