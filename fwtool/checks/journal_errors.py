"""Errors that the terminal has written into its journal since yesterday."""

from fwtool.checks.base import Check, reading
from fwtool.findings import Words
from transports.tsp.messages import Level

CHECK = Check(
    id="journal.errors",
    level=Level.INTERNAL,
    title=Words("Error journal", "终端日志中的错误"),
    value=reading("journal.errors"),
    warn_high=5,
    cause=Words(
        "the terminal has written many errors since yesterday",
        "终端自昨日以来记录了许多错误",
    ),
    action=Words(
        "Read them: fwtool journal show --port P; send them to the maker's support.",
        "查看终端日志:fwtool journal show --port P,并发送给厂家技术支持。",
    ),
)
