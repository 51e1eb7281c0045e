"""Something in the card slot that is no card: a security case first, since skimmers are put there."""

from fwtool.checks.base import Check, reading
from fwtool.findings import Words
from transports.tsp.messages import Level

CHECK = Check(
    id="card_slot.obstruction",
    level=Level.EXTERNAL,
    title=Words("Card slot free", "插卡口畅通"),
    value=reading("card_slot.obstructed"),
    high=0,
    severity="security",
    cause=Words(
        "a foreign object is in the card slot",
        "卡槽异物",
    ),
    action=Words(
        "Stop. Do not remove it and use no tool. Keep people away from the terminal and tell the bank's security department.",
        "立即停止。不要取出异物,也不要使用工具。看护现场并通知银行安全部门。",
    ),
)
