"""What each command does on the terminal: a table from opcode to function. Each returns how long it takes and the answer.

No answer (None) means that the function sends it itself, later.
"""

import contextlib
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from formats.errors import FormatError
from formats.fwp.table import ENTRIES_PER_PAGE
from formats.record import Record
from formats.versions import Version
from hwsim.bootloader import Booted, Loader
from hwsim.installer import Installer
from hwsim.printer import LINES_PER_SECOND
from hwsim.refusal import Refused
from hwsim.slip import test_slip
from hwsim.slots import SlotStore, judge
from hwsim.stock import HINT, Stock
from hwsim.transitions import Event, State
from transports.tsp import messages, password
from transports.tsp.messages import COMMANDS, BatchState, Message, Opcode, PrinterState, ResetKind, Rights, SlotState, Status

if TYPE_CHECKING:
    from hwsim.terminal import Terminal

Answer = tuple[float, Record | None]
_SERIAL: Final = re.compile(r"[A-Za-z0-9.-]{1,32}")
EMPTY: Final = messages.Empty()
HEALTH_S: Final = {1: 0.4, 2: 1.2, 3: 1.2}
MAX_BLOCK: Final = 65536
LOW_BATTERY_PERCENT: Final = 30
LAST_TIME: Final = 253_402_300_799
"""End of the year 9999."""
HASH_BYTE_S: Final = 1 / 10e6
"""SHA-256 in software on the same processor: 10 MB/s."""
SIGNATURE_S: Final = 0.030
"""An Ed25519 check on a Cortex-M4 at 120 MHz, in software."""


def run(terminal: "Terminal", message: Message) -> Answer:
    """Carry out one request.

    Raises:
        Refused: with the status for the answer.
    """
    try:
        opcode = Opcode(message.opcode)
        handler = HANDLERS[opcode]
    except (ValueError, KeyError):
        raise Refused(Status.UNKNOWN_COMMAND, f"unknown command {message.opcode:#04x}") from None
    layout = COMMANDS[opcode].request
    assert layout is not None
    try:
        request = layout.parse(message.body, what=opcode.name)
    except FormatError as error:
        raise Refused(Status.BAD_REQUEST, error.message) from error
    if COMMANDS[opcode].rights is not Rights.INSPECT and opcode is not Opcode.BEGIN:  # which has an order of its own
        _in_service(terminal)
    if terminal.in_recovery and not _in_recovery(terminal, opcode, request):
        raise Refused(Status.WRONG_STATE, "the recovery loader answers, takes an update, and does nothing else")
    return handler(terminal, request, message)


def _in_service(terminal: "Terminal") -> None:
    if terminal.peripherals.tampered:
        raise Refused(Status.TAMPERED, "the tamper switch has opened; the terminal is out of service")


def _in_recovery(terminal: "Terminal", opcode: Opcode, request: Record) -> bool:
    """What the recovery loader does: tell, take an update, restart; and take the number of a terminal that has none yet."""
    if opcode is Opcode.RESET:
        return isinstance(request, messages.ResetRequest) and request.reset is ResetKind.RESTART
    if opcode is Opcode.SERIAL_SET:
        return not terminal.identity.serial_number
    return COMMANDS[opcode].rights in (Rights.INSPECT, Rights.UPDATE)


def _info(terminal: "Terminal", request: Record, message: Message) -> Answer:
    del request, message
    return 0.0, terminal.info()


def _status(terminal: "Terminal", request: Record, message: Message) -> Answer:
    del request, message
    peripherals = terminal.peripherals
    digest, held = terminal.partial_update()
    return 0.0, messages.TerminalStatus(
        mode=terminal.mode,
        uptime_s=terminal.uptime_s(),
        mains=peripherals.mains,
        battery_percent=peripherals.battery_percent,
        battery_mv=peripherals.battery_mv,
        printer=peripherals.printer_state(),
        tampered=peripherals.tampered,
        update_digest=digest,
        blocks_held=held,
        display=terminal.display,
    )


def _health(terminal: "Terminal", request: Record, message: Message) -> Answer:
    del message
    assert isinstance(request, messages.HealthRequest)
    readings = terminal.sense().readings(request.level)
    return HEALTH_S[request.level], messages.Readings(readings=readings)


def _statistics(terminal: "Terminal", request: Record, message: Message) -> Answer:
    del request, message
    counters = tuple(messages.Counter(name=n, value=v) for n, v in terminal.statistics.values.items())
    return 0.0, messages.Statistics(counters=counters)


def _statistics_reset(terminal: "Terminal", request: Record, message: Message) -> Answer:
    del request, message
    terminal.statistics.reset()
    terminal.note("statistics_reset")
    return 0.05, EMPTY


def _batch_record(terminal: "Terminal") -> messages.Batch:
    account = terminal.account
    totals = (messages.Total(currency=account.currency, minor_units=account.minor_units, decimals=2),)
    return messages.Batch(
        state=account.state,
        count=account.count,
        offline_unsent=account.offline_unsent,
        business_date=terminal.date(),
        last_close=account.last_close,
        totals=totals if account.count else (),
    )


def _batch(terminal: "Terminal", request: Record, message: Message) -> Answer:
    del request, message
    return 0.0, _batch_record(terminal)


def _settle(terminal: "Terminal", request: Record, message: Message) -> Answer:
    del request, message
    if not terminal.peripherals.host_reachable:
        raise Refused(Status.WRONG_STATE, "the bank's host cannot be reached")
    terminal.note("settled", f"{terminal.account.count} transactions")
    terminal.account.settle(terminal.clock())
    return 3.0, _batch_record(terminal)


def _print_test(terminal: "Terminal", request: Record, message: Message) -> Answer:
    del message
    assert isinstance(request, messages.PrintRequest)
    peripherals = terminal.peripherals
    lines = test_slip(terminal.identity, terminal.version, terminal.counter.value, peripherals, terminal.clock(), request.lines)
    state, printed = peripherals.printer_state(), len(lines)
    if state not in (PrinterState.OK, PrinterState.PAPER_LOW):
        printed = 0
    elif peripherals.paper_lines_left is not None and peripherals.paper_lines_left < printed:
        printed, state = peripherals.paper_lines_left, PrinterState.PAPER_OUT
        peripherals.paper, peripherals.paper_lines_left = "out", None
    slip = terminal.printer.save(lines[:printed], peripherals.dead_dots)
    terminal.statistics.add("ReceiptLinePrintedCount", printed)
    if printed == len(lines):
        terminal.note("print_test", f"{printed} lines")
    else:
        terminal.statistics.add("PrinterFaultCount")
        terminal.note("print_stopped", f"{state.name.lower()} after line {printed} of {len(lines)}")
    result = messages.PrintResult(lines_printed=printed, lines_total=len(lines), state=state, slip=slip[-250:])
    return 0.1 + printed / LINES_PER_SECOND, result


def _reset(terminal: "Terminal", request: Record, message: Message) -> Answer:
    assert isinstance(request, messages.ResetRequest)
    if request.reset is ResetKind.REINITIALISE and terminal.account.state is not BatchState.CLOSED:
        raise Refused(Status.UNSETTLED, f"{terminal.account.count} transactions are not settled")
    if request.reset is ResetKind.FACTORY:
        if terminal.account.state is not BatchState.CLOSED:
            raise Refused(Status.UNSETTLED, f"{terminal.account.count} transactions are not settled")
        terminal.storage.key_cells.erase()
        terminal.peripherals.keys_present = False
        terminal.statistics.reset()
    terminal.note("reset", request.reset.name.lower())
    terminal.answer(message, Status.OK, EMPTY)
    terminal.later(0.2, terminal.restart)
    return 0.0, None


def _journal(terminal: "Terminal", request: Record, message: Message) -> Answer:
    del message
    assert isinstance(request, messages.JournalRequest)
    return 0.01, messages.Journal(total=terminal.journal.total, entries=terminal.journal.since(request.first))


def _clock(terminal: "Terminal", request: Record, message: Message) -> Answer:
    del request, message
    return 0.0, messages.Clock(time=terminal.clock())


def _clock_set(terminal: "Terminal", request: Record, message: Message) -> Answer:
    del message
    assert isinstance(request, messages.Clock)
    if request.time > LAST_TIME:
        raise Refused(Status.BAD_REQUEST, "this time is beyond the calendar")
    before = terminal.clock()
    terminal.storage.used_grants.see(before)
    terminal.peripherals.clock_offset_s += request.time - before
    terminal.note("clock_set", f"by {request.time - before:+d} s")
    return 0.0, EMPTY


def _slots(terminal: "Terminal", request: Record, message: Message) -> Answer:
    del request, message
    return 0.0, messages.Slots(slots=tuple(_slot(terminal, index) for index in (0, 1)))


def _slot(terminal: "Terminal", index: int) -> messages.Slot:
    mark = terminal.boot_log.state.slots[index]
    running = terminal.booted is not None and terminal.booted.slot == index
    state = SlotState.ACTIVE if running and mark.state is SlotState.CONFIRMED else mark.state
    version, counter, digest = Version(0, 0, 0), 0, bytes(32)
    stored = SlotStore(terminal.flash, index).metadata() if mark.state is not SlotState.EMPTY else None
    if stored:
        try:
            offered = judge(*stored, terminal.trust, terminal.identity, 0, None)
            version, counter = offered.manifest.version, offered.manifest.security_counter
            digest = offered.digest
        except Refused:
            state = SlotState.BAD
    return messages.Slot(
        index=index,
        state=state,
        running=running,
        starts_left=mark.starts_left,
        version=version,
        security_counter=counter,
        digest=digest,
    )


def _begin(terminal: "Terminal", request: Record, message: Message) -> Answer:
    del message
    assert isinstance(request, messages.Begin)
    peripherals, booted = terminal.peripherals, terminal.booted
    assert booted is not None
    offered = judge(
        request.signed, request.signatures, terminal.trust, terminal.identity, terminal.counter.value,
        terminal.version if booted.slot is not None else None,
    )  # fmt: skip
    _in_service(terminal)
    if terminal.account.state is not BatchState.CLOSED:
        raise Refused(Status.UNSETTLED, f"{terminal.account.count} transactions are not settled")
    if not peripherals.mains and peripherals.battery_percent < LOW_BATTERY_PERCENT:
        raise Refused(Status.LOW_POWER, f"the battery is at {peripherals.battery_percent} % and there is no mains power")
    if booted.trial:
        raise Refused(Status.WRONG_STATE, "the running firmware is on trial: confirm or revert it first")
    slot = terminal.target_slot
    before = terminal.flash.busy_s
    terminal.update.drop()
    stock = _stock(terminal, offered.manifest.block_size)
    installer = Installer(
        terminal.flash, terminal.boot_log, slot, offered, stock, terminal.update.tell_held, counter=terminal.counter,
        trusts=terminal.storage.trust_store, identity=terminal.identity, state=booted.state,
    )  # fmt: skip
    held = installer.begin(resume=request.resume)
    terminal.note("update_begun", f"{offered.manifest.version} into slot {slot}, {held} blocks held")
    hashing = held * offered.manifest.block_size * HASH_BYTE_S
    terminal.update.start(installer)
    cost = SIGNATURE_S + terminal.flash.busy_s - before + hashing if held else SIGNATURE_S
    return cost, messages.Begun(blocks_total=offered.manifest.block_count, blocks_held=held)


def _finish(terminal: "Terminal", request: Record, message: Message) -> Answer:
    del request
    update = terminal.update
    if update.installer is None:
        raise Refused(Status.WRONG_STATE, "no update is going on")
    if update.installer.complete and (update.installer.jobs or update.flash_busy):
        update.finish_later(message)
    else:
        update.finish_now(message)
    return 0.0, None


def _stock(terminal: "Terminal", block_size: int) -> Stock:
    """What there is of an image with blocks of this size: in the slot it goes to, whether or not that may start, and in
    the running one."""
    booted = terminal.booted
    store = SlotStore(terminal.flash, terminal.target_slot)
    stored, target = store.metadata(), None
    with contextlib.suppress(Refused):
        target = (store, judge(*stored, terminal.trust, terminal.identity, 0, None)) if stored else None
    running = None
    if booted and booted.slot is not None and booted.offered:
        running = SlotStore(terminal.flash, booted.slot), booted.offered
    return Stock(block_size, target, running)


def _holding(terminal: "Terminal", request: Record, message: Message) -> Answer:
    del message
    assert isinstance(request, messages.HoldingRequest)
    if request.block_size > MAX_BLOCK or len(request.digests) > HINT * ENTRIES_PER_PAGE:
        raise Refused(Status.BAD_REQUEST, "more or larger blocks than a page of a table has")
    stock = _stock(terminal, request.block_size)
    hints = [request.digests[at : at + HINT] for at in range(0, len(request.digests), HINT)]
    found = [len(hint) == HINT and stock.find(request.first + n, hint) is not None for n, hint in enumerate(hints)]
    hashing = sum(found) * request.block_size * HASH_BYTE_S
    return hashing, messages.Held(first=request.first, blocks=sum(1 << n for n, there in enumerate(found) if there))


def _abort(terminal: "Terminal", request: Record, message: Message) -> Answer:
    del request, message
    terminal.update.drop()
    terminal.note("update_aborted")
    return 0.0, EMPTY


def _confirm(terminal: "Terminal", request: Record, message: Message) -> Answer:
    del message
    assert isinstance(request, messages.Confirm)
    booted = terminal.booted
    if booted is None or booted.offered is None or booted.offered.digest != request.digest:
        raise Refused(Status.WRONG_STATE, "this is not the firmware that is running")
    if booted.trial:
        loader = _loader(terminal)
        try:
            loader.command(Event.CONFIRM, booted)
        finally:
            _note_confirmed(terminal, booted, loader.events)
    return 0.0, EMPTY


def _note_confirmed(terminal: "Terminal", booted: Booted, events: tuple[tuple[str, str], ...]) -> None:
    """Whatever a faulty part has made of the rest: once the boot record is there, the image is confirmed."""
    if terminal.boot_log.state.slots[terminal.boot_log.state.active].state is SlotState.CONFIRMED and (
        terminal.boot_log.state.active == booted.slot
    ):
        terminal.booted = booted._replace(trial=False)
        terminal.note("confirmed", f"{terminal.version}, counter {terminal.counter.value}")
    for event, detail in events:
        terminal.note(event, detail)


def _revert(terminal: "Terminal", request: Record, message: Message) -> Answer:
    del request
    booted = terminal.booted
    if booted is None or booted.slot is None:
        raise Refused(Status.WRONG_STATE, "no firmware is running")
    state = _loader(terminal).command(Event.REVERT, booted)
    assert state is State.RESET
    terminal.note("revert_asked")
    terminal.answer(message, Status.OK, EMPTY)
    terminal.later(0.2, terminal.restart)
    return 0.0, None


def _loader(terminal: "Terminal") -> Loader:
    return Loader(terminal.flash, terminal.boot_log, terminal.counter, terminal.storage.trust_store, terminal.identity)


def _line_rate(terminal: "Terminal", request: Record, message: Message) -> Answer:
    del message
    assert isinstance(request, messages.RateRequest)
    return 0.0, terminal.line_rate.ask(request)


def _serial_set(terminal: "Terminal", request: Record, message: Message) -> Answer:
    del message
    assert isinstance(request, messages.SerialNumber)
    has = terminal.identity.serial_number
    if not _SERIAL.fullmatch(request.serial_number):
        raise Refused(Status.BAD_REQUEST, "a serial number has 1 to 32 letters, digits, hyphens or dots")
    if has != request.serial_number:
        terminal.storage.set_serial_number(request.serial_number)
        terminal.identity = terminal.identity._replace(serial_number=request.serial_number)
        terminal.note("serial_number_set", request.serial_number)
    return 0.01, EMPTY


def _authorise(terminal: "Terminal", request: Record, message: Message) -> Answer:
    del message
    assert isinstance(request, messages.Authorise)
    return 3 * SIGNATURE_S, terminal.access.authorise(terminal, request)


def _password(terminal: "Terminal", request: Record, message: Message) -> Answer:
    del request, message
    cells = terminal.storage.password
    verifier = cells.verifier
    if verifier is None:
        raise Refused(Status.WRONG_STATE, "this terminal has no password")
    return 0.0, messages.PasswordState(
        log_n=verifier.log_n, r=verifier.r, p=verifier.p, salt=verifier.salt, failures=cells.failures,
        wait_s=terminal.access.wait_s(terminal),
    )  # fmt: skip


def _password_login(terminal: "Terminal", request: Record, message: Message) -> Answer:
    del message
    assert isinstance(request, messages.PasswordLogin)
    return SIGNATURE_S, terminal.access.login(terminal, request)


def _password_set(terminal: "Terminal", request: Record, message: Message) -> Answer:
    del message
    assert isinstance(request, messages.PasswordVerifier)
    try:
        password.check_cost(request)
    except FormatError as error:
        raise Refused(Status.BAD_REQUEST, error.message) from error
    terminal.storage.password.set(request)
    terminal.note("password_set")
    return 0.05, EMPTY


def _echo(terminal: "Terminal", request: Record, message: Message) -> Answer:
    del terminal, message
    return 0.0, request


Handler = Callable[["Terminal", Record, Message], Answer]
HANDLERS: Final[dict[Opcode, Handler]] = {
    Opcode.INFO: _info,
    Opcode.STATUS: _status,
    Opcode.HEALTH: _health,
    Opcode.STATISTICS: _statistics,
    Opcode.STATISTICS_RESET: _statistics_reset,
    Opcode.BATCH: _batch,
    Opcode.SETTLE: _settle,
    Opcode.PRINT_TEST: _print_test,
    Opcode.RESET: _reset,
    Opcode.JOURNAL: _journal,
    Opcode.CLOCK: _clock,
    Opcode.CLOCK_SET: _clock_set,
    Opcode.SLOTS: _slots,
    Opcode.LINE_RATE: _line_rate,
    Opcode.ECHO: _echo,
    Opcode.HOLDING: _holding,
    Opcode.SERIAL_SET: _serial_set,
    Opcode.AUTHORISE: _authorise,
    Opcode.PASSWORD: _password,
    Opcode.PASSWORD_LOGIN: _password_login,
    Opcode.PASSWORD_SET: _password_set,
    Opcode.BEGIN: _begin,
    Opcode.FINISH: _finish,
    Opcode.ABORT: _abort,
    Opcode.CONFIRM: _confirm,
    Opcode.REVERT: _revert,
}
