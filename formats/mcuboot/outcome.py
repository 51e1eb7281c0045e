"""What a check found."""

import dataclasses
import enum

from formats.errors import EXIT_CODES, FormatError, ToolError, TrustError
from formats.mcuboot.tlv import Tlv


class Outcome(enum.StrEnum):
    """What became of one check."""

    HELD = "held"
    FAILED = "failed"
    NOT_CHECKED = "not_checked"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Check:
    """One check."""

    id: str
    """E.g. `hash` or `signature`."""
    outcome: Outcome
    offset: int
    """Where the bytes stand that it is about."""
    size: int
    detail: str = ""
    """What was found."""
    key_id: str | None = None
    """Of a signature by a trusted key: SHA-256 of its SubjectPublicKeyInfo in hexadecimal."""
    error: str = ""
    """Name of the error that keeps the image from being called good (`formats.errors`); empty: nothing does."""
    hint: str = ""

    def raise_error(self) -> None:
        """Raise what was found as the error it is, if it is one."""
        if self.error:
            kind = TrustError if EXIT_CODES[self.error] == EXIT_CODES["bad_signature"] else FormatError
            raise kind(self.detail, name=self.error, hint=self.hint, offset=self.offset)


def held(name: str, tlv: Tlv, detail: str, *, key_id: str | None = None) -> Check:
    return Check(id=name, outcome=Outcome.HELD, offset=tlv.offset, size=tlv.size, detail=detail, key_id=key_id)


def failed(name: str, tlv: Tlv, error: ToolError, *, key_id: str | None = None) -> Check:
    return Check(
        id=name, outcome=Outcome.FAILED, offset=tlv.offset, size=tlv.size, detail=error.message, key_id=key_id,
        error=error.name, hint=error.hint,
    )  # fmt: skip


def not_checked(name: str, tlv: Tlv, detail: str, *, key_id: str | None = None, error: str = "", hint: str = "") -> Check:
    return Check(
        id=name, outcome=Outcome.NOT_CHECKED, offset=tlv.offset, size=tlv.size, detail=detail, key_id=key_id,
        error=error, hint=hint,
    )  # fmt: skip
