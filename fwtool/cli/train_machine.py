"""The terminal that a trainee works on: a simulated one with planted faults, that notes what is done to it."""

import json
import time
from collections.abc import Callable
from typing import Any, Final

import firmware_samples
from fwtool.causes import load as load_rules
from fwtool.checks import CHECKS
from fwtool.findings import Snapshot
from fwtool.train import Attempt, Exercise
from hwsim.control import ACTS, act
from hwsim.factory import Order, make
from hwsim.faults import FAULTS, Fault
from hwsim.machine import LineModel, Machine
from hwsim.service_acts import SERVICE_ACTS
from transports.terminal_records import Batch, Facts
from transports.tsp.messages import Level
from transports.virtual import Scheduler

FORBIDDEN: Final = ("plant", "mend")
"""Acts of a simulation, not of a technician."""
EVENTS: Final = {
    ("settled", ""): "settle", ("clock_set", ""): "set_clock", ("reset", "restart"): "restart",
    ("reset", "reinitialise"): "reinitialise", ("reset", "factory"): "factory_reset", ("update_begun", ""): "update_firmware",
}  # fmt: skip
"""Event and detail in the terminal's journal, of what was done over the line -> step."""
STOP_S: Final = 0.2
"""Until the last answer is out."""


class Trainer:
    """The terminal and what is noted about it. `done`: the trainee has said so, or the time is over."""

    def __init__(self, exercise: Exercise, minutes: float, scheduler: Scheduler) -> None:
        order = Order(
            trust=firmware_samples.path("keys/sample-ed25519.pub.pem").read_bytes(),
            firmware=firmware_samples.path("built/vt100-1.4.2.fwp"), line=LineModel(), epoch=int(time.time()),
        )  # fmt: skip
        self.machine: Machine = make(order, scheduler)
        for fault in exercise.faults:
            FAULTS[fault].plant(self.machine, Fault(fault))
        self.before = self.bad()
        self.done = False
        self._answers: list[str] = []
        self._acts: list[str] = []
        self._seen = 0
        self._minutes = minutes
        self._causes = {rule.id for rule in load_rules()}

    def ready(self) -> None:
        """The time runs."""
        self.machine.scheduler.after(self._minutes * 60, self._stop)

    def bad(self) -> frozenset[str]:
        """Ids of bad findings now."""
        terminal = self.machine.terminal
        account = terminal.account
        snapshot = Snapshot(
            facts=Facts(terminal.identity.model, terminal.identity.serial_number, ""),
            readings={reading.name: reading.number for reading in terminal.peripherals.readings(Level.EXTERNAL)},
            statistics=dict(terminal.statistics.values),
            batch=Batch(account.state, account.count, offline_unsent=account.offline_unsent),
            clock_skew_s=terminal.peripherals.clock_offset_s,
            answers={"display": terminal.peripherals.display_ok},
        )
        return frozenset(check.id for check in CHECKS if check.run(snapshot).bad)

    def attempt(self) -> Attempt:
        """All that was done."""
        self._new_events()
        return Attempt(tuple(self._answers), tuple(self._acts), self.before, self.bad())

    def control(self, line: bytes) -> dict[str, Any]:
        """Carry out one request of `fwtool sim-control`; two acts more than a simulation has: `answer CAUSE` and `done`."""
        self._new_events()
        try:
            request = json.loads(line)
            name, argument = str(request["act"]), str(request.get("argument", ""))
        except (ValueError, KeyError, TypeError):
            return act(self.machine, line)
        own = self._own.get(name)
        if own is not None:
            return own(self, argument)
        if name in FORBIDDEN:
            return {"ok": False, "error": "that is for who plants faults; mend it as a technician would"}
        answer = act(self.machine, line)
        if name in SERVICE_ACTS:
            self._acts.append(name.replace("-", "_"))
            self._skip_events()
        return answer

    def _answer(self, cause: str) -> dict[str, Any]:
        if cause not in self._causes:
            return {"ok": False, "error": f"{cause[:40]!r} is no cause; `fwtool diagnose` names them in brackets"}
        self._answers.append(cause)
        return self._shown()

    def _finish(self, argument: str) -> dict[str, Any]:
        del argument
        self.machine.scheduler.after(STOP_S, self._stop)
        return self._shown()

    def _shown(self) -> dict[str, Any]:
        return act(self.machine, json.dumps({"act": "show"}).encode())

    def _stop(self) -> None:
        self.done = True
        raise KeyboardInterrupt

    def _new_events(self) -> None:
        """Note what was done over the line since the last look. Before it has started there is no journal."""
        if not self.machine.terminal.booted:
            return
        for entry in self.machine.terminal.journal.since(self._seen + 1, 4096):
            step = EVENTS.get((entry.event, "")) or EVENTS.get((entry.event, entry.detail))
            if step:
                self._acts.append(step)
            self._seen = max(self._seen, entry.number)

    def _skip_events(self) -> None:
        """What an act itself has written is not another act."""
        noted = list(self._acts)
        self._new_events()
        self._acts = noted

    _own: Final[dict[str, Callable[["Trainer", str], dict[str, Any]]]] = {"answer": _answer, "done": _finish}


assert not {"answer", "done"} & ACTS.keys()
