"""The table of commands: who says them, what ends them, what they need, and the records that go with them."""

from typing import Final, NamedTuple

from formats.errors import FormatError
from transports.tsp.messages import Rights
from transports.zvt import files, maker, outcome, printing, service, session
from transports.zvt.apdu import Apdu
from transports.zvt.layout import Message
from transports.zvt.opcodes import Direction, Opcode, Timer
from transports.zvt.outcome import Aborted, Completion
from transports.zvt.service import Empty, WithPassword

_TO_TERMINAL, _TO_HOST, _BOTH = Direction.TO_TERMINAL, Direction.TO_HOST, Direction.BOTH
_T3, _T4 = Timer.T3, Timer.T4
_INSPECT, _SERVICE, _UPDATE, _FACTORY = Rights.INSPECT, Rights.SERVICE, Rights.UPDATE, Rights.FACTORY


class Command(NamedTuple):
    """One row."""

    direction: Direction
    ends: Timer
    """T3: the answer ends it. T4: a positive answer makes the terminal master until it sends 06 0F or 06 1E."""
    rights: Rights
    """What a caller needs; what a terminal says needs nothing."""
    request: type[Message]
    completion: type[Message] = Completion
    answer: type[Message] = Empty
    """Data of a positive answer."""


COMMANDS: Final[dict[int, Command]] = {
    Opcode.SET_HOST_CLOCK: Command(_TO_HOST, _T3, _INSPECT, service.HostClock),
    Opcode.FILE_REQUEST: Command(_TO_HOST, _T3, _INSPECT, files.FileRequest, answer=files.FileBlock),
    Opcode.STATUS_INFORMATION: Command(_TO_HOST, _T3, _INSPECT, outcome.StatusInformation),
    Opcode.INTERMEDIATE_STATUS: Command(_TO_HOST, _T3, _INSPECT, outcome.IntermediateStatus),
    Opcode.COMPLETION: Command(_TO_HOST, _T3, _INSPECT, Completion),
    Opcode.ABORTED: Command(_TO_HOST, _T3, _INSPECT, Aborted),
    Opcode.PRINT_LINE: Command(_BOTH, _T3, _SERVICE, printing.PrintLine),
    Opcode.PRINT_TEXT_BLOCK: Command(_BOTH, _T3, _SERVICE, printing.PrintTextBlock),
    Opcode.STATUS_ENQUIRY: Command(_TO_TERMINAL, _T4, _INSPECT, session.StatusEnquiry, session.StatusCompletion),
    Opcode.REGISTRATION: Command(_TO_TERMINAL, _T4, _INSPECT, session.Registration, session.RegistrationCompletion),
    Opcode.LOG_OFF: Command(_TO_TERMINAL, _T3, _INSPECT, Empty),
    Opcode.TURNOVER_TOTALS: Command(_TO_TERMINAL, _T4, _INSPECT, WithPassword),
    Opcode.CHANGE_BAUD_RATE: Command(_TO_TERMINAL, _T3, _INSPECT, service.ChangeBaudRate),
    Opcode.READ_FILE: Command(_TO_TERMINAL, _T4, _INSPECT, files.ReadFile),
    Opcode.RESTART: Command(_TO_TERMINAL, _T4, _SERVICE, Empty),
    Opcode.PRINT_CONFIGURATION: Command(_TO_TERMINAL, _T4, _SERVICE, Empty),
    Opcode.END_OF_DAY: Command(_TO_TERMINAL, _T4, _SERVICE, service.EndOfDay),
    Opcode.SEND_OFFLINE: Command(_TO_TERMINAL, _T4, _SERVICE, WithPassword),
    Opcode.DIAGNOSIS: Command(_TO_TERMINAL, _T4, _SERVICE, service.Diagnosis),
    Opcode.SELF_TEST: Command(_TO_TERMINAL, _T4, _SERVICE, Empty),
    Opcode.SET_CLOCK: Command(_TO_TERMINAL, _T4, _SERVICE, service.SetClock),
    Opcode.INITIALISATION: Command(_TO_TERMINAL, _T4, _SERVICE, WithPassword),
    Opcode.ABORT: Command(_TO_TERMINAL, _T3, _SERVICE, session.Abort),
    Opcode.DISPLAY_TEXT: Command(_TO_TERMINAL, _T3, _SERVICE, service.DisplayText),
    Opcode.DISPLAY_TEXT_KEY: Command(_TO_TERMINAL, _T3, _SERVICE, service.DisplayText, answer=service.KeyPressed),
    Opcode.SERVICE_MODE: Command(_TO_TERMINAL, _T4, _SERVICE, service.ServiceMode),
    Opcode.DELETE_FILE: Command(_TO_TERMINAL, _T4, _SERVICE, files.DeleteFile),
    Opcode.SOFTWARE_UPDATE: Command(_TO_TERMINAL, _T4, _UPDATE, files.SoftwareUpdate),
    Opcode.WRITE_FILE: Command(_TO_TERMINAL, _T4, _UPDATE, files.WriteFile),
    Opcode.CHANGE_CONFIGURATION: Command(_TO_TERMINAL, _T4, _FACTORY, files.ChangeConfiguration),
    Opcode.CHANGE_PASSWORD: Command(_TO_TERMINAL, _T4, _FACTORY, service.ChangePassword),
    Opcode.SET_TERMINAL_ID: Command(_TO_TERMINAL, _T4, _FACTORY, service.SetTerminalId),
    Opcode.MAKER_FUNCTION: Command(_TO_TERMINAL, _T4, _FACTORY, maker.MakerRequest, maker.MakerCompletion),
}
"""Opcode -> row. What is not here is answered with 84 83 (S 2)."""


def rights_of(apdu: Apdu) -> Rights:
    """What a command needs; an unknown one needs the most.

    Raises:
        FormatError: a maker's function that cannot be read.
    """
    row = COMMANDS.get(apdu.opcode)
    if row is None:
        return _FACTORY
    if apdu.opcode == Opcode.MAKER_FUNCTION:
        function = maker.MakerRequest.parse(apdu.data).function
        return _INSPECT if function == maker.SYSTEM_INFORMATION else row.rights
    return row.rights


class Context:
    """Which record the data of a message is: answers and completions can only be read by what they belong to."""

    def __init__(self) -> None:
        self._asked: int | None = None
        """The last command of either side, until its answer."""
        self._running: int | None = None
        """The command that makes the terminal master, until its completion."""

    def record(self, apdu: Apdu) -> type[Message] | None:
        """The record of the next message of a conversation; None: nobody knows."""
        if apdu.is_answer:
            return self._answer(apdu)
        row = COMMANDS.get(apdu.opcode)
        self._asked = apdu.opcode
        if row is None:
            return None
        record = row.request
        if apdu.opcode in (Opcode.COMPLETION, Opcode.ABORTED):
            begun = COMMANDS[self._running] if self._running is not None else None
            self._running = None
            return begun.completion if begun and apdu.opcode == Opcode.COMPLETION else record
        if row.ends is Timer.T4:
            self._running = apdu.opcode
        return record

    def _answer(self, apdu: Apdu) -> type[Message] | None:
        row = COMMANDS.get(self._asked) if self._asked is not None else None
        self._asked = None
        return row.answer if row and apdu.positive else Empty


def read_request(apdu: Apdu) -> Message:
    """A command as its record.

    Raises:
        FormatError: not in the table (`unsupported_format`), or its data make no sense.
    """
    row = COMMANDS.get(apdu.opcode)
    if row is None:
        raise FormatError(f"command {apdu.opcode >> 8:02X} {apdu.opcode & 0xFF:02X} is not known", name="unsupported_format")
    return row.request.parse(apdu.data)
