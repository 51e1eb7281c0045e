"""The print head is cleaned at each change of roll; a roll has 20 to 80 m."""

from fwtool.checks.base import Check, reading
from fwtool.findings import Words
from transports.tsp.messages import Level

CHECK = Check(
    id="printer.cleaning",
    level=Level.EXTERNAL,
    title=Words("Print head cleaning", "打印头清洁"),
    value=reading("printer.since_cleaning"),
    unit="m",
    warn_high=160,
    part="isopropanol swab",
    cause=Words(
        "the print head has not been cleaned for several rolls",
        "打印头已数卷纸未清洁",
    ),
    action=Words(
        "Let the head cool, then clean it with 99 % isopropanol.",
        "待打印头冷却后,用99%异丙醇清洁。",
    ),
)
