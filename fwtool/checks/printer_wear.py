"""Head life is quoted at 30 to 50 km of paper; a dead dot is a white line down every slip."""

from fwtool.checks.base import Check
from fwtool.findings import Snapshot, Words
from transports.tsp.messages import Level

MAX_METRES = 50_000


def _value(snapshot: Snapshot) -> float | None:
    """0 fine, 1 worn, 2 dead dots."""
    metres, dots = snapshot.readings.get("printer.head_distance"), snapshot.readings.get("printer.dead_dots")
    if metres is None or dots is None:
        return None
    return 2.0 if dots else float(metres > MAX_METRES)


CHECK = Check(
    id="printer.wear",
    level=Level.EXTERNAL,
    title=Words("Print head wear", "打印头磨损"),
    value=_value,
    high=1,
    warn_high=0,
    part="printer",
    cause=Words(
        "the print head is worn or has dead dots",
        "热敏打印头磨损或有坏点",
    ),
    action=Words(
        "Clean it with 99 % isopropanol while cold; if white lines stay on the test slip, replace the printer module.",
        "冷却后用99%异丙醇清洁;若测试单仍有白线,请更换打印模块。",
    ),
)
