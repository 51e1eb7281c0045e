"""What the person said of the density bars of the test slip."""

from fwtool.checks.base import Check, reading
from fwtool.findings import Words
from transports.tsp.messages import Level

CHECK = Check(
    id="printer.density",
    level=Level.INTERACTIVE,
    title=Words("Print density", "打印浓度"),
    value=reading("answers.density"),
    low=1,
    part="isopropanol swab",
    cause=Words(
        "the print is faint",
        "打印模糊",
    ),
    action=Words(
        "Look whether the paper lies printing side up; let the head cool and clean it with 99 % isopropanol; print again.",
        "检查纸张热敏面是否朝上;待打印头冷却后用99%异丙醇清洁;再打印一次。",
    ),
)
