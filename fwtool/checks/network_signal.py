"""Strength of the radio signal."""

from fwtool.checks.base import Check, reading
from fwtool.findings import Words
from transports.tsp.messages import Level

CHECK = Check(
    id="network.signal",
    level=Level.EXTERNAL,
    title=Words("Radio signal", "无线信号"),
    value=reading("network.signal"),
    unit="%",
    warn_low=25,
    cause=Words(
        "the radio signal is weak",
        "无线信号弱",
    ),
    action=Words(
        "Find a place with a better signal, away from metal; ask the operator about coverage.",
        "将终端移到信号更好、远离金属的位置;向运营商咨询覆盖情况。",
    ),
)
