"""Paper and cover, as the printer's sensors report them."""

from fwtool.checks.base import Check
from fwtool.findings import Words
from transports.tsp.messages import Level

CHECK = Check(
    id="printer.paper",
    level=Level.EXTERNAL,
    title=Words("Printer", "打印机"),
    value=lambda snapshot: {0: 0.0, 1: 1.0}.get(
        int(snapshot.readings.get("printer.state", 0)), snapshot.readings.get("printer.state")
    ),
    high=1,
    warn_high=0,
    part="paper",
    cause=Words(
        "the printer has no paper, or its cover is open",
        "缺纸,或打印机盖未关",
    ),
    action=Words(
        "Load a roll (printing side up), close the cover until it clicks, then: fwtool print-test --port P",
        "装入纸卷(热敏面朝上),盖好机盖,然后运行 fwtool print-test --port P",
    ),
)
