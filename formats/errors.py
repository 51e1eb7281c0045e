"""One root class for everything a user can be told, and the closed list of error names with their exit codes.

Scripts bind to names, never to messages; the list is part of the JSON schema that ships with the tool.
"""

from typing import Final

EXIT_CODES: Final[dict[str, int]] = {
    "internal": 1,
    "usage": 2,
    "no_trust": 2,
    "not_supported_here": 2,
    "damaged_file": 3,
    "unsupported_format": 3,
    "too_large": 3,
    "data_would_be_lost": 3,
    "encrypted": 3,
    "bad_signature": 4,
    "not_signed": 4,
    "weak_key": 4,
    "sample_key": 4,
    "expired": 4,
    "revoked": 4,
    "trust_failed": 4,
    "device_distrusts": 4,
    "no_device": 5,
    "several_devices": 5,
    "no_answer": 5,
    "wrong_device": 5,
    "duplicate_serial_number": 5,
    "protocol": 5,
    "rollback": 6,
    "wrong_hardware": 6,
    "not_for_this_device": 6,
    "version_too_old": 6,
    "unsettled": 6,
    "low_power": 6,
    "tampered": 6,
    "not_authorised": 6,
    "device_fault": 7,
    "diagnostic_failed": 7,
    "printer_fault": 7,
    "transfer_incomplete": 8,
    "install_failed": 8,
    "reverted": 8,
    "port_busy": 9,
    "device_busy": 9,
    "permission": 9,
    "disk": 9,
    "file_unreadable": 9,
    "missing_component": 9,
    "record_damaged": 9,
    "clock_wrong": 9,
    "read_back_differs": 10,
    "mixed_outcomes": 12,
    "interrupted": 130,
}
"""Error name -> exit code of the process."""


class ToolError(Exception):
    """Something a user can act on.

    Args:
        message: What was found and what was expected, one sentence.
        name: A key of `EXIT_CODES`.
        hint: What to do next, or empty.
        offset: Byte offset in the file the message is about, if it is about one.
        resumable: True if running the same command again continues the job.
    """

    default_name = "internal"

    def __init__(
        self, message: str, *, name: str = "", hint: str = "", offset: int | None = None, resumable: bool = False
    ) -> None:
        super().__init__(message)
        self.name = name or self.default_name
        self.exit_code = EXIT_CODES[self.name]
        self.message = message
        self.hint = hint
        self.offset = offset
        self.resumable = resumable

    def __str__(self) -> str:
        place = "" if self.offset is None else f" (at byte {self.offset})"
        return f"{self.message}{place}"


class FormatError(ToolError):
    """A file or message is damaged, truncated, extended, foreign or of an unsupported kind."""

    default_name = "damaged_file"


class TrustError(ToolError):
    """A signature, key or trust file does not hold."""

    default_name = "bad_signature"


class LocalError(ToolError):
    """Trouble on this computer: file, disk, permission, port."""

    default_name = "file_unreadable"
