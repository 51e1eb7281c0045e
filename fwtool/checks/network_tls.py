"""The secured connection to the bank's host."""

from fwtool.checks.base import Check, reading
from fwtool.findings import Words
from transports.tsp.messages import Level

CHECK = Check(
    id="network.tls",
    level=Level.EXTERNAL,
    title=Words("TLS to the host", "与主机的TLS连接"),
    value=reading("network.tls_ok"),
    low=1,
    cause=Words(
        "the bank's host refuses the secured connection",
        "银行主机拒绝安全连接",
    ),
    action=Words(
        "Check the clock first; if it is right, have the terminal management renew the certificate.",
        "先检查时钟;若时钟正确,请通过终端管理系统更新证书。",
    ),
)
