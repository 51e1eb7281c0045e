"""The keypad's own processor."""

from fwtool.checks.base import Check, reading
from fwtool.findings import Words
from transports.tsp.messages import Level

CHECK = Check(
    id="keypad.module",
    level=Level.EXTERNAL,
    title=Words("Keypad module", "密码键盘模块"),
    value=reading("keypad.answers"),
    low=1,
    part="terminal",
    cause=Words(
        "the keypad's module does not answer",
        "密码键盘模块无响应",
    ),
    action=Words(
        "Exchange the terminal.",
        "更换终端。",
    ),
)
