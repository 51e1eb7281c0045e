"""What a terminal says while a command runs, and our answers: what it prints, what it is doing, times, totals."""

from collections.abc import Callable
from typing import Final

from formats.errors import FormatError
from transports.scrub import scrub_text
from transports.terminal_records import Report, Slip
from transports.zvt import charsets, codes, printing
from transports.zvt.apdu import OK, Apdu, refuse
from transports.zvt.opcodes import Opcode
from transports.zvt.outcome import IntermediateStatus, StatusInformation
from transports.zvt.printing import Line, PrintLine, PrintTextBlock
from transports.zvt.service import HostClock
from transports.zvt_host.refusals import NOT_POSSIBLE
from transports.zvt_host.times import moment

PROTOCOL_ERROR: Final = 0x9A
NO_PRINTER: Final = 0xCC
MAX_PRINTED: Final = 1 << 19
"""Bytes of text that are kept of one command; a printed configuration has four thousand."""
MAX_LINES: Final = 20_000
MAX_STATES: Final = 200
KINDS: Final = {printing.MERCHANT: "merchant", printing.CUSTOMER: "customer", printing.ADMINISTRATION: "administration"}
Answer = Callable[[bytes], Apdu]
"""Takes the data of a command of the terminal, and gives our answer. FormatError: they make no sense."""


class Heard:
    """Collects what comes during one command. What is too much is refused like by a printer without paper.

    Args:
        charset: Character set that was agreed.
        columns: Width of a line, for what is centred.
    """

    def __init__(self, charset: int = charsets.CP437, columns: int = 40) -> None:
        self.information: StatusInformation | None = None
        """The last 04 0F with sums, else the first."""
        self.nonsense = 0
        """Commands that could not be read."""
        self._charset, self._columns = charset, columns
        self._slips: list[Slip] = []
        self._lines: list[str] = []
        self._kind = ""
        self._size = self._count = 0
        self._states: list[str] = []
        self._clock: HostClock | None = None
        self.answers: dict[int, Answer] = {
            Opcode.PRINT_LINE: self._print_line,
            Opcode.PRINT_TEXT_BLOCK: self._print_block,
            Opcode.INTERMEDIATE_STATUS: self._state,
            Opcode.STATUS_INFORMATION: self._information,
            Opcode.SET_HOST_CLOCK: self._host_clock,
        }
        """Command of the terminal -> what answers it; a command of ours may add to it."""

    def answer(self, apdu: Apdu) -> Apdu:
        """Our answer to a command of the terminal (S 2: 84 83 for those that we do not have)."""
        if apdu.opcode not in self.answers:
            return refuse(NOT_POSSIBLE)
        try:
            return self.answers[apdu.opcode](apdu.data)
        except FormatError:
            self.nonsense += 1
            return refuse(PROTOCOL_ERROR)

    def report(self) -> Report:
        """All of it; what was printed last may come without the mark of a last line."""
        self._cut()
        clock = moment(self._clock.date and f"20{self._clock.date}", self._clock.time) if self._clock else None
        return Report(tuple(self._slips), tuple(self._states), clock)

    def _print_line(self, data: bytes) -> Apdu:
        message = PrintLine.parse(data)
        return self._print([message.line], message.receipt_type, self._charset)

    def _print_block(self, data: bytes) -> Apdu:
        message = PrintTextBlock.parse(data)
        charset = self._charset if message.charset is None else message.charset
        charsets.codec_name(charset)
        return self._print(list(message.lines), message.receipt_type, charset)

    def _print(self, lines: list[Line], receipt_type: int | None, charset: int) -> Apdu:
        self._size += sum(len(line.text) for line in lines)
        self._count += sum(max(line.feeds, 1) for line in lines)
        if self._size > MAX_PRINTED or self._count > MAX_LINES:
            return refuse(NO_PRINTER)
        self._kind = KINDS.get(receipt_type or 0, self._kind)
        for line in lines:
            self._lines += [""] * max(line.feeds - 1, 0)
            if line.feeds:
                self._lines.append(self._drawn(line, charset))
            if line.last:
                self._cut()
        return OK

    def _drawn(self, line: Line, charset: int) -> str:
        text = charsets.decode(scrub_text(line.text), charset)
        if line.attribute == printing.FEED:
            return text
        if line.attribute & printing.CENTRED:
            return text.center(self._columns).rstrip()
        return " " * (line.attribute & printing.INDENT) + text if not line.last else text

    def _cut(self) -> None:
        if self._lines:
            self._slips.append(Slip(tuple(self._lines), self._kind))
        self._lines, self._kind = [], ""

    def _state(self, data: bytes) -> Apdu:
        message = IntermediateStatus.parse(data)
        shown = message.display.lines if message.display else ()
        lines = [charsets.decode(scrub_text(line), self._charset) for line in shown]
        if len(self._states) < MAX_STATES:
            self._states.append(" / ".join(lines)[:200] or codes.intermediate(message.state))
        return OK

    def _information(self, data: bytes) -> Apdu:
        told = StatusInformation.parse(data)
        if self.information is None or told.totals is not None or told.amount is not None:
            self.information = told
        return OK

    def _host_clock(self, data: bytes) -> Apdu:
        self._clock = HostClock.parse(data)
        return OK
