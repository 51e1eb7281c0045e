"""What a check of an image found, told by the record it is about."""

from formats.errors import ToolError
from formats.mcuboot.tlv import Tlv
from formats.outcomes import Check, Outcome

__all__ = ["Check", "Outcome", "failed", "held", "not_checked"]


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
