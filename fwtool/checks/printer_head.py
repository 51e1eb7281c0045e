"""Temperature of the thermal head."""

from fwtool.checks.base import Check, reading
from fwtool.findings import Words
from transports.tsp.messages import Level

CHECK = Check(
    id="printer.head_temperature",
    level=Level.EXTERNAL,
    title=Words("Print head temperature", "打印头温度"),
    value=reading("printer.head_temperature"),
    unit="degC",
    high=70,
    warn_high=60,
    measures=("statistics.MaximumTempReachedCount",),
    cause=Words(
        "the print head is too hot",
        "热敏打印头过热",
    ),
    action=Words(
        "Let it cool for ten minutes and look for a paper jam.",
        "冷却十分钟并检查是否卡纸。",
    ),
)
