"""What a simulated ZVT terminal prints, and where: on its own paper, or as 06 D1 or 06 D3 at the host (S 2.1, 3.5, 3.6)."""

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from hwsim.printer import LINES_PER_SECOND
from hwsim.printer import Line as PaperLine
from hwsim.zvt_script import Trial
from transports.tsp.messages import PrinterState
from transports.zvt import printing, session
from transports.zvt.apdu import DEFAULT_SIZE, Apdu
from transports.zvt.opcodes import Opcode

if TYPE_CHECKING:
    from hwsim.zvt_terminal import ZvtTerminal

PRINTER_NOT_READY: Final = 0xCC
BLOCK_HEAD: Final = 32
"""Bytes of a 06 D3 besides its lines, at most."""
NASTY: Final = ("\x1b]0;owned\x07\x1b[2J", "4111 1111 1111 1111")
"""A screen's control sequences, and a card number that everybody tests with."""


def on_paper(terminal: "ZvtTerminal", lines: Sequence[str]) -> bool:
    """Print here; false without paper."""
    peripherals = terminal.peripherals
    if peripherals.printer_state() not in (PrinterState.OK, PrinterState.PAPER_LOW):
        return False
    left = peripherals.paper_lines_left
    printed = len(lines) if left is None else min(left, len(lines))
    terminal.printer.save([PaperLine(line) for line in lines[:printed]], peripherals.dead_dots)
    terminal.statistics.add("ReceiptLinePrintedCount", printed)
    if printed < len(lines):
        peripherals.paper, peripherals.paper_lines_left = "out", None
    return printed == len(lines)


def print_out(terminal: "ZvtTerminal", lines: Sequence[str], kind: int = printing.ADMINISTRATION) -> Trial:
    """Print a receipt where the registration wants it; false if it cannot be printed there."""
    lines = [*lines, *NASTY] if terminal.knobs.escapes else list(lines)
    wanted = session.PRINT_COMMANDS | session.ADMINISTRATION_RECEIPTS
    if terminal.registered is None or terminal.config & wanted != wanted:
        yield len(lines) / LINES_PER_SECOND
        return on_paper(terminal, lines)
    for message in _messages(terminal, [line.encode("cp437", "replace") for line in lines], kind):
        answer = yield message
        if (answer is None or not answer.positive) and terminal.knobs.sensitive_to_cc:
            return False
    return True


def _messages(terminal: "ZvtTerminal", lines: list[bytes], kind: int) -> Iterator[Apdu]:
    registered = terminal.registered
    assert registered is not None
    allowed = registered.commands.opcodes if registered.commands else ()
    marked = terminal.profile.marks_last_line and not terminal.knobs.no_last_line
    if Opcode.PRINT_TEXT_BLOCK in allowed and registered.container:
        for part, last in _parts(lines, (registered.max_apdu or DEFAULT_SIZE) - BLOCK_HEAD):
            yield Apdu(Opcode.PRINT_TEXT_BLOCK, printing.block(part, kind, last=last and marked).build())
        return
    for line in lines:
        yield Apdu(Opcode.PRINT_LINE, printing.PrintLine(attribute=0, text=line).build())
    if marked:
        yield Apdu(Opcode.PRINT_LINE, printing.PrintLine(attribute=printing.LAST).build())


def _parts(lines: list[bytes], room: int) -> Iterator[tuple[list[bytes], bool]]:
    part: list[bytes] = []
    size = 0
    for line in lines:
        if part and size + len(line) + 2 > room:
            yield part, False
            part, size = [], 0
        part.append(line)
        size += len(line) + 2
    yield part, True


def configuration(terminal: "ZvtTerminal") -> list[str]:
    """Lines of 06 1A."""
    peripherals, profile = terminal.peripherals, terminal.profile
    stamp = time.strftime("%d.%m.%Y %H:%M", time.gmtime(terminal.clock()))
    return [
        "SYSTEM CONFIGURATION",
        f"Device   {profile.device}",
        f"S/N      {serial_digits(terminal)}",
        f"Software {terminal.running}",
        f"TID      {terminal.terminal_id}",
        f"Date     {stamp}",
        f"Battery  {peripherals.battery_mv / 1000:.2f} V",
        f"Head     {peripherals.head_temperature_c}\N{DEGREE SIGN}C",
        f"Host     {'reachable' if peripherals.host_reachable else 'NOT reachable'}",
        f"Cert.    {peripherals.certificate_days_left} d",
        "ABCDEFGHIJKLMNOPQRSTUVWX",
        "\N{LATIN CAPITAL LETTER A WITH DIAERESIS}\N{LATIN SMALL LETTER SHARP S}0123456789",
    ]


def self_test(terminal: "ZvtTerminal") -> list[str]:
    """Lines of 06 79: the readings of the health check."""
    readings = terminal.peripherals.readings(2)
    return ["SELF-TEST", *(f"{one.name[:18]} {one.value * 10.0**one.exponent:g} {one.unit}".strip() for one in readings)]


def totals(terminal: "ZvtTerminal") -> list[str]:
    """Lines of the receipt of an end of day."""
    account = terminal.account
    return [
        "END OF DAY",
        f"TID {terminal.terminal_id}",
        f"{account.count} x = {account.minor_units / 100:.2f} {account.currency}",
    ]


def serial_digits(terminal: "ZvtTerminal") -> str:
    """The serial number as ZVT tells it: digits only, an even number of them."""
    digits = "".join(one for one in terminal.identity.serial_number if one.isdecimal())
    return digits.rjust(8, "0")[-16:].rjust(8, "0") if len(digits) % 2 == 0 else digits.rjust(len(digits) + 1, "0").rjust(8, "0")
