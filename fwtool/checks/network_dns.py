"""Names of hosts."""

from fwtool.checks.base import Check, reading
from fwtool.findings import Words
from transports.tsp.messages import Level

CHECK = Check(
    id="network.dns",
    level=Level.EXTERNAL,
    title=Words("Name service", "域名解析"),
    value=reading("network.dns_ok"),
    low=1,
    cause=Words(
        "names of hosts are not found",
        "无法解析主机名",
    ),
    action=Words(
        "Compare the terminal's network settings (DNS server) with the bank's sheet.",
        "将终端的网络设置(DNS服务器)与银行资料核对。",
    ),
)
