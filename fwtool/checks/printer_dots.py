"""A dead dot of the print head is a white line down every slip."""

from fwtool.checks.base import Check, reading
from fwtool.findings import Words
from transports.tsp.messages import Level

CHECK = Check(
    id="printer.dead_dots",
    level=Level.EXTERNAL,
    title=Words("Dots of the print head", "打印头加热点"),
    value=reading("printer.dead_dots"),
    high=0,
    part="printer",
    cause=Words(
        "dots of the print head are dead",
        "打印头有坏点",
    ),
    action=Words(
        "Replace the printer module.",
        "更换打印模块。",
    ),
)
