"""Lock and eject mechanism of the card slot."""

from fwtool.checks.base import Check, reading
from fwtool.findings import Words
from transports.tsp.messages import Level

CHECK = Check(
    id="card_slot.mechanism",
    level=Level.EXTERNAL,
    title=Words("Card lock", "插卡口锁卡机构"),
    value=reading("card_slot.mechanism_ok"),
    low=1,
    part="terminal",
    cause=Words(
        "the card slot's lock does not move",
        "插卡口锁卡机构故障",
    ),
    action=Words(
        "Exchange the terminal.",
        "更换终端。",
    ),
)
