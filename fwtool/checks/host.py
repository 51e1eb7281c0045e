"""Connection to the bank's host."""

from fwtool.checks.base import Check, reading
from fwtool.findings import Words
from transports.tsp.messages import Level

CHECK = Check(
    id="communications.host",
    level=Level.EXTERNAL,
    title=Words("Bank's host", "银行主机"),
    value=reading("host.reachable"),
    low=1,
    cause=Words(
        "the bank's host does not answer",
        "银行主机无响应",
    ),
    action=Words(
        "Check cable or SIM, then the clock (TLS needs it), then whether it is the bank's maintenance time.",
        "检查网线或SIM卡,再检查时钟(TLS需要),再确认是否处于银行系统维护时段。",
    ),
)
