"""A swollen lithium battery can burn."""

from fwtool.checks.base import Check, reading
from fwtool.findings import Words
from transports.tsp.messages import Level

CHECK = Check(
    id="battery.swelling",
    level=Level.INTERACTIVE,
    title=Words("Shape of the battery", "电池外形"),
    value=reading("answers.battery_flat"),
    low=1,
    part="battery",
    cause=Words(
        "the battery is swollen",
        "电池鼓包",
    ),
    action=Words(
        "Take the terminal out of service at once and off mains power; replace the battery, and hand the old one in as "
        "dangerous goods.",
        "立即停用并断开电源;更换电池,旧电池按危险品处理。",
    ),
)
