"""The gates of a visit, asked with what is known now: at its start, and before each change."""

import contextlib
import pathlib
from collections.abc import Sequence

from formats.errors import ToolError, TrustError
from formats.work_order import Act, WorkOrder
from fwtool.findings import Words
from fwtool.settlement.importing_windows import all_windows
from fwtool.settlement.store import FILE, Store
from fwtool.settlement.windows import Window
from fwtool.visit import gates
from fwtool.visit.context import TRIES, At, Setup
from fwtool.visit.gates import Situation
from fwtool.visit.history import training_of
from fwtool.visit.steps import SETTLE
from transports.device import Device
from transports.terminal_records import Batch, Capability, Facts


def check_start(setup: Setup, facts: Facts, order: WorkOrder | None, overridden: Sequence[str]) -> None:
    """Whether the visit may begin. Raises ToolError: a gate is closed."""
    here = _situation(setup, facts, None, order, Act.SERVICE)
    if closed := gates.first_closed(here, overridden, gates.AT_THE_START):
        raise gates.refusal(*closed, setup.language)


def check_change(at: At, device: Device, act: Act) -> None:
    """Whether something may be changed on the terminal now. An open batch is asked about, and may get settled here.

    Raises:
        ToolError: a gate is closed.
    """
    setup, facts = at.setup, device.facts()
    overridden = [str(one["gate"]) for one in at.visit.overrides]
    for _ in range(TRIES):
        batch = device.batch() if device.can(Capability.BATCH) else None
        closed = gates.first_closed(_situation(setup, facts, batch, at.order, act), overridden)
        if closed is None:
            return
        gate, said = closed
        if gate.id != "batch" or not _settled(at, device, facts, said):
            break
    raise gates.refusal(gate, said, setup.language)


def _settled(at: At, device: Device, facts: Facts, said: Words) -> bool:
    """Ask how to go on with an open batch; True: look again."""
    at.setup.asker.tell(said)
    answer = at.setup.asker.ask(SETTLE)
    if answer != "now":
        return answer == "terminal"
    here = _situation(at.setup, facts, None, at.order, Act.SETTLE)
    if closed := gates.first_closed(here, [str(one["gate"]) for one in at.visit.overrides], ("order",)):
        raise gates.refusal(*closed, at.setup.language)
    with at.recorded("settle", device) as record:
        record["count"] = device.settle().batch.count
    return True


def _situation(setup: Setup, facts: Facts, batch: Batch | None, order: WorkOrder | None, act: Act) -> Situation:
    windows = gates.relevant(windows_known(setup.records.path.parent), order.record.bank if order else "")
    return Situation(
        now=setup.now(), act=act, facts=facts, batch=batch, order=order, distrust=_distrust(setup, order),
        training=training_of(setup.records.entries(), setup.technician), windows=windows,
    )  # fmt: skip


def _distrust(setup: Setup, order: WorkOrder | None) -> str:
    if order is None:
        return ""
    try:
        order.check_signed(setup.trust, setup.now())
    except TrustError as error:
        return error.message
    return ""


def windows_known(folder: pathlib.Path) -> tuple[Window, ...]:
    """Maintenance windows that `fwtool settlement import` has read into the state folder; none if it never ran."""
    if not (folder / FILE).exists():
        return ()
    with Store(folder) as store:
        return all_windows(store)


def fitting(orders: Sequence[WorkOrder], setup: Setup, serial_number: str) -> WorkOrder | None:
    """Of several orders the first one that the bank has signed for this terminal and this time; none: the first one at all, so
    that what is wrong with it can be said."""
    for order in orders:
        with contextlib.suppress(ToolError):
            order.check(setup.trust, serial_number, Act.SERVICE, setup.now())
            return order
    return orders[0] if orders else None
