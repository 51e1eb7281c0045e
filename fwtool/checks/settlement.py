"""An open batch; unknown counts as open."""

from fwtool.checks.base import Check
from fwtool.findings import Snapshot, Words
from transports.tsp.messages import Level


def _open(snapshot: Snapshot) -> float | None:
    batch = snapshot.batch
    if batch is None:
        return None
    return max(1, batch.count or 0) if batch.counts_as_open else 0


CHECK = Check(
    id="batch.unsettled",
    level=Level.INTERNAL,
    title=Words("Unsettled transactions", "未结算交易"),
    value=_open,
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
