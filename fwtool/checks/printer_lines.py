"""What the person said of white lines down the test slip."""

from fwtool.checks.base import Check, reading
from fwtool.findings import Words
from transports.tsp.messages import Level

CHECK = Check(
    id="printer.white_lines",
    level=Level.INTERACTIVE,
    title=Words("White lines", "打印白线"),
    value=reading("answers.white_lines"),
    low=1,
    part="isopropanol swab",
    cause=Words(
        "white lines run down the slip",
        "打印件有纵向白线",
    ),
    action=Words(
        "Let the head cool and clean it with 99 % isopropanol; lines that stay at their place are dead dots: replace "
        "the printer module.",
        "待打印头冷却后用99%异丙醇清洁;位置不变的白线是坏点:更换打印模块。",
    ),
)
