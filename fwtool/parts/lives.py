"""The table of lives. To add one: a line here."""

from typing import Final

from fwtool.findings import Words
from fwtool.parts.model import Life, Way

LIVES: Final = (
    Life("head", "printer", "printer.head_distance", Way.UP, 30_000, Words("print head", "热敏打印头"),
         "makers quote 30 to 50 km of paper; the check printer.wear", "statistics.HoursPoweredCount", 1 / 24, 0.01),
    Life("head_cleaning", "isopropanol swab", "printer.since_cleaning", Way.UP, 160,
         Words("cleaning of the head", "打印头清洁"),
         "the check printer.cleaning: some rolls of paper", "", 1, 0.01),
    Life("battery_cycles", "battery", "battery.cycles", Way.UP, 800, Words("battery, by its cycles", "电池(循环次数)"),
         "the check battery.wear", "battery.age", 1, 0.005),
    Life("battery_age", "battery", "battery.age", Way.UP, 730, Words("battery, by its age", "电池(使用年限)"),
         "replace about every two years (maker's manual)", "battery.age", 1),
    Life("backup_cell", "terminal", "backup_cell.voltage", Way.DOWN, 2.6, Words("tamper cell", "防拆备用电池"),
         "the check backup_cell.voltage; only the maker can change it", "", 1, 0.0001),
    Life("certificate", "", "certificate.days_left", Way.COUNTDOWN, 30, Words("certificate", "证书"),
         "the check security.certificate: renewal takes up to a month"),
    Life("firmware_approval", "", "firmware_approval.days_left", Way.COUNTDOWN, 90, Words("approval of the firmware", "固件认证"),
         "the check security.approval"),
    Life("msr_cleaning", "cleaning card", "msr.worst_failed", Way.UP, 10,
         Words("cleaning of the stripe reader", "磁条读卡器清洁"),
         "the check msr: failed reads in percent", "", 1, 0.01),
    Life("chip_cleaning", "cleaning card", "chip.torn", Way.UP, 8, Words("cleaning of the chip reader", "芯片读卡器清洁"),
         "the check chip.dialogues: broken dialogues in percent", "", 1, 0.01),
    Life("slot_cleaning", "cleaning card", "card_slot.light", Way.DOWN, 60, Words("cleaning of the card slot", "插卡口清洁"),
         "the check card_slot.light: light in percent", "", 1, 0.01),
)  # fmt: skip
