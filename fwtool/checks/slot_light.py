"""Light barriers of the card slot lose light as dirt settles on them."""

from fwtool.checks.base import Check, reading
from fwtool.findings import Words
from transports.tsp.messages import Level

CHECK = Check(
    id="card_slot.light",
    level=Level.EXTERNAL,
    title=Words("Light barriers of the card slot", "插卡口光电传感器"),
    value=reading("card_slot.light"),
    unit="%",
    low=20,
    warn_low=60,
    part="cleaning card",
    cause=Words(
        "dirt on the sensors of the card slot",
        "插卡口传感器脏污",
    ),
    action=Words(
        "Use a cleaning card, then run: fwtool diagnose --port P card_slot",
        "使用清洁卡,然后运行 fwtool diagnose --port P card_slot",
    ),
)
