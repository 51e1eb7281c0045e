"""Stuck keys, as the terminal sees them, and what the person said who pressed them."""

from fwtool.checks.base import Check
from fwtool.findings import Snapshot, Words
from transports.tsp.messages import Level


def _value(snapshot: Snapshot) -> float | None:
    stuck = snapshot.readings.get("keypad.stuck")
    return 1.0 if snapshot.answers.get("keypad") is False else stuck


CHECK = Check(
    id="keypad.keys",
    level=Level.EXTERNAL,
    title=Words("Keypad", "密码键盘"),
    value=_value,
    high=0,
    part="terminal",
    measures=("keypad.stuck",),
    cause=Words(
        "a key hangs or does not answer",
        "按键卡住或无响应",
    ),
    action=Words(
        "Clean around the keys with a dry cloth; never open the keypad. If it stays so, settle and exchange the terminal.",
        "用干布清洁按键周围;切勿拆开密码键盘。若仍如此,请先批结算,再更换终端。",
    ),
)
