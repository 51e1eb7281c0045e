"""Days until the certificate for the bank's host expires."""

from fwtool.checks.base import Check, reading
from fwtool.findings import Words
from transports.tsp.messages import Level

CHECK = Check(
    id="security.certificate",
    level=Level.INTERNAL,
    title=Words("Certificate", "证书"),
    value=reading("certificate.days_left"),
    unit="d",
    low=0,
    warn_low=30,
    cause=Words(
        "the terminal's certificate ends soon",
        "终端证书即将到期",
    ),
    action=Words(
        "Have the terminal management renew it now.",
        "请立即通过终端管理系统申请更新证书。",
    ),
)
