"""Fields by position: what stands before the first BMP (the positional traps of S 2, 3)."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

from formats.errors import FormatError
from transports.zvt.bitmaps import CONTAINER, is_container, read_digits, write_digits
from transports.zvt.values import Codec

Values: TypeAlias = dict[str, Any]
_LENGTH_DIGITS: Final = 3


class Head(Protocol):
    """One field by position."""

    @property
    def name(self) -> str: ...

    @property
    def codec(self) -> Codec: ...

    def take(self, rest: bytes, seen: Values) -> tuple[Any, int]:
        """The value at the start of `rest`, and its size; `seen` are the fields before.

        Raises:
            FormatError: it is not there, or makes no sense.
        """
        ...

    def put(self, value: Any) -> bytes:
        """The value as bytes.

        Raises:
            FormatError: it does not fit.
        """
        ...


class Fixed(NamedTuple):
    """So many bytes."""

    name: str
    size: int
    codec: Codec

    def take(self, rest: bytes, seen: Values) -> tuple[Any, int]:
        del seen
        if len(rest) < self.size:
            raise FormatError(f"{self.name} wants {self.size} bytes, {len(rest)} are left")
        return self.codec.decode(rest[: self.size]), self.size

    def put(self, value: Any) -> bytes:
        raw = self.codec.encode(value)
        if len(raw) != self.size:
            raise FormatError(f"{self.name} takes {self.size} bytes, not {len(raw)}")
        return raw


class Perhaps(NamedTuple):
    """So many bytes, or nothing (None); `there` decides by what is left and what came before."""

    name: str
    size: int
    codec: Codec
    there: Callable[[bytes, Values], bool]

    def take(self, rest: bytes, seen: Values) -> tuple[Any, int]:
        return self._fixed.take(rest, seen) if self.there(rest, seen) else (None, 0)

    def put(self, value: Any) -> bytes:
        return b"" if value is None else self._fixed.put(value)

    @property
    def _fixed(self) -> Fixed:
        return Fixed(self.name, self.size, self.codec)


class Counted(NamedTuple):
    """A length `Fx Fy Fz` and so many bytes, or nothing (None) where no such length stands that fits."""

    name: str
    codec: Codec

    def take(self, rest: bytes, seen: Values) -> tuple[Any, int]:
        del seen
        size = read_digits(rest, 0, _LENGTH_DIGITS)
        if size is None or len(rest) < _LENGTH_DIGITS + size:
            return None, 0
        end = _LENGTH_DIGITS + size
        return self.codec.decode(rest[_LENGTH_DIGITS:end]), end

    def put(self, value: Any) -> bytes:
        if value is None:
            return b""
        raw = self.codec.encode(value)
        return write_digits(len(raw), _LENGTH_DIGITS) + raw


class Remainder(NamedTuple):
    """All that is left; a container that ends it stays behind."""

    name: str
    codec: Codec

    def take(self, rest: bytes, seen: Values) -> tuple[Any, int]:
        del seen
        end, failed = rest.find(CONTAINER), set[int]()
        while end >= 0 and not is_container(rest, end, failed):
            end = rest.find(CONTAINER, end + 1)
        size = end if end >= 0 else len(rest)
        return self.codec.decode(rest[:size]), size

    def put(self, value: Any) -> bytes:
        return self.codec.encode(value)


def if_any(rest: bytes, seen: Values) -> bool:
    """There if anything is left that is not just a container."""
    del seen
    return bool(rest) and not is_container(rest)


def if_only(size: int) -> Callable[[bytes, Values], bool]:
    """There if exactly so many bytes are left."""
    return lambda rest, seen: len(rest) == size
