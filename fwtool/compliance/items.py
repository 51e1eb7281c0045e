"""The table of items. To add one: a function in a file beside this one, and a line here.

Numbers of PCI DSS are those of v4.0.1. Those of PCI PTS POI (A1, B1, B4) are as the trade quotes them, program guide 2.3: compare
with the edition that your terminal was approved under.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from fwtool.compliance import items_device as device
from fwtool.compliance import items_keys as keys
from fwtool.compliance import items_records as records
from fwtool.compliance.evidence import Answer, Sight, unseen
from fwtool.findings import Words

Check = Callable[[Sight], Answer]


class Item(NamedTuple):
    """One requirement, and how it is seen whether it holds."""

    id: str
    requirement: str
    """Standard and clause."""
    title: Words
    check: Check


def _not_from_here(en: str, zh: str) -> Check:
    return lambda sight: unseen(en, zh)


ITEMS: Final = (
    Item("tamper", "PCI PTS POI A1, PCI DSS 9.5.1.2.1", Words("Not opened, keys in place", "未被拆开,密钥完好"), device.tamper),
    Item("overlay", "PCI DSS 9.5.1.2", Words("Nothing foreign at the slot", "插卡口无外来部件"), device.overlay),
    Item("device_list", "PCI DSS 9.5.1.1", Words("In the list of devices, as listed", "设备已登记且与登记一致"), device.listed),
    Item("device_binding", "银发〔2021〕259号", Words("Bound to five elements", "序列号五要素绑定"), device.bound),
    Item("inspection", "PCI DSS 9.5.1.2.1", Words("Surface inspected in time", "按期巡检外观"), device.inspected),
    Item("self_test", "PCI PTS POI B1", Words("Self-test within 24 hours", "24小时内完成自检"), device.self_test),
    Item("firmware_known", "PCI PTS POI B4", Words("Firmware is a known release", "固件为已知版本"), device.known_firmware),
    Item("firmware_verified", "PCI PTS POI B4", Words("The device verifies updates", "设备自身对升级验签"), device.verifies),
    Item("firmware_approval", "PCI PTS Program Guide 2.3", Words("Approval has not expired", "固件认证未过期"), device.approved),
    Item("critical_patch", "PCI DSS 6.3.3", Words("Critical patches within a month", "关键补丁一个月内安装"), device.patched),
    Item("back_out", "PCI DSS 6.5.1", Words("Change recorded, with a way back", "变更有记录且可回退"), device.back_out),
    Item("card_data", "PCI DSS 3.3.1, 3.5.1", Words("No card data in the journal", "终端日志中无卡片数据"), device.card_data),
    Item("remote_access", "PCI DSS 8.2.7", Words("No remote access going on", "当前无远程维护"), device.remote_access),
    Item("terminal_password", "PCI DSS 8.3.6", Words("Password of 12 or more", "管理员密码不少于12位"), device.password),
    Item("clock", "PCI DSS 10.6.1", Words("Clock in step", "时钟同步"), device.clock),
    Item("certificate", "PCI DSS 4.2.1", Words("Certificate valid", "证书有效"), device.certificate),
    Item("trained", "PCI DSS 9.5.1.3", Words("Technician trained", "技术员培训有效"), records.trained),
    Item("personal_ids", "PCI DSS 8.2.1, 8.2.2", Words("Every act has a name", "每次操作均有署名"), records.personal),
    Item("log_content", "PCI DSS 10.2.2", Words("Records are complete", "维护记录要素齐全"), records.complete),
    Item("log_integrity", "PCI DSS 10.3.2, 10.3.4", Words("Records unchanged", "维护记录未被篡改"), records.unchanged),
    Item("log_retention", "PCI DSS 10.5.1", Words("Records of 12 months", "记录保存12个月"), records.kept),
    Item("key_inventory", "PCI DSS 12.3.3", Words("Algorithms and keys in use", "在用算法与密钥清单"), keys.inventory),
    Item("dual_control", "PCI DSS 3.7.6", Words("Firmware keys under dual control", "固件数字签名密钥双人控制"), keys.dual),
    Item("test_data", "PCI DSS 6.5.5, 6.5.6", Words("No live card numbers in tests", "测试中不使用真实卡号"), _not_from_here(
        "a matter of whoever develops and tests, not of this terminal", "由开发和测试方负责,本终端无法核实")),
    Item("lock_out", "PCI DSS 8.3.4", Words("Locks after ten wrong passwords", "管理员密码连错10次后锁定"), _not_from_here(
        "trying wrong passwords would lock the terminal", "试错会导致终端锁定,不作检测")),
)  # fmt: skip
"""In the order in which they are reported: what may be a crime first."""
