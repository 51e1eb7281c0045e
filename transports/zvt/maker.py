"""0F A1 of Feig cVEND terminals: system information and factory reset (E, `zvt/src/feig`)."""

from typing import Any, Final

from formats.errors import FormatError
from transports.zvt import charsets
from transports.zvt.heads import Fixed, Perhaps, Remainder, Values, if_any, if_only
from transports.zvt.layout import Message
from transports.zvt.values import PASSWORD, TEXT, Codec, Password, number, padded

SYSTEM_INFORMATION: Final = 0x0001
FACTORY_RESET: Final = 0x0255
"""Wants the password."""
_TEMPERATURE: Final = (3, 4)
"""Bytes; E: three are seen below ten degrees."""


class MakerRequest(Message):
    """0F A1; the password stands in front if there is one."""

    password: Password | None = None
    function: int
    LAYOUT = (Perhaps("password", 3, PASSWORD, if_only(5)), Fixed("function", 2, number(2)))


def _has_voltage(rest: bytes, seen: Values) -> bool:
    del seen
    return len(rest) > max(_TEMPERATURE)


def _read_temperature(raw: bytes) -> str | None:
    if raw and len(raw) not in _TEMPERATURE:
        raise FormatError(f"a temperature has {len(raw)} bytes, not 3 or 4")
    return charsets.decode(raw) or None


def _write_temperature(value: Any) -> bytes:
    return charsets.encode(value or "")


class MakerCompletion(Message):
    """06 0F after 0F A1: what the terminal is, or nothing. Text without tags; old software does not tell the voltage."""

    device_id: str | None = None
    version: str | None = None
    terminal_id: str | None = None
    voltage: str | None = None
    """Of the battery."""
    temperature: str | None = None
    LAYOUT = (
        Perhaps("device_id", 8, TEXT, if_any),
        Perhaps("version", 17, padded(17), if_any),
        Perhaps("terminal_id", 8, TEXT, if_any),
        Perhaps("voltage", 4, TEXT, _has_voltage),
        Remainder("temperature", Codec(_read_temperature, _write_temperature)),
    )
