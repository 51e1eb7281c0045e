"""Chip dialogues that broke off (UnifiedPOS smart card error 203, torn)."""

from fwtool.checks.base import Check, reading
from fwtool.findings import Words
from transports.tsp.messages import Level

CHECK = Check(
    id="chip.dialogues",
    level=Level.EXTERNAL,
    title=Words("Chip dialogues", "芯片交易中断率"),
    value=reading("chip.torn"),
    unit="%",
    high=30,
    warn_high=8,
    part="cleaning card",
    cause=Words(
        "too many chip dialogues break off: dirty contacts, most likely",
        "芯片通信中断过多:多为触点脏污",
    ),
    action=Words(
        "Use a cleaning card for chip readers, then run: fwtool diagnose --port P chip",
        "使用芯片清洁卡,然后运行 fwtool diagnose --port P chip",
    ),
)
