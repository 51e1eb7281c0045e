"""What the bytes of a field mean: pairs of functions, each the other's inverse. S 1.1 (BCD), S 9 (types of tags)."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from formats.errors import FormatError
from transports.zvt import charsets

MAX_NUMBER: Final = 8
"""Bytes of a number."""
PASSWORD_SIZE: Final = 3


class Codec(NamedTuple):
    """How one value is read and written. Both directions raise FormatError for what does not fit."""

    decode: Callable[[bytes], Any]
    encode: Callable[[Any], bytes]
    secret: bool = False
    """True for passwords: not even a trace may have them."""


@dataclass(frozen=True)
class Password:
    """Six digits that print as nothing, wherever they land."""

    digits: str = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.digits) != 2 * PASSWORD_SIZE or not (self.digits.isascii() and self.digits.isdecimal()):
            raise FormatError("a password of ZVT has six digits", name="usage")


def _read_password(raw: bytes) -> Password:
    if len(raw) != PASSWORD_SIZE or not raw.hex().isdecimal():
        raise FormatError("a password is not six digits")
    return Password(raw.hex())


def _read_bcd(raw: bytes) -> int:
    if len(raw) > MAX_NUMBER or not raw.hex().isdecimal():
        raise FormatError(f"{raw[:MAX_NUMBER].hex(' ').upper() or 'nothing'} is no decimal number of 1 to {MAX_NUMBER} bytes")
    return int(raw.hex())


def _write_bcd(size: int, value: int) -> bytes:
    if not 0 <= value < 100**size:
        raise FormatError(f"{value} does not fit into {2 * size} digits")
    return bytes.fromhex(f"{value:0{2 * size}d}")


def _read_number(raw: bytes) -> int:
    if not 1 <= len(raw) <= MAX_NUMBER:
        raise FormatError(f"a number has {len(raw)} bytes, 1 to {MAX_NUMBER} are taken")
    return int.from_bytes(raw, "big")


def _write_number(size: int, value: int) -> bytes:
    if not 0 <= value < 256**size:
        raise FormatError(f"{value} does not fit into {size} bytes")
    return value.to_bytes(size, "big")


def _read_digits(raw: bytes) -> str:
    return raw.hex().upper()


def _write_digits(size: int, value: str) -> bytes:
    try:
        raw = bytes.fromhex(value)
    except ValueError as error:
        raise FormatError(f"{value!r} is not made of digits") from error
    if size and len(raw) != size:
        raise FormatError(f"{value!r} has not {2 * size} digits")
    return raw


def bcd(size: int) -> Codec:
    """A decimal number of so many bytes; when read, of as many as there are."""
    return Codec(_read_bcd, functools.partial(_write_bcd, size))


def number(size: int) -> Codec:
    """A binary number, high byte first; when read, of as many bytes as there are."""
    return Codec(_read_number, functools.partial(_write_number, size))


def digits(size: int = 0) -> Codec:
    """Half bytes as text: identifiers, serial numbers, dates and times, which devices also fill with A to F. 0: any size."""
    return Codec(_read_digits, functools.partial(_write_digits, size))


def padded(size: int) -> Codec:
    """Text of so many bytes, filled up with spaces."""
    return Codec(lambda raw: charsets.decode(raw).rstrip(" "), lambda text: charsets.encode(text).ljust(size, b" "))


BYTE: Final = number(1)
RAW: Final = Codec(bytes, bytes)
TEXT: Final = Codec(charsets.decode, charsets.encode)
ZVT7: Final = Codec(charsets.decode_zvt7, charsets.encode_zvt7)
CURRENCY: Final = bcd(2)
"""ISO 4217 number, 978 for the euro."""
PASSWORD: Final = Codec(_read_password, lambda value: bytes.fromhex(value.digits), secret=True)
MARK: Final = Codec(lambda _raw: True, lambda _value: b"")
"""A tag that says something by being there."""
