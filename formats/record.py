"""A binary record: one construct layout beside one frozen, typed class, compared with each other when the class is born.

construct is used for what is small and read by people (headers, manifests, commands). It is kept away from what can
hurt on untrusted bytes: no greedy, optional, pointer or lazy constructs; every count is bounded before it is read;
every parse must end at the end of its input; one error type leaves.
"""

import dataclasses
import enum
import io
import unicodedata
from collections.abc import Mapping
from typing import Any, ClassVar, Self, TypeVar, dataclass_transform

import construct as c

from formats.errors import FormatError

E = TypeVar("E", bound=enum.IntEnum)


@dataclass_transform(frozen_default=True, kw_only_default=True)
class Record:
    """Base of all binary records. Subclasses declare typed fields and a `LAYOUT` with the same names.

    Layout names that start with an underscore (magic numbers, reserved space) carry no field.
    """

    LAYOUT: ClassVar[Any]

    def __init_subclass__(cls) -> None:
        dataclasses.dataclass(frozen=True, kw_only=True)(cls)
        declared = [field.name for field in dataclasses.fields(cls)]  # type: ignore[arg-type]
        laid_out = [part.name for part in cls.LAYOUT.subcons if part.name and not part.name.startswith("_")]
        if declared != laid_out:
            raise TypeError(f"{cls.__name__}: fields {declared} and layout {laid_out} differ")

    @classmethod
    def parse(cls, data: bytes | memoryview, *, what: str = "", offset: int = 0) -> Self:
        """Read exactly one record from all of `data`.

        Args:
            what: What to call it in an error message.
            offset: Where `data` starts in its file, for error messages.

        Raises:
            FormatError: whatever is wrong with the bytes.
        """
        named = what or cls.__name__
        stream = io.BytesIO(data)
        try:
            record = cls.from_container(cls.LAYOUT.parse_stream(stream))
        except FormatError as error:
            raise FormatError(
                f"{named}: {error.message}", name=error.name, hint=error.hint, offset=offset + stream.tell()
            ) from error
        except (c.ConstructError, RecursionError, OverflowError, ValueError, ArithmeticError, LookupError) as error:
            raise FormatError(f"{named} is damaged: {_reason(error)}", offset=offset + stream.tell()) from error
        if stream.tell() != len(data):
            surplus = len(data) - stream.tell()
            raise FormatError(f"{named} is followed by {surplus} unexpected bytes", offset=offset + stream.tell())
        return record

    @classmethod
    def from_container(cls, container: Mapping[str, Any]) -> Self:
        return cls(**{field.name: _frozen(container[field.name]) for field in dataclasses.fields(cls)})  # type: ignore[arg-type]

    def to_container(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}  # type: ignore[arg-type]

    def build(self) -> bytes:
        """The record as bytes.

        Raises:
            FormatError: a value does not fit its field.
        """
        try:
            return bytes(self.LAYOUT.build(self.to_container()))
        except (c.ConstructError, ValueError, OverflowError) as error:
            raise FormatError(f"{type(self).__name__} cannot be written: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """The last line of construct's message without its internal path, e.g. 'stream read less than specified amount'."""
    lines = [line for line in str(error).splitlines() if line and not line.startswith("Error in path")]
    return lines[-1] if lines else type(error).__name__


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


class Nested(c.Adapter):  # type: ignore[type-arg]
    """A record inside a record."""

    def __init__(self, record: type[Record]) -> None:
        super().__init__(record.LAYOUT)
        self.record = record

    def _decode(self, obj: Any, context: Any, path: Any) -> Record:
        del context, path
        return self.record.from_container(obj)

    def _encode(self, obj: Any, context: Any, path: Any) -> dict[str, Any]:
        del context, path
        return dict(obj.to_container())


class Counted(c.Construct):  # type: ignore[type-arg]
    """A count and that many elements, the count bounded before anything is read."""

    def __init__(self, count: Any, element: Any, *, at_most: int) -> None:
        super().__init__()
        self.count, self.element, self.at_most = count, element, at_most

    def _parse(self, stream: Any, context: Any, path: Any) -> list[Any]:
        count = self.count._parsereport(stream, context, path)
        if count > self.at_most:
            raise FormatError(f"it claims {count} entries, at most {self.at_most} are allowed")
        return [self.element._parsereport(stream, context, path) for _ in range(count)]

    def _build(self, obj: Any, stream: Any, context: Any, path: Any) -> Any:
        if len(obj) > self.at_most:
            raise FormatError(f"{len(obj)} entries are too many, at most {self.at_most} are allowed")
        self.count._build(len(obj), stream, context, path)
        for element in obj:
            self.element._build(element, stream, context, path)
        return obj


class Choice(c.Adapter):  # type: ignore[type-arg]
    """A number that must be a member of an enumeration; an unknown value is refused, never passed on."""

    def __init__(self, number: Any, members: type[E]) -> None:
        super().__init__(number)
        self.members = members

    def _decode(self, obj: Any, context: Any, path: Any) -> enum.IntEnum:
        del context, path
        try:
            return self.members(obj)
        except ValueError:
            raise FormatError(
                f"unknown {self.members.__name__} {obj}", name="unsupported_format", hint="Update fwtool and try again."
            ) from None

    def _encode(self, obj: Any, context: Any, path: Any) -> int:
        del context, path
        return int(obj)


class Text(c.Adapter):  # type: ignore[type-arg]
    """UTF-8 with its length in front; control and direction characters are refused so that text stays text."""

    def __init__(self, length: Any = c.Int8ul, *, lines: bool = False) -> None:
        super().__init__(c.PascalString(length, "utf8"))
        self.lines = lines

    def _decode(self, obj: Any, context: Any, path: Any) -> str:
        del context, path
        return self._checked(str(obj))

    def _encode(self, obj: Any, context: Any, path: Any) -> str:
        del context, path
        return self._checked(obj)

    def _checked(self, text: str) -> str:
        for character in text:
            if self.lines and character == "\n":
                continue
            if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp"):
                raise FormatError(f"text holds the control character U+{ord(character):04X}")
        return text


def reserved(size: int) -> Any:
    """Space that must be zero now, so that a later version can give it a meaning."""
    return c.Const(bytes(size))
