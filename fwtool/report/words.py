"""Words of the pages, in both languages (facts: words for technicians)."""

from typing import Final

from fwtool.findings import Words


class W:
    """Each one by what it stands for."""

    title = Words("Maintenance report", "维护报告")
    simulated = Words("A SIMULATED terminal: this is no report of real work.", "模拟终端: 本报告不代表真实维护工作。")
    verdict = Words("Outcome", "结果")
    terminal = Words("Terminal", "终端")
    serial = Words("serial number", "序列号")
    site = Words("Merchant, place", "商户、地点")
    technician = Words("Technician", "技术员")
    order = Words("Work order", "工单")
    none = Words("none", "无")
    time = Words("Time", "时间")
    firmware = Words("Firmware", "固件")
    from_to = Words("before {before}, after {after}", "维护前 {before},维护后 {after}")
    ended_early = Words("Ended early because", "提前结束原因")
    remarks = Words("Remarks", "备注")
    steps = Words("What was done", "工作内容")
    step = Words("Step", "步骤")
    outcome = Words("Outcome", "结果")
    details = Words("Details", "说明")
    attention = Words("attention", "需关注")
    overrides = Words("Opened by a second person", "双人复核放行")
    gate = Words("Gate", "检查项")
    reason = Words("reason", "原因")
    second_person = Words("Second person", "复核人")
    health = Words("Health check", "设备检测")
    passed = Words(
        "At the end {passed} checks passed, {bad} did not, {not_run} were not run.",
        "结束时 {passed} 项通过,{bad} 项需关注或不通过,{not_run} 项未检测。",
    )
    no_health = Words("This terminal offers no health check.", "该终端不提供设备检测。")
    check = Words("Check", "检测项")
    before = Words("Before", "维护前")
    after = Words("After", "维护后")
    cause = Words("Probable cause", "可能原因")
    action = Words("Next action", "处理建议")
    worse = Words("Worse than before the visit: {names}", "比维护前变差: {names}")
    history = Words("Battery and print head, from visit to visit", "电池与热敏打印头历次记录")
    parts = Words("Parts", "配件")
    used = Words("Used", "已用配件")
    needed = Words("Needed", "所需配件")
    evidence = Words("Seals and photos", "封签与照片")
    seals = Words("Seals ({count}), numbers ending in", "封签({count}),编号尾号")
    photo = Words("Photo", "照片")
    slips = Words("Test slip", "打印测试单")
    slip_before = Words("Test slip before the change", "更改前的打印测试单")
    slip_after = Words("Test slip after the change", "更改后的打印测试单")
    slip_photo = Words("Test slip, photographed by the technician", "技术员拍摄的打印测试单")
    picture_gone = Words("the picture is not there, or not the one of the record", "图片缺失或与维护记录不符")
    record = Words("Maintenance record", "维护记录")
    entry = Words("entry", "条目")
    head = Words("Head of the chain (SHA-256)", "记录链头(SHA-256)")
    compare = Words(
        "Who keeps this page can tell later whether the record was changed: fwtool log verify --head {hash}",
        "保存本页即可日后核对维护记录是否被篡改: fwtool log verify --head {hash}",
    )
    told = Words("The merchant has been told what was done and what is still needed.", "已向商户说明本次工作内容及后续事项。")
    merchant = Words("Merchant", "商户")


CHECKED: Final = {
    "pass": Words("pass", "通过"),
    "warn": Words("attention", "需关注"),
    "fail": Words("FAIL", "不通过"),
    "not_run": Words("not run", "未检测"),
}
CURVES: Final = {
    "battery.charge": (Words("Battery charge", "电池电量"), "%", 1.0),
    "battery.voltage": (Words("Battery voltage", "电池电压"), "V", 1.0),
    "battery.cycles": (Words("Charging cycles", "电池循环次数"), "", 1.0),
    "printer.head_distance": (Words("Paper over the print head", "热敏打印头走纸长度"), "km", 0.001),
}
"""Reading -> title, unit on the page, and what one of the reading's units is in it."""
STEP_FACTS: Final = {
    "slip": (("lines", Words("lines printed:", "打印行数:")),),
    "slip_again": (("lines", Words("lines printed again:", "再次打印行数:")),),
    "power": (("battery_percent", Words("charge, percent:", "电量(%):")), ("battery_v", Words("voltage, V:", "电压(V):"))),
    "update": (
        ("package", Words("package:", "升级包:")), ("version_after", Words("version:", "版本:")),
        ("duration_s", Words("seconds:", "用时(秒):")),
    ),
}  # fmt: skip
"""Act -> what of its result stands beside the step."""
