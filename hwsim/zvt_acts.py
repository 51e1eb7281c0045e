"""What most ZVT commands do on a simulated terminal: payment host, tests, clock, money, print, display."""

import calendar
import time
from typing import TYPE_CHECKING, Final

from hwsim import zvt_print, zvt_state
from hwsim.zvt_script import PROTOCOL_ERROR, Script, aborted
from transports.zvt import service, session
from transports.zvt.apdu import OK, Apdu, refuse
from transports.zvt.layout import Message
from transports.zvt.opcodes import Opcode
from transports.zvt.outcome import Aborted, Completion, Receipts

if TYPE_CHECKING:
    from hwsim.zvt_terminal import ZvtTerminal

TURNOVER_FULL: Final = 0x6A
END_OF_DAY_FAILED: Final = 0x77
NO_REMOTE: Final = 0xA1
RESERVATIONS_OPEN: Final = 0xB8
OFFLINE_FAILED: Final = 0xFA
WAITING, DIALLING, WAIT, SERVICE = 0x04, 0xD2, 0x0E, 0x1A
"""States of 04 FF."""
HOST_S, SELF_TEST_S, UPDATE_RUNS_S, GOES_DOWN_S, LAST_WORD_S = 2.0, 3.0, 60.0, 0.2, 0.5
KEY_OK: Final = 0x0D


def done(record: Message | None = None) -> Script:
    """06 0F."""
    yield Apdu(Opcode.COMPLETION, record.build() if record else b"")


def says(terminal: "ZvtTerminal", state: int) -> Script:
    """04 FF, if the host wants such."""
    if terminal.config & session.INTERMEDIATE_STATES:
        yield Apdu(Opcode.INTERMEDIATE_STATUS, bytes([state]))


def ends_printed(terminal: "ZvtTerminal", lines: list[str], code: int = 0) -> Script:
    """Print, then the completion; without paper the command has failed."""
    if not (yield from zvt_print.print_out(terminal, lines)):
        yield from aborted(zvt_print.PRINTER_NOT_READY)
    else:
        yield from done(Completion(result=code) if code else None)


def online(terminal: "ZvtTerminal", request: Message) -> Script:
    """06 93, 06 70: to the payment host, which tells the time."""
    del request
    yield from says(terminal, DIALLING)
    yield HOST_S
    if not terminal.peripherals.host_reachable:
        yield from aborted(NO_REMOTE)
        return
    date, when = time.strftime("%y%m%d %H%M%S", time.gmtime(terminal.true_time())).split()
    terminal.peripherals.clock_offset_s = 0
    yield Apdu(Opcode.SET_HOST_CLOCK, service.HostClock(date=date, time=when).build())
    yield from done()


def send_offline(terminal: "ZvtTerminal", request: Message) -> Script:
    del request
    yield HOST_S
    if not terminal.peripherals.host_reachable:
        yield from aborted(OFFLINE_FAILED)
        return
    terminal.account.offline_unsent = 0
    yield from done()


def self_test(terminal: "ZvtTerminal", request: Message) -> Script:
    del request
    yield from says(terminal, WAIT)
    yield SELF_TEST_S
    terminal.peripherals.hours_since_self_test = 0
    yield from ends_printed(terminal, zvt_print.self_test(terminal))


def print_configuration(terminal: "ZvtTerminal", request: Message) -> Script:
    del request
    yield from ends_printed(terminal, zvt_print.configuration(terminal))


def set_clock(terminal: "ZvtTerminal", request: service.SetClock) -> Script:
    try:
        wanted = calendar.timegm(time.strptime(request.date + request.time, "%y%m%d%H%M%S"))
    except ValueError:
        yield from aborted(PROTOCOL_ERROR)
        return
    terminal.peripherals.clock_offset_s += wanted - terminal.clock()
    yield from done()


def change_password(terminal: "ZvtTerminal", request: service.ChangePassword) -> Script:
    terminal.passwords["register"] = request.new
    yield from done(Completion(result=0))


def set_terminal_id(terminal: "ZvtTerminal", request: service.SetTerminalId) -> Script:
    if terminal.account.count:
        yield from aborted(TURNOVER_FULL)
        return
    terminal.terminal_id = request.terminal_id or "00000000"
    yield from done()


def restart(terminal: "ZvtTerminal", request: Message) -> Script:
    """Whether or not the host hears its last word."""
    del request
    terminal.later(LAST_WORD_S, terminal.restart)
    yield from done()


def service_mode(terminal: "ZvtTerminal", request: Message) -> Script:
    """Somebody leaves the menu at once."""
    del request
    yield from says(terminal, SERVICE)
    yield from done()


def totals(terminal: "ZvtTerminal", request: Message) -> Script:
    del request
    yield Apdu(Opcode.STATUS_INFORMATION, zvt_state.turnover(terminal).build())
    yield from done()


def end_of_day(terminal: "ZvtTerminal", request: service.EndOfDay) -> Script:
    del request
    yield from says(terminal, WAITING)
    yield HOST_S
    if terminal.knobs.open_reservations:
        yield Apdu(Opcode.ABORTED, Aborted(result=RESERVATIONS_OPEN, open_receipts=Receipts(numbers=("0007",))).build())
        return
    if not terminal.peripherals.host_reachable:
        yield from aborted(END_OF_DAY_FAILED)
        return
    told, lines = zvt_state.turnover(terminal), zvt_print.totals(terminal)
    terminal.account.settle(terminal.clock())
    terminal.note("settled", f"{told.totals.payments if told.totals else 0} transactions")
    yield Apdu(Opcode.STATUS_INFORMATION, told.build())
    yield from ends_printed(terminal, lines, terminal.knobs.follows)
    if terminal.knobs.follows:
        go_down(terminal)


def go_down(terminal: "ZvtTerminal") -> None:
    """An update, or only a restart: the interface is dead meanwhile."""
    terminal.hung = True
    terminal.later(UPDATE_RUNS_S, terminal.restart)


def print_here(terminal: "ZvtTerminal", lines: list[bytes]) -> Script:
    good = zvt_print.on_paper(terminal, [line.decode("cp437") for line in lines])
    yield OK if good else refuse(zvt_print.PRINTER_NOT_READY)


def display(terminal: "ZvtTerminal", request: service.DisplayText) -> Script:
    terminal.display = " / ".join(line.decode("cp437") for line in request.lines)
    yield OK


def display_key(terminal: "ZvtTerminal", request: service.DisplayText) -> Script:
    """Somebody presses OK a second later."""
    terminal.display = " / ".join(line.decode("cp437") for line in request.lines)
    yield 1.0
    yield Apdu(0x8000, bytes([KEY_OK]))
