"""Items whose evidence is the terminal's, or a list that it is held against."""

import datetime
from typing import Final

from fwtool.bundle.secrets import text_without_secrets
from fwtool.compliance.evidence import Answer, Sight, failed, judged, passed, unseen
from fwtool.compliance.registry_check import unbound
from transports.scrub import scrub_text
from transports.terminal_records import SELF_TEST_EVERY_H, Capability
from transports.tsp.messages import SlotState

PATCH_WITHIN_D: Final = 30
"""One month (PCI DSS 6.3.3)."""
MAX_SKEW_S: Final = 120
SHOWN: Final = 5
"""Numbers that one line of evidence names."""
_NOT_TOLD: Final = unseen("the terminal does not tell", "终端未告知")
_NO_REGISTRY: Final = unseen("no registry was given (--registry)", "未提供台账(--registry)")


def _number(value: float) -> str:
    return f"{value:.6g}"


def tamper(sight: Sight) -> Answer:
    opened, keys = sight.number("tamper.open"), sight.number("keys.present")
    if sight.snapshot.facts.tampered or opened:
        return failed("the tamper alarm stands: the case was opened", "防拆报警:机壳曾被打开")
    if opened is None:
        return _NOT_TOLD
    changed = sight.number("secure_module.changed")
    if changed:
        return failed("the secure module is not the one that was there before", "安全模块与原先的不一致")
    return judged(keys != 0, f"tamper switch closed, keys {'present' if keys != 0 else 'gone'}",
                  f"防拆开关正常,密钥{'完好' if keys != 0 else '缺失'}")  # fmt: skip


def overlay(sight: Sight) -> Answer:
    foreign, blocked = sight.number("card_slot.overlay"), sight.number("card_slot.obstructed")
    if foreign is None:
        return _NOT_TOLD
    if foreign or blocked:
        return failed("the card slot's sensors see a foreign object; do not remove it", "插卡口传感器发现异物;切勿拆除")
    return passed("the card slot's sensors see nothing foreign", "插卡口传感器未发现异物")


def listed(sight: Sight) -> Answer:
    if sight.registry is None:
        return _NO_REGISTRY
    if sight.flags:
        return failed("; ".join(flag.reason.en for flag in sight.flags), ";".join(flag.reason.zh for flag in sight.flags))
    entry = sight.registry.find(sight.serial_number)
    assert entry is not None  # an unknown one has a flag
    return passed(f"{entry.make} {entry.model} {entry.serial}, {entry.location}, {entry.merchant}",
                  f"{entry.make} {entry.model} {entry.serial},{entry.location},{entry.merchant}")  # fmt: skip


def bound(sight: Sight) -> Answer:
    entry = sight.registry.find(sight.serial_number) if sight.registry else None
    if entry is None:
        return _NO_REGISTRY if sight.registry is None else failed("it is not in the registry", "未登记")
    missing = unbound(entry)
    if missing:
        return failed(f"the registry has no {', '.join(missing)}", f"台账缺少:{'、'.join(missing)}")
    return passed(
        "acquirer, merchant, credit code, account and location are bound", "收单机构、商户、信用代码、结算账户、位置均已绑定"
    )


def inspected(sight: Sight) -> Answer:
    entry = sight.registry.find(sight.serial_number) if sight.registry else None
    if sight.registry is None or entry is None or sight.registry.inspect_every_d is None:
        return unseen("the registry has no interval (inspect_every_d) for this terminal", "台账未给出巡检周期(inspect_every_d)")
    every = sight.registry.inspect_every_d
    if not entry.inspected:
        return failed("no inspection is recorded", "没有巡检记录")
    age = (sight.now.date() - datetime.date.fromisoformat(entry.inspected)).days
    return judged(0 <= age <= every, f"inspected on {entry.inspected}, {age} days ago; due every {every} days",
                  f"{entry.inspected} 巡检,距今 {age} 天;周期 {every} 天")  # fmt: skip


def self_test(sight: Sight) -> Answer:
    hours = sight.number("self_test.hours_ago")
    if hours is None:
        return _NOT_TOLD
    return judged(hours <= SELF_TEST_EVERY_H, f"last self-test {_number(hours)} hours ago", f"距上次自检 {_number(hours)} 小时")


def known_firmware(sight: Sight) -> Answer:
    if sight.firmware is None:
        return unseen("no list of firmware was given (--firmware-list)", "未提供固件清单(--firmware-list)")
    if not sight.running:
        return unseen("the terminal does not tell the digest of what it runs", "终端未告知所运行固件的摘要")
    release = sight.firmware.find(sight.snapshot.facts.model, sight.running)
    if release is None:
        return failed(
            f"the firmware that runs is in no list: digest {sight.running}", f"所运行固件不在清单中:摘要 {sight.running}"
        )
    return passed(f"version {release.version}, digest {sight.running}", f"版本 {release.version},摘要 {sight.running}")


def verifies(sight: Sight) -> Answer:
    evidence = {
        "device": ("the terminal checks the signature itself", "终端自身验签"),
        "host": ("only this computer checks the signature; the device takes anything", "仅由本机验签,设备不作检查"),
    }.get(sight.verified_by)
    if evidence is None:
        return unseen("whether the terminal checks the signature is not known", "终端是否验签未知")
    return judged(sight.verified_by == "device", *evidence)


def approved(sight: Sight) -> Answer:
    days = sight.number("firmware_approval.days_left")
    release = sight.firmware.find(sight.snapshot.facts.model, sight.running) if sight.firmware else None
    if release and release.approved_until:
        left = (release.approved_until - sight.now.date()).days
        days = left if days is None else min(days, left)
    if days is None:
        return _NOT_TOLD
    return judged(days >= 0, f"the approval ends in {_number(days)} days", f"认证有效期剩余 {_number(days)} 天")


def patched(sight: Sight) -> Answer:
    release = sight.firmware.find(sight.snapshot.facts.model, sight.running) if sight.firmware else None
    if sight.firmware is None or release is None:
        return unseen("what runs is in no list of firmware (--firmware-list)", "固件清单(--firmware-list)中没有所运行的固件")
    newer = sight.firmware.critical_after(release)
    today = sight.now.date()
    late = [one for one in newer if one.released is None or (today - one.released).days > PATCH_WITHIN_D]
    if late:
        late_one, since = late[0].version, late[0].released
        return failed(f"{release.version} runs; {late_one} closes a critical hole since {since or 'a day not told'}",
                      f"运行 {release.version};{late_one} 修复了严重漏洞,发布日 {since or '未告知'}")  # fmt: skip
    due = newer[0].version if newer else None
    return passed(
        f"{release.version} runs" + (f"; {due} is due within a month" if due else ""),
        f"运行 {release.version}" + (f";须在一个月内升级到 {due}" if due else ""),
    )


def back_out(sight: Sight) -> Answer:
    done = sight.history.last_update
    if done is None:
        return unseen("this computer has not updated this terminal", "本机没有该终端的升级记录")
    other = [slot for slot in sight.slots if not slot.running and slot.state in (SlotState.CONFIRMED, SlotState.ACTIVE)]
    said = (
        f"{done.get('version_before')} to {done.get('version_after')} on {str(done.get('time'))[:10]}, entry {done.get('number')}"
    )
    back = f"; {other[0].version} is kept to go back to" if other else "; nothing is kept to go back to"
    back_zh = f";保留 {other[0].version} 可回退" if other else ";没有可回退的版本"
    return judged(bool(other) and bool(done.get("technician")), said + back, said + back_zh)


def card_data(sight: Sight) -> Answer:
    if sight.journal is None:
        return _NOT_TOLD
    raw = [(entry.number, f"{entry.event} {entry.detail}") for entry in sight.journal]
    bad = [number for number, text in raw if scrub_text(text.encode()) != text.encode() or text_without_secrets(text) != text]
    if bad:
        shown = ", ".join(map(str, bad[:SHOWN]))
        return failed(f"entries {shown} of its journal hold card data or secrets", f"终端日志第 {shown} 条含卡片数据或秘密")
    return passed(f"{len(raw)} entries of its journal hold none", f"终端日志 {len(raw)} 条,均未发现")


def remote_access(sight: Sight) -> Answer:
    running = sight.number("maintenance.running")
    if running is None:
        return _NOT_TOLD
    if running:
        return failed("remote maintenance is going on: ask the bank whether it is theirs", "正在远程维护:请向银行核实")
    return passed("none is going on", "当前没有")


def password(sight: Sight) -> Answer:
    if sight.protocol == "zvt":
        return failed("ZVT passwords have six digits and are shared: the record says who used them",
                      "ZVT 管理员密码为6位数字且共用:以维护记录中的署名补充")  # fmt: skip
    if Capability.GRANT in sight.capabilities:
        return passed(
            "no password: what needs rights is opened by a signed grant and a personal key",
            "不使用管理员密码:需要权限的操作凭授权文件和个人密钥开启",
        )
    return _NOT_TOLD


def clock(sight: Sight) -> Answer:
    skew = sight.snapshot.clock_skew_s
    if skew is None:
        return _NOT_TOLD
    return judged(abs(skew) <= MAX_SKEW_S, f"off by {skew} s, at most {MAX_SKEW_S} s", f"偏差 {skew} 秒,限值 {MAX_SKEW_S} 秒")


def certificate(sight: Sight) -> Answer:
    days = sight.number("certificate.days_left")
    if days is None:
        return _NOT_TOLD
    return judged(days >= 0, f"{_number(days)} days left", f"剩余 {_number(days)} 天")
