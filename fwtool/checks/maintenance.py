"""Remote maintenance by the bank."""

from fwtool.checks.base import Check, reading
from fwtool.findings import Words
from transports.tsp.messages import Level

CHECK = Check(
    id="maintenance.running",
    level=Level.INTERNAL,
    title=Words("Remote maintenance", "远程维护"),
    value=reading("maintenance.running"),
    warn_high=0,
    cause=Words(
        "the bank's remote maintenance or an update is running",
        "银行的远程维护或升级正在进行",
    ),
    action=Words(
        "Keep the power on and wait until it is over, then run the health check again.",
        "请勿断电,等待其完成,然后再次进行设备检测。",
    ),
)
