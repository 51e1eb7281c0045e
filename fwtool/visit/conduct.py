"""Carrying out a visit: begin or go on, one step after the other, saved after each.

Whatever goes wrong in a step leaves the visit before that step: the same call goes on there.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Final

from formats.errors import ToolError
from formats.work_order import WorkOrder
from fwtool.findings import Words
from fwtool.locks import device_lock
from fwtool.records import new_job_id
from fwtool.records.safe import safe
from fwtool.visit import override
from fwtool.visit.acts import ACTS
from fwtool.visit.admission import check_start, fitting
from fwtool.visit.context import At, Setup
from fwtool.visit.ending import stamp
from fwtool.visit.history import ACT
from fwtool.visit.override import Override
from fwtool.visit.questions import Answer, Question
from fwtool.visit.state import Outcome, StepDone, Visit
from fwtool.visit.steps import WHO, Step
from transports.terminal_records import Facts

SECURITY: Final = Words(
    "Security case: stop here. Take the terminal out of service as it is, do not open or reset it, and tell the bank.",
    "安全事件: 立即停止。终端保持原状并停止使用,不要拆开、不要重启或恢复出厂设置,并通知银行。",
)


def conduct(setup: Setup, orders: Sequence[WorkOrder] = (), asked: Override | None = None) -> Visit:
    """Begin a visit, or go on with the one that is open, until its last step is over or a security case ends it.

    Args:
        orders: Work orders to begin with; the first that fits is taken.
        asked: Gates that a second person opens.

    Raises:
        ToolError: a gate is closed, another terminal answers (`wrong_device`), or a step failed; call again to go on.
        LocalError: another visit is under way on this computer (`device_busy`).
    """
    with device_lock(setup.records.path.parent, ACT):
        return _conducted(setup, orders, asked)


def _conducted(setup: Setup, orders: Sequence[WorkOrder], asked: Override | None) -> Visit:
    visit = _resumed(setup, asked) or _begun(setup, orders, asked)
    setup = dataclasses.replace(setup, technician=visit.technician)
    order = setup.shelf.order(visit.job)
    while step := visit.next_step:
        visit = visit.with_step(_carried_out(setup, visit, order, step))
        setup.shelf.save(visit)
    return visit


def _resumed(setup: Setup, asked: Override | None) -> Visit | None:
    visit = setup.shelf.current()
    if visit is None:
        return None
    with setup.device() as device:
        facts = device.facts()
    if facts.serial_number != visit.serial_number:
        raise ToolError(
            f"a visit to the terminal {visit.serial_number} is open; this is {facts.serial_number}", name="wrong_device",
            hint="Connect that terminal, or end its visit with: fwtool visit finish --reason TEXT",
        )  # fmt: skip
    if setup.technician not in ("", visit.technician):
        raise ToolError(
            f"the visit that is open is that of {visit.technician}, not of {setup.technician}", name="usage",
            hint="End it with: fwtool visit finish --reason TEXT; then begin your own.",
        )  # fmt: skip
    visit = _with_overrides(setup, visit, facts, asked)
    over = len(visit.steps)
    setup.say(
        f"the visit of {visit.started[:16]} UTC goes on after step {over}",
        f"继续 {visit.started[:16]}(UTC)的上门维护,已完成 {over} 步",
    )
    return visit


def _begun(setup: Setup, orders: Sequence[WorkOrder], asked: Override | None) -> Visit:
    setup = dataclasses.replace(setup, technician=setup.technician or str(setup.asker.ask(WHO)))
    with setup.device() as device:
        facts = device.facts()
    order = fitting(orders, setup, facts.serial_number)
    visit = Visit(
        job=new_job_id(), started=stamp(setup.now()), technician=setup.technician, port=setup.port, model=facts.model,
        serial_number=facts.serial_number, version_before=facts.version, order=_about(order),
    )  # fmt: skip
    origin = {**setup.origin(ACT, facts), "version_before": facts.version, "order": visit.order}
    try:
        found = _checked(setup, visit, facts, asked)
        check_start(setup, facts, order, [str(one["gate"]) for one in found])
    except ToolError as error:
        setup.records.append(visit.job, "refused", {**origin, "error": error.name, "message": str(error)})
        raise
    if order:
        setup.shelf.keep_order(visit.job, order)
    started = setup.records.append(visit.job, "started", origin)
    visit = _noted(setup, dataclasses.replace(visit, began=started.number), found)
    setup.shelf.save(visit)
    return visit


def _about(order: WorkOrder | None) -> dict[str, Any] | None:
    return {"number": order.record.number, "bank": order.record.bank, "digest": order.digest.hex()} if order else None


def _checked(setup: Setup, visit: Visit, facts: Facts, asked: Override | None) -> list[dict[str, Any]]:
    if asked is None:
        return []
    return override.checked(asked, setup.trust, visit.technician, facts.model, facts.serial_number, setup.now())


def _with_overrides(setup: Setup, visit: Visit, facts: Facts, asked: Override | None) -> Visit:
    visit = _noted(setup, visit, _checked(setup, visit, facts, asked))
    setup.shelf.save(visit)
    return visit


def _noted(setup: Setup, visit: Visit, overrides: Sequence[dict[str, Any]]) -> Visit:
    """Each override has an entry of its own, before it is used."""
    for one in map(safe, overrides):
        about = {"act": ACT, "technician": visit.technician, "serial_number": visit.serial_number, **one}
        setup.records.append(visit.job, "override", about)
        visit = visit.with_override(one)
    return visit


def _carried_out(setup: Setup, visit: Visit, order: WorkOrder | None, step: Step) -> StepDone:
    for words in (step.title, *step.how):
        setup.asker.tell(words)
    answers: dict[str, Answer] = {}
    facts: dict[str, Any] = {}
    reasons: list[str] = []
    stopped = False
    for part in step.parts:
        if isinstance(part, Question):
            stopped = _asked(setup, part, answers, reasons)
        else:
            facts[part] = dict(ACTS[part](At(setup, visit, order, answers, facts)))
            reasons += facts[part].get("attention", ())
            stopped = bool(facts[part].get("security"))
        if stopped:
            setup.asker.tell(SECURITY)
            break
    asked = [part for part in step.parts if isinstance(part, Question) and part.id in answers]
    named = {one.id.partition(".")[2]: one.kept(answers[one.id]) for one in asked}
    outcome = _outcome(step, answers, reasons, stopped=stopped)
    return StepDone(step.id, outcome, stamp(setup.now()), safe(named), safe(facts), tuple(dict.fromkeys(reasons)))


def _outcome(step: Step, answers: Mapping[str, Answer], reasons: Sequence[str], *, stopped: bool) -> Outcome:
    if stopped:
        return Outcome.STOPPED
    if reasons:
        return Outcome.ATTENTION
    asked = [part for part in step.parts if isinstance(part, Question) and part.idle]
    return Outcome.NOT_NEEDED if any(answers.get(one.id) in one.idle for one in asked) else Outcome.DONE


def _asked(setup: Setup, question: Question, answers: dict[str, Answer], reasons: list[str]) -> bool:
    """Ask, if it applies; True: the answer ends the visit."""
    if not question.applies(answers):
        return False
    default = setup.defaults.get(question.id, question.default)
    answer = answers[question.id] = setup.asker.ask(dataclasses.replace(question, default=default))
    if answer in question.attention or answer in question.stops:
        reasons.append(question.id)
    return answer in question.stops
