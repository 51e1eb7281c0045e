"""Tests, clock, passwords, displays: S 2.17 to 2.20, 2.27, 2.37 to 2.39, 2.43 to 2.46, 2.57."""

from typing import Final

from transports.zvt.heads import Fixed, Perhaps, if_any
from transports.zvt.layout import Bmp, Message, Series, Tag
from transports.zvt.values import BYTE, PASSWORD, RAW, Password, digits

BAUD_RATES: Final = {0x00: 9600, 0x01: 19200, 0x06: 57600, 0x07: 115200}
"""Byte of 08 40 -> rate. The terminal listens at the new rate 2 s after its answer."""
BAUD_PAUSE_S: Final = 2.0


class Empty(Message):
    """Nothing: 06 02, 06 18, 06 1A, 06 79, and answers without data."""


class WithPassword(Message):
    """06 10, 06 51, 06 93: a password and nothing else."""

    password: Password
    LAYOUT = (Fixed("password", 3, PASSWORD),)


class Diagnosis(Message):
    """06 70."""

    LINE = 1
    EXTENDED = 2
    CONFIGURATION = 3
    EMV = 4
    EP2 = 5
    PARAMETERS = 0xF1
    """K: load all parameters."""

    kind: int | None = None
    """`EXTENDED` if not told."""
    LAYOUT = (Tag("kind", 0x1B, BYTE),)


class ServiceMode(Message):
    """08 01: the terminal's own menus, until somebody leaves them."""

    password: Password | None = None
    service: int | None = None
    LAYOUT = (Perhaps("password", 3, PASSWORD, if_any), Bmp("service", 0x03, BYTE))


class SetClock(Message):
    """06 91; date YYMMDD, time HHMMSS."""

    password: Password
    date: str
    time: str
    LAYOUT = (Fixed("password", 3, PASSWORD), Bmp("date", 0xAA, digits(3)), Bmp("time", 0x0C, digits(3)))


class HostClock(Message):
    """04 01: the time that the terminal got from the payment host."""

    date: str | None = None
    time: str | None = None
    LAYOUT = (Bmp("date", 0xAA, digits(3)), Bmp("time", 0x0C, digits(3)))


class ChangePassword(Message):
    """06 95."""

    old: Password
    new: Password
    LAYOUT = (Fixed("old", 3, PASSWORD), Fixed("new", 3, PASSWORD))


class SetTerminalId(Message):
    """06 1B; without an id the terminal forgets its own."""

    password: Password
    terminal_id: str | None = None
    LAYOUT = (Fixed("password", 3, PASSWORD), Bmp("terminal_id", 0x29, digits(4)))


class DisplayText(Message):
    """06 E0, and 06 E1, which waits for a key. Lines left out are blank; without any the display is off."""

    seconds: int | None = None
    """0: until the next command."""
    lines: tuple[bytes, ...] = ()
    beeps: int | None = None
    display: int | None = None
    """0 all, 1 external, 2 internal."""
    LAYOUT = (
        Bmp("seconds", 0xF0, BYTE),
        Series("lines", 0xF1, 8, RAW),
        Bmp("beeps", 0xF9, BYTE),
        Bmp("display", 0xFD, BYTE),
    )


class KeyPressed(Message):
    """80 00 after 06 E1: 0D OK, 18 correction, 1B stop, 46 F, 55 up, 44 down, 31 to 34 F1 to F4, 6C time-out, DC card."""

    key: int
    LAYOUT = (Fixed("key", 1, BYTE),)


class ChangeBaudRate(Message):
    """08 40."""

    code: int
    """A key of `BAUD_RATES`; others are refused with FD by the one who knows what it can do."""
    LAYOUT = (Fixed("code", 1, BYTE),)


class EndOfDay(Message):
    """06 50."""

    password: Password
    mode: int | None = None
    """0 normal, 1 forced, 2 automatic."""
    last_receipt: bytes | None = None
    """Last receipt that the host knows; a wrong one makes the terminal reverse its last payment. Empty: not known."""
    bandwidth: int | None = None
    """K: 1 puts off the terminal's download to the next end of day."""
    LAYOUT = (
        Fixed("password", 3, PASSWORD),
        Tag("mode", 0x1F26, BYTE),
        Tag("last_receipt", 0x1F1F, RAW),
        Tag("bandwidth", 0xDF01, BYTE),
    )
