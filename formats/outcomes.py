"""What a check found: the same for every kind of file that can be verified."""

import dataclasses
import enum
from collections.abc import Iterable

from formats.errors import EXIT_CODES, FormatError, ToolError, TrustError


class Outcome(enum.StrEnum):
    """What became of one check."""

    HELD = "held"
    FAILED = "failed"
    NOT_CHECKED = "not_checked"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Check:
    """One check."""

    id: str
    """E.g. `header` or `signature`."""
    outcome: Outcome
    offset: int
    """Where the bytes stand that it is about."""
    size: int
    detail: str = ""
    """What was found."""
    key_id: str | None = None
    """Of a signature: SHA-256 of the key's SubjectPublicKeyInfo in hexadecimal."""
    error: str = ""
    """Name of the error that keeps the file from being called good (`formats.errors`); empty: nothing does."""
    hint: str = ""

    def raise_error(self) -> None:
        """Raise what was found as the error it is, if it is one."""
        if self.error:
            kind = TrustError if EXIT_CODES[self.error] == EXIT_CODES["bad_signature"] else FormatError
            raise kind(self.detail, name=self.error, hint=self.hint, offset=self.offset)


def first_error(checks: Iterable[Check]) -> ToolError | None:
    """The error that the first check that did not hold stands for."""
    for check in checks:
        try:
            check.raise_error()
        except ToolError as error:
            return error
    return None
