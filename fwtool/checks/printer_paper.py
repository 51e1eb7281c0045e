"""The printer's state: 0 good, 1 paper low, and from 2 on it does not print (docs/protocol/tsp.md section 5.1, STATUS)."""

from fwtool.checks.base import Check, reading
from fwtool.findings import Words
from transports.tsp.messages import Level

CHECK = Check(
    id="printer.paper",
    level=Level.EXTERNAL,
    title=Words("Printer", "打印机"),
    value=reading("printer.state"),
    high=1,
    warn_high=0,
    part="paper",
    cause=Words(
        "the printer has no paper or little, its cover is open, or something else keeps it from printing",
        "缺纸、纸将尽、打印机盖未关,或其他原因导致无法打印",
    ),
    action=Words(
        "Load a roll (printing side up), close the cover until it clicks, then: fwtool print-test --port P",
        "装入纸卷(热敏面朝上),盖好机盖,然后运行 fwtool print-test --port P",
    ),
)
