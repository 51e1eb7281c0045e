"""What must hold before a visit begins, and before anything is changed. Pure; the table is in the order people should hear.

The terminal and `fwtool.gates` ask about batch and power again, for themselves; so those cannot be overridden by anybody.
"""

import dataclasses
import datetime
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from formats.errors import ToolError
from formats.work_order import Act, WorkOrder
from fwtool.findings import Words
from fwtool.gates import LOW_BATTERY_PERCENT
from fwtool.settlement.clock import at
from fwtool.settlement.windows import Index, Window
from fwtool.visit.history import Training
from transports.terminal_records import Batch, Facts

LONGEST_S: Final = 3600
"""How long a change may take: no maintenance window may begin before that has passed."""


@dataclasses.dataclass(frozen=True)
class Situation:
    """What is known when the decision is made."""

    now: float
    """Seconds since 1970-01-01 UTC."""
    act: Act
    facts: Facts
    batch: Batch | None
    """None: a device that takes no payments, or it was not asked yet."""
    order: WorkOrder | None
    distrust: str
    """Why the signatures of the order do not count; empty if they do."""
    training: Training | None
    windows: Sequence[Window]


class Gate(NamedTuple):
    """One thing that must hold. `look` tells what is wrong, or None."""

    id: str
    error: str
    """Name of the error."""
    look: Callable[[Situation], Words | None]
    hint: Words
    can_be_overridden: bool = True


def _signed(here: Situation) -> Words | None:
    if here.order is None or not here.distrust:
        return None
    number = here.order.record.number
    return Words(f"work order {number}: {here.distrust}", f"工单 {number} 验签不通过: {here.distrust}")


def _order(here: Situation) -> Words | None:
    if here.order is None:
        return Words("there is no work order of the bank", "没有银行的工单")
    number = here.order.record.number
    serial, record = here.facts.serial_number, here.order.record
    if serial not in record.terminals:
        return Words(f"work order {number} is not for the terminal {serial}", f"工单 {number} 不包含终端 {serial}")
    if missing := here.act & ~here.order.acts:
        return Words(f"work order {number} does not allow: {', '.join(missing.names)}",
                     f"工单 {number} 不允许: {', '.join(missing.names)}")  # fmt: skip
    if here.now < record.not_before:
        return Words(f"work order {number} is not valid yet", f"工单 {number} 尚未生效")
    if here.now >= record.not_after:
        return Words(f"work order {number} is no longer valid", f"工单 {number} 已过期")
    return None


def _training(here: Situation) -> Words | None:
    if here.training is None:
        return Words("no training of this technician is on record", "没有该技术员的培训记录")
    today = datetime.datetime.fromtimestamp(here.now, datetime.UTC).date().isoformat()
    if today <= here.training.expires:
        return None
    return Words(f"the technician's training has expired on {here.training.expires}",
                 f"技术员的培训已于 {here.training.expires} 过期")  # fmt: skip


def _batch(here: Situation) -> Words | None:
    if here.batch is None or not here.batch.counts_as_open:
        return None
    if here.batch.count is None:
        return Words("the terminal does not tell whether all transactions are settled", "终端未说明交易是否已全部结算")
    return Words(f"{here.batch.count} transactions are not settled", f"未结算交易 {here.batch.count} 笔")


def _power(here: Situation) -> Words | None:
    percent = here.facts.battery_percent
    if here.facts.mains or percent is None or percent >= LOW_BATTERY_PERCENT:
        return None
    return Words(f"the battery is at {percent} % and there is no mains power (at least {LOW_BATTERY_PERCENT} %)",
                 f"电量过低: {percent}%,且未接电源(至少 {LOW_BATTERY_PERCENT}%)")  # fmt: skip


def _window(here: Situation) -> Words | None:
    found = Index(here.windows, _bank(here)).between(int(here.now), int(here.now) + LONGEST_S)
    if found is None:
        return None
    end = at(found.end, found.zone)
    return Words(f"a maintenance window of the bank is near or under way: {found} ({found.zone})",
                 f"处于或临近银行系统维护时段: {found}({found.zone}),结束于 {end:%Y-%m-%d %H:%M}")  # fmt: skip


def _bank(here: Situation) -> str:
    return here.order.record.bank if here.order else ""


GATES: Final = (
    Gate("order", "trust_failed", _signed, Words(
        "Get the order from the bank again; it counts once the bank has signed it.",
        "请向银行重新索取工单;工单须由银行数字签名。")),
    Gate("order", "not_authorised", _order, Words(
        "Get an order that covers this from the bank (--order FILE, or on the stick).",
        "请向银行索取包含此项工作的工单(--order 文件,或放在U盘上)。")),
    Gate("training", "not_authorised", _training, Words(
        "Enter it with: fwtool visit training --expires YYYY-MM-DD --course TEXT",
        "请登记: fwtool visit training --expires 年-月-日 --course 课程")),
    Gate("batch", "unsettled", _batch, Words(
        "Settle at the terminal, or with: fwtool batch settle --port P", "请在终端上批结算,或执行: fwtool batch settle --port P"),
        can_be_overridden=False),
    Gate("power", "low_power", _power, Words("Connect the power supply.", "请接上电源。"), can_be_overridden=False),
    Gate("window", "not_authorised", _window, Words(
        "Come back after it; until then nothing is changed on the terminal.", "请在该时段之后再操作;此前不更改终端。")),
)  # fmt: skip
AT_THE_START: Final = ("order", "training")
"""Gates that already stand before the visit; the others before a change."""


def relevant(windows: Sequence[Window], bank: str) -> tuple[Window, ...]:
    """The windows that count for a bank. If no window is known by its name, those of every bank are taken for its own: a name
    that is written in another way must not open a gate."""
    known = any(window.bank == bank for window in windows)
    return tuple(window if known or not window.bank else dataclasses.replace(window, bank=bank) for window in windows)


def first_closed(here: Situation, overridden: Sequence[str], only: Sequence[str] = ()) -> tuple[Gate, Words] | None:
    """The first gate that is closed, and why.

    Args:
        overridden: Ids of gates that a second person has opened.
        only: Look at these alone; none: at all.
    """
    for gate in GATES:
        if (only and gate.id not in only) or (gate.can_be_overridden and gate.id in overridden):
            continue
        if said := gate.look(here):
            return gate, said
    return None


def refusal(gate: Gate, said: Words, language: str) -> ToolError:
    """The error that a closed gate is."""
    return ToolError(f"{said.get(language)} [{gate.id}]", name=gate.error, hint=gate.hint.get(language))
