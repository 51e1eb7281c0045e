"""Messages in words and without secrets, for traces and for people who look at them."""

import dataclasses
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from formats.errors import FormatError
from transports.zvt import charsets, codes
from transports.zvt.apdu import Apdu
from transports.zvt.commands import Context
from transports.zvt.layout import Declared, Message
from transports.zvt.masking import scrub
from transports.zvt.opcodes import Opcode
from transports.zvt.outcome import Aborted, Completion, IntermediateStatus, StatusInformation
from transports.zvt.session import StatusCompletion
from transports.zvt.values import Password

LONGEST: Final = 48
"""Bytes or characters of a value that are shown."""
_WORDS: Final[dict[tuple[type[Message], str], Callable[[Any], str]]] = {
    (StatusCompletion, "state"): codes.state,
    (StatusCompletion, "locks"): lambda raw: ", ".join(codes.locks(raw)) or "none",
    (IntermediateStatus, "state"): codes.intermediate,
    (Completion, "result"): codes.result,
    (StatusInformation, "result"): codes.result,
    (Aborted, "result"): codes.result,
}
"""Fields that are numbers with a meaning."""
_BITS: Final = frozenset(
    {"config", "service", "status", "attribute", "result", "state", "function", "file_id", "file_ids", "key", "opcodes", "sets"}
)
"""Fields that are written in hexadecimal everywhere."""


class Told(NamedTuple):
    """A message as it may leave."""

    text: str
    """One line."""
    apdu: Apdu
    """Scrubbed."""


class Teller:
    """Tells a conversation: what answers and completions mean depends on what was asked."""

    def __init__(self) -> None:
        self._context = Context()

    def tell(self, apdu: Apdu) -> Told:
        """The next message of either side."""
        record = self._context.record(apdu)
        clean = scrub(apdu, record)
        return Told(describe(clean, record), clean)


def describe(apdu: Apdu, record: type[Message] | None) -> str:
    """One line: what it is and the fields it has. Of a message of which nobody knows what it is, only the size is told."""
    head = f"{apdu.opcode >> 8:02X} {apdu.opcode & 0xFF:02X} {_name(apdu)}"
    if not apdu.data:
        return head
    if record is None:
        return f"{head} ({len(apdu.data)} bytes)"
    try:
        fields = _fields(record.parse(scrub(apdu, record).data))
    except FormatError:
        return f"{head} ({len(apdu.data)} bytes that make no sense)"
    return f"{head} {fields}".rstrip()


def _name(apdu: Apdu) -> str:
    if apdu.positive:
        return "ok"
    if apdu.is_answer:
        return f"refused: {codes.result(apdu.refusal or 0)}"
    known = set(Opcode)
    return Opcode(apdu.opcode).name.lower().replace("_", " ") if apdu.opcode in known else "unknown command"


def _fields(record: Declared) -> str:
    shown = []
    for field in dataclasses.fields(record):  # type: ignore[arg-type]
        value = getattr(record, field.name)
        if value is not None and value is not False and value != ():
            words = _WORDS.get((type(record), field.name))  # type: ignore[arg-type]
            shown.append(f"{field.name}={_value(value, field.name)}" + (f" ({words(value)})" if words else ""))
    return " ".join(shown)


def _value(value: Any, name: str = "") -> str:
    if isinstance(value, Declared):
        return f"[{_fields(value)}]"
    if isinstance(value, Password):
        return "******"
    if isinstance(value, bytes):
        return _bytes(value)
    if isinstance(value, str):
        return f'"{value[:LONGEST]}{"..." if len(value) > LONGEST else ""}"'
    if isinstance(value, tuple):
        return f"[{'; '.join(_value(one, name) for one in value[:LONGEST])}{'; ...' if len(value) > LONGEST else ''}]"
    return f"{value:02X}" if name in _BITS else str(value)


def _bytes(value: bytes) -> str:
    """As text where it is text."""
    if len(value) > LONGEST:
        return f"({len(value)} bytes)"
    text = charsets.decode(value)
    return f'"{text}"' if text and text.isascii() and charsets.encode(text) == value else value.hex()
