"""The stored transactions, as the terminal checks them itself."""

from fwtool.checks.base import Check, reading
from fwtool.findings import Words
from transports.tsp.messages import Level

CHECK = Check(
    id="batch.store",
    level=Level.INTERNAL,
    title=Words("Stored transactions", "交易存储"),
    value=reading("batch.store_ok"),
    low=1,
    cause=Words(
        "the stored transactions are damaged",
        "终端内保存的交易数据已损坏",
    ),
    action=Words(
        "Stop payments and tell the bank: its records can restore the totals. Never delete the transactions, and never "
        "reset or exchange the terminal before the bank has agreed.",
        "停止收款并通知银行:银行可按其记录恢复合计。切勿删除交易数据;银行同意之前,切勿重新初始化或更换终端。",
    ),
)
