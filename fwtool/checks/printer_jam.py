"""Paper that does not move."""

from fwtool.checks.base import Check, reading
from fwtool.findings import Words
from transports.tsp.messages import Level

CHECK = Check(
    id="printer.jam",
    level=Level.EXTERNAL,
    title=Words("No paper jam", "无卡纸"),
    value=reading("printer.jammed"),
    high=0,
    cause=Words(
        "the paper is jammed",
        "卡纸",
    ),
    action=Words(
        "Lift the printer's cover, tear the jammed paper off, put the roll in again and close the cover.",
        "掀开打印机盖,撕去卡纸,重新装入纸卷并盖好机盖。",
    ),
)
