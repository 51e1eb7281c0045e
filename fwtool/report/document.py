"""What a page consists of, whatever draws it. Texts are in one language and may come from anybody: they are cleaned here."""

import dataclasses
from collections.abc import Sequence
from typing import Final, NamedTuple, TypeAlias

from fwtool.text import clean

PAGE_LANGUAGES: Final = {"en": "en", "zh": "zh-CN"}


@dataclasses.dataclass(frozen=True)
class Heading:
    """The title of a part."""

    text: str


@dataclasses.dataclass(frozen=True)
class Facts:
    """Names and values, one pair a line."""

    rows: Sequence[tuple[str, str]]
    large: bool = False


@dataclasses.dataclass(frozen=True)
class Table:
    """Rows under a head. `widths` are shares of the page."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    widths: Sequence[int]
    large: bool = False
    """To be read from a few steps away."""


@dataclasses.dataclass(frozen=True)
class Paragraph:
    """A sentence, or some."""

    text: str
    strong: bool = False
    large: bool = False


@dataclasses.dataclass(frozen=True)
class Picture:
    """A PNG or JPEG with a line under it. Several in a row stand side by side."""

    data: bytes
    caption: str


@dataclasses.dataclass(frozen=True)
class Curve:
    """Values over days, the oldest first; at least one."""

    title: str
    unit: str
    days: Sequence[str]
    values: Sequence[float]


@dataclasses.dataclass(frozen=True)
class Boxes:
    """Things to be ticked with a pen."""

    items: Sequence[str]


@dataclasses.dataclass(frozen=True)
class Lines:
    """Names under lines to be signed on."""

    names: Sequence[str]


@dataclasses.dataclass(frozen=True)
class NewPage:
    """What follows is another sheet of paper."""


Block: TypeAlias = NewPage | Heading | Facts | Table | Paragraph | Picture | Curve | Boxes | Lines


class Document(NamedTuple):
    """A page, as long as it is."""

    title: str
    language: str
    """en or zh."""
    time: int
    """When what it tells was so, seconds since 1970 UTC: two runs make the same file."""
    footer: str
    blocks: Sequence[Block]


def cleaned(text: object) -> str:
    """Text without anything a browser or a viewer would obey; nothing for None."""
    return "" if text is None else clean(str(text))
