"""State of charge. Under 30 % without mains the terminal refuses an update."""

from fwtool.checks.base import Check, reading
from fwtool.findings import Words
from transports.tsp.messages import Level

CHECK = Check(
    id="battery.charge",
    level=Level.INTERNAL,
    title=Words("Battery charge", "电池电量"),
    value=reading("battery.charge"),
    unit="%",
    low=15,
    warn_low=30,
    part="battery",
    measures=("power.mains", "battery.voltage"),
    cause=Words(
        "the battery is nearly empty",
        "电量过低",
    ),
    action=Words(
        "Connect mains power and charge it for an hour; if the charge does not rise, replace the battery.",
        "接通电源充电一小时;若电量不上升,请更换电池。",
    ),
)
