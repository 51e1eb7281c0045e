"""Flash sectors that failed."""

from fwtool.checks.base import Check, reading
from fwtool.findings import Words
from transports.tsp.messages import Level

CHECK = Check(
    id="storage.flash",
    level=Level.INTERNAL,
    title=Words("Storage", "存储器"),
    value=reading("storage.bad_sectors"),
    high=0,
    part="terminal",
    cause=Words(
        "the flash memory has sectors that cannot be erased",
        "存储器有无法擦除的扇区",
    ),
    action=Words(
        "Do not update it; exchange the terminal.",
        "不要升级;请更换终端。",
    ),
)
