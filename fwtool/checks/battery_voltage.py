"""Voltage of the battery; a lithium cell under 3.3 V is empty or worn, whatever the charge counter says."""

from fwtool.checks.base import Check, reading
from fwtool.findings import Words
from transports.tsp.messages import Level

CHECK = Check(
    id="battery.voltage",
    level=Level.INTERNAL,
    title=Words("Battery voltage", "电池电压"),
    value=reading("battery.voltage"),
    unit="V",
    low=3.3,
    warn_low=3.4,
    part="battery",
    measures=("battery.charge",),
    cause=Words(
        "the battery's voltage is low",
        "电池电压过低",
    ),
    action=Words(
        "Charge it for an hour; if the voltage stays low, replace the battery.",
        "充电一小时;若电压仍低,请更换电池。",
    ),
)
