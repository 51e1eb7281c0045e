"""The display's own test, and what the person said who looked at it."""

from fwtool.checks.base import Check
from fwtool.findings import Snapshot, Words
from transports.tsp.messages import Level


def _value(snapshot: Snapshot) -> float | None:
    good = snapshot.readings.get("display.ok")
    return 0.0 if snapshot.answers.get("display") is False else good


CHECK = Check(
    id="display.panel",
    level=Level.EXTERNAL,
    title=Words("Display", "显示屏"),
    value=_value,
    low=1,
    part="terminal",
    measures=("display.ok",),
    cause=Words(
        "the display is faulty",
        "显示屏故障",
    ),
    action=Words(
        "Exchange the terminal.",
        "更换终端。",
    ),
)
