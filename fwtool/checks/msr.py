"""Share of failed stripe reads."""

from fwtool.checks.base import Check, reading
from fwtool.findings import Words
from transports.tsp.messages import Level

CHECK = Check(
    id="msr.failed_reads",
    level=Level.EXTERNAL,
    title=Words("Magnetic stripe reader", "磁条读卡器"),
    value=reading("msr.failed"),
    unit="%",
    high=25,
    warn_high=10,
    part="cleaning card",
    measures=("statistics.GoodReadCount", "statistics.FailedReadCount", "statistics.UnreadableCardCount"),
    cause=Words(
        "too many stripe reads fail: dirt on the head, most likely",
        "磁条读取失败过多:多为磁头脏污",
    ),
    action=Words(
        "Use a cleaning card, then run: fwtool diagnose --port P msr.failed_reads",
        "使用清洁卡,然后运行 fwtool diagnose --port P msr.failed_reads",
    ),
)
