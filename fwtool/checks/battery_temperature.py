"""Battery temperature; lithium cells age fast above 45 degC."""

from fwtool.checks.base import Check, reading
from fwtool.findings import Words
from transports.tsp.messages import Level

CHECK = Check(
    id="battery.temperature",
    level=Level.INTERNAL,
    title=Words("Battery temperature", "电池温度"),
    value=reading("battery.temperature"),
    unit="degC",
    high=55,
    warn_high=45,
    part="battery",
    cause=Words(
        "the battery is too hot",
        "电池温度过高",
    ),
    action=Words(
        "Take it off mains power and let the battery cool. A swollen battery goes out of service at once.",
        "断开电源,待电池冷却。电池鼓包须立即停用。",
    ),
)
