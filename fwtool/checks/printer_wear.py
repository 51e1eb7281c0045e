"""Life of a thermal head is quoted at 30 to 50 km of paper."""

from fwtool.checks.base import Check, reading
from fwtool.findings import Words
from transports.tsp.messages import Level

CHECK = Check(
    id="printer.wear",
    level=Level.EXTERNAL,
    title=Words("Print head wear", "打印头磨损"),
    value=reading("printer.head_km"),
    unit="km",
    warn_high=30,
    part="printer",
    measures=("statistics.ReceiptLinePrintedCount",),
    cause=Words(
        "the print head is near the end of its life, or beyond it",
        "热敏打印头接近或超过使用寿命",
    ),
    action=Words(
        "Replace the printer module at this visit or the next.",
        "本次或下次上门更换打印模块。",
    ),
)
