"""The ZVT dialect, host side: a payment terminal's maintenance as calls. What it speaks is in docs/protocol/zvt.md.

```
terminal = ZvtTerminal(pipe, password=Password("000000"), reopen=...)
terminal.connect()                       find it, register
terminal.status()                        which one, how
terminal.end_of_day(); terminal.push(files, progress); terminal.wait_for_return(UPDATE_S); terminal.status()
```
"""

import datetime
from collections.abc import Sequence
from typing import Final

from transports.errors import LinkLost
from transports.terminal_records import (
    Batch,
    Capability,
    FileCopy,
    Identity,
    MakerInformation,
    Pushed,
    Report,
    Settled,
    TerminalStatus,
)
from transports.tsp.messages import BatchState
from transports.zvt import charsets, maker
from transports.zvt.files import DeleteFile, SoftwareUpdate
from transports.zvt.layout import Message
from transports.zvt.opcodes import Opcode, Timer
from transports.zvt.outcome import StatusInformation
from transports.zvt.service import Diagnosis, DisplayText, EndOfDay, SetClock, WithPassword
from transports.zvt.values import Password
from transports.zvt_host import comeback, rate
from transports.zvt_host.heard import Heard
from transports.zvt_host.line import Silent
from transports.zvt_host.push import Progress, PushFile, predicted_s, push
from transports.zvt_host.reading import read_file
from transports.zvt_host.refusals import Unsupported
from transports.zvt_host.session import LINE, TCP_PORT, ZvtSession
from transports.zvt_host.status import FEIG, batch, maker_information
from transports.zvt_host.times import digits

__all__ = ["CAPABILITIES", "LINE", "LONGEST_SILENCE_S", "TCP_PORT", "VERIFIED_BY", "Password", "ZvtTerminal"]

VERIFIED_BY: Final = "device"
"""Who judges what was sent: signatures are checked by the terminal alone."""
LONGEST_SILENCE_S: Final = comeback.UPDATE_S
OPEN_STATES: Final = frozenset({0x6A, 0xB1, 0xF0})
"""States of 05 01 that say that something must be settled."""
UPDATE_FOLLOWS: Final = 0xE0
RESTART_FOLLOWS: Final = 0xFC
_FOLLOWS: Final = {0: "", UPDATE_FOLLOWS: "update", RESTART_FOLLOWS: "restart"}
"""Results of an end of day that are none of its failures (K)."""
_C = Capability
CAPABILITIES: Final[dict[Capability, int]] = {
    _C.STATUS: Opcode.STATUS_ENQUIRY,
    _C.CLOCK: Opcode.STATUS_ENQUIRY,
    _C.CLOCK_SET: Opcode.SET_CLOCK,
    _C.BATCH: Opcode.TURNOVER_TOTALS,
    _C.SETTLE: Opcode.END_OF_DAY,
    _C.INITIALISE: Opcode.INITIALISATION,
    _C.DIAGNOSE: Opcode.DIAGNOSIS,
    _C.SELF_TEST: Opcode.SELF_TEST,
    _C.PRINT_TEST: Opcode.PRINT_CONFIGURATION,
    _C.DISPLAY: Opcode.DISPLAY_TEXT,
    _C.RESTART: Opcode.RESTART,
    _C.UPDATE: Opcode.WRITE_FILE,
    _C.RESUME: Opcode.WRITE_FILE,
    _C.SELF_UPDATE: Opcode.SOFTWARE_UPDATE,
    _C.READ_FILE: Opcode.READ_FILE,
    _C.DELETE_FILE: Opcode.DELETE_FILE,
    _C.LINE_RATE: Opcode.CHANGE_BAUD_RATE,
    _C.FACTORY_RESET: Opcode.MAKER_FUNCTION,
    _C.MAKER_INFORMATION: Opcode.MAKER_FUNCTION,
}
"""What the dialect can, and by which command. There is no way to read back what was sent: versions tell."""


class ZvtTerminal(ZvtSession):
    """A payment terminal. Every method raises as `ZvtSession.ask` does: DeviceRefused (`Unsupported` if the terminal does not
    have the command), LinkLost, LinkError."""

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What this terminal can, as far as is known: commands that it refused as unknown are out, and a maker's own ones in
        only if it said that it is from that maker."""
        known = {one for one, opcode in CAPABILITIES.items() if opcode not in self.missing}
        if not self.line.serial:
            known.discard(Capability.LINE_RATE)
        if self.identity.maker != FEIG:
            known -= {Capability.FACTORY_RESET, Capability.MAKER_INFORMATION}
        return frozenset(known)

    # -- tests and print --------------------------------------------------------------------------------------------

    def initialise(self) -> Report:
        """06 93: go online, and get ready to work."""
        return self._report(Opcode.INITIALISATION, WithPassword(password=self._password))

    def diagnosis(self, kind: int = Diagnosis.EXTENDED) -> Report:
        """06 70: test the way to the payment host; sets the terminal's clock."""
        return self._report(Opcode.DIAGNOSIS, Diagnosis(kind=kind))

    def self_test(self) -> Report:
        """06 79, with what it prints."""
        return self._report(Opcode.SELF_TEST)

    def print_configuration(self) -> Report:
        """06 1A, the test slip of this dialect. Without lines the terminal has printed it itself."""
        return self._report(Opcode.PRINT_CONFIGURATION)

    def _report(self, opcode: int, request: Message | None = None) -> Report:
        return self.ask(opcode, request).heard.report()

    def display(self, lines: Sequence[str], seconds: int = 0) -> None:
        """06 E0: show up to eight lines, for so long; 0: until something else is shown. No lines: switch it off."""
        charset = self.registered.charset
        raw = tuple(charsets.encode(line, charset) for line in lines)
        self.ask(Opcode.DISPLAY_TEXT, DisplayText(seconds=seconds, lines=raw) if raw else DisplayText())

    # -- restart, clock, line ---------------------------------------------------------------------------------------

    def restart(self, limit_s: float = comeback.RETURN_S) -> TerminalStatus:
        """06 18, and wait until it is back. Transactions that are under way may become wrong postings: look at `batch` first."""
        try:
            self.ask(Opcode.RESTART)
        except LinkLost as lost:
            if isinstance(lost, Silent) and lost.timer is not Timer.T4:
                raise  # it has not agreed; otherwise it may have gone down before its last word
        return self.wait_for_return(limit_s)

    def wait_for_return(self, limit_s: float = comeback.RETURN_S) -> TerminalStatus:
        """After a restart or an update; see `comeback.wait_for_return`."""
        return comeback.wait_for_return(self, limit_s)

    def set_clock(self, when: datetime.datetime) -> None:
        """06 91; local time."""
        date, time = digits(when)
        self.ask(Opcode.SET_CLOCK, SetClock(password=self._password, date=date, time=time))

    def raise_baud(self, highest: int) -> int:
        """08 40; see `rate.raise_baud`."""
        return rate.raise_baud(self, highest)

    # -- money ------------------------------------------------------------------------------------------------------

    def turnover_totals(self) -> Batch:
        """06 10: what is not settled; nothing is closed."""
        return self._batch(self.ask(Opcode.TURNOVER_TOTALS, WithPassword(password=self._password)).heard, settled=False)

    def batch(self) -> Batch:
        """What is not settled, by totals or else by the terminal's state. Where nobody tells it is unknown, which counts as
        open."""
        if Opcode.TURNOVER_TOTALS not in self.missing:
            try:
                return self.turnover_totals()
            except Unsupported:
                pass
        return Batch(BatchState.OPEN if self.status().state in OPEN_STATES else BatchState.UNKNOWN)

    def end_of_day(self) -> Settled:
        """06 50. A terminal may go down for an update or a restart right behind it: `follows` says so."""
        done = self.ask(Opcode.END_OF_DAY, EndOfDay(password=self._password), taken=(UPDATE_FOLLOWS, RESTART_FOLLOWS))
        return Settled(self._batch(done.heard, settled=True), done.heard.report(), _FOLLOWS[done.result])

    def _batch(self, heard: Heard, *, settled: bool) -> Batch:
        told = heard.information or StatusInformation()
        today = datetime.datetime.fromtimestamp(self.pipe.wall_clock(), datetime.UTC).date()
        return batch(told, self.registered.currency, today, settled=settled)

    # -- files and updates ------------------------------------------------------------------------------------------

    def read_file(self, file_id: int) -> FileCopy:
        """08 11; see `reading.read_file`."""
        return read_file(self, file_id)

    def delete_file(self, file_id: int) -> None:
        """08 12: delete a file that was read and is stored safely."""
        self.ask(Opcode.DELETE_FILE, DeleteFile(file_ids=(file_id,)))

    def software_update(self, job: str | None = None) -> Report:
        """08 10: the terminal fetches an update by itself, which it refuses while turnover is stored. It may have answered
        before it begins, and be silent while it works: `wait_for_return(UPDATE_S)`."""
        request = SoftwareUpdate(job=job)
        return self.ask(Opcode.SOFTWARE_UPDATE, request, taken=(UPDATE_FOLLOWS,)).heard.report()

    def push(self, files: Sequence[PushFile], progress: Progress) -> Pushed:
        """08 14; see `push.push`. The terminal wants its batch settled, installs afterwards, and restarts."""
        self._learn_size()
        return push(self, files, self.service_password or self._password, progress)

    def predicted_push_s(self, files: Sequence[PushFile], baud: int = 0) -> float:
        """How long `push` will take; see `push.predicted_s`."""
        self._learn_size()
        return predicted_s(self, files, baud)

    def _learn_size(self) -> None:
        """How much the terminal takes at once: it has said so, or it depends on who made it."""
        if self.registered.max_apdu is None and self.identity == Identity():
            self.status()

    # -- the maker's own --------------------------------------------------------------------------------------------

    def maker_information(self) -> MakerInformation:
        """0F A1 00 01 of Feig: versions, battery, temperature."""
        self._only(FEIG)
        return maker_information(
            self.ask(Opcode.MAKER_FUNCTION, maker.MakerRequest(function=maker.SYSTEM_INFORMATION)).completion
        )

    def factory_reset(self) -> None:
        """0F A1 02 55 of Feig. Restart follows: `wait_for_return`."""
        self._only(FEIG)
        self.ask(Opcode.MAKER_FUNCTION, maker.MakerRequest(password=self._password, function=maker.FACTORY_RESET))

    def _only(self, name: str) -> None:
        """A maker's command goes out only if `status` has shown a terminal of that maker."""
        if self.identity.maker != name:
            raise Unsupported(
                f"this is a command of {name}; the terminal says it is {self.identity.model or 'of no known make'}",
                status=0, name="not_supported_here", hint="Use the terminal's own menu, or the tool of its maker.",
            )  # fmt: skip
