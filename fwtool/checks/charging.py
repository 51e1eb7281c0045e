"""Mains power that does not reach the battery."""

from fwtool.checks.base import Check, reading
from fwtool.findings import Words
from transports.tsp.messages import Level

CHECK = Check(
    id="power.charging",
    level=Level.INTERNAL,
    title=Words("Charging", "充电"),
    value=reading("power.charge_fault"),
    high=0,
    part="power supply",
    measures=("power.mains", "battery.charge"),
    cause=Words(
        "mains is there, yet the battery is not charged",
        "已接电源,但电池未充电",
    ),
    action=Words(
        "Check the power supply, its cable and the contacts of the base; try another power supply.",
        "检查电源适配器、电源线和底座触点;换一个电源适配器再试。",
    ),
)
