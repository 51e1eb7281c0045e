"""The SIM card of a terminal with radio."""

from fwtool.checks.base import Check, reading
from fwtool.findings import Words
from transports.tsp.messages import Level

CHECK = Check(
    id="network.sim",
    level=Level.EXTERNAL,
    title=Words("SIM card", "SIM卡"),
    value=reading("network.sim_card"),
    low=1,
    part="SIM",
    cause=Words(
        "there is no SIM card, or it is not read",
        "没有SIM卡,或无法读取",
    ),
    action=Words(
        "Put the SIM in properly; try another SIM.",
        "重新插好SIM卡;或更换SIM卡再试。",
    ),
)
