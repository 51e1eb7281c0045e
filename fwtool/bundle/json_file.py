"""JSON out of a bundle: no key twice, no NaN, no endless number; and typed looks into it."""

import json
import math
from typing import Any, Final, NoReturn

from formats.errors import FormatError

MAX_SIZE: Final = 1 << 20
"""Bytes. Values in memory take about 20 times as much at worst."""
MAX_DIGITS: Final = 40


def load(data: bytes, what: str) -> Any:
    """Read a JSON text in UTF-8 (RFC 8259).

    Raises:
        FormatError: it is none, is too large or nested too deeply, has a key twice, NaN or a number beyond all measure.
    """
    if len(data) > MAX_SIZE:
        raise FormatError(f"{what} has {len(data)} bytes, at most {MAX_SIZE} are read", name="too_large")

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) != len(pairs):
            raise FormatError(f"{what} has an object with the same key twice")
        return dict(pairs)

    try:
        return json.loads(
            data.decode("utf-8"), object_pairs_hook=members, parse_int=_integer, parse_float=_fraction, parse_constant=_constant
        )
    except RecursionError:
        raise FormatError(f"{what} is nested too deeply") from None
    except ValueError as error:
        raise FormatError(f"{what} is not JSON: {error}") from error


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"a number of {len(digits)} digits")
    return int(digits)


def _fraction(digits: str) -> float:
    if not math.isfinite(value := float(digits)):
        raise ValueError("a number beyond all measure")
    return value


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


class Fields:
    """An object whose members are asked for by name and kind.

    Raises:
        FormatError: it is no object; and, in every method, the member is not there or of another kind.
    """

    def __init__(self, value: Any, what: str) -> None:
        if not isinstance(value, dict):
            raise FormatError(f"{what} is not what it should be: no object")
        self._values, self._what = value, what

    def _get(self, name: str, *kinds: type) -> Any:
        value = self._values.get(name)
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise FormatError(f"{self._what} has no {name}, or not as it should be")
        return value

    def text(self, name: str) -> str:
        return str(self._get(name, str))

    def whole(self, name: str) -> int:
        return int(self._get(name, int))

    def maybe(self, name: str, *kinds: type) -> Any:
        """A value of these kinds, or None."""
        return None if self._values.get(name) is None else self._get(name, *kinds)

    def table(self, name: str) -> dict[str, Any]:
        return dict(self._get(name, dict))

    def rows(self, name: str) -> list[Any]:
        return list(self._get(name, list))

    def numbers(self, name: str) -> dict[str, float]:
        """An object of numbers."""
        found = self.table(name)
        if any(isinstance(value, bool) or not isinstance(value, int | float) for value in found.values()):
            raise FormatError(f"{self._what} has something in {name} that is no number")
        return found
