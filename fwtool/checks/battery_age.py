"""Batteries of this kind are replaced about every two years."""

from fwtool.checks.base import Check, reading
from fwtool.findings import Words
from transports.tsp.messages import Level

CHECK = Check(
    id="battery.age",
    level=Level.INTERNAL,
    title=Words("Battery age", "电池使用时间"),
    value=reading("battery.age"),
    unit="d",
    warn_high=730,
    part="battery",
    cause=Words(
        "the battery is older than two years",
        "电池使用已超过两年",
    ),
    action=Words(
        "Replace the battery at this visit.",
        "本次上门更换电池。",
    ),
)
