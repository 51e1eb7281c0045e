"""Payments taken without the host, which the bank has not heard of."""

from fwtool.checks.base import Check, reading
from fwtool.findings import Words
from transports.tsp.messages import Level

CHECK = Check(
    id="batch.offline",
    level=Level.INTERNAL,
    title=Words("Offline transactions", "脱机交易"),
    value=reading("batch.offline_unsent"),
    warn_high=0,
    cause=Words(
        "offline transactions have not been sent to the bank",
        "有脱机交易尚未上送银行",
    ),
    action=Words(
        "Settle the batch, which sends them: fwtool batch settle --port P. If the bank refuses them, tell the bank and "
        "leave them where they are.",
        "批结算会上送这些交易:fwtool batch settle --port P。若银行拒绝,请通知银行,并保留这些交易。",
    ),
)
