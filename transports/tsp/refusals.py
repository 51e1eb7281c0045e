"""What a TSP terminal's refusals are for us: an error name, and what to do next."""

from typing import Final, NamedTuple

from formats.errors import FormatError
from transports.errors import DeviceRefused
from transports.tsp.messages import Detail, Message, Status


class Row(NamedTuple):
    """One row: the error's name (and so the exit code), and the hint."""

    name: str
    hint: str


_OTHER_PACKAGE: Final = "Take the package that was built for this model and revision."
_AGAIN: Final = "Run the same command again. If it happens again, copy the file again from where it came."
ROWS: Final = {
    Status.UNKNOWN_COMMAND: Row("protocol", "The terminal's firmware does not know this yet: update it."),
    Status.BAD_REQUEST: Row("protocol", "This computer and the terminal do not understand each other: update both."),
    Status.NOT_AUTHORISED: Row(
        "not_authorised",
        "Ask the bank for a grant (--grant, --holder-key), or give its password (--password-file).",
    ),
    Status.WRONG_STATE: Row("install_failed", "See what the terminal is doing: fwtool info --port P"),
    Status.BAD_SIGNATURE: Row("device_distrusts", "The terminal trusts other keys than this computer: ask who made the package."),
    Status.WRONG_HARDWARE: Row("wrong_hardware", _OTHER_PACKAGE),
    Status.ROLLBACK: Row("rollback", "Take a newer package."),
    Status.VERSION_TOO_OLD: Row("version_too_old", "Install a release between the two first."),
    Status.UNSETTLED: Row("unsettled", "Settle at the terminal, or with: fwtool batch settle --port P. Then run this again."),
    Status.LOW_POWER: Row("low_power", "Connect the power supply."),
    Status.TAMPERED: Row("tampered", "Take it out of service, tell the bank, and swap it. Never try to clear the alarm."),
    Status.TOO_LARGE: Row("wrong_hardware", _OTHER_PACKAGE),
    Status.BAD_BLOCK: Row("transfer_incomplete", _AGAIN),
    Status.FLASH_FAULT: Row("device_fault", "Run the same command again. If it happens again, swap the terminal."),
    Status.PRINTER_FAULT: Row("printer_fault", "Look at paper and cover, then ask the printer: fwtool diagnose --port P printer"),
    Status.DAMAGED_PACKAGE: Row("damaged_file", _AGAIN),
    Status.BUSY: Row("no_answer", "Wait, then run the same command again."),
    Status.NO_KEY: Row("not_for_this_device", "Ask for a package that is encrypted for the group of this terminal."),
}
"""By the status of the answer (docs/protocol/tsp.md, section 5)."""


def refusal(message: Message) -> DeviceRefused:
    """An answer that is a refusal, as an error."""
    try:
        detail = Detail.parse(message.body).text
    except FormatError:
        detail = ""
    try:
        status = Status(message.status)
        row, said = ROWS[status], status.name.lower().replace("_", " ")
    except (ValueError, KeyError):
        row, said = Row("protocol", ""), f"status {message.status}"
    return DeviceRefused(f"the terminal refuses: {detail or said}", status=message.status, name=row.name, hint=row.hint)
