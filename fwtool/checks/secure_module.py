"""The secure module: keypad, keys and card reader trust each other only in the pairing of the maker."""

from fwtool.checks.base import Check, reading
from fwtool.findings import Words
from transports.tsp.messages import Level

CHECK = Check(
    id="security.module",
    level=Level.INTERNAL,
    title=Words("Secure module", "安全模块"),
    value=reading("secure_module.changed"),
    high=0,
    severity="security",
    part="terminal",
    cause=Words(
        "the secure module is not the one that was there before",
        "安全模块与原先的不一致",
    ),
    action=Words(
        "Take it out of service, leave it as it is, tell the bank, exchange the terminal.",
        "停止使用,保持原状,通知银行,并更换终端。",
    ),
)
