"""Messages as frozen, typed classes beside a declared layout: fields by position, then BMPs, then the tags of the container.

What is known but not asked for is passed over, unknown tags too; an unknown BMP is an error (S 1.3). A BMP or tag that
should be there once must not be there twice.
"""

import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Final, NamedTuple, Self, TypeAlias, dataclass_transform

from formats.errors import FormatError
from transports.zvt import bitmaps, tlv
from transports.zvt.bitmaps import CONTAINER, Field
from transports.zvt.heads import Head, Values
from transports.zvt.tlv import Tlv
from transports.zvt.values import Codec


class Bmp(NamedTuple):
    """A field with a number. If it is not there, the field of the class has its default, or is missed."""

    name: str
    number: int
    codec: Codec


class Series(NamedTuple):
    """Fields with numbers in a row, such as the lines of a display: a tuple, with empty values for those left out."""

    name: str
    first: int
    room: int
    codec: Codec


class Tag(NamedTuple):
    """A data object of the container. If it is not there, the field of the class has its default, or is missed."""

    name: str
    tag: int
    codec: Codec
    also: int = 0
    """Another number under which it is found."""


class Tags(NamedTuple):
    """A data object that may be there several times: a tuple."""

    name: str
    tag: int
    codec: Codec


class Container(NamedTuple):
    """Whether there is a container at all, even an empty one."""

    name: str


Part: TypeAlias = Head | Bmp | Series | Tag | Tags | Container
NUMBERED: Final = (Bmp, Series)
TAGGED: Final = (Tag, Tags)
KEYED: Final = (Bmp, Series, Tag, Tags, Container)


@dataclass_transform(frozen_default=True, kw_only_default=True)
class Declared:
    """Base of all that has a `LAYOUT`: the typed fields and the parts of the layout must have the same names."""

    LAYOUT: ClassVar[tuple[Part, ...]] = ()

    def __init_subclass__(cls) -> None:
        dataclasses.dataclass(frozen=True, kw_only=True)(cls)
        names = [field.name for field in dataclasses.fields(cls)]  # type: ignore[arg-type]
        if names != (laid_out := [part.name for part in cls.LAYOUT]):
            raise TypeError(f"{cls.__name__}: fields {names} and layout {laid_out} differ")

    @classmethod
    def heads(cls) -> list[Head]:
        """The parts that stand by position."""
        return [part for part in cls.LAYOUT if not isinstance(part, KEYED)]

    @classmethod
    def made_of(cls, values: Values) -> Self:
        """From what was found.

        Raises:
            FormatError: a field without a default is not among it.
        """
        for field in dataclasses.fields(cls):  # type: ignore[arg-type]
            if field.name not in values and field.default is dataclasses.MISSING:
                raise FormatError(f"{field.name} is missing")
        return cls(**values)

    def _values(self) -> Values:
        return {part.name: getattr(self, part.name) for part in self.LAYOUT}


class Group(Declared):
    """A data object that consists of others."""

    @classmethod
    def parse(cls, value: bytes) -> Self:
        """Raises FormatError: not well-formed, or something is missing or there twice."""
        return cls.made_of(dict(_read_tags(cls.LAYOUT, tlv.parse(value))))

    def build(self) -> bytes:
        """Raises FormatError: a value does not fit."""
        return tlv.build(_write_tags(self.LAYOUT, self._values()))


class Message(Declared):
    """The data of an APDU."""

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read the message from all of `data`.

        Raises:
            FormatError: whatever is wrong with the bytes.
        """
        try:
            values, rest = read_heads(cls.heads(), data)
            fields = bitmaps.parse(rest)
            _once(fields)
            by_number = {field.number: field.value for field in fields}
            container = by_number.get(CONTAINER)
            values.update(_read_bitmaps(cls.LAYOUT, by_number))
            values.update(_read_tags(cls.LAYOUT, tlv.parse(container or b"")))
            values.update((part.name, container is not None) for part in cls.LAYOUT if isinstance(part, Container))
            return cls.made_of(values)
        except FormatError as error:
            raise FormatError(f"{cls.__name__}: {error.message}", name=error.name) from error

    def build(self) -> bytes:
        """The data as bytes.

        Raises:
            FormatError: a value does not fit.
        """
        values = self._values()
        heads = b"".join(head.put(values[head.name]) for head in self.heads())
        tags = _write_tags(self.LAYOUT, values)
        wanted = bool(tags) or any(values[part.name] for part in self.LAYOUT if isinstance(part, Container))
        container = [Field(CONTAINER, tlv.build(tags))] if wanted else []
        return heads + bitmaps.build([*_write_bitmaps(self.LAYOUT, values), *container])


def group(record: type[Group]) -> Codec:
    """A data object of such parts as a value."""
    return Codec(record.parse, record.build)


def read_heads(heads: Sequence[Head], data: bytes) -> tuple[Values, bytes]:
    """What stands by position, and what is behind it.

    Raises:
        FormatError: too short.
    """
    values: Values = {}
    for head in heads:
        values[head.name], used = head.take(data, values)
        data = data[used:]
    return values, data


def _once(fields: Sequence[Field]) -> None:
    for number, times in Counter(field.number for field in fields).items():
        if times > 1:
            raise FormatError(f"BMP {number:02X} is there {times} times")


def _read_bitmaps(layout: Sequence[Part], found: dict[int, bytes]) -> Iterator[tuple[str, Any]]:
    for part in layout:
        if isinstance(part, Bmp) and part.number in found:
            yield part.name, part.codec.decode(found[part.number])
        elif isinstance(part, Series):
            numbers = range(part.first, part.first + part.room)
            present = [number for number in numbers if number in found]
            used = range(part.first, max(present, default=part.first - 1) + 1)
            yield part.name, tuple(part.codec.decode(found.get(number, b"")) for number in used)


def _write_bitmaps(layout: Sequence[Part], values: Values) -> list[Field]:
    fields = []
    for part in layout:
        if isinstance(part, Bmp) and values[part.name] is not None:
            fields.append(Field(part.number, part.codec.encode(values[part.name])))
        elif isinstance(part, Series):
            if len(values[part.name]) > part.room:
                raise FormatError(f"{len(values[part.name])} {part.name} are too many, there is room for {part.room}")
            fields += [Field(part.first + place, part.codec.encode(one)) for place, one in enumerate(values[part.name])]
    return fields


def _read_tags(layout: Sequence[Part], items: Sequence[Tlv]) -> Iterator[tuple[str, Any]]:
    for part in layout:
        if isinstance(part, Tags):
            yield part.name, tuple(part.codec.decode(item.value) for item in items if item.tag == part.tag)
        elif isinstance(part, Tag):
            found = [item for item in items if item.tag in (part.tag, part.also or part.tag)]
            if len(found) > 1:
                raise FormatError(f"tag {part.tag:02X} is there {len(found)} times")
            if found:
                yield part.name, part.codec.decode(found[0].value)


def _write_tags(layout: Sequence[Part], values: Values) -> list[Tlv]:
    items = []
    for part in layout:
        if isinstance(part, Tags):
            items += [Tlv(part.tag, part.codec.encode(one)) for one in values[part.name]]
        elif isinstance(part, Tag) and values[part.name] is not None:
            items.append(Tlv(part.tag, part.codec.encode(values[part.name])))
    return items
