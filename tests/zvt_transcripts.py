"""Dialogues of ZVT written by hand from PA00P015 and its acquirer's notes, one for each command; both roles must speak them.

H and T say who speaks; text in quotes is CP437. The numbers are invented. Each but the first begins with a registered host.
"""

import datetime
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from hwsim.zvt_terminal import ZvtTerminal as Simulated
from tests.zvt_bench import PASSWORD, Data, nothing
from transports.zvt import files, service
from transports.zvt.opcodes import Opcode
from transports.zvt.printing import PrintLine, block
from transports.zvt.values import Password
from transports.zvt_terminal import ZvtTerminal


class Transcript(NamedTuple):
    """One dialogue, what makes the host begin it, and how the terminal must be before."""

    text: str
    act: Callable[[ZvtTerminal], Any]
    profile: str = "full"
    before: Callable[[Simulated], None] = lambda terminal: None
    error: str = ""
    """Name of the error that it ends with."""
    maker: str = ""
    """What the host must know already."""


OK: Final = "80 00 00"
REGISTER: Final = """
H 06 00 2A 24 68 13 8E 09 78 06 22 1A 02 80 00 12 01 40 27 03 14 01 FF 26 14 0A 02 06 D1 0A 02 06 D3 0A 02 04 FF 0A 02 04 01 0A 02 04 0C
T 80 00 00
"""  # noqa: E501
TOTALS: Final = """
T 04 0F 50 27 00 04 00 00 00 00 51 49 60 F0 F5 F3 00 01 00 03 01 00 00 00 00 17 16 00 00 00 00 00 00 00 02 00 00 00 00 34 33 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 0B 00 00 03 0C 22 15 30 0D 11 22 49 09 78
H 80 00 00
"""  # noqa: E501
ONLINE: Final = """
T 80 00 00
T 04 FF 01 D2
H 80 00 00
T 04 01 08 AA 26 11 22 0C 22 15 30
H 80 00 00
T 06 0F 00
H 80 00 00
"""


def three_payments(terminal: Simulated) -> None:
    terminal.account.open_with(3)
    terminal.account.minor_units = 5149


def no_paper(terminal: Simulated) -> None:
    terminal.peripherals.paper = "out"


def reservations(terminal: Simulated) -> None:
    terminal.knobs.open_reservations = True


REGISTERED: Final[dict[str, str]] = {
    "full": f"""{REGISTER}
        T 06 0F 18 19 00 29 70 00 43 21 49 09 78 06 0C 1A 02 10 00 12 01 24 27 03 14 01 FF
        H 80 00 00""",
    "k": f"""{REGISTER}
        T 06 0F 18 19 00 29 70 00 43 21 49 09 78 06 0C 1A 02 04 00 12 01 48 27 03 14 01 FF
        H 80 00 00""",
    "feig": f"""{REGISTER}
        T 06 0F 11 19 00 29 70 00 43 21 49 09 78 06 05 27 03 14 01 FF
        H 80 00 00""",
}
"""Profile -> its registration."""

TRANSCRIPTS: Final[dict[str, Transcript]] = {
    "status enquiry": Transcript(
        """H 05 01 0A 24 68 13 03 04 06 03 1F 78 00
           T 80 00 00
           T 06 0F 60 F0 F0 F9 "SIM 1.0.0" 00 06 51 E4 21 1F 40 07 "SIM ZVT" 1F 41 09 "SIM 1.0.0" 1F 42 04 00 00 00 01 1F 43 01 00 1F 44 04 70 00 43 21 1F 55 02 00 00 34 0D 1F 0E 04 20 26 11 22 1F 0F 03 22 15 30 35 0D 1F 0E 04 20 26 11 23 1F 0F 03 13 15 30 1F 79 01 01
           H 80 00 00""",  # noqa: E501
        lambda host: host.status(),
    ),
    "log off": Transcript(f"H 06 02 00\nT {OK}", lambda host: host.log_off()),
    "abort": Transcript(f"H 06 B0 00\nT {OK}", lambda host: host.ask(Opcode.ABORT)),
    "initialisation": Transcript("H 06 93 03 24 68 13" + ONLINE, lambda host: host.initialise()),
    "diagnosis": Transcript("H 06 70 05 06 03 1B 01 02" + ONLINE, lambda host: host.diagnosis()),
    "send offline": Transcript(
        f"""H 06 51 03 24 68 13
            T {OK}
            T 06 0F 00
            H {OK}""",
        lambda host: host.ask(Opcode.SEND_OFFLINE, service.WithPassword(password=PASSWORD)),
    ),
    "self-test": Transcript(
        f"""H 06 79 00
            T {OK}
            T 04 FF 01 0E
            H {OK}
            T 06 D3 17 06 15 1F 07 01 03 25 0F 07 04 "TEST" 07 04 "good" 09 01 81
            H {OK}
            T 06 0F 00
            H {OK}""",
        lambda host: host.self_test(),
    ),
    "print configuration": Transcript(
        f"""H 06 1A 00
            T {OK}
            T 06 D3 17 06 15 1F 07 01 03 25 0F 07 06 "CONFIG" 07 02 8E E1 09 01 81
            H {OK}
            T 06 0F 00
            H {OK}""",
        lambda host: host.print_configuration(),
    ),
    "print configuration of another make": Transcript(
        f"""H 06 1A 00
            T {OK}
            T 06 D3 14 06 12 1F 07 01 03 25 0C 07 06 "CONFIG" 07 02 8E E1
            H {OK}
            T 06 0F 00
            H {OK}""",
        lambda host: host.print_configuration(),
        "feig",
    ),
    "set clock": Transcript(
        f"""H 06 91 0B 24 68 13 AA 26 11 10 0C 10 03 10
            T {OK}
            T 06 0F 00
            H {OK}""",
        lambda host: host.set_clock(datetime.datetime(2026, 11, 10, 10, 3, 10)),  # noqa: DTZ001 - local time
    ),
    "change password": Transcript(
        f"""H 06 95 06 24 68 13 11 22 33
            T {OK}
            T 06 0F 02 27 00
            H {OK}""",
        lambda host: host.ask(Opcode.CHANGE_PASSWORD, service.ChangePassword(old=PASSWORD, new=Password("112233"))),
    ),
    "set terminal id": Transcript(
        f"""H 06 1B 08 24 68 13 29 12 34 56 78
            T {OK}
            T 06 0F 00
            H {OK}""",
        lambda host: host.ask(Opcode.SET_TERMINAL_ID, service.SetTerminalId(password=PASSWORD, terminal_id="12345678")),
    ),
    "service mode": Transcript(
        f"""H 08 01 03 24 68 13
            T {OK}
            T 04 FF 01 1A
            H {OK}
            T 06 0F 00
            H {OK}""",
        lambda host: host.ask(Opcode.SERVICE_MODE, service.ServiceMode(password=PASSWORD)),
    ),
    "restart": Transcript(
        f"""H 06 18 00
            T {OK}
            T 06 0F 00
            H {OK}""",
        lambda host: host.ask(Opcode.RESTART),
    ),
    "display": Transcript(
        f"""H 06 E0 11 F0 05 F1 F0 F5 "Hallo" F2 F0 F4 "Welt"
            T {OK}""",
        lambda host: host.display(["Hallo", "Welt"], 5),
    ),
    "display off": Transcript(f"H 06 E0 00\nT {OK}", lambda host: host.display([])),
    "display and key": Transcript(
        """H 06 E1 08 F0 0A F1 F0 F3 "OK?"
           T 80 00 01 0D""",
        lambda host: host.ask(Opcode.DISPLAY_TEXT_KEY, service.DisplayText(seconds=10, lines=(b"OK?",)), answer_s=15.0),
    ),
    "print line there": Transcript(
        f"""H 06 D1 06 00 "Hallo"
            T {OK}""",
        lambda host: host.ask(Opcode.PRINT_LINE, PrintLine(attribute=0, text=b"Hallo")),
    ),
    "print line without paper": Transcript(
        """H 06 D1 06 00 "Hallo"
           T 84 CC 00""",
        lambda host: host.ask(Opcode.PRINT_LINE, PrintLine(attribute=0, text=b"Hallo")),
        before=no_paper,
        error="printer_fault",
    ),
    "print block there": Transcript(
        f"""H 06 D3 12 06 10 1F 07 01 03 25 0A 07 05 "Hallo" 09 01 81
            T {OK}""",
        lambda host: host.ask(Opcode.PRINT_TEXT_BLOCK, block([b"Hallo"])),
    ),
    "turnover totals": Transcript(
        f"""H 06 10 03 24 68 13
            T {OK}
            {TOTALS}
            T 06 0F 00
            H {OK}""",
        lambda host: host.turnover_totals(),
        before=three_payments,
    ),
    "end of day": Transcript(
        f"""H 06 50 03 24 68 13
            T {OK}
            T 04 FF 01 04
            H {OK}
            {TOTALS}
            T 06 D3 36 06 34 1F 07 01 03 25 2E 07 0A "END OF DAY" 07 0C "TID 70004321" 07 0F "3 x = 51.49 EUR" 09 01 81
            H {OK}
            T 06 0F 00
            H {OK}""",
        lambda host: host.end_of_day(),
        before=three_payments,
    ),
    "end of day with open pre-authorisations": Transcript(
        f"""H 06 50 03 24 68 13
            T {OK}
            T 04 FF 01 04
            H {OK}
            T 06 1E 09 B8 06 06 23 04 08 02 00 07
            H {OK}""",
        lambda host: host.end_of_day(),
        before=reservations,
        error="unsettled",
    ),
    "read file": Transcript(
        f"""H 08 11 0D 06 0B 2D 09 1D 01 02 1E 04 00 00 00 00
            T {OK}
            T 04 0F 21 06 1F 2D 1D 1D 01 02 1E 04 00 00 00 00 1F 00 04 00 00 00 0B 1C 0B "hello, file"
            H {OK}
            T 06 0F 02 27 00
            H {OK}""",
        lambda host: host.read_file(2),
    ),
    "delete file": Transcript(
        f"""H 08 12 05 06 03 1D 01 02
            T {OK}
            T 06 0F 02 27 00
            H {OK}""",
        lambda host: host.delete_file(2),
    ),
    "software update": Transcript(
        f"""H 08 10 06 06 04 0F 02 "J7"
            T {OK}
            T 04 FF 01 0E
            H {OK}
            T 06 0F 0A 27 00 0C 22 15 30 AA 26 11 22
            H {OK}""",
        lambda host: host.software_update("J7"),
    ),
    "software update of K": Transcript(
        f"""H 08 10 00
            T {OK}
            T 06 1E 01 E0
            H {OK}""",
        lambda host: host.software_update(),
        "k",
    ),
    "software update with turnover": Transcript(
        f"""H 08 10 00
            T {OK}
            T 06 1E 01 6A
            H {OK}""",
        lambda host: host.software_update(),
        "k",
        before=three_payments,
        error="unsettled",
    ),
    "write file": Transcript(
        f"""H 08 14 11 13 57 90 06 0C 2D 0A 1D 01 10 1F 00 04 00 00 00 0A
            T {OK}
            T 04 0C 0D 06 0B 2D 09 1D 01 10 1E 04 00 00 00 00
            H 80 00 19 06 17 2D 15 1D 01 10 1E 04 00 00 00 00 1C 0A "0123456789"
            T 06 0F 00
            H {OK}""",
        lambda host: host.push([Data(0x10, b"0123456789")], nothing),
    ),
    "write file with turnover": Transcript(
        f"""H 08 14 11 13 57 90 06 0C 2D 0A 1D 01 10 1F 00 04 00 00 00 0A
            T {OK}
            T 06 1E 16 F0 06 13 1F 17 10 "end of day first"
            H {OK}""",
        lambda host: host.push([Data(0x10, b"0123456789")], nothing),
        before=three_payments,
        error="unsettled",
    ),
    "change configuration": Transcript(
        f"""H 08 13 14 06 12 E4 10 FF 40 03 24 68 13 FF 41 07 0A 00 00 01 4E 27 01
            T {OK}
            T 06 0F 02 27 00
            H {OK}""",
        lambda host: host.ask(
            Opcode.CHANGE_CONFIGURATION,
            files.ChangeConfiguration(feig=files.FeigConfiguration(password=PASSWORD, host=bytes.fromhex("0A0000014E2701"))),
        ),
        "feig",
    ),
    "change baud rate": Transcript(
        f"""H 08 40 01 07
            T {OK}""",
        lambda host: host.ask(Opcode.CHANGE_BAUD_RATE, service.ChangeBaudRate(code=7)),
    ),
    "change to a rate it does not have": Transcript(
        """H 08 40 01 06
           T 84 FD 00""",
        lambda host: host.ask(Opcode.CHANGE_BAUD_RATE, service.ChangeBaudRate(code=6)),
        "k",
        error="device_fault",
    ),
    "system information": Transcript(
        f"""H 0F A1 02 00 01
            T {OK}
            T 06 0F 29 "00000001" "GER-APP-v1.0.0   " "70004321" "4.05" "34.0"
            H {OK}""",
        lambda host: host.maker_information(),
        "feig",
        maker="Feig",
    ),
    "factory reset": Transcript(
        f"""H 0F A1 05 24 68 13 02 55
            T {OK}
            T 06 0F 00
            H {OK}""",
        lambda host: host.factory_reset(),
        "feig",
        maker="Feig",
    ),
    "a command it does not have": Transcript(
        """H 06 79 00
           T 84 83 00""",
        lambda host: host.self_test(),
        "k",
        error="not_supported_here",
    ),
    "a wrong password": Transcript(
        f"""H 06 10 03 99 99 99
            T {OK}
            T 06 1E 01 37
            H {OK}""",
        lambda host: host.ask(Opcode.TURNOVER_TOTALS, service.WithPassword(password=Password("999999"))),
        error="not_authorised",
    ),
    "a wrong password, told early": Transcript(
        """H 06 50 03 99 99 99
           T 84 37 00""",
        lambda host: host.ask(Opcode.END_OF_DAY, service.EndOfDay(password=Password("999999"))),
        "k",
        error="not_authorised",
    ),
}
