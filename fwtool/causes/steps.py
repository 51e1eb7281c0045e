"""The steps that an action may be made of: a closed list, so that nothing dangerous can be a step.

An action has to say its steps in words; the words by which that is seen stand here, in English and Chinese.
"""

from typing import Final, NamedTuple


class Step(NamedTuple):
    """The word that names it, in each language."""

    en: str
    zh: str


STEPS: Final[dict[str, Step]] = {
    "load_paper": Step("roll", "纸卷"),
    "close_cover": Step("close the", "盖好"),
    "clear_jam": Step("jammed paper", "卡纸"),
    "cool_head": Step("cool", "冷却"),
    "clean_head": Step("isopropanol", "异丙醇"),
    "replace_printer": Step("replace the printer module", "更换打印模块"),
    "clean_msr": Step("cleaning card", "清洁卡"),
    "clean_chip": Step("cleaning card", "清洁卡"),
    "clean_slot": Step("cleaning card", "清洁卡"),
    "return_card": Step("its owner", "持卡人"),
    "clean_keypad": Step("dry cloth", "干布"),
    "charge": Step("charge", "充电"),
    "check_supply": Step("power supply", "电源"),
    "cool_battery": Step("cool", "冷却"),
    "replace_battery": Step("replace the battery", "更换电池"),
    "check_cable": Step("cable", "网线"),
    "check_sim": Step("SIM", "SIM"),
    "check_network_settings": Step("network settings", "网络设置"),
    "improve_signal": Step("signal", "信号"),
    "replace_cable": Step("replace the cable", "更换连接线"),
    "renew_certificate": Step("renew", "更新证书"),
    "inject_keys": Step("key injection", "密钥灌装"),
    "activate": Step("activate", "激活"),
    "update_firmware": Step("update the firmware", "固件升级"),
    "read_journal": Step("fwtool journal show", "fwtool journal show"),
    "set_clock": Step("fwtool clock set", "fwtool clock set"),
    "wait": Step("wait", "等待"),
    "restart": Step("restart", "重启"),
    "reinitialise": Step("fwtool reset reinitialise", "fwtool reset reinitialise"),
    "settle": Step("settle", "批结算"),
    "tell_bank": Step("tell the bank", "通知银行"),
    "swap_terminal": Step("exchange the terminal", "更换终端"),
}
"""Step -> its words."""
ENDS_BATCH: Final = frozenset({"reinitialise", "swap_terminal", "update_firmware"})
"""What loses transactions that are not settled (facts of the field: close the batch before an exchange, reset or update)."""
