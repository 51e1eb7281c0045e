"""What each ZVT command does on a simulated terminal: a table from opcode to script, and the rules before any of them."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from formats.errors import FormatError
from hwsim import zvt_acts, zvt_state, zvt_updates
from hwsim.zvt_faults import disturbed
from hwsim.zvt_files import write_files
from hwsim.zvt_script import PROTOCOL_ERROR, Pause, Script, aborted
from transports.zvt import service, session
from transports.zvt.apdu import OK, Apdu, refuse
from transports.zvt.commands import COMMANDS, read_request
from transports.zvt.layout import Message
from transports.zvt.opcodes import Opcode, Timer
from transports.zvt.outcome import WRONG_CURRENCY, Aborted
from transports.zvt.session import Registration, RegistrationCompletion
from transports.zvt.values import Password

if TYPE_CHECKING:
    from hwsim.zvt_terminal import ZvtTerminal

NOT_POSSIBLE: Final = 0x83
WRONG_PASSWORD: Final = 0x37
RATE_UNKNOWN: Final = 0xFD
WHEN_LOCKED: Final = frozenset({
    Opcode.STATUS_ENQUIRY, Opcode.REGISTRATION, Opcode.LOG_OFF, Opcode.ABORT, Opcode.DISPLAY_TEXT, Opcode.DISPLAY_TEXT_KEY,
    Opcode.SERVICE_MODE, Opcode.SOFTWARE_UPDATE, Opcode.INITIALISATION, Opcode.DIAGNOSIS, Opcode.END_OF_DAY, Opcode.SET_CLOCK,
    Opcode.READ_FILE, Opcode.DELETE_FILE, Opcode.RESTART, Opcode.MAKER_FUNCTION,
})  # fmt: skip
"""What a locked terminal still does (S 7.1); a restart too, else there would be no way out."""


def script_for(terminal: "ZvtTerminal", apdu: Apdu) -> Script:
    """What a command makes the terminal do."""
    handler = HANDLERS.get(apdu.opcode)
    if handler is None or apdu.opcode not in terminal.profile.commands:
        return _refuse(NOT_POSSIBLE)
    try:
        request = read_request(apdu)
    except FormatError as error:
        return _refuse(NOT_POSSIBLE if error.name == "unsupported_format" else PROTOCOL_ERROR)
    terminal.carried_out.append(apdu.opcode)
    script = _checked(terminal, apdu.opcode, request, handler)
    return disturbed(terminal.knobs, script, terminal.restart)


def _checked(terminal: "ZvtTerminal", opcode: int, request: Message, handler: "Handler") -> Script:
    """Password and locks first."""
    wanted = terminal.passwords["service" if opcode == Opcode.WRITE_FILE else "register"]
    given: Password | None = getattr(request, "password", None) or getattr(request, "old", None)
    wrong = given is not None and given != wanted
    if wrong and (terminal.profile.refuses_password_early or COMMANDS[opcode].ends is Timer.T3):
        yield refuse(WRONG_PASSWORD)
        return
    if COMMANDS[opcode].ends is Timer.T4:
        yield OK
    lock = zvt_state.lock(terminal) if opcode not in WHEN_LOCKED else 0
    if wrong:
        yield from aborted(WRONG_PASSWORD)
    elif lock:
        yield from aborted(lock)
    else:
        yield from handler(terminal, request)


def _refuse(code: int) -> Script:
    yield refuse(code)


def _register(terminal: "ZvtTerminal", request: Registration) -> Script:
    if request.currency not in (None, session.EURO):
        yield Apdu(Opcode.ABORTED, Aborted(result=WRONG_CURRENCY, currency=session.EURO).build())
        return
    terminal.registered, terminal.config = request, request.config
    sets = request.charsets if request.charsets and len(request.charsets.sets) == 1 and request.container else None
    completion = RegistrationCompletion(
        status=0,
        terminal_id=terminal.terminal_id,
        currency=None if terminal.knobs.no_currency or request.currency is None else session.EURO,
        max_apdu=terminal.profile.max_apdu if request.container else None,
        columns=terminal.profile.columns if request.container else None,
        charsets=sets,
    )
    yield from zvt_acts.done(completion)


def _log_off(terminal: "ZvtTerminal", request: Message) -> Script:
    del request
    terminal.registered, terminal.config = None, terminal.profile.config_after_log_off
    yield OK


def _status(terminal: "ZvtTerminal", request: session.StatusEnquiry) -> Script:
    yield from zvt_acts.done(zvt_state.status(terminal, request))


def _abort(terminal: "ZvtTerminal", request: Message) -> Script:
    """With nothing to abort."""
    del terminal, request
    yield OK


def _change_rate(terminal: "ZvtTerminal", request: service.ChangeBaudRate) -> Script:
    baud = service.BAUD_RATES.get(request.code, 0)
    if baud not in terminal.profile.rates:
        yield refuse(RATE_UNKNOWN)
        return
    yield OK
    yield Pause.ACKNOWLEDGED
    if terminal.serial:
        terminal.set_rate(baud, service.BAUD_PAUSE_S)


Handler = Callable[["ZvtTerminal", Any], Script]
HANDLERS: Final[dict[int, Handler]] = {
    Opcode.REGISTRATION: _register,
    Opcode.LOG_OFF: _log_off,
    Opcode.STATUS_ENQUIRY: _status,
    Opcode.ABORT: _abort,
    Opcode.CHANGE_BAUD_RATE: _change_rate,
    Opcode.INITIALISATION: zvt_acts.online,
    Opcode.DIAGNOSIS: zvt_acts.online,
    Opcode.SEND_OFFLINE: zvt_acts.send_offline,
    Opcode.SELF_TEST: zvt_acts.self_test,
    Opcode.PRINT_CONFIGURATION: zvt_acts.print_configuration,
    Opcode.SET_CLOCK: zvt_acts.set_clock,
    Opcode.CHANGE_PASSWORD: zvt_acts.change_password,
    Opcode.SET_TERMINAL_ID: zvt_acts.set_terminal_id,
    Opcode.RESTART: zvt_acts.restart,
    Opcode.SERVICE_MODE: zvt_acts.service_mode,
    Opcode.TURNOVER_TOTALS: zvt_acts.totals,
    Opcode.END_OF_DAY: zvt_acts.end_of_day,
    Opcode.PRINT_LINE: lambda terminal, request: zvt_acts.print_here(terminal, [request.line.text]),
    Opcode.PRINT_TEXT_BLOCK: lambda terminal, request: zvt_acts.print_here(terminal, [line.text for line in request.lines]),
    Opcode.DISPLAY_TEXT: zvt_acts.display,
    Opcode.DISPLAY_TEXT_KEY: zvt_acts.display_key,
    Opcode.READ_FILE: zvt_updates.read_file,
    Opcode.DELETE_FILE: zvt_updates.delete_file,
    Opcode.CHANGE_CONFIGURATION: zvt_updates.change_configuration,
    Opcode.SOFTWARE_UPDATE: zvt_updates.software_update,
    Opcode.WRITE_FILE: write_files,
    Opcode.MAKER_FUNCTION: zvt_updates.maker_function,
}
