"""The tamper switch. Only the maker can repair an opened terminal."""

from fwtool.checks.base import Check, reading
from fwtool.findings import Words
from transports.tsp.messages import Level

CHECK = Check(
    id="security.tamper",
    level=Level.INTERNAL,
    title=Words("Tamper switch", "防拆开关"),
    value=reading("tamper.open"),
    high=0,
    severity="security",
    cause=Words(
        "the case was opened; the keys have been erased",
        "机壳曾被打开,密钥已被清除",
    ),
    action=Words(
        "Take it out of service, bag it, tell the bank, exchange the terminal. Never try to clear the alarm.",
        "停止使用,封存,通知银行并更换终端。切勿尝试清除防拆报警。",
    ),
)
