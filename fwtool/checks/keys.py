"""Keys for payment."""

from fwtool.checks.base import Check, reading
from fwtool.findings import Words
from transports.tsp.messages import Level

CHECK = Check(
    id="security.keys",
    level=Level.INTERNAL,
    title=Words("Keys present", "密钥"),
    value=reading("keys.present"),
    low=1,
    cause=Words(
        "the terminal holds no keys",
        "终端没有密钥",
    ),
    action=Words(
        "Arrange for key injection; until then it cannot take payments.",
        "安排密钥灌装;在此之前不能收款。",
    ),
)
