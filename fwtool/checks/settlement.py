"""An open batch; unknown counts as open."""

from fwtool.checks.base import Check
from fwtool.findings import Words
from transports.tsp.messages import BatchState, Level

CHECK = Check(
    id="batch.unsettled",
    level=Level.INTERNAL,
    title=Words("Unsettled transactions", "未结算交易"),
    value=lambda snapshot: 0 if snapshot.batch.state is BatchState.CLOSED else max(1, snapshot.batch.count),
    warn_high=0,
    cause=Words(
        "transactions are waiting for settlement",
        "有未结算交易",
    ),
    action=Words(
        "Settle the batch at the terminal, or with: fwtool batch settle --port P. No update or reset before.",
        "在终端上批结算,或用 fwtool batch settle --port P。此前不要升级或重新初始化。",
    ),
)
