"""PTS POI requirement B1: self-test at start and at least every 24 hours."""

from fwtool.checks.base import Check, reading
from fwtool.findings import Words
from transports.tsp.messages import Level

CHECK = Check(
    id="security.self_test",
    level=Level.INTERNAL,
    title=Words("Last self-test", "最近自检"),
    value=reading("self_test.hours_ago"),
    unit="h",
    warn_high=24,
    cause=Words(
        "the last self-test is older than 24 hours",
        "距上次自检超过24小时",
    ),
    action=Words(
        "When no payment is going on, restart the terminal: it tests itself at start.",
        "确认无交易进行后重启终端:启动时自动自检。",
    ),
)
