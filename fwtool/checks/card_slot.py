"""An obstructed card slot."""

from fwtool.checks.base import Check, reading
from fwtool.findings import Words
from transports.tsp.messages import Level

CHECK = Check(
    id="card_slot.obstruction",
    level=Level.EXTERNAL,
    title=Words("Card slot free", "插卡口畅通"),
    value=reading("card_slot.obstructed"),
    high=0,
    cause=Words(
        "something is in the card slot",
        "卡槽异物",
    ),
    action=Words(
        "Look without touching: pull a stuck card or paper out with plastic tweezers; anything unknown is a case for the bank.",
        "先观察,勿触碰:卡片或纸片可用塑料镊子取出;不明物品请联系银行。",
    ),
)
