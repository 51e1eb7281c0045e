"""What a visit does on the terminal by itself. Each act gets where it stands and returns what it came to, as the record keeps
it: plain values; `attention` lists what has to be seen to, `security` what ends the visit.

To add an act: a function, a line in the table, its name in `fwtool.visit.steps`.
"""

import pathlib
from collections.abc import Callable, Mapping
from typing import Any, Final

from formats.errors import ToolError
from formats.work_order import Act
from fwtool.diagnosis import examine
from fwtool.flashing import FlashJob, flash
from fwtool.stick.shelf import Stick
from fwtool.visit import evidence, health, history
from fwtool.visit.admission import check_change
from fwtool.visit.context import At
from transports.device import Device
from transports.terminal_records import Capability
from transports.tsp.messages import Level

Result = Mapping[str, Any]
KEPT_OLD: Final = ("reverted", "diagnostic_failed", "read_back_differs")
"""Errors of an update after which the visit goes on, and says so: the terminal answers, and is looked over again."""
NOT_THERE: Final = {"done": False, "why": "not_supported_here"}


def _examine(at: At) -> Result:
    with at.setup.device() as device:
        return _look(device)


def _look(device: Device) -> dict[str, Any]:
    facts = device.facts()
    told: dict[str, Any] = {
        "model": facts.model, "revision": facts.revision, "version": facts.version, "security_counter": facts.security_counter,
        "battery_percent": facts.battery_percent, "battery_v": facts.battery_v, "mains": facts.mains,
    }  # fmt: skip
    found = health.examined(examine(device, Level.EXTERNAL)) if device.can(Capability.HEALTH) else {"findings": []}
    security = [*found.get("security", []), *(["tampered"] if facts.tampered else [])]
    return {**told, **found, "security": list(dict.fromkeys(security))}


def _evidence(at: At) -> Result:
    photos = [evidence.photo(pathlib.Path(str(path))) for path in _listed(at, "inspect.photos")]
    seals = [evidence.seal(number, at.visit.serial_number) for number in _listed(at, "inspect.seals")]
    last = history.evidence_of(history.visits_of(at.setup.records.entries(), at.visit.serial_number))
    found = evidence.compared(seals, photos, last)
    for ends in found["seals_missing"]:
        at.setup.say(f"a seal of the last visit, ending in {ends}, is not there any more", f"上次尾号为 {ends} 的封签已不存在")
    for ends in found["seals_new"]:
        at.setup.say(f"the seal that ends in {ends} was not there at the last visit", f"尾号为 {ends} 的封签上次不存在")
    for name in found["photos_again"]:
        at.setup.say(f"{name} is the very picture of the last visit: take a new one", f"{name} 与上次照片完全相同,请重新拍摄")
    return found


def _listed(at: At, question: str) -> list[str]:
    answer = at.answers.get(question)
    return answer if isinstance(answer, list) else []


def _readings(at: At) -> Result:
    with at.setup.device() as device:
        facts = device.facts()
        readings = device.readings(Level.EXTERNAL) if device.can(Capability.HEALTH) else {}
    return {"battery_percent": facts.battery_percent, "battery_v": facts.battery_v, "mains": facts.mains,
            "readings": health.kept(readings)}  # fmt: skip


def _slip(at: At) -> Result:
    with at.setup.device() as device:
        return _printed(at, device)


def _slip_again(at: At) -> Result:
    """After an update or a restart; otherwise the first one stands."""
    if not (at.visit.fact("update", "update").get("changed") or at.facts["restart"]["done"]):
        return {"done": False, "why": "nothing_changed"}
    with at.setup.device() as device:
        return _printed(at, device)


def _printed(at: At, device: Device) -> Result:
    if not device.can(Capability.PRINT_TEST):
        at.setup.say("print the slip from the terminal's own menu", "请从终端菜单打印测试单")
        return NOT_THERE
    with at.recorded("print_test", device) as record:
        done = device.print_test((f"技术员 Technician  {at.setup.technician}"[:60],))
        whole = done.outcome == "complete"
        record.update(verdict="done" if whole else "failed", lines=done.lines_printed, state=done.outcome)
    kept = _picture(at, pathlib.Path(done.slip)) if done.slip else None
    return {"done": whole, "outcome": done.outcome, "lines": done.lines_printed, "picture": kept,
            "attention": [] if whole else [done.outcome]}  # fmt: skip


def _picture(at: At, path: pathlib.Path) -> dict[str, str] | None:
    """Kept if it is one. A device may name any file: nothing else is read from it, and nothing fails by it."""
    try:
        data, suffix = evidence.picture(path)
    except ToolError as error:
        at.setup.say(f"no picture of the slip: {error.message}", f"没有测试单图片: {error.message}")
        return None
    return at.setup.shelf.keep_picture(data, suffix)


def _slip_picture(at: At) -> Result:
    path = str(at.answers.get("slip.picture") or "")
    if not path:
        return {"picture": None}
    data, suffix = evidence.picture(pathlib.Path(path))
    return {"picture": at.setup.shelf.keep_picture(data, suffix)}


RESETS: Final[dict[str, tuple[Capability, Callable[[Device], None]]]] = {
    "restart": (Capability.RESTART, lambda device: device.restart()),
    "reinitialise": (Capability.REINITIALISE, lambda device: device.reinitialise()),
}


def _reset(at: At) -> Result:
    kind = str(at.answers["reset.kind"])
    return {"done": False, "why": "not_needed"} if kind == "none" else _reset_now(at, kind)


def _restart(at: At) -> Result:
    if at.visit.fact("update", "update").get("changed"):
        return {"done": False, "why": "the update has restarted it"}
    return _reset_now(at, "restart") if at.answers["verify.restart"] else {"done": False, "why": "not_needed"}


def _reset_now(at: At, kind: str) -> Result:
    capability, act = RESETS[kind]
    with at.setup.device() as device:
        if not device.can(capability):
            device.cannot(capability)
        check_change(at, device, Act.RESET)
        with at.recorded(f"reset_{kind}", device) as record:
            record["reason"] = at.answers.get("reset.reason", "")
            act(device)
        return {"done": True, "kind": kind, "version": device.facts().version}


def _update(at: At) -> Result:
    stick = str(at.answers["update.stick"] or "")
    if not stick:
        return {"done": False, "changed": False, "why": "not_needed"}
    setup = at.setup
    with setup.device() as device:
        check_change(at, device, Act.UPDATE)
    job = FlashJob(
        package=Stick(pathlib.Path(stick)), port=setup.port, trust=setup.trust, dev=setup.dev, technician=setup.technician,
        port_options=dict(setup.port_options),
    )  # fmt: skip
    try:
        done = flash(job, setup.records, setup.on_event)
    except ToolError as error:
        if error.name not in KEPT_OLD:
            raise
        setup.say(f"the update did not hold: {error}", f"升级未生效,已回退或需检查: {error}")
        return {"done": True, "changed": False, "verdict": error.name, "message": str(error), "attention": [error.name]}
    package = done.from_stick.package if done.from_stick else ""
    return {
        "done": True, "changed": done.changed, "verdict": done.verdict, "package": package,
        "version_before": done.version_before, "version_after": done.version_after, "verified_by": done.verified_by,
        "duration_s": done.duration_s,
    }  # fmt: skip


def _reexamine(at: At) -> Result:
    with at.setup.device() as device:
        found = _look(device)
    before = at.visit.fact("inspect", "examine").get("findings", [])
    worse, better = health.worse(before, found["findings"]), health.better(before, found["findings"])
    for one in worse:
        at.setup.say(f"worse than before: {one}", f"比之前变差: {one}")
    return {**found, "worse": worse, "better": better}


ACTS: Final[dict[str, Callable[[At], Result]]] = {
    "examine": _examine,
    "evidence": _evidence,
    "paper": _readings,
    "power": _readings,
    "slip": _slip,
    "slip_picture": _slip_picture,
    "reset": _reset,
    "update": _update,
    "restart": _restart,
    "reexamine": _reexamine,
    "slip_again": _slip_again,
}
