"""The cell that feeds the tamper circuit."""

from fwtool.checks.base import Check, reading
from fwtool.findings import Words
from transports.tsp.messages import Level

CHECK = Check(
    id="battery.backup_cell",
    level=Level.INTERNAL,
    title=Words("Backup cell", "防拆备用电池"),
    value=reading("backup_cell.voltage"),
    unit="V",
    low=2.3,
    warn_low=2.6,
    part="terminal",
    cause=Words(
        "the backup cell that guards the keys is running down",
        "防拆备用电池电量不足",
    ),
    action=Words(
        "Keep it on mains power and exchange the terminal soon: when the cell is empty, the keys are erased.",
        "保持接通电源,尽快更换终端:电池耗尽时密钥会被清除。",
    ),
)
