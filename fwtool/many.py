"""Many terminals at once: one process, one thread for each port, one package read and checked once for all of them.

Why threads: docs/adr/0005-threads-for-many-ports.md. A port that fails, hangs or floods has its own thread, its own bounds
and its own record; what it raises stays its own.
"""

import dataclasses
import functools
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

from formats.errors import ToolError
from fwtool.events import OnEvent
from fwtool.flashing import Attempt, FlashJob, FlashResult, verified
from fwtool.records import Records
from transports.errors import LinkError
from transports.terminal_records import Facts

GRACE_S = 2.0
"""So long a port waits for the others to say who they are; one that has not by then cannot hold them up."""
T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Unit:
    """What became of one port: a result, or an error."""

    port: str
    result: FlashResult | None = None
    error: ToolError | None = None


class RollCall:
    """Finds two units that claim to be the same one, before anything is written to either."""

    def __init__(self, ports: Sequence[str]) -> None:
        self._missing = set(ports)
        self._claims: dict[str, set[str]] = {}
        self._let_in: dict[str, str] = {}
        """Who was let in, and where."""
        self._changed = threading.Condition()

    def admit(self, port: str, facts: Facts) -> None:
        """Say who is at a port, and wait a little for the others.

        Raises:
            LinkError: another port has the same unit, or one with the same serial number.
        """
        who = facts.who
        with self._changed:
            self._claims.setdefault(who, set()).add(port)
            self._leave(port)
            self._changed.wait_for(lambda: not self._missing, timeout=GRACE_S)
            ports = sorted(self._claims[who])
            earlier = self._let_in.get(who)
            if len(ports) == 1:
                self._let_in[who] = port
        if len(ports) > 1:
            what = "Nothing was written to either." if earlier is None else f"{earlier} was there first and is being worked on."
            raise LinkError(
                f"serial number {facts.serial_number} answers at {' and '.join(ports)}",
                name="duplicate_serial_number",
                hint=f"{what} Is it one terminal with two cables, or two with the same number?",
            )

    def leave(self, port: str) -> None:
        """This port will not say who it is any more."""
        with self._changed:
            self._leave(port)

    def _leave(self, port: str) -> None:
        self._missing.discard(port)
        self._changed.notify_all()


def flash_many(job: FlashJob, ports: Sequence[str], records: Records, on_event: Callable[[str], OnEvent]) -> list[Unit]:
    """Update the terminals at all of these ports.

    Args:
        job: What to do; its `port` is not used.
        on_event: Gives the callback for a port's events; "" stands for what is done once for all.

    Returns:
        One unit for each port, in their order. Each has its own record.

    Raises:
        ToolError: the package is not good; nobody has been called.
    """
    with verified(job, on_event("")) as source:
        roll, stop = RollCall(ports), threading.Event()
        options = {**job.port_options, "stop": stop}

        def one(port: str) -> FlashResult:
            try:
                own = dataclasses.replace(job, port=port, port_options=options)
                attempt = Attempt(own, records, on_event(port), functools.partial(roll.admit, port))
                with attempt.recorded():
                    return attempt.run(source)
            finally:
                roll.leave(port)

        return [
            Unit(port, result if isinstance(result, FlashResult) else None, _told(result) if result is not None else None)
            for port, result in zip(ports, side_by_side(ports, one, stop), strict=True)
        ]


def overall(units: Sequence[Unit]) -> ToolError | None:
    """The error of a whole run: none if every unit is good, the common one if all failed alike, else `mixed_outcomes`."""
    failed = [unit.error for unit in units if unit.error]
    if not failed:
        return None
    names = {error.name for error in failed}
    codes = {error.exit_code for error in failed}
    alike = len(failed) == len(units) and len(codes) == 1
    return ToolError(
        f"{len(failed)} of {len(units)} terminals were not updated: {', '.join(sorted(names))}",
        name=failed[0].name if alike else "mixed_outcomes",
        hint="Each has its own line above and its own record; the others are not affected. The same command goes on.",
        resumable=any(error.resumable for error in failed),
    )


def _told(result: object) -> ToolError | None:
    if isinstance(result, ToolError):
        return result
    return ToolError(f"internal error: {result!r}", name="internal") if isinstance(result, BaseException) else None


def side_by_side(keys: Sequence[str], work: Callable[[str], T], stop: threading.Event) -> list[T | BaseException]:
    """Run `work` for every key at once; get results and exceptions in order.

    Args:
        stop: Set when the user interrupts; the interrupt is passed on once every piece of work has ended.
    """
    # Not Thread.join: interrupted, it takes a thread that still runs for ended (CPython 3.11, bpo-45274).
    with ThreadPoolExecutor(max_workers=len(keys)) as pool:
        futures = [pool.submit(work, key) for key in keys]
        try:
            wait(futures)
        except KeyboardInterrupt:
            stop.set()
            wait(futures)
            raise
    return [future.exception() or future.result() for future in futures]
