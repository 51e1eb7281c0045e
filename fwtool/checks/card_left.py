"""A card that somebody has left in the slot."""

from fwtool.checks.base import Check, reading
from fwtool.findings import Words
from transports.tsp.messages import Level

CHECK = Check(
    id="card_slot.card_left",
    level=Level.EXTERNAL,
    title=Words("No card in the slot", "插卡口无遗留卡片"),
    value=reading("card_slot.card_left"),
    warn_high=0,
    cause=Words(
        "a card was left in the slot",
        "插卡口内有遗留卡片",
    ),
    action=Words(
        "End the payment at the terminal; its owner takes the card. A card without an owner goes to the bank.",
        "在终端上结束交易,由持卡人取走卡片;无人认领的卡片交给银行。",
    ),
)
