"""What a ZVT terminal's refusals are for us: an error name, and what to do next (S 10, S 11, K)."""

from typing import Final, NamedTuple

from transports.errors import DeviceRefused
from transports.zvt import codes
from transports.zvt.opcodes import Opcode

NOT_POSSIBLE: Final = 0x83
WRONG_PASSWORD: Final = 0x37
"""K and many others; 01 to 63 are a payment host's own codes otherwise."""
WRONG_CURRENCY: Final = 0x6F
BUSY: Final = frozenset({0x9C, 0xA0, 0xE0})
"""It will be able to later: wait, and ask 05 01."""


class Unsupported(DeviceRefused):
    """The terminal does not have this command. Not a failure of the terminal."""


class WrongCurrency(DeviceRefused):
    """The terminal takes another currency only; `currency` is its ISO 4217 number, None if it did not tell."""

    currency: int | None = None


class Row(NamedTuple):
    """One row: the error's name, and the hint."""

    name: str
    hint: str


_SETTLE: Final = Row("unsettled", "Settle the batch first: `fwtool batch settle`.")
_WAIT: Final = Row("device_busy", "Wait, then run the same command again.")
_PASSWORD: Final = Row("not_authorised", "Check the password; the maker's or the acquirer's papers have it.")
_TECHNICIAN: Final = Row("device_fault", "The terminal must go to a technician.")
_NETWORK: Final = Row("device_fault", "Check the terminal's own connection to the payment host: cable, SIM, address.")
_INITIALISE: Final = Row("device_fault", "Run a diagnosis or an initialisation of the terminal; it must be online.")
_BANK: Final = Row("device_fault", "Call the acquirer. Do not reset the terminal: it still holds transactions.")
_OTHER: Final = Row("device_fault", "")
_ROWS: Final[dict[int, Row]] = {
    WRONG_PASSWORD: _PASSWORD,
    0x66: Row("device_fault", "Restart the terminal; clean its card readers."),
    0x6A: _SETTLE,
    0x6B: Row("device_fault", "Register with the terminal again."),
    0x6C: Row("install_failed", "It was ended at the terminal, or took too long. Run the same command again."),
    0x6F: Row("device_fault", "The terminal is set up for another currency."),
    0x77: Row("unsettled", "The end of day did not work: check the terminal's connection, then settle again."),
    0x7D: _NETWORK,
    NOT_POSSIBLE: Row("not_supported_here", "This terminal does not have the command; do it in the terminal's own menu."),
    0x85: _TECHNICIAN,
    0x89: _TECHNICIAN,
    0x9A: Row("protocol", "Report this with a trace (--trace FILE)."),
    0x9B: _NETWORK,
    0x9C: _WAIT,
    0xA0: _WAIT,
    0xA1: _NETWORK,
    0xA3: _NETWORK,
    0xA5: Row("not_authorised", "The rules for cards forbid this."),
    0xB1: _SETTLE,
    0xB2: Row("device_fault", "Read and then delete the terminal's journal."),
    0xB7: Row("unsettled", "Close the open pre-authorisations, then settle the batch."),
    0xB8: Row("unsettled", "Close the open pre-authorisations, then settle the batch."),
    0xBF: Row("low_power", "Connect the power supply; check the battery."),
    0xC0: _TECHNICIAN,
    0xC1: _INITIALISE,
    0xC2: _INITIALISE,
    0xC4: Row("device_fault", "Have the terminal fetch its software update."),
    0xCC: Row("printer_fault", "Check paper and cover, then run the same command again."),
    0xDC: Row("device_fault", "Take the card out."),
    0xDF: _TECHNICIAN,
    0xE0: _WAIT,
    0xE1: Row("device_fault", "Take the card out, and look for something else in the slot."),
    0xE2: Row("device_fault", "Clean the card reader; if that does not help, exchange it."),
    0xE4: Row("device_fault", "The terminal must be activated by its maker or acquirer."),
    0xED: _TECHNICIAN,
    0xF0: _SETTLE,
    0xFA: _BANK,
    0xFB: _BANK,
    0xFD: Row("device_fault", "Try a lower rate."),
}
"""Result code -> row."""
_KINDS: Final[dict[int, type[DeviceRefused]]] = {NOT_POSSIBLE: Unsupported, WRONG_CURRENCY: WrongCurrency}


def refusal(opcode: int, code: int, told: str = "", currency: int | None = None) -> DeviceRefused:
    """A refusal as an error.

    Args:
        told: What the terminal said about it besides the code; without card numbers.
        currency: The one that it wants.
    """
    row = _ROWS.get(code, _OTHER)
    tail = f'; it says "{told[:120]}"' if told else ""
    text = f"the terminal refuses {command_name(opcode)}: {codes.result(code)} ({code:02X}){tail}"
    error = _KINDS.get(code, DeviceRefused)(text, status=code, name=row.name, hint=row.hint)
    if isinstance(error, WrongCurrency):
        error.currency = currency
    return error


def command_name(opcode: int) -> str:
    """A command in words and numbers, e.g. `end of day (06 50)`."""
    known = {int(one): one.name.lower().replace("_", " ") for one in Opcode}
    return f"{known.get(opcode, 'a command')} ({opcode >> 8:02X} {opcode & 0xFF:02X})"
