"""Charge cycles; batteries of this kind are replaced after about two years of daily use."""

from fwtool.checks.base import Check, reading
from fwtool.findings import Words
from transports.tsp.messages import Level

CHECK = Check(
    id="battery.cycles",
    level=Level.INTERNAL,
    title=Words("Battery cycles", "电池循环次数"),
    value=reading("battery.cycles"),
    warn_high=800,
    part="battery",
    cause=Words(
        "the battery has reached the end of its life",
        "电池已到寿命",
    ),
    action=Words(
        "Replace the battery at this visit.",
        "本次上门更换电池。",
    ),
)
