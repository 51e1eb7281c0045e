"""Classes of spare parts, as a technician's kit has them."""

from typing import Final

from fwtool.findings import Words

PARTS: Final[dict[str, Words]] = {
    "battery": Words("battery", "电池"),
    "cable": Words("cable", "连接线"),
    "cleaning card": Words("cleaning card", "清洁卡"),
    "isopropanol swab": Words("isopropanol swab", "异丙醇棉签"),
    "paper": Words("roll of paper", "纸卷"),
    "power supply": Words("power supply", "电源适配器"),
    "printer": Words("printer module", "打印模块"),
    "SIM": Words("SIM", "SIM卡"),
    "terminal": Words("spare terminal", "备用终端"),
}
"""Class -> its name for people. No part: an empty text."""
