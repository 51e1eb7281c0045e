"""Files that a simulated ZVT terminal gives away, updates that it fetches itself, and one maker's own commands."""

import time
from typing import TYPE_CHECKING, Final

from hwsim import zvt_print
from hwsim.zvt_acts import GOES_DOWN_S, TURNOVER_FULL, UPDATE_RUNS_S, WAIT, done, go_down, says
from hwsim.zvt_script import SYSTEM_ERROR, Script, aborted
from transports.zvt import maker
from transports.zvt.apdu import Apdu
from transports.zvt.files import DeleteFile, FilePart, ReadFile, SoftwareUpdate
from transports.zvt.layout import Message
from transports.zvt.opcodes import Opcode
from transports.zvt.outcome import Completion, StatusInformation

if TYPE_CHECKING:
    from hwsim.zvt_terminal import ZvtTerminal

ABORT_KEY: Final = 0x6C
UPDATE_STARTS: Final = 0xE0
JOURNAL: Final = {1: "merchant journal", 2: "application log"}
"""Files that can be read."""
PIECE: Final = 200
"""Bytes of a file in one 04 0F."""


def read_file(terminal: "ZvtTerminal", request: ReadFile) -> Script:
    for part in request.files:
        data = content(terminal, part.file_id)
        for offset in range(part.offset or 0, len(data), PIECE):
            piece = FilePart(file_id=part.file_id, offset=offset, size=len(data), block=data[offset : offset + PIECE])
            answer = yield Apdu(Opcode.STATUS_INFORMATION, StatusInformation(files=(piece,)).build())
            if answer is None or not answer.positive:
                yield from aborted(ABORT_KEY)
                return
    yield from done(Completion(result=0))


def content(terminal: "ZvtTerminal", number: int | None) -> bytes:
    """A file that can be read: lines of text."""
    if number not in JOURNAL or number in terminal.deleted:
        return b""
    entries = terminal.journal.since(0) if number == 2 else ()
    lines = [JOURNAL[number], *(f"{entry.number} {entry.time} {entry.event} {entry.detail}" for entry in entries)]
    return "".join(f"{line}\r\n" for line in [*lines, *(zvt_print.NASTY if terminal.knobs.escapes else ())]).encode(
        "cp437", "replace"
    )


def delete_file(terminal: "ZvtTerminal", request: DeleteFile) -> Script:
    """What was asked for goes only when the host has agreed to the completion (S 2.41)."""
    answer = yield Apdu(Opcode.COMPLETION, Completion(result=0).build())
    if answer is not None and answer.positive:
        terminal.deleted.update(request.file_ids)


def change_configuration(terminal: "ZvtTerminal", request: Message) -> Script:
    del terminal, request
    yield from done(Completion(result=0))


def software_update(terminal: "ZvtTerminal", request: SoftwareUpdate) -> Script:
    del request
    if terminal.account.count:
        yield from aborted(TURNOVER_FULL)
        return
    date, when = time.strftime("%y%m%d %H%M%S", time.gmtime(terminal.clock())).split()
    if terminal.profile.update_aborts:
        yield from aborted(UPDATE_STARTS)
    else:
        if not terminal.knobs.answers_first:
            yield from says(terminal, WAIT)
            yield UPDATE_RUNS_S
        yield from done(Completion(result=0, time=when, date=date))
    terminal.files.approve(terminal.running._replace(patch=terminal.running.patch + 1))
    if terminal.profile.update_aborts or terminal.knobs.answers_first:
        go_down(terminal)
    else:
        terminal.later(GOES_DOWN_S, terminal.restart)


def maker_function(terminal: "ZvtTerminal", request: maker.MakerRequest) -> Script:
    if request.function == maker.SYSTEM_INFORMATION:
        told = maker.MakerCompletion(
            device_id=zvt_print.serial_digits(terminal)[:8],
            version=f"GER-APP-v{terminal.running}",
            terminal_id=terminal.terminal_id,
            voltage=f"{terminal.peripherals.battery_mv / 1000:.2f}",
            temperature=f"{terminal.peripherals.head_temperature_c:.1f}",
        )
        yield from done(told)
    elif request.function == maker.FACTORY_RESET and request.password is not None:
        yield from done()
        terminal.terminal_id, terminal.files = "00000000", type(terminal.files)()
        terminal.later(GOES_DOWN_S, terminal.restart)
    else:
        yield from aborted(SYSTEM_ERROR)
