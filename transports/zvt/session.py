"""Who is there, what may be said, and how it stands: registration, status enquiry, abort (S 2.1, 2.2, 2.55, 2.31)."""

from typing import Final

from transports.zvt.heads import Counted, Fixed, Perhaps, if_any
from transports.zvt.layout import Bmp, Container, Group, Message, Tag, Tags, group
from transports.zvt.values import BYTE, CURRENCY, MARK, PASSWORD, RAW, TEXT, ZVT7, Password, bcd, digits, number

EURO: Final = 978

PAYMENT_RECEIPTS: Final = 0x02
"""Config byte of 06 00: the host prints receipts of payments."""
ADMINISTRATION_RECEIPTS: Final = 0x04
INTERMEDIATE_STATES: Final = 0x08
"""The terminal sends 04 FF."""
NO_PAYMENT_MENU: Final = 0x10
NO_ADMINISTRATION_MENU: Final = 0x20
PRINT_COMMANDS: Final = 0x80
"""Receipts come as 06 D1 or 06 D3."""
CONFIG_AFTER_LOG_OFF: Final = 0x86

INITIALISATION_DUE: Final = 0x01
"""Status byte of the registration's completion."""
DIAGNOSIS_DUE: Final = 0x02

OMIT_VERSION: Final = 0x02
"""Service byte of 05 01."""
WITH_CONTAINER: Final = 0x04


class CharacterSets(Group):
    """Tag 27: sets the sender has; one alone chooses it."""

    sets: tuple[int, ...] = ()
    LAYOUT = (Tags("sets", 0x14, BYTE),)


class Commands(Group):
    """Tag 26: commands that the terminal may send."""

    opcodes: tuple[int, ...] = ()
    LAYOUT = (Tags("opcodes", 0x0A, number(2)),)


class Registration(Message):
    """06 00. Bytes behind the config byte are the currency, unless they are just a container (E)."""

    password: Password
    config: int
    currency: int | None = None
    service: int | None = None
    container: bool = False
    """The terminal may send containers."""
    max_apdu: int | None = None
    """Longest APDU that the host takes."""
    columns: int | None = None
    """Of the host's printer."""
    charsets: CharacterSets | None = None
    commands: Commands | None = None
    receipt: bytes | None = None
    """Which receipts are wanted, and where they are printed."""
    LAYOUT = (
        Fixed("password", 3, PASSWORD),
        Fixed("config", 1, BYTE),
        Perhaps("currency", 2, CURRENCY, if_any),
        Bmp("service", 0x03, BYTE),
        Container("container"),
        Tag("max_apdu", 0x1A, number(2)),
        Tag("columns", 0x12, bcd(1)),
        Tag("charsets", 0x27, group(CharacterSets)),
        Tag("commands", 0x26, group(Commands)),
        Tag("receipt", 0x1F04, RAW),
    )


class RegistrationCompletion(Message):
    """06 0F after 06 00."""

    status: int | None = None
    terminal_id: str | None = None
    currency: int | None = None
    max_apdu: int | None = None
    """Longest APDU that the terminal takes."""
    columns: int | None = None
    charsets: CharacterSets | None = None
    """The chosen one echoed, or those in common."""
    commands: Commands | None = None
    LAYOUT = (
        Bmp("status", 0x19, BYTE),
        Bmp("terminal_id", 0x29, digits(4)),
        Bmp("currency", 0x49, CURRENCY),
        Tag("max_apdu", 0x1A, number(2)),
        Tag("columns", 0x12, bcd(1)),
        Tag("charsets", 0x27, group(CharacterSets)),
        Tag("commands", 0x26, group(Commands)),
    )


class StatusEnquiry(Message):
    """05 01."""

    password: Password | None = None
    service: int | None = None
    container: bool = False
    next_restart: bool | None = None
    """Ask when the terminal will restart by itself."""
    LAYOUT = (
        Perhaps("password", 3, PASSWORD, if_any),
        Bmp("service", 0x03, BYTE),
        Container("container"),
        Tag("next_restart", 0x1F78, MARK),
    )


class Moment(Group):
    """Date YYYYMMDD and time HHMMSS, as digits: a terminal with a dead clock tells dates that do not exist."""

    date: str | None = None
    time: str | None = None
    LAYOUT = (Tag("date", 0x1F0E, digits(4)), Tag("time", 0x1F0F, digits(3)))


class Device(Group):
    """Tag E4."""

    name: str | None = None
    version: str | None = None
    serial_number: str | None = None
    """Half bytes as text; some makers use A to F too."""
    state: int | None = None
    """0 ready, 1 to be initialised, 2 without keys, 3 fraud."""
    LAYOUT = (
        Tag("name", 0x1F40, TEXT),
        Tag("version", 0x1F41, TEXT),
        Tag("serial_number", 0x1F42, digits()),
        Tag("state", 0x1F43, BYTE),
    )


class StatusCompletion(Message):
    """06 0F after 05 01. The version is there if a length `Fx Fy Fz` stands first and fits; states F0 and F6 look alike."""

    version: str | None = None
    state: int
    """`codes.state` has the words."""
    device: Device | None = None
    terminal_id: str | None = None
    locks: bytes | None = None
    """`codes.locks` has the words."""
    applications: tuple[str, ...] = ()
    clock: Moment | None = None
    next_restart: Moment | None = None
    restarted: int | None = None
    """1: the terminal has restarted, register again."""
    LAYOUT = (
        Counted("version", ZVT7),
        Fixed("state", 1, BYTE),
        Tag("device", 0xE4, group(Device)),
        Tag("terminal_id", 0x1F44, digits(4)),
        Tag("locks", 0x1F55, RAW),
        Tags("applications", 0x1F59, TEXT),
        Tag("clock", 0x34, group(Moment)),
        Tag("next_restart", 0x35, group(Moment)),
        Tag("restarted", 0x1F79, BYTE),
    )


class Abort(Message):
    """06 B0: end what the terminal is doing."""

    card_output: int | None = None
    card_reader: int | None = None
    LAYOUT = (Bmp("card_output", 0xD2, BYTE), Bmp("card_reader", 0xFA, BYTE))
