"""JSON from files of unknown origin (RFC 8259): bounded in size and memory, no key twice, no NaN; and typed looks into it.

Only members with the names asked for are kept, so evidence, properties and licence texts cost nothing once they are read.
"""

import json
import re
from collections.abc import Iterable
from typing import Any, NoReturn

from formats.errors import FormatError

MAX_SIZE = 16 << 20
"""Bytes of a file."""
MAX_TEXT = 16 << 20
"""Bytes the decoded text may take in memory: CPython stores 1, 2 or 4 bytes per character, by the widest one (PEP 393)."""
MAX_VALUES = 400_000
"""Values in a file; a small object takes about 200 bytes, and half of the values at most are objects with members."""
MAX_DIGITS = 40
_WIDTHS = ((4, re.compile(rb"[\xf0-\xff]")), (2, re.compile(rb"[\xc4-\xff]")))
_SURROGATE = re.compile("[\ud800-\udfff]")
_NAMES = {dict: "an object", list: "a list", str: "text", bool: "true or false", int: "a number", float: "a number"}
Obj = dict[str, Any]


def load(data: bytes, what: str, keep: frozenset[str]) -> Any:
    """Read a JSON text in UTF-8; of objects only the members named in `keep` are returned.

    Args:
        what: What the data should be, for messages: "the SBOM".

    Raises:
        FormatError: not JSON, too large, nested too deeply, a key twice in an object, NaN or infinity.
    """

    def members(pairs: list[tuple[str, Any]]) -> Obj:
        if len({key for key, _ in pairs}) != len(pairs):
            raise FormatError(f"{what} has an object with the same key twice")
        return {key: value for key, value in pairs if key in keep}

    def integer(digits: str) -> int:
        if len(digits) > MAX_DIGITS:
            raise FormatError(f"{what} has a number of {len(digits)} digits")
        return int(digits)

    def constant(name: str) -> NoReturn:
        raise FormatError(f"{what} has {name}, which is not JSON")

    decoded = _decode(data, what)
    try:
        return json.loads(decoded, object_pairs_hook=members, parse_int=integer, parse_constant=constant)
    except RecursionError:
        raise FormatError(f"{what} is nested too deeply") from None
    except ValueError as error:
        raise FormatError(f"{what} is not JSON: {error}") from error


def _decode(data: bytes, what: str) -> str:
    if len(data) > MAX_SIZE:
        raise FormatError(f"{what} has {len(data)} bytes, at most {MAX_SIZE} are read", name="too_large")
    if (values := data.count(b",") + data.count(b"[") + data.count(b"{")) > MAX_VALUES:
        raise FormatError(f"{what} has up to {values} values, at most {MAX_VALUES} are read", name="too_large")
    if not data.isascii():
        width = next((width for width, lead in _WIDTHS if lead.search(data)), 1)
        if width * len(data) > MAX_TEXT:
            raise FormatError(
                f"{what} has {len(data)} bytes with characters outside of ASCII, at most {MAX_TEXT // width} are read",
                name="too_large",
                hint=r"Write those characters as \u escapes.",
            )
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FormatError(f"{what} is not UTF-8 text", offset=error.start) from None


def _wrong(where: str, value: object, expected: str) -> FormatError:
    return FormatError(f"{where} is {_NAMES.get(type(value), 'null')}, expected {expected}")


def as_object(value: object, where: str) -> Obj:
    """The value, which has to be an object."""
    if not isinstance(value, dict):
        raise _wrong(where, value, "an object")
    return value


def as_text(value: object, where: str, pattern: re.Pattern[str] | None = None) -> str:
    """The value, which has to be text (all of it Unicode characters), in the form of `pattern`."""
    if not isinstance(value, str):
        raise _wrong(where, value, "text")
    if _SURROGATE.search(value):
        raise FormatError(f"{where} has half of a surrogate pair, which is no character")
    if pattern and not pattern.fullmatch(value):
        raise FormatError(f"{where} is {value[:80]!r}, which is not of the form it must have")
    return value


def inner(obj: Obj, key: str, where: str) -> Obj:
    """The object under a key; empty if there is none."""
    return as_object(obj[key], f"{where}.{key}") if key in obj else {}


def text(obj: Obj, key: str, where: str, pattern: re.Pattern[str] | None = None, *, required: bool = False) -> str:
    """The text under a key; "" if there is none."""
    if key not in obj and not required:
        return ""
    if key not in obj:
        raise FormatError(f"{where} has no {key}")
    return as_text(obj[key], f"{where}.{key}", pattern)


def items(obj: Obj, key: str, where: str, *, nullable: bool = False) -> Iterable[tuple[str, Any]]:
    """The elements of the list under a key, each with its place for messages; none if there is no list."""
    if key not in obj or (nullable and obj[key] is None):
        return []
    value = obj[key]
    if not isinstance(value, list):
        raise _wrong(f"{where}.{key}", value, "a list")
    return [(f"{where}.{key}[{number}]", element) for number, element in enumerate(value)]


def objects(obj: Obj, key: str, where: str, *, nullable: bool = False) -> Iterable[tuple[str, Obj]]:
    """As `items`, and each of them has to be an object."""
    return [(place, as_object(element, place)) for place, element in items(obj, key, where, nullable=nullable)]


def texts(obj: Obj, key: str, where: str, *, nullable: bool = False) -> tuple[str, ...]:
    """The list of texts under a key; empty if there is none."""
    return tuple(as_text(element, place) for place, element in items(obj, key, where, nullable=nullable))


def integer(obj: Obj, key: str, where: str, default: int) -> int:
    """The whole number under a key, zero or larger."""
    value = obj.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong(f"{where}.{key}", value, "a whole number")
    if value < 0:
        raise FormatError(f"{where}.{key} is {value}, expected no negative number")
    return value
