"""The TSP dialect as a device: a terminal that has answered, and the means to find it again after a restart."""

import contextlib
import dataclasses
import datetime
import decimal
from collections.abc import Mapping, Sequence
from typing import ClassVar, Final, TypeVar

from formats.errors import ToolError
from formats.record import Record
from transports.device import Choice, Device, Update
from transports.errors import LinkError, LinkLost
from transports.offer import Offer
from transports.pipe import LineOptions
from transports.port_names import Home
from transports.port_options import PortOptions, open_line
from transports.terminal_records import Batch, Capability, Facts, Money, Printed, Report, Settled
from transports.trace import TracedPipe
from transports.tsp import messages
from transports.tsp.messages import JournalEntry, Level, Opcode, ResetKind, Slot
from transports.tsp_rate import lower_rate
from transports.tsp_terminal import TspTerminal

R = TypeVar("R", bound=Record)
RETURN_S: Final = 60.0
"""How long a terminal may take to come back from a restart, or for an act of its own."""
_C = Capability


class TspDevice(Device):
    """A terminal that speaks TSP (docs/protocol/tsp.md)."""

    protocol: ClassVar[str] = "tsp"
    line: ClassVar[LineOptions] = LineOptions(115200, "8N1")
    verified_by: ClassVar[str] = "device"
    longest_silence_s: ClassVar[float] = RETURN_S

    def __init__(self, options: PortOptions) -> None:
        self.options = options
        self.port = options.port
        self._home = Home(options.port)
        self.terminal = self._open(options.port)
        self._clock_offset = self.terminal.pipe.wall_clock() - self.terminal.pipe.now()
        try:
            self.terminal.connect()
            self._authorise()
        except BaseException:
            self.terminal.close()
            raise

    def _open(self, port: str) -> TspTerminal:
        pipe = open_line(self.options, self.line, port)
        if self.options.trace:
            pipe = TracedPipe(pipe, self.options.trace)
        return TspTerminal(pipe, timeout_s=self.options.timeout_s)

    def _authorise(self) -> None:
        if self.options.grant is not None:
            self.terminal.authorise(*self.options.grant)
        elif self.options.password is not None:
            self.terminal.login(self.options.password("service"))

    @property
    def capabilities(self) -> frozenset[Capability]:
        return frozenset({
            _C.STATUS, _C.CLOCK, _C.CLOCK_SET, _C.BATCH, _C.SETTLE, _C.SLOTS, _C.JOURNAL, _C.STATISTICS, _C.HEALTH,
            _C.PRINT_TEST, _C.RESTART, _C.REINITIALISE, _C.FACTORY_RESET, _C.UPDATE, _C.RESUME, _C.READ_BACK, _C.LINE_RATE,
            _C.SERIAL_NUMBER, _C.PASSWORD, _C.GRANT,
        })  # fmt: skip

    def now(self) -> float:
        return self.terminal.pipe.now()

    def wall_clock(self) -> int:
        """Looked up once: what the computer's clock does after that must not make a good terminal look bad."""
        return int(self._clock_offset + self.terminal.pipe.now())

    def ask(self, opcode: Opcode, answer: type[R], request: Record | None = None, *, timeout_s: float = 10.0) -> R:
        """One command; see `TspTerminal.request`."""
        return self.terminal.request(opcode, request or messages.Empty(), answer, timeout_s=timeout_s)

    # -- looking ----------------------------------------------------------------------------------------------------

    def info(self) -> messages.Info:
        """What the protocol's own INFO tells."""
        return self.ask(Opcode.INFO, messages.Info)

    def facts(self) -> Facts:
        info, status = self.info(), self.ask(Opcode.STATUS, messages.TerminalStatus)
        return Facts(
            model=info.model,
            serial_number=info.serial_number,
            version=str(info.version),
            vendor=info.vendor,
            revision=info.revision,
            bootloader=str(info.bootloader),
            security_counter=info.security_counter,
            mode=status.mode.name.lower(),
            display=status.display,
            battery_percent=status.battery_percent,
            battery_v=status.battery_mv / 1000,
            mains=status.mains,
            printer=status.printer.name.lower(),
            tampered=status.tampered,
            capacity=info.capacity,
            max_block=self.terminal.peer.max_block,
        )

    def readings(self, level: Level) -> Mapping[str, float]:
        answer = self.ask(Opcode.HEALTH, messages.Readings, messages.HealthRequest(level=level), timeout_s=RETURN_S)
        return {reading.name: reading.number for reading in answer.readings}

    def statistics(self) -> Mapping[str, int]:
        return {counter.name: counter.value for counter in self.ask(Opcode.STATISTICS, messages.Statistics).counters}

    def reset_statistics(self) -> None:
        self.ask(Opcode.STATISTICS_RESET, messages.Empty)

    def journal(self, last: int) -> tuple[int, Sequence[JournalEntry]]:
        entries: list[JournalEntry] = []
        total = self.ask(Opcode.JOURNAL, messages.Journal, messages.JournalRequest(first=2**32 - 1)).total
        first = max(1, total - last + 1)
        while first <= total and len(entries) < last:
            page = self.ask(Opcode.JOURNAL, messages.Journal, messages.JournalRequest(first=first)).entries
            if not page or page[-1].number < first:
                break
            entries += page
            first = page[-1].number + 1
        return total, entries

    # -- money, time, paper -----------------------------------------------------------------------------------------

    def batch(self) -> Batch:
        return _neutral(self.ask(Opcode.BATCH, messages.Batch))

    def settle(self) -> Settled:
        before = self.batch()
        after = self.ask(Opcode.SETTLE, messages.Batch, timeout_s=RETURN_S)
        return Settled(dataclasses.replace(before, state=after.state, last_close=after.last_close), Report())

    def clock(self) -> int:
        return self.ask(Opcode.CLOCK, messages.Clock).time

    def set_clock(self, time: int) -> None:
        self.ask(Opcode.CLOCK_SET, messages.Empty, messages.Clock(time=time))

    def print_test(self, lines: Sequence[str] = ()) -> Printed:
        request = messages.PrintRequest(lines=tuple(lines))
        done = self.ask(Opcode.PRINT_TEST, messages.PrintResult, request, timeout_s=RETURN_S)
        whole = done.lines_printed == done.lines_total
        return Printed(done.lines_printed, done.lines_total, "complete" if whole else done.state.name.lower(), done.slip)

    # -- firmware ---------------------------------------------------------------------------------------------------

    def slots(self) -> tuple[Slot, ...]:
        return self.ask(Opcode.SLOTS, messages.Slots).slots

    def confirm(self, digest: bytes) -> None:
        self.ask(Opcode.CONFIRM, messages.Empty, messages.Confirm(digest=digest))

    def revert(self) -> None:
        self.ask(Opcode.REVERT, messages.Empty)
        self.return_after_restart()

    def prepare(self, offer: Offer, choice: Choice) -> Update:
        from transports.tsp_install import TspUpdate

        return TspUpdate(self, offer, choice)

    def set_serial_number(self, number: str) -> None:
        self.ask(Opcode.SERIAL_SET, messages.Empty, messages.SerialNumber(serial_number=number))

    def set_password(self, text: str) -> None:
        """Raises FormatError if it is too short (`usage`)."""
        self.terminal.set_password(text)

    # -- resets -----------------------------------------------------------------------------------------------------

    def restart(self) -> None:
        with contextlib.suppress(LinkLost):  # its answer may get lost on a bad line; whether it restarted is seen next
            self.ask(Opcode.RESET, messages.Empty, messages.ResetRequest(reset=ResetKind.RESTART))
        self.return_after_restart()

    def reinitialise(self) -> None:
        self._reset(ResetKind.REINITIALISE)

    def factory_reset(self) -> None:
        self._reset(ResetKind.FACTORY)

    def _reset(self, kind: ResetKind) -> None:
        self.ask(Opcode.RESET, messages.Empty, messages.ResetRequest(reset=kind))
        self.return_after_restart()

    def return_after_restart(self) -> None:
        """Find the terminal again: on the same port, or under another name with the same USB serial number.

        Raises:
            LinkError: it did not come back in time.
        """
        self._wait(0.5)  # it answers once more before it goes down
        until = self.now() + RETURN_S
        while True:
            try:
                self.terminal.connect(timeout_s=self.options.timeout_s)
            except LinkLost:
                self.terminal.close()
                self.port, self.terminal = self._home.reopen(self._open, RETURN_S)
            except LinkError:
                pass
            else:
                self._authorise()
                return
            if self.now() >= until:
                raise LinkError(
                    f"the terminal did not come back within {RETURN_S:g} s",
                    name="install_failed",
                    hint="Look at its display; if it is off, switch it on. Then run the same command again.",
                    resumable=True,
                )

    def _wait(self, seconds: float) -> None:
        until = self.now() + seconds
        with contextlib.suppress(LinkLost):
            while self.now() < until:
                self.terminal.pipe.exchange(b"", until)

    def close(self) -> None:
        """Let go. A line that was made faster goes back first, so that the next one to call need not wait for that."""
        with contextlib.suppress(ToolError):
            if self.terminal.connected:
                lower_rate(self.terminal, self.options.baud or self.line.baud)
        self.terminal.close()


def _neutral(batch: messages.Batch) -> Batch:
    return Batch(
        state=batch.state,
        count=batch.count,
        totals=tuple(
            Money(decimal.Decimal(total.minor_units).scaleb(-min(total.decimals, 9)), total.currency) for total in batch.totals
        ),
        business_date=_date(batch.business_date),
        offline_unsent=batch.offline_unsent,
        last_close=batch.last_close or None,
    )


def _date(text: str) -> datetime.date | None:
    """A date as the terminal wrote it; None if it is none."""
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        return None
